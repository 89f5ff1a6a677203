%% Five nodes live through what clusters live through. Driven from a hidden node on a host of its own that only asks; each step prints what
%% became of names, groups and events, in words that are the same whichever kind of node had a name.
%%   cluster:main([Step, Link, Node...])   Link: the command of hosts.sh, or "none"; nodes by their full names, host H's in place H
-module(cluster).
-export([main/1, meet/1, names/1, killed/1, again/1, cuts/1, silence/1, stopped/1, rejoined/1]).

main([Step, Link | Names]) ->
    put(link, Link),
    Nodes = [list_to_atom(N) || N <- Names],
    put(nodes, Nodes),
    [wait({up, N}, fun() -> [N || net_adm:ping(N) =/= pong] end) || N <- Nodes, Step =/= "killed" orelse N =/= lists:last(Nodes)],
    apply(?MODULE, list_to_atom(Step), [Nodes]),
    halt(0).

c(N, M, F, A) -> erpc:call(N, M, F, A, 60000).
process(N) -> c(N, erlang, spawn, [timer, sleep, [infinity]]).
say(F, A) -> io:format("ok: " ++ F ++ "~n", A).
short(N) -> hd(string:split(atom_to_list(N), "@")).
shorts(Nodes) -> string:join(lists:sort([short(N) || N <- Nodes]), " ").
known(N) -> gen_server:call({global_name_server, N}, get_known, 60000).

%% ---- one mesh, of which only the first was told

meet(Nodes) ->
    [c(hd(Nodes), net_kernel, connect_node, [N]) || N <- tl(Nodes)],
    mesh(Nodes),
    say("everyone is in everyone's nodes(), known to everyone's global, and in sync: ~s", [shorts(Nodes)]),
    [new_citizen(N) || N <- Nodes],
    [start_scopes(N) || N <- Nodes].

%% Those that were started again come back.
again(Nodes) ->
    connect(Nodes),
    mesh(Nodes),
    New = [N || N <- Nodes, c(N, erlang, whereis, [citizen]) =:= undefined],
    [new_citizen(N) || N <- New],
    [start_scopes(N) || N <- New],
    [take_place(N) || N <- New],
    [tell(N, erlang, monitor, [process, c(N, global, whereis_name, [{place, short(M)}])]) || N <- New, M <- Nodes -- New],
    groups(Nodes),
    say("~s is back, and in everything", [shorts(New)]).
rejoined(Nodes) ->
    connect(Nodes),
    mesh(Nodes),
    groups(Nodes),
    [where(Nodes, {place, short(N)}, c(N, global, whereis_name, [{place, short(N)}])) || N <- Nodes],
    say("the stopped node is back, and in everything", []).
connect(Nodes) ->
    wait(connected, fun() -> [c(hd(Nodes), net_kernel, connect_node, [N]) || N <- tl(Nodes)], [N || N <- Nodes, lists:sort(known(N)) =/= lists:sort(Nodes -- [N])] end).

mesh(Nodes) ->
    wait(mesh, fun() -> [{N, L} || N <- Nodes, L <- [c(N, erlang, nodes, []), known(N)], lists:sort(L) =/= lists:sort(Nodes -- [N])] end),
    [ok = c(N, global, sync, []) || N <- Nodes].

%% A process that remembers nodeup and nodedown, and a name on each node that all the others monitor.
new_citizen(N) ->
    {ok, P} = c(N, gen_server, start, [{local, citizen}, citizen, [], []]),
    ok = tell(N, net_kernel, monitor_nodes, [true]),
    P.
tell(N, M, F, A) -> gen_server:call({citizen, N}, {apply, M, F, A}, 60000).
seen(N) -> gen_server:call({citizen, N}, seen, 60000).

%% OTP 29's pg ends a scope of OTP 25 with its greeting: two scopes, each on nodes that understand each other.
scopes() -> [{older, "29"}, {newer, "25"}].
takes_part(N, Not) -> short(N) =/= "otp" ++ Not.
members(Scope) -> [N || N <- get(nodes), {S, Not} <- scopes(), S =:= Scope, takes_part(N, Not)].
start_scopes(N) ->
    [case c(N, pg, start, [S]) of {ok, _} -> ok; {error, {already_started, _}} -> ok end || {S, _} <- scopes(), lists:member(N, members(S))].

