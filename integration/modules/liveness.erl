%% Liveness of a C++ node beside BEAM nodes, from a hidden node that only asks. Whatever it sees on the C++ node it sees on a BEAM node in the same place.
-module(liveness).
-export([main/1, events/2, ticktime/2, answers/2, crossing/2, again/2, old_pids/2]).

main([What, Cookie | Names]) ->
    put(cookie, Cookie),
    Nodes = [list_to_atom(N) || N <- Names],
    [wait({ping, N}, fun() -> net_adm:ping(N) =:= pong end) || N <- Nodes],
    apply(?MODULE, list_to_atom(What), Nodes),
    halt(0).

say(F, A) -> io:format("ok: " ++ F ++ "~n", A).
c(N, M, F, A) -> erpc:call(N, M, F, A, 60000).
wait(What, F) -> wait(What, F, 3000).
wait(What, _, 0) -> exit({not_within_60_seconds, What});
wait(What, F, N) -> case catch F() of true -> ok; _ -> timer:sleep(20), wait(What, F, N - 1) end.
same(What, Cpp, Beam) when Cpp =:= Beam -> say("~s", [What]);
same(What, Cpp, Beam) -> io:format("FAILED: ~s~n  C++:  ~0p~n  BEAM: ~0p~n", [What, Cpp, Beam]), halt(1).

%% ---- a process on that node that does what it is told and keeps what it gets
citizen(N, Calls) ->
    {ok, P} = c(N, gen_server, start, [citizen, [], []]),
    [gen_server:call(P, {apply, M, F, A}, 60000) || {M, F, A} <- [{erlang, process_flag, [trap_exit, true]} | Calls]],
    P.
seen(P) -> gen_server:call(P, seen, 60000).

%% ---- a BEAM node of our own
start(Name, Options) ->
    Args = ["-noinput", "-sname", atom_to_list(Name), "-setcookie", get(cookie), "-kernel", "net_ticktime", "4", "-env", "ERL_CRASH_DUMP", "/dev/null" | Options],
    Port = open_port({spawn_executable, os:find_executable("erl")}, [{args, Args}, exit_status]),
    {os_pid, Os} = erlang:port_info(Port, os_pid),
    wait({start, Name}, fun() -> lists:keymember(hd(string:split(atom_to_list(Name), "@")), 1, element(2, net_adm:names())) end),
    {Name, integer_to_list(Os)}.
signal({_, Os}, What) -> os:cmd("kill -" ++ What ++ " " ++ Os).
gone({Name, _} = P) ->
    signal(P, "KILL"),
    erlang:disconnect_node(Name),
    wait({gone, Name}, fun() -> not lists:keymember(hd(string:split(atom_to_list(Name), "@")), 1, element(2, net_adm:names())) end).

%% ---- nodes that come and go, each in its own way, as the watchers of both nodes see it
events(Cpp, Beam) ->
    [same(What, F(Cpp), F(Beam)) || {What, F} <- [
        {"a node that halts", fun(W) -> story(W, [], fun(_, {P, _}) -> rpc:cast(P, erlang, halt, []) end) end},
        {"a node that is killed", fun(W) -> story(W, [], fun(_, P) -> signal(P, "KILL") end) end},
        {"a node we part with", fun(W) -> story(W, [], fun(W1, {P, _}) -> true = c(W1, erlang, disconnect_node, [P]) end) end},
        {"a node that parts with us", fun(W) -> story(W, [], fun(W1, {P, _}) -> true = c(P, erlang, disconnect_node, [W1]) end) end},
        {"a node that is silent", fun(W) -> story(W, [], fun(_, P) -> signal(P, "STOP") end) end},
        {"a hidden node", fun(W) -> story(W, ["-hidden"], fun(_, P) -> signal(P, "KILL") end) end},
        {"a node that cannot be reached", fun unreachable/1}]].

