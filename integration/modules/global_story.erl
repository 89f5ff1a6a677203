%% global on C++ and BEAM nodes together, from a hidden node that only asks.
-module(global_story).
-export([main/1, whole/1, partition/1, stopped/1, rejoined/1]).

main([What | Names]) ->
    Nodes = [list_to_atom(N) || N <- Names],
    [pong = net_adm:ping(N) || N <- Nodes],
    apply(?MODULE, list_to_atom(What), [Nodes]),
    halt(0).

c(N, M, F, A) -> c(N, M, F, A, 60000).
c(N, M, F, A, T) -> erpc:call(N, M, F, A, T).
process(N) -> c(N, erlang, spawn, [timer, sleep, [infinity]]).
say(F, A) -> io:format("ok: " ++ F ++ "~n", A).

mesh(Nodes) ->
    %% Only the first calls the others; global makes the rest of the mesh.
    [c(hd(Nodes), net_kernel, connect_node, [N]) || N <- tl(Nodes)],
    together(Nodes).
together(Nodes) ->
    wait("everyone knows everyone", fun() ->
        [{N, Bad} || N <- Nodes, Bad <- [{lists:sort(c(N, erlang, nodes, [])), lists:sort(known(N))}], Bad =/= {lists:sort(Nodes -- [N]), lists:sort(Nodes -- [N])}]
    end),
    [ok = c(N, global, sync, []) || N <- Nodes].
known(N) -> gen_server:call({global_name_server, N}, get_known).

whole(Nodes) ->
    mesh(Nodes),
    say("~p nodes are one mesh, and in sync", [length(Nodes)]),
    names(Nodes), say("names registered on each are found on all", []),
    servers(Nodes), say("servers with global names are called from everywhere", []),
    locks(Nodes), say("locks are shared and refused as they should be", []),
    counter(Nodes), say("transactions from all nodes at once lose nothing", []),
    everybody(Nodes), say("multicall, multi_call and abcast reach all", []).

where(Nodes, Name, Wanted) ->
    wait({where, Name}, fun() -> [{N, W, Wanted} || N <- Nodes, W <- [c(N, global, whereis_name, [Name])], W =/= Wanted] end).

names(Nodes) ->
    [begin
        Name = {name, N, from, R},
        P = process(N),
        yes = c(R, global, register_name, [Name, P]),
        %% Synchronous: it is everywhere at once.
        [P = c(M, global, whereis_name, [Name]) || M <- Nodes],
        no = c(R, global, register_name, [Name, process(R)]),
        no = c(N, global, register_name, [{another, Name}, P]),
        Q = process(R),
        yes = c(N, global, re_register_name, [Name, Q, fun global:notify_all_name/3]),
        [Q = c(M, global, whereis_name, [Name]) || M <- Nodes],
        true = lists:member(Name, c(R, global, registered_names, [])),
        ok = c(hd(Nodes), global, unregister_name, [Name]),
        [undefined = c(M, global, whereis_name, [Name]) || M <- Nodes],
        yes = c(R, global, register_name, [Name, Q]),
        exit(Q, kill),
        where(Nodes, Name, undefined)
     end || N <- Nodes, R <- Nodes],
    ok.

servers(Nodes) ->
    [begin
        {ok, P} = c(N, gen_server, start, [{global, {server, N}}, locked, 0, []]),
        {error, {already_started, P}} = c(N, gen_server, start, [{global, {server, N}}, locked, 0, []])
     end || N <- Nodes],
    {ok, V} = c(lists:last(Nodes), gen_server, start, [{via, global, via}, locked, 7, []]),
    [begin
        N = c(M, gen_server, call, [{global, {server, N}}, node]),
        Number = erlang:phash2(M),
        ok = c(M, gen_server, call, [{via, global, {server, N}}, {set, Number}]),
        Number = c(M, gen_server, call, [{global, {server, N}}, get]),
        V = c(M, global, whereis_name, [via])
     end || N <- Nodes, M <- Nodes],
    [begin
        {noproc, _} = reason(fun() -> c(N, gen_server, call, [{global, nobody}, get]) end),
        ok = c(N, gen_server, stop, [{global, {server, N}}]),
        where(Nodes, {server, N}, undefined)
     end || N <- Nodes],
    ok.
reason(F) -> try F() catch exit:{exception, R} -> R end.

%% Locks in the name of a process that lives: a call of its own making to each name server, as set_lock does.
locks(Nodes) ->
    lock(Nodes, set_lock, {res, me}, true),
    [false = c(N, global, set_lock, [{res, you}, Nodes, 0]) || N <- Nodes],
    [true = c(N, global, set_lock, [{res, me}, Nodes, 0]) || N <- Nodes],  % the same requester shares it
    lock(Nodes, del_lock, {res, me}, true),
    wait(free, fun() -> [N || N <- Nodes, not c(N, global, set_lock, [{res, {you, N}}, [N], 0])] end),
    %% It goes with its holder.
    {P, M} = spawn_monitor(fun() -> lock(Nodes, set_lock, {res2, me}, true), receive stop -> ok end end),
    wait(held, fun() -> [N || N <- Nodes, c(N, global, set_lock, [{res2, {you, N}}, [N], 0])] end),
    aborted = c(hd(Nodes), global, trans, [{res2, you}, fun erlang:node/0, Nodes, 0]),
    exit(P, kill),
    receive {'DOWN', M, _, _, _} -> ok end,
    wait(free2, fun() -> [N || N <- Nodes, not c(N, global, set_lock, [{res2, {you, N}}, [N], 0])] end).
lock(Nodes, What, Id, Wanted) -> [Wanted = gen_server:call({global_name_server, N}, {What, Id}) || N <- Nodes].

