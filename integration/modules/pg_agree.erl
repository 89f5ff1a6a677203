%% Some nodes, one scope, random joins, leaves and deaths: afterwards all nodes see the groups that the script made.
-module(pg_agree).
-export([main/1]).

main([Prefix, Seeds | Names]) ->
    Nodes = [list_to_atom(N) || N <- Names],
    [pong = net_adm:ping(N) || N <- Nodes],
    [erpc:call(A, net_kernel, connect_node, [B]) || A <- Nodes, B <- Nodes, A =/= B],
    wait("all nodes connected", fun() -> [{N, erpc:call(N, erlang, nodes, [])} || N <- Nodes, Nodes -- [N | erpc:call(N, erlang, nodes, [])] =/= []] end),
    [one(Nodes, Prefix, S) || S <- lists:seq(1, list_to_integer(Seeds))],
    io:format("all ~s seeds agree~n", [Seeds]),
    gone(Nodes, list_to_atom(Prefix ++ "_gone")),
    halt(0).

%% The last node stops: its members are gone everywhere, and everybody who asked for it is told.
gone(Nodes, Scope) ->
    start(Nodes, Scope),
    {Left, [Last]} = lists:split(length(Nodes) - 1, Nodes),
    M = lists:foldl(fun(N, A) ->
        P = erpc:call(N, erlang, spawn, [timer, sleep, [infinity]]),
        ok = erpc:call(N, pg, join, [Scope, g, P]),
        add(P, g, A)
    end, #{}, Nodes),
    agree(Nodes, Scope, M, gone),
    %% A subscription from here, in the words of pg:monitor/2: a member leaves where it lives, and is told of.
    {Ref, Members} = gen_server:call({Scope, hd(Nodes)}, case erpc:call(hd(Nodes), erlang, function_exported, [pg, version, 0]) of
        true -> {subscribe, {group, g}};
        false -> {monitor, g}
    end),
    true = lists:sort(Members) =:= lists:sort([P || {P, _} <- maps:keys(M)]),
    [Lost] = [P || {P, _} <- maps:keys(M), node(P) =:= Last],
    erpc:cast(Last, init, stop, []),
    receive {Ref, leave, g, [Lost]} -> ok after 20000 -> io:format("nobody told of ~p~n", [Lost]), halt(1) end,
    agree(Left, Scope, maps:remove({Lost, g}, M), gone).

one(Nodes, Prefix, Seed) ->
    rand:seed(exsss, Seed),
    Scope = list_to_atom(Prefix ++ integer_to_list(Seed)),
    %% Some start the scope late, in any order: the others are discovered.
    {Early, Late} = lists:split(rand:uniform(length(Nodes)), shuffle(Nodes)),
    start(Early, Scope),
    M0 = ops(30, Early, Scope, #{}),
    start(Late, Scope),
    M1 = ops(60, Nodes, Scope, M0),
    agree(Nodes, Scope, M1, Seed),
    %% Everybody dies, or leaves.
    Dead = [P || P <- lists:usort([P || {P, _} <- maps:keys(M1)]), rand:uniform(2) =:= 1],
    [exit(P, kill) || P <- Dead],
    M2 = maps:filter(fun({P, _}, _) -> not lists:member(P, Dead) end, M1),
    agree(Nodes, Scope, M2, Seed),
    [exit(P, kill) || P <- lists:usort([P || {P, _} <- maps:keys(M2)])],
    agree(Nodes, Scope, #{}, Seed),
    [erpc:call(N, gen_server, stop, [Scope]) || N <- Nodes].

start(Nodes, Scope) -> [{ok, _} = erpc:call(N, pg, start, [Scope]) || N <- Nodes].
shuffle(L) -> [X || {_, X} <- lists:sort([{rand:uniform(), X} || X <- L])].
pick(L) -> lists:nth(rand:uniform(length(L)), L).

%% The model: #{{Pid, Group} => how often}
ops(0, _, _, M) -> M;
ops(I, Nodes, Scope, M) ->
    Group = pick([a, {b, 1}, "c", 2, 3.5, <<"d">>]),
    N = pick(Nodes),
    Mine = lists:usort([P || {P, _} <- maps:keys(M), node(P) =:= N]),
    M1 = case rand:uniform(10) of
        X when X =< 4; Mine =:= [] ->
            P = erpc:call(N, erlang, spawn, [timer, sleep, [infinity]]),
            ok = erpc:call(N, pg, join, [Scope, Group, P]),
            add(P, Group, M);
        X when X =< 6 ->
            Pids = [pick(Mine), pick(Mine)],
            ok = erpc:call(N, pg, join, [Scope, Group, Pids]),
            lists:foldl(fun(P, A) -> add(P, Group, A) end, M, Pids);
        X when X =< 9 ->
            P = pick(Mine),
            Wanted = case maps:is_key({P, Group}, M) of true -> ok; false -> not_joined end,
            Wanted = erpc:call(N, pg, leave, [Scope, Group, P]),
            remove(P, Group, M);
        _ ->
            P = pick(Mine),
            exit(P, kill),
            wait(dead, fun() -> [P || erpc:call(N, erlang, is_process_alive, [P])] end),
            maps:filter(fun({Q, _}, _) -> Q =/= P end, M)
    end,
    ops(I - 1, Nodes, Scope, M1).
add(P, G, M) -> M#{{P, G} => maps:get({P, G}, M, 0) + 1}.
remove(P, G, M) ->
    case M of
        #{{P, G} := 1} -> maps:remove({P, G}, M);
        #{{P, G} := C} -> M#{{P, G} => C - 1};
        _ -> M
    end.

agree(Nodes, Scope, M, Seed) ->
    Groups = lists:usort([G || {_, G} <- maps:keys(M)]),
    Wanted = [{G, lists:sort(lists:append([lists:duplicate(C, P) || {{P, H}, C} <- maps:to_list(M), H =:= G]))} || G <- Groups],
    wait({seed, Seed}, fun() ->
        [{N, View, Wanted} || N <- Nodes, View <- [view(N, Scope)], View =/= Wanted]
    end),
    Local = [{N, G} || N <- Nodes, G <- erpc:call(N, pg, which_local_groups, [Scope])],
    Expected = lists:usort([{node(P), G} || {P, G} <- maps:keys(M)]),
    Expected = lists:usort(Local).
view(N, Scope) -> [{G, lists:sort(erpc:call(N, pg, get_members, [Scope, G]))} || G <- lists:usort(erpc:call(N, pg, which_groups, [Scope]))].

wait(What, F) -> wait(What, F, 100).
wait(What, F, 0) -> io:format("~p: no agreement: ~p~n", [What, F()]), halt(1);
wait(What, F, I) -> case F() of [] -> ok; _ -> timer:sleep(100), wait(What, F, I - 1) end.