%% ---- names and groups

names(Nodes) ->
    [begin
        P = process(R),
        yes = c(N, global, register_name, [{by, short(N), on, short(R)}, P]),
        [P = c(M, global, whereis_name, [{by, short(N), on, short(R)}]) || M <- Nodes]
     end || N <- Nodes, R <- Nodes],
    Wanted = lists:sort([{by, short(N), on, short(R)} || N <- Nodes, R <- Nodes]),
    wait(names, fun() -> [{N, L} || N <- Nodes, L <- [lists:sort(c(N, global, registered_names, []))], L =/= Wanted] end),
    say("~p names, registered on each for each, are found on all", [length(Wanted)]),
    [take_place(N) || N <- Nodes],
    groups(Nodes),
    say("members of groups are seen by all", []),
    locks(Nodes),
    say("locks and transactions are had by one at a time", []).

%% What a node has in the cluster: a global name, a member in each of its scopes; everybody monitors the name's process.
take_place(N) ->
    P = process(N),
    yes = c(N, global, register_name, [{place, short(N)}, P]),
    [ok = c(N, pg, join, [S, places, P]) || {S, _} <- scopes(), lists:member(N, members(S))],
    [tell(M, erlang, monitor, [process, P]) || M <- get(nodes), M =/= N].

groups(Nodes) ->
    wait(groups, fun() ->
        [{N, S, Seen} || {S, _} <- scopes(), N <- members(S), lists:member(N, Nodes), Seen <- [[node(P) || P <- c(N, pg, get_members, [S, places])]],
            lists:sort(Seen) =/= lists:sort([M || M <- members(S), lists:member(M, Nodes)])]
    end).

locks(Nodes) ->
    Self = self(),
    Workers = [spawn_monitor(fun() ->
        Id = {cluster, {Self, N}},
        %% Had by a process that stays, until it gives it back.
        true = tell(N, global, set_lock, [Id, Nodes, infinity]),
        [false = c(M, global, set_lock, [{cluster, somebody_else}, [M], 0]) || M <- Nodes],
        true = tell(N, global, del_lock, [Id, Nodes]),
        N = c(N, global, trans, [{cluster, {trans, N}}, fun erlang:node/0, Nodes])
    end) || N <- Nodes],
    [receive {'DOWN', M, _, _, Why} -> normal = Why end || {_, M} <- Workers].

%% ---- the last node was killed: -9, and not started again yet

killed(Nodes) ->
    {Left, [Last]} = lists:split(length(Nodes) - 1, Nodes),
    wait({gone, Last}, fun() -> [N || N <- Left, lists:member(Last, c(N, erlang, nodes, [])) orelse lists:member(Last, known(N))] end),
    wait({name_gone, Last}, fun() -> [N || N <- Left, c(N, global, whereis_name, [{place, short(Last)}]) =/= undefined] end),
    groups(Left),
    wait({told, Last}, fun() -> [N || N <- Left, begin
        E = seen(N), put({events, N}, had({events, N}) ++ E), told(had({events, N}), Last) =/= {1, 1} end] end),
    mesh(Left),
    say("~s was killed: each of ~s had one nodedown and one DOWN, and names and members are gone everywhere", [short(Last), shorts(Left)]).
had(Key) -> case get(Key) of undefined -> []; L -> L end.
told(Events, Node) ->
    {length([x || {nodedown, N} <- Events, N =:= Node]), length([x || {'DOWN', _, process, P, noconnection} <- Events, node(P) =:= Node])}.

%% ---- links are cut: between C++ nodes, between both kinds, between BEAM nodes. The nodes: C++, 25, 27, 29, C++.