counter(Nodes) ->
    {ok, _} = c(lists:last(Nodes), gen_server, start, [{global, counter}, locked, 0, []]),
    Each = 4,
    Workers = [spawn_monitor(fun() -> [ok = c(N, global, trans, [{counter, make_ref()}, fun locked:bump/0, Nodes]) || _ <- lists:seq(1, Each)] end) || N <- Nodes],
    [receive {'DOWN', M, _, _, R} -> normal = R end || {_, M} <- Workers],
    Total = Each * length(Nodes),
    Total = c(hd(Nodes), gen_server, call, [{global, counter}, get]),
    ok = c(hd(Nodes), gen_server, stop, [{global, counter}]),
    where(Nodes, counter, undefined).

everybody(Nodes) ->
    [begin
        {Answers, []} = c(N, rpc, multicall, [erlang, node, []]),
        true = lists:sort(Answers) =:= lists:sort(Nodes),
        {Replies, []} = c(N, gen_server, multi_call, [global_name_server, get_protocol_version]),
        true = lists:sort(Replies) =:= lists:sort([{M, 8} || M <- Nodes]),
        abcast = c(N, gen_server, abcast, [global_name_server, {async_del_lock, x, y}])
     end || N <- Nodes].

%% A link is cut: the partition rules make everybody part with one of the two or both; healed, the names are one set again.
partition(Nodes) ->
    mesh(Nodes),
    [cut(Nodes, A, B) || {A, B} <- pairs(Nodes)],
    say("~p cut links are resolved, healed, and the names merged", [length(pairs(Nodes))]).
%% Every kind of neighbours once.
pairs([A, B | Rest]) -> [{A, B}, {A, lists:last(Rest)}, {hd(Rest), B}].

cut(Nodes, A, B) ->
    P = process(A), Q = process(B),
    c(A, erlang, disconnect_node, [B]),
    %% No overlapping partitions: whoever sees a node sees the same ones as it does.
    wait({partitions, A, B}, fun() ->
        Views = [{N, lists:sort([N | c(N, erlang, nodes, [])])} || N <- Nodes],
        Apart = not lists:member(B, c(A, erlang, nodes, [])),
        if not Apart -> [not_apart]; true -> [{N, V, M, W} || {N, V} <- Views, {M, W} <- Views, lists:member(M, V), V =/= W] end
    end),
    yes = c(A, global, register_name, [{conflict, A, B}, P, fun global:notify_all_name/3]),
    yes = c(B, global, register_name, [{mine, B}, Q]),
    R = process(B),
    yes = c(B, global, register_name, [{conflict, A, B}, R, fun global:notify_all_name/3]),
    S = process(A), T = process(B),
    yes = c(A, global, register_name, [{exit, A, B}, S]),
    yes = c(B, global, register_name, [{exit, A, B}, T]),
    U = process(A), V = process(B),
    yes = c(A, global, register_name, [{second, A, B}, U, fun locked:second/3]),
    yes = c(B, global, register_name, [{second, A, B}, V, {locked, second}]),
    mesh(Nodes),
    where(Nodes, {mine, B}, Q),
    where(Nodes, {conflict, A, B}, undefined),
    Left = min(A, B),
    where(Nodes, {exit, A, B}, case Left of A -> S; B -> T end),
    wait(killed, fun() -> [P1 || P1 <- [S, T], c(node(P1), erlang, is_process_alive, [P1]) =/= (node(P1) =:= Left)] end),
    %% The smaller of the two that merged has the function run; which of them they were is not ours to know.
    wait(second, fun() ->
        case lists:usort([c(N, global, whereis_name, [{second, A, B}]) || N <- Nodes]) of [One] when One =:= U; One =:= V -> []; Other -> [Other] end
    end),
    [exit(X, kill) || X <- [P, Q, R, S, T, U, V]],
    where(Nodes, {mine, B}, undefined).

%% The last one is being stopped and goes on at random by the story. Nobody else waits for it for long.
stopped(Nodes) ->
    {Left, [Last]} = lists:split(length(Nodes) - 1, Nodes),
    Until = erlang:monotonic_time(millisecond) + 25000,
    Longest = stopped(Left, Last, Until, 0, 0),
    %% The node stands still for up to 12 s; who has found a lock taken six times and more sleeps up to 8 s each time (global:random_sleep).
    true = Longest < 45000,
    say("register_name waited ~p ms at most", [Longest]).
stopped(Left, Last, Until, I, Longest) ->
    case erlang:monotonic_time(millisecond) of
        T0 when T0 < Until ->
            N = lists:nth(I rem length(Left) + 1, Left),
            c(N, net_kernel, allow, [[]]),
            c(N, erlang, spawn, [net_kernel, connect_node, [Last]]),
            P = process(N),
            yes = c(N, global, register_name, [{stopped, I}, P]),
            T = erlang:monotonic_time(millisecond) - T0,
            exit(P, kill),
            stopped(Left, Last, Until, I + 1, max(T, Longest));
        _ -> Longest
    end.
rejoined(Nodes) ->
    wait("rejoined", fun() -> mesh_now(Nodes) end),
    names(Nodes),
    say("the stopped node is back in the mesh", []).
mesh_now(Nodes) ->
    [catch c(hd(Nodes), net_kernel, connect_node, [N]) || N <- tl(Nodes)],
    [N || N <- Nodes, lists:sort(known(N)) =/= lists:sort(Nodes -- [N])].

wait(What, F) -> wait(What, F, 300).
wait(What, F, 0) -> io:format("~p: not so: ~p~n", [What, F()]), halt(1);
wait(What, F, I) -> case F() of [] -> ok; _ -> timer:sleep(100), wait(What, F, I - 1) end.
