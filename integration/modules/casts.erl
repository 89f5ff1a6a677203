%% The twin of casts.cpp, and the story: casts:main([Link, Casts, Cpp, Beam...]) from a hidden node on a host of its own.
-module(casts).
-behaviour(gen_server).
-export([main/1, init/1, handle_call/3, handle_cast/2, handle_info/2]).
-record(desk, {streams = #{}, downs = #{}, gaps = [], wrong = [], sender, sent = 0, count = 0, told = [], targets = {}}).

init(_) -> {ok, #desk{}}.

handle_call(ready, _, D) -> ok = net_kernel:monitor_nodes(true), {reply, alias(), D};
handle_call({last, Sender}, _, D) -> {Last, _, _} = maps:get(Sender, D#desk.streams, {0, 0, 0}), {reply, Last, D};
handle_call({begin_to_send, Targets, Sender, Count}, _, D) -> self() ! go, {reply, ok, D#desk{targets = list_to_tuple(Targets), sender = Sender, count = Count}};
handle_call({more, N}, _, D) -> self() ! go, {reply, D#desk.count + N, D#desk{count = D#desk.count + N}};
handle_call(sent, _, D) -> {reply, D#desk.sent, D};
handle_call(told, _, D) -> {reply, lists:reverse(D#desk.told), D};
handle_call(result, _, D) -> {reply, {lists:sum([R || {_, R, _} <- maps:values(D#desk.streams)]), lists:reverse(D#desk.gaps), D#desk.wrong}, D}.

handle_cast({n, Sender, Node, N, Filler}, #desk{streams = Streams, downs = Downs} = D) ->
    {Last, Received, Before} = maps:get(Sender, Streams, {0, 0, 0}),
    Now = maps:get(Node, Downs, 0),
    Wrong = [{Sender, N, came_behind, Last} || N =< Last] ++ [{Sender, Last + 1, to, N - 1, missing} || N > Last + 1, Now =:= Before] ++
        [{Sender, N, filler} || Filler =/= filler(N)],
    Gaps = [{Sender, Last + 1, N - 1} || N > Last + 1],
    {noreply, D#desk{streams = Streams#{Sender => {N, Received + 1, Now}}, gaps = Gaps ++ D#desk.gaps, wrong = Wrong ++ D#desk.wrong}}.

handle_info(go, #desk{sent = Sent, count = Count} = D) when Sent < Count ->
    N = Sent + 1,
    send(element(N rem tuple_size(D#desk.targets) + 1, D#desk.targets), {n, D#desk.sender, node(), N, filler(N)}),
    %% Now and then the receiver is waited for, so that nobody has more than some megabytes before him. It may be gone just then.
    N rem 1000 =:= 0 andalso catch gen_server:call(hd([T || T <- tuple_to_list(D#desk.targets), is_tuple(T)]), {last, 0}, infinity),
    %% Behind whatever has come meanwhile, a nodedown for one.
    N < Count andalso (self() ! go),
    {noreply, D#desk{sent = N}};
handle_info({nodedown, Node}, D) ->
    {noreply, D#desk{downs = maps:update_with(Node, fun(I) -> I + 1 end, 1, D#desk.downs), told = [{Node, D#desk.sent} | D#desk.told]}};
handle_info(_, D) -> {noreply, D}.

send(Alias, M) when is_reference(Alias) -> Alias ! {'$gen_cast', M};
send(Server, M) -> gen_server:cast(Server, M).
filler(N) when N rem 500 =:= 0 -> binary:copy(<<(N rem 251)>>, 70000 + N rem 9973 * 7);
filler(N) -> binary:copy(<<(N rem 251)>>, N rem 13).

%% ---- the story

c(N, M, F, A) -> erpc:call(N, M, F, A, 60000).
call(Server, Request) -> gen_server:call(Server, Request, 60000).
say(F, A) -> io:format("ok: " ++ F ++ "~n", A).

-define(breaks, 12).  % at least
-define(senders, 3).  % from each BEAM node to the C++ node, and from there to each of them

main([Link, Casts | Names]) ->
    [Cpp | Beams] = Nodes = [list_to_atom(N) || N <- Names],
    [pong = net_adm:ping(N) || N <- Nodes],
    [true = c(Cpp, net_kernel, connect_node, [B]) || B <- Beams],
    Each = list_to_integer(Casts) div (?senders * length(Beams) * 2),
    [{ok, _} = c(N, gen_server, start, [{local, casts}, ?MODULE, [], []]) || N <- Nodes],
    Receivers = maps:from_list([{N, [c(N, erlang, whereis, [casts]), {casts, N}, call({casts, N}, ready)]} || N <- Nodes]),
    %% {Sender, Its number, From, To}: number by number
    Senders = [begin
        {ok, S} = c(From, gen_server, start, [?MODULE, [], []]),
        _ = call(S, ready),
        {S, I, From, To}
    end || {I, {From, To}} <- lists:zip(lists:seq(1, ?senders * length(Beams) * 2), [P || B <- Beams, _ <- lists:seq(1, ?senders), P <- [{B, Cpp}, {Cpp, B}]])],
    [ok = call(S, {begin_to_send, maps:get(To, Receivers), I, Each}) || {S, I, _, To} <- Senders],
    T0 = erlang:monotonic_time(millisecond),
    Breaker = spawn_link(fun() -> breaker(Link, Cpp, Beams) end),
    Breaks = all_sent(Breaker, Senders, Each),
    T1 = erlang:monotonic_time(millisecond),
    last_ones(Senders, 60),
    Results = maps:from_list([{N, call({casts, N}, result)} || N <- Nodes]),
    [[] = Wrong || {N, {_, _, W}} <- maps:to_list(Results), Wrong <- [[{N, W} || W =/= []]]],
    Counts = [behind_nodedown(S, I, From, To, Cpp, [{F, L} || {J, F, L} <- element(2, maps:get(To, Results)), J =:= I]) || {S, I, From, To} <- Senders],
    Received = lists:sum([R || {R, _, _} <- maps:values(Results)]),
    Sent = lists:sum([call(S, sent) || {S, _, _, _} <- Senders]),
    Lost = lists:sum([L || {_, L} <- Counts]),
    Sent = Received + Lost,
    io:format("~b casts, ~b breaks, ~b gaps, ~b lost, ~b ms~n", [Sent, Breaks, lists:sum([G || {G, _} <- Counts]), Lost, T1 - T0]),
    say("what arrived is in order, nothing twice", []),
    say("what is missing lies behind a nodedown that both ends were told of", []),
    halt(0).

%% Breaks connections until it is told to stop.
breaker(Link, Cpp, Beams) ->
    _ = rand:seed(exsss, 7),
    breaker(Link, Cpp, Beams, 0).
breaker(Link, Cpp, Beams, I) ->
    B = lists:nth(rand:uniform(length(Beams)), Beams),
    case I rem 4 of
        0 -> c(B, erlang, disconnect_node, [Cpp]);
        1 -> c(Cpp, erlang, disconnect_node, [B]);
        2 -> kill(Link, Cpp, B, 1, place(B, Beams));
        3 -> kill(Link, B, Cpp, place(B, Beams), 1)
    end,
    receive
        {From, stop} when I >= ?breaks -> From ! {self(), I + 1};
        {From, stop} -> From ! {self(), go_on}, breaker(Link, Cpp, Beams, I + 1)
    after rand:uniform(150) -> breaker(Link, Cpp, Beams, I + 1) end.
%% And some more, when they were too fast for the breaker.
all_sent(Breaker, Senders, Each) ->
    until_sent(Senders, Each),
    Breaker ! {self(), stop},
    receive
        {Breaker, go_on} ->
            More = Each div 5 + 1,
            [call(S, {more, More}) || {S, _, _, _} <- Senders],
            all_sent(Breaker, Senders, Each + More);
        {Breaker, HowMany} -> HowMany
    end.
until_sent(Senders, Each) ->
    case [S || {S, _, _, _} <- Senders, call(S, sent) < Each] of
        [] -> ok;
        Left -> timer:sleep(100), until_sent([X || {S, _, _, _} = X <- Senders, lists:member(S, Left)], Each)
    end.
place(B, Beams) -> length(lists:takewhile(fun(O) -> O =/= B end, Beams)) + 2.
kill("none", A, B, _, _) -> c(A, erlang, disconnect_node, [B]);
kill(Link, _, _, A, B) -> [] = os:cmd(lists:flatten(io_lib:format("~s kill ~b ~b", [Link, A, B]))).

%% All is connected again; one more cast of each must arrive.
last_ones(Senders, Left) ->
    Wanted = [{S, I, To, call(S, {more, 1})} || {S, I, _, To} <- Senders],
    case arrived(Wanted, 20) of
        [] -> ok;
        Missing when Left =:= 0 -> io:format("never arrived: ~p~n", [Missing]), halt(1);
        _ -> last_ones(Senders, Left - 1)
    end.
arrived(Wanted, Left) ->
    case [{S, I, To, N} || {S, I, To, N} <- Wanted, call({casts, To}, {last, I}) < N] of
        [] -> [];
        Missing when Left =:= 0 -> Missing;
        Missing -> timer:sleep(100), arrived(Missing, Left - 1)
    end.

%% Each gap has a nodedown of its own, and the sender was not told before it had sent the last one in front of the gap. A C++ sender was told
%% before it sent the second one behind the gap; a BEAM node may tell its processes later than that.
behind_nodedown(S, I, From, To, Cpp, Gaps) ->
    Downs = [At || {N, At} <- call(S, told), N =:= To],
    case explained(lists:sort(Gaps), Downs, From =:= Cpp) of
        true -> ok;
        Gap -> io:format("sender ~b on ~p was told that ~p is down behind ~w casts, but ~w are missing~n", [I, From, To, Downs, Gap]), halt(1)
    end,
    {length(Gaps), lists:sum([L - F + 1 || {F, L} <- Gaps])}.
explained([], _, _) -> true;
explained([Gap | _], [], _) -> Gap;
explained([{First, _} | _] = Gaps, [At | Downs], Strict) when At < First - 1 -> explained(Gaps, Downs, Strict);
explained([{_, Last} = Gap | _], [At | _], true) when At > Last + 1 -> Gap;
explained([_ | Gaps], [_ | Downs], Strict) -> explained(Gaps, Downs, Strict).