cuts([C1, B25, B27, B29, C2] = Nodes) ->
    %% Without hosts of their own both ends hear of a cut at once, and which of the two is parted with is anybody's guess.
    Cut = case get(link) of "none" -> fun parted/3; _ -> fun cut/3 end,
    [Cut(Nodes, A, B) || {A, B} <- [{C1, C2}, {B25, C2}, {C1, B27}, {B27, B29}]].

place(N) -> length(lists:takewhile(fun(M) -> M =/= N end, get(nodes))) + 1.
link_command(What, A, B) -> [] = os:cmd(lists:flatten(io_lib:format("~s ~s ~b ~b", [get(link), What, place(A), place(B)]))).
%% Nothing goes through between A and B, and no new connection comes up.
sever(A, B) -> case get(link) of "none" -> c(A, erlang, set_cookie, [B, severed]), c(B, erlang, set_cookie, [A, cut_off]); _ -> link_command(cut, A, B) end.
%% A's end of their connection ends. B does not hear of it.
break(A, B) -> case get(link) of "none" -> c(A, erlang, disconnect_node, [B]); _ -> link_command(kill, A, B) end.
heal(A, B) -> case get(link) of
    "none" -> Cookie = erlang:get_cookie(), c(A, erlang, set_cookie, [B, Cookie]), c(B, erlang, set_cookie, [A, Cookie]);
    _ -> link_command(heal, A, B)
end.

cut(Nodes, A, B) ->
    [seen(N) || N <- Nodes],
    P = process(A), Q = process(B),
    yes = c(A, global, register_name, [{everywhere, A, B}, Q]),
    sever(A, B),
    break(A, B),
    %% A says what it lost, and all of them part with B, which still waits for A.
    wait({apart, A, B}, fun() -> [N || N <- Nodes, N =/= B, lists:member(B, c(N, erlang, nodes, []))] end),
    break(B, A),
    Parts = consistent(Nodes, A, B),
    say("cut ~s | ~s: ~s", [short(A), short(B), string:join([shorts(L) || L <- Parts], " | ")]),
    Down = [{short(N), shorts([M || {nodedown, M} <- E])} || N <- Nodes, E <- [events_of(N, B)]],
    say("nodedown ~0p", [Down]),
    %% Both sides go on alone, with the same names for different processes.
    R = process(A), S = process(B),
    yes = c(A, global, register_name, [{conflict, A, B}, R]),
    yes = c(B, global, register_name, [{conflict, A, B}, S]),
    T = process(A), U = process(B),
    yes = c(A, global, register_name, [{notify, A, B}, T, fun global:notify_all_name/3]),
    yes = c(B, global, register_name, [{notify, A, B}, U, fun global:notify_all_name/3]),
    yes = c(A, global, register_name, [{mine, A, B}, P]),
    undefined = c(A, global, whereis_name, [{everywhere, A, B}]),
    Q = c(B, global, whereis_name, [{everywhere, A, B}]),
    heal(A, B),
    %% One word is enough: who meets one of a cluster meets all.
    true = c(B, net_kernel, connect_node, [A]),
    mesh(Nodes),
    where(Nodes, {everywhere, A, B}, Q),
    where(Nodes, {mine, A, B}, P),
    where(Nodes, {notify, A, B}, undefined),
    Left = same(Nodes, {conflict, A, B}),
    wait(loser, fun() -> [X || X <- [R, S], c(node(X), erlang, is_process_alive, [X]) =/= (X =:= Left)] end),
    groups(Nodes),
    say("healed: the names are one set again, of two processes with one name that of ~s lives", [short(node(Left))]),
    Up = [{short(N), shorts([M || {nodeup, M} <- E])} || N <- Nodes, E <- [seen(N)]],
    say("nodeup ~0p", [Up]),
    [exit(X, kill) || X <- [P, Q, R, S, T, U]],
    where(Nodes, {everywhere, A, B}, undefined).

%% Nobody's end of the connection ends: both notice the silence, in either order or at once. What follows is one of the outcomes BEAM nodes
%% have, but always partitions that do not overlap. (Who connects around a link that is still cut may leave BEAM nodes connected that do not
%% know each other in global, also without any C++ node; so nobody does that here.)
silence([C1, B25, _, _, _] = Nodes) ->
    parted(Nodes, C1, B25).
