%% For drivers that ask two nodes the same: cases beside each other, each under a group leader of its own, and answers in which all that two nodes
%% cannot have in common is made alike: pids and references, places in files, the nodes' names.
-module(alike).
-export([beside/1, under_leader/2, tidy/2, all/1, attempt/1]).

%% Prints what each of these gives, in their order.
beside(Funs) ->
    Self = self(),
    Running = [spawn_link(fun() -> Self ! {self(), F()} end) || F <- Funs],
    [receive {P, Lines} -> io:put_chars(Lines) end || P <- Running],
    ok.

%% {Got, Printed} of F() in a process of its own, with this one's dictionary, within that time.
under_leader(F, Ms) ->
    Self = self(),
    Dictionary = get(),
    Leader = spawn_link(fun() -> printed([]) end),
    {P, R} = spawn_monitor(fun() -> group_leader(Leader, self()), [put(K, V) || {K, V} <- Dictionary], Self ! {result, self(), F()} end),
    Got = receive
        {result, P, X} -> demonitor(R, [flush]), X;
        {'DOWN', R, process, P, Why} -> {case_died, Why}
    after Ms -> exit(P, kill), never_ended
    end,
    Leader ! {what, self()},
    receive {Leader, Printed} -> {Got, Printed} end.
printed(Text) ->
    receive
        {io_request, From, As, Request} ->
            Chars = case Request of
                {put_chars, _, C} -> C;
                {put_chars, _, M, F, A} -> apply(M, F, A);
                _ -> []
            end,
            From ! {io_reply, As, ok},
            printed([Text, unicode:characters_to_list(Chars)]);
        {what, Who} -> Who ! {self(), lists:flatten(Text)}, printed(Text)
    end.

%% About is #{node := the node that is asked, texts => [{Was, Is}], own => fun(Term)}; `own` gives {is, Tidied}, {first, Term} for what is to be
%% made alike by the common rules, or no.
tidy(About, T) ->
    Own = maps:get(own, About, fun(_) -> no end),
    case Own(T) of
        {is, Tidied} -> Tidied;
        {first, Other} -> common(About, Other);
        no -> common(About, T)
    end.
common(#{node := N}, P) when is_pid(P) -> case node(P) of N -> '<there>'; _ -> '<here>' end;
common(_, R) when is_reference(R) -> '#Ref';
common(_, P) when is_port(P) -> '#Port';
common(_, F) when is_function(F) ->
    PrintEvent = fun gen_server:print_event/3,
    case erlang:fun_info(F, type) of {type, external} when F =/= PrintEvent -> F; _ -> '#Fun' end;
%% Stack frames without their place in a file.
common(A, {M, F, Args, [{What, _} | _]}) when is_atom(M), is_atom(F), What =:= file orelse What =:= error_info -> {M, F, tidy(A, Args)};
common(A, {M, F, Args, []}) when is_atom(M), is_atom(F), is_integer(Args) orelse is_list(Args) -> {M, F, tidy(A, Args)};
common(_, {reductions, R}) when is_integer(R) -> {reductions, some};
common(A, T) when is_tuple(T) -> list_to_tuple([tidy(A, X) || X <- tuple_to_list(T)]);
%% The order of a process dictionary is nobody's.
common(A, [{K, _} | _] = L) when K =:= '$initial_call'; K =:= '$ancestors' -> lists:sort([tidy(A, X) || X <- L]);
common(_, []) -> [];
common(A, L) when is_list(L) -> case io_lib:printable_unicode_list(L) of true -> text(A, L); false -> elements(A, L) end;
common(A, M) when is_map(M) -> maps:from_list([{tidy(A, K), tidy(A, V)} || {K, V} <- maps:to_list(M)]);
common(_, A) when A =:= node() -> 'ME';
common(About, A) when is_atom(A) -> list_to_atom(text(About, atom_to_list(A)));
common(A, B) when is_binary(B) -> case unicode:characters_to_list(B) of L when is_list(L) -> unicode:characters_to_binary(text(A, L)); _ -> B end;
common(_, X) -> X.
elements(A, [H | T]) -> [tidy(A, H) | elements(A, T)];
elements(_, []) -> [];
elements(A, X) -> tidy(A, X).
text(#{node := N} = A, L) ->
    lists:foldl(fun({Was, Is}, Text) -> lists:flatten(string:replace(Text, Was, Is, all)) end,
                re:replace(L, "<[0-9]+\\.[0-9]+\\.[0-9]+>", "<pid>", [global, unicode, {return, list}]),
                maps:get(texts, A, []) ++ [{atom_to_list(N), "NODE"}]).

%% What has come, and comes until nothing does for that time.
all(Ms) -> receive M -> [M | all(Ms)] after Ms -> [] end.
%% {Class, Reason} of what is raised
attempt(F) -> try F() catch C:R -> {C, R} end.