story(W, Options, End) ->
    Name = list_to_atom("came" ++ integer_to_list(erlang:unique_integer([positive])) ++ "@localhost"),
    P = start(Name, Options),
    Asked = [[], [nodedown_reason], [{node_type, all}, nodedown_reason], [{node_type, hidden}], [connection_id, nodedown_reason, {node_type, all}],
             #{}, #{node_type => all, nodedown_reason => true, connection_id => true}],
    Watchers = [citizen(W, [{net_kernel, monitor_nodes, [true, O]}]) || O <- Asked],
    %% Two subscriptions are two messages.
    Twice = citizen(W, [{net_kernel, monitor_nodes, [true]}, {net_kernel, monitor_nodes, [true]}]),
    true = c(W, net_kernel, connect_node, [Name]),
    wait(connected, fun() -> lists:member(W, c(Name, erlang, nodes, [connected])) end),
    There = c(Name, erlang, spawn, [timer, sleep, [infinity]]),
    Close = citizen(W, [{erlang, monitor_node, [Name, true]}, {erlang, monitor_node, [Name, true]}, {erlang, monitor_node, [Name, false]},
                        {erlang, link, [There]}, {erlang, monitor, [process, There]}, {erlang, monitor, [process, {code_server, Name}]}]),
    End(W, P),
    wait({down, W, Name}, fun() -> not lists:member(Name, c(W, erlang, nodes, [connected])) end),
    All = [wait({messages, Name}, fun() -> length(kept(Close)) >= 4 end), [plain(Name, About) || About <- [kept(Close)]],
           [begin
                %% A hidden node is told only to who asked for such.
                M = [plain(Name, X) || X <- kept(Q)],
                [X || X <- M, is_tuple(X), element(1, X) =:= nodeup orelse element(1, X) =:= nodedown, element(2, X) =:= peer]
            end || Q <- Watchers ++ [Twice]]],
    gone(P),
    [c(W, erlang, exit, [Q, kill]) || Q <- [Close, Twice | Watchers]],
    tl(All).

%% `seen` empties; what came is kept here.
kept(P) ->
    Before = case get(P) of undefined -> []; B -> B end,
    Now = Before ++ seen(P),
    put(P, Now),
    Now.
plain(Name, L) when is_list(L) -> lists:sort([plain(Name, X) || X <- L]);
plain(Name, T) when is_tuple(T) -> list_to_tuple([plain(Name, X) || X <- tuple_to_list(T)]);
plain(Name, M) when is_map(M) -> maps:map(fun(K, V) -> if K =:= connection_id -> is_integer(V); true -> plain(Name, V) end end, M);
plain(Name, Name) -> peer;
plain(_, P) when is_pid(P) -> pid;
plain(_, R) when is_reference(R) -> ref;
plain(_, I) when is_integer(I) -> integer;
plain(_, X) -> X.

unreachable(W) ->
    P = citizen(W, [{erlang, monitor_node, ['nobody@localhost', true]}, {erlang, monitor_node, [nohost, true]}, {erlang, monitor_node, [W, true]}]),
    wait(nodedown, fun() -> length(kept(P)) >= 2 end),
    lists:sort(kept(P)).

%% ---- the ticktime, and how long silence is borne
ticktime(Cpp, Beam) ->
    F = fun(N) ->
        T = fun(A) -> c(N, net_kernel, set_net_ticktime, A) end,
        Changed = fun(To) -> wait({ticktime, To}, fun() -> c(N, net_kernel, get_net_ticktime, []) =:= To end) end,
        First = [c(N, net_kernel, get_net_ticktime, []), T([4]), T([16, 2]), T([8, 2]), T([16]), c(N, net_kernel, get_net_ticktime, []),
                 gen_server:call({net_kernel, N}, ticktime)],
        Changed(16),
        Second = [T([16]), T([4, 3]), T([16, 0])],
        Changed(4),
        {First, Second, T([4, 1])}
    end,
    same("the ticktime changes as on BEAM", F(Cpp), F(Beam)),
    [begin
        P = start(list_to_atom("silent" ++ integer_to_list(I) ++ "@localhost"), []),
        {Name, _} = P,
        true = c(W, net_kernel, connect_node, [Name]),
        Q = citizen(W, [{erlang, monitor_node, [Name, true]}]),
        timer:sleep(1500),
        signal(P, "STOP"),
        Then = erlang:monotonic_time(millisecond),
        wait(silent, fun() -> kept(Q) =:= [{nodedown, Name}] end),
        Took = erlang:monotonic_time(millisecond) - Then,
        true = Took >= 3000 orelse {too_early, Took},
        gone(P),
        say("~s bears ~p ms of silence with a ticktime of 4 s: not less than 0.75 of it", [Who, Took div 1000 * 1000])
     end || {I, Who, W} <- [{1, "the C++ node", Cpp}, {2, "the BEAM node", Beam}]].

%% ---- what the functions answer
answers(Cpp, Beam) ->
    Calls = [{net_kernel, monitor_nodes, [foo]}, {net_kernel, monitor_nodes, [true, foo]}, {net_kernel, monitor_nodes, [true, [{nodedown_reason, true}]]},
             {net_kernel, monitor_nodes, [true, [{node_type, x}]]}, {net_kernel, monitor_nodes, [true, [{node_type, all}, {node_type, hidden}]]},
             {net_kernel, monitor_nodes, [true, #{list => true}]}, {net_kernel, monitor_nodes, [true, #{node_type => z}]},
             {net_kernel, monitor_nodes, [true, #{connection_id => z}]}, {net_kernel, monitor_nodes, [true, #{connection_id => true, q => 1}]},
             {net_kernel, monitor_nodes, [x, []]}, {net_kernel, monitor_nodes, [false, []]}, {net_kernel, monitor_nodes, [false]},
             {erlang, monitor_node, [x, maybe]}, {erlang, monitor_node, ["x", true]}, {erlang, monitor_node, [x@h, true, [foo]]},
             {erlang, monitor_node, [x@h, false, [allow_passive_connect]]}, {net_kernel, set_net_ticktime, [0]}, {net_kernel, set_net_ticktime, [5, -1]},
             {net_kernel, set_net_ticktime, [a]}, {net_kernel, allow, [[a, 1]]}, {net_kernel, allow, [a]}, {erlang, get_cookie, []}, {erlang, get_cookie, [x@h]},
             {erlang, set_cookie, [x@h, abc]}, {erlang, get_cookie, [x@h]}, {erlang, get_cookie, [y@h]}, {erlang, set_cookie, ["a", abc]},
             {erlang, disconnect_node, [x@h]}, {erlang, disconnect_node, ["x"]}, {net_kernel, disconnect, [x@h]},
             {net_kernel, connect_node, ["x"]}, {net_kernel, connect_node, [nobody@localhost]}, {net_kernel, hidden_connect_node, [nobody@localhost]},
             {erlang, nodes, [this, #{a => 1}]}, {erlang, nodes, [this, #{node_type => 1}]}],
    [same(io_lib:format("~p:~p~0p", [M, F, A]), ended(Cpp, M, F, A), ended(Beam, M, F, A)) || {M, F, A} <- Calls],
    [begin
        true = c(N, net_kernel, connect_node, [N]), true = c(N, erlang, monitor_node, [N, true]), false = c(N, erlang, disconnect_node, [N]),
        [{N, #{connection_id := undefined, node_type := this}}] = c(N, erlang, nodes, [this, #{connection_id => true, node_type => true}]),
        Ours = node(),
        {Ours, #{connection_id := Id, node_type := hidden}} = lists:keyfind(Ours, 1, c(N, erlang, nodes, [connected, #{connection_id => true, node_type => true}])),
        true = is_integer(Id)
     end || N <- [Cpp, Beam]],
    say("nodes/2, and what concerns the own node", []),
    allowed(Cpp), cookies(Cpp), hidden(Cpp, Beam).

ended(N, M, F, A) ->
    try c(N, M, F, A)
    catch error:{exception, R, _} -> {error, R}; C:R -> {C, R}
    end.

allowed(Cpp) ->
    {Name, _} = P = start('guest@localhost', []),
    ok = c(Cpp, net_kernel, allow, [[node(), 'someone@else']]),
    pang = c(Name, net_adm, ping, [Cpp]),
    ok = c(Cpp, net_kernel, allow, [[Name]]),
    pong = c(Name, net_adm, ping, [Cpp]),
    gone(P),
    say("net_kernel:allow/1 keeps out whom it does not name", []),
    ok = c(Cpp, net_kernel, allow, [[]]).

cookies(Cpp) ->
    {Name, _} = P = start('cookies@localhost', []),
    true = c(Cpp, erlang, set_cookie, [Name, theirs]),
    pang = c(Name, net_adm, ping, [Cpp]),
    false = c(Cpp, net_kernel, connect_node, [Name]),
    true = c(Name, erlang, set_cookie, [Cpp, theirs]),
    pong = c(Name, net_adm, ping, [Cpp]),
    true = c(Cpp, erlang, disconnect_node, [Name]),
    wait(parted, fun() -> not lists:member(Cpp, c(Name, erlang, nodes, [])) end),
    true = c(Cpp, net_kernel, connect_node, [Name]),
    theirs = c(Cpp, erlang, get_cookie, [Name]),
    gone(P),
    say("set_cookie/2 holds for that node alone, in both directions", []).

hidden(Cpp, Beam) ->
    [begin
        {Name, _} = P = start(list_to_atom("unseen" ++ integer_to_list(I) ++ "@localhost"), []),
        true = c(N, net_kernel, hidden_connect_node, [Name]),
        wait(hidden, fun() -> lists:member(N, c(Name, erlang, nodes, [hidden])) end),
        false = lists:member(N, c(Name, erlang, nodes, [])),
        gone(P)
     end || {I, N} <- [{1, Cpp}, {2, Beam}]],
    say("hidden_connect_node/1 connects without being seen", []).

%% ---- both call at the same moment, two hundred times
crossing(Cpp, Other) ->
    Watchers = [citizen(N, [{net_kernel, monitor_nodes, [true]}]) || N <- [Cpp, Other]],
    [begin
        [c(A, erlang, disconnect_node, [B]) || {A, B} <- [{Cpp, Other}, {Other, Cpp}]],
        wait(apart, fun() -> not connected(Cpp, Other) andalso not connected(Other, Cpp) end),
        Us = self(),
        [spawn_link(fun() -> Us ! {up, catch c(A, net_kernel, connect_node, [B])} end) || {A, B} <- [{Cpp, Other}, {Other, Cpp}]],
        [receive {up, true} -> ok; {up, What} -> exit({round, I, What}) after 30000 -> exit({hangs, I}) end || _ <- [1, 2]],
        wait(together, fun() -> connected(Cpp, Other) andalso connected(Other, Cpp) end),
        pong = c(Cpp, net_adm, ping, [Other]),
        pong = c(Other, net_adm, ping, [Cpp])
     end || I <- lists:seq(1, 200)],
    [begin
        wait(told, fun() -> [{nodeup, _} | _] = lists:reverse(news(P, Them)), true end),
        alternate(news(P, Them)),
        Ups = length([up || {nodeup, _} <- news(P, Them)]),
        true = Ups >= 200
     end || {P, Them} <- lists:zip(Watchers, [Other, Cpp])],
    say("~p and ~p call each other at once, 200 times: one connection each time, and every nodeup told", [Cpp, Other]).
connected(A, B) -> lists:member(B, c(A, erlang, nodes, [])).
news(P, Them) -> [M || {_, N} = M <- kept(P), N =:= Them].
alternate([{nodeup, N}, {nodedown, N} | More]) -> alternate(More);
alternate([{nodedown, _} | More]) -> alternate(More);
alternate([{nodeup, _}]) -> ok;
alternate([]) -> ok.

%% ---- again(Cpp, Beam): the C++ node has come again with a new creation; old_pids keeps pids of its life in the BEAM's process dictionary
old_pids(Cpp, Beam) ->
    P = c(Cpp, erlang, whereis, [rex]),
    pong = c(Beam, net_adm, ping, [Cpp]),
    Q = citizen(Beam, [{erlang, put, [old, P]}, {erlang, monitor, [process, P]}, {net_kernel, monitor_nodes, [true, [nodedown_reason]]}]),
    c(Beam, erlang, register, [keeper, Q]).
again(Cpp, Beam) ->
    Q = c(Beam, erlang, whereis, [keeper]),
    %% The other may still hold a connection to the earlier life: it is let in all the same.
    true = c(Cpp, net_kernel, connect_node, [Beam]),
    pong = c(Beam, net_adm, ping, [Cpp]),
    P = gen_server:call(Q, {apply, erlang, get, [old]}),
    wait(noconnection, fun() -> [R || {'DOWN', _, process, X, R} <- kept(Q), X =:= P] =:= [noconnection] end),
    New = c(Cpp, erlang, whereis, [rex]),
    true = New =/= P,
    gen_server:call(Q, {apply, erlang, send, [P, {Q, features_request}]}),
    gen_server:call(Q, {apply, erlang, monitor, [process, P]}),
    wait(noproc, fun() -> [R || {'DOWN', _, process, X, R} <- kept(Q), X =:= P] =:= [noconnection, noproc] end),
    gen_server:call(Q, {apply, erlang, send, [New, {Q, features_request}]}),
    wait(answer, fun() -> [F || {features_reply, _, _} = F <- kept(Q)] =/= [] end),
    [_] = [F || {features_reply, _, _} = F <- kept(Q)],
    [{nodedown, Cpp, _}, {nodeup, Cpp, _}] = [X || X <- kept(Q), element(1, X) =:= nodeup orelse element(1, X) =:= nodedown, element(2, X) =:= Cpp],
    c(Beam, erlang, exit, [Q, kill]),
    say("the C++ node is back at once; its old pids are dead, what is sent to them is lost", []).