parted(Nodes, A, B) ->
    sever(A, B),
    case get(link) of "none" -> break(A, B); _ -> ok end,
    consistent(Nodes, A, B),
    heal(A, B),
    connect(Nodes),
    mesh(Nodes),
    groups(Nodes),
    say("the cut link ~s | ~s parts the nodes without overlap; healed", [short(A), short(B)]).

consistent(Nodes, A, B) ->
    Views = fun() -> [{N, lists:sort([N | c(N, erlang, nodes, [])]), lists:sort([N | known(N)])} || N <- Nodes] end,
    Bad = fun(L) -> [{overlap, N, V, M, W} || {N, V, _} <- L, {M, W, _} <- L, lists:member(M, V), V =/= W] ++ [{known, N, V, K} || {N, V, K} <- L, V =/= K] ++
        [{not_apart, A, B} || {N, V, _} <- L, N =:= A, lists:member(B, V)] end,
    wait({partitions, A, B}, fun() -> Bad(Views()) end),
    lists:usort([V || {_, V, _} <- Views()]).
events_of(N, B) ->
    %% B is told last of the one whose end it heard last; the others have been told of B.
    Wanted = case N of B -> get(nodes) -- [B]; _ -> [B] end,
    wait({events, N}, fun() -> put({cut, N}, had({cut, N}) ++ seen(N)), Wanted -- [M || {nodedown, M} <- get({cut, N})] end),
    erase({cut, N}).

where(Nodes, Name, Wanted) ->
    wait({where, Name, Wanted}, fun() -> [{N, W} || N <- Nodes, W <- [c(N, global, whereis_name, [Name])], W =/= Wanted] end).
same(Nodes, Name) ->
    wait({same, Name}, fun() -> case lists:usort([c(N, global, whereis_name, [Name]) || N <- Nodes]) of [P] when is_pid(P) -> []; L -> [L] end end),
    c(hd(Nodes), global, whereis_name, [Name]).

%% ---- the last node is being stopped and continued by the story: nobody waits for it for long

stopped(Nodes) ->
    {Left, [Last]} = lists:split(length(Nodes) - 1, Nodes),
    Until = erlang:monotonic_time(millisecond) + 20000,
    Workers = [spawn_monitor(fun() -> exit({longest, stopped(N, Left, Last, Until, 0, 0)}) end) || N <- Left],
    Longest = lists:max([receive {'DOWN', M, _, _, {longest, T}} -> T; {'DOWN', M, _, _, Why} -> io:format("~p~n", [Why]), halt(1) end || {_, M} <- Workers]),
    %% The node stands still for up to 12 s; who has found a lock taken six times and more sleeps up to 8 s each time (global:random_sleep).
    true = Longest < 45000,
    say("register_name, set_lock, trans and sync go on while a node is stopped", []).
stopped(N, Left, Last, Until, I, Longest) ->
    case erlang:monotonic_time(millisecond) of
        T0 when T0 < Until ->
            c(N, erlang, spawn, [net_kernel, connect_node, [Last]]),
            P = process(N),
            case I rem 4 of
                0 -> yes = c(N, global, register_name, [{stopped, N, I}, P]);
                1 -> true = tell(N, global, set_lock, [{{stopped, N}, P}]), true = tell(N, global, del_lock, [{{stopped, N}, P}]);
                2 -> N = c(N, global, trans, [{{stopped, N}, P}, fun erlang:node/0]);
                3 -> ok = c(N, global, sync, [])
            end,
            exit(P, kill),
            stopped(N, Left, Last, Until, I + 1, max(erlang:monotonic_time(millisecond) - T0, Longest));
        _ -> Longest
    end.

wait(What, F) -> wait(What, F, 600).
wait(What, F, 0) -> io:format("~p: not so: ~p~n", [What, F()]), halt(1);
wait(What, F, I) -> case F() of [] -> ok; _ -> timer:sleep(50), wait(What, F, I - 1) end.
