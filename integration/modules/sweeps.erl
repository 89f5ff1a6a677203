%% sweeps:run(Beam, Third): the calls that go to every node of a cluster, made in a cluster of this node, a BEAM node and a third one. Prints one line
%% per case with names, pids and references made alike: what a BEAM node and a C++ node as the third let us see is alike.
-module(sweeps).
-export([run/2]).

run(Beam, Third) ->
    logger:set_primary_config(level, none),
    put(third, Third), put(beam, Beam),
    pong = net_adm:ping(Beam), pong = net_adm:ping(Third), global:sync(),
    wait(fun() -> lists:sort(nodes()) =:= lists:sort([Beam, Third]) andalso
                  lists:member(Third, rpc:call(Beam, erlang, nodes, [])) andalso lists:sort(rpc:call(Third, erlang, nodes, [])) =:= lists:sort([Beam, node()]) end),
    %% The same gen_server on both, and on this node.
    [begin {ok, _} = rpc:call(N, gen_server, start, [{local, swept}, mirror, N, []]) end || N <- nodes()],
    {ok, _} = gen_server:start({local, swept}, mirror, node(), []),
    [io:format("~s: ~0p~n", [Name, tidy(try F(Beam, Third) catch C:R -> {C, R} end)]) || {Name, F} <- cases()],
    [gen_server:stop({swept, N}) || N <- [node() | nodes()]],
    io:format("all~n").

wait(F) -> case catch F() of true -> ok; _ -> timer:sleep(50), wait(F) end.

tidy(A) when is_atom(A) ->
    case {node(), get(beam), get(third)} of {A, _, _} -> 'ME'; {_, A, _} -> 'BEAM'; {_, _, A} -> 'THIRD'; _ -> A end;
tidy(P) when is_pid(P) -> {pid, tidy(node(P))};
tidy(R) when is_reference(R) -> ref;
tidy(F) when is_function(F) -> 'fun';
tidy({M, F, A, L}) when is_atom(M), is_atom(F), is_list(L) -> {M, F, if is_list(A) -> length(A); true -> A end};
tidy(T) when is_tuple(T) -> list_to_tuple(tidy(tuple_to_list(T)));
tidy([H | T]) -> [tidy(H) | tidy(T)];
tidy(M) when is_map(M) -> maps:from_list([{tidy(K), tidy(V)} || {K, V} <- maps:to_list(M)]);
tidy(X) -> X.

%% SLOW: so many times the patience, for nodes that run slowly.
all() -> all(300).
all(Ms) -> receive M -> [M | all(Ms)] after Ms * list_to_integer(os:getenv("SLOW", "1")) -> [] end.
dead() -> list_to_atom("nobody@" ++ tl(string:find(atom_to_list(node()), "@"))).
sorted({A, B}) -> {lists:sort(A), lists:sort(B)}.
mine(Fun) -> Self = self(), P = spawn(fun() -> Self ! {self(), Fun()} end), receive {P, R} -> R after 15000 -> never end.
elapsed(F) -> {Us, R} = timer:tc(F), {Us div 1000, R}.

cases() ->
    [{nodes, fun(_, _) -> {lists:sort(nodes()), nodes(hidden), lists:sort(nodes(connected)), lists:sort(nodes([this, visible]))} end},
     {ping, fun(_, T) -> {net_adm:ping(T), net_adm:ping(dead()), net_kernel:connect_node(T)} end},
     {names, fun(_, T) -> {ok, L} = net_adm:names(localhost), lists:keymember(hd(string:split(atom_to_list(T), "@")), 1, L) end},
     {world, fun(_, T) -> lists:member(T, net_adm:world_list([localhost])) end},
     {seen_by_all, fun(B, T) -> [lists:sort(rpc:call(N, erlang, nodes, [])) || N <- [B, T]] end},

     {multicall, fun(_, _) -> sorted(rpc:multicall(erlang, node, [])) end},
     {multicall_nodes_in_order, fun(B, T) -> rpc:multicall([T, node(), B, T], erlang, node, []) end},
     {multicall_timeout, fun(B, T) -> rpc:multicall([B, T], timer, sleep, [infinity], 200) end},
     {multicall_at_once, fun(B, T) -> {Ms, R} = elapsed(fun() -> rpc:multicall([T, B, T, B, T, B], timer, sleep, [700]) end), {Ms < 4000, R} end},
     {multicall_from_there, fun(B, T) -> [sorted(rpc:call(N, rpc, multicall, [erlang, node, []])) || N <- [B, T]] end},
     {multicall_at_once_from_there, fun(B, T) ->
          {Ms, R} = elapsed(fun() -> rpc:call(T, rpc, multicall, [[B, node(), B, node(), B, node()], timer, sleep, [700]]) end), {Ms < 4000, R} end},
     {multicall_of_nobody_from_there, fun(B, T) -> [rpc:call(N, rpc, multicall, [[dead(), B, dead()], erlang, node, [], 5000]) || N <- [B, T]] end},
     {multicall_undef, fun(B, T) -> rpc:multicall([B, T], no_module, no_function, [a]) end},
     {multicall_exit, fun(B, T) -> rpc:multicall([B, T], erlang, exit, [bye]) end},
     {multicall_throw, fun(B, T) -> rpc:multicall([B, T], erlang, throw, [ball]) end},
     {multicall_error, fun(B, T) -> rpc:multicall([B, T], erlang, error, [oops]) end},
     {multicall_dead, fun(_, T) -> rpc:multicall([dead(), T], erlang, node, []) end},
     {multicall_bad, fun(_, _) -> rpc:multicall([node() | x], erlang, node, []) end},

     {erpc_multicall, fun(B, T) -> erpc:multicall([B, T, node(), dead()], erlang, node, []) end},
     {erpc_multicall_timeout, fun(B, T) -> erpc:multicall([B, T], timer, sleep, [infinity], 200) end},
     {erpc_multicall_ends, fun(B, T) -> [erpc:multicall([B, T], erlang, F, [x]) || F <- [exit, throw, error]] end},
     {erpc_multicall_undef, fun(B, T) -> erpc:multicall([B, T], no_module, no_function, [a]) end},
     {erpc_multicall_from_there, fun(B, T) -> [rpc:call(N, erpc, multicall, [[B, T, node(), dead()], erlang, node, []]) || N <- [B, T]] end},
     {erpc_multicast, fun(B, T) -> {erpc:multicast([B, T], erlang, send, [self(), hello]), all()} end},
     {erpc_cast, fun(_, T) -> {erpc:cast(T, erlang, send, [self(), hello]), all()} end},
     {erpc_requests, fun(B, T) ->
          Rs = [erpc:send_request(N, erlang, node, []) || N <- [T, B]], Slow = erpc:send_request(T, timer, sleep, [500]),
          {[erpc:receive_response(R, 5000) || R <- Rs], erpc:wait_response(Slow, 0), erpc:receive_response(Slow),
           catch erpc:receive_response(erpc:send_request(T, erlang, exit, [bye])), catch erpc:receive_response(erpc:send_request(dead(), erlang, node, []))} end},
     {erpc_request_left, fun(_, T) -> R = erpc:send_request(T, timer, sleep, [infinity]), {catch erpc:receive_response(R, 100), all(100)} end},
     {erpc_call, fun(_, T) -> {erpc:call(T, erlang, node, []), catch erpc:call(T, erlang, error, [x]), catch erpc:call(T, timer, sleep, [infinity], 100)} end},

     {multi_call, fun(_, _) -> sorted(gen_server:multi_call(swept, hello)) end},
     {multi_call_nodes, fun(B, T) -> sorted(gen_server:multi_call([B, T, dead()], swept, {hello, there}, 5000)) end},
     {multi_call_nobody, fun(_, _) -> sorted(gen_server:multi_call(no_such_server, hello)) end},
     {multi_call_timeout, fun(B, T) -> [sys:suspend({swept, N}) || N <- [B, T]], R = gen_server:multi_call([B, T, node()], swept, hello, 300),
          [sys:resume({swept, N}) || N <- [B, T]], {sorted(R), all(500)} end},
     {multi_call_from_there, fun(B, T) -> [sorted(rpc:call(N, gen_server, multi_call, [swept, hello])) || N <- [B, T]] end},
     {gen_server_abcast, fun(B, T) -> register(here, self()), R = gen_server:abcast(no_such_server, x),
          S = [rpc:call(N, gen_server, abcast, [here, {from, N}]) || N <- [B, T]], unregister(here), {R, S, all()} end},
     {gen_server_requests, fun(B, T) -> Rs = [gen_server:send_request({swept, N}, {hi, N}) || N <- [B, T]],
          {[gen_server:receive_response(R, 5000) || R <- Rs], gen_server:wait_response(gen_server:send_request({nobody, T}, x), 5000)} end},

     {abcast, fun(B, T) -> {rpc:abcast([B, T], swept, {mirror, self(), hello}), lists:sort(all())} end},
     {abcast_all, fun(_, _) -> {rpc:abcast(swept, {mirror, self(), hello}), all()} end},
     {sbcast, fun(_, _) -> {R, B} = rpc:sbcast(swept, {mirror, self(), hello}), {lists:sort(R), B, all()} end},
     {sbcast_nobody, fun(B, T) -> {R, D} = rpc:sbcast([B, T, dead()], no_such_name, hello), {lists:sort(R), lists:sort(D)} end},
     {sbcast_from_there, fun(B, T) -> [begin {R, D} = rpc:call(N, rpc, sbcast, [swept, {mirror, self(), hello}]), {lists:sort(R), D} end || N <- [B, T]] ++ all() end},
     {eval_everywhere, fun(_, _) -> {rpc:eval_everywhere(erlang, send, [self(), hello]), all()} end},
     {eval_everywhere_nodes, fun(B, T) -> {rpc:eval_everywhere([B, T], erlang, send, [self(), hello]), all()} end},
     {eval_everywhere_from_there, fun(_, T) -> {rpc:call(T, rpc, eval_everywhere, [erlang, send, [self(), hello]]), all()} end},
     {parallel_eval, fun(_, _) -> rpc:parallel_eval([{lists, reverse, [[N, a]]} || N <- [1, 2, 3, 4, 5, 6]]) end},
     {pmap, fun(_, _) -> rpc:pmap({lists, sum}, [], [[N, N] || N <- [1, 2, 3, 4, 5, 6]]) end},
     {parallel_eval_from_there, fun(_, T) -> rpc:call(T, rpc, parallel_eval, [[{lists, reverse, [[N, a]]} || N <- [1, 2, 3]]]) end},
     {async, fun(B, T) -> Ks = [rpc:async_call(N, erlang, node, []) || N <- [B, T]], Slow = rpc:async_call(T, timer, sleep, [400]),
          {[rpc:yield(K) || K <- Ks], rpc:nb_yield(Slow), rpc:yield(Slow)} end},
     {block_call, fun(_, T) -> {rpc:block_call(T, erlang, node, []), rpc:block_call(T, erlang, error, [x])} end},
     {rpc_cast, fun(_, T) -> {rpc:cast(T, erlang, send, [self(), hello]), all()} end},
     {server_call, fun(_, T) -> mine(fun() -> rpc:server_call(T, no_such_name, x, hello) end) end},
     {pinfo, fun(_, T) -> P = rpc:call(T, erlang, whereis, [swept]), {rpc:pinfo(P, registered_name), is_list(rpc:pinfo(P))} end},

     {trans, fun(_, _) -> global:trans({some_resource, self()}, fun() -> done end) end},
     {trans_nodes, fun(B, T) -> global:trans({some_resource, self()}, fun() -> {done, global:set_lock({some_resource, other}, [T], 0)} end, [T, B]) end},
     {lock_held, fun(_, T) -> true = global:set_lock({held, self()}), R = rpc:call(T, global, set_lock, [{held, somebody}, [node(), T], 0]),
          {R, global:del_lock({held, self()}), rpc:call(T, global, set_lock, [{held, somebody}, [node(), T], 0]), rpc:call(T, global, del_lock, [{held, somebody}, [node(), T]])} end},
     {nl, fun(_, _) -> c:nl(mirror) end},
     {closure, fun(_, T) -> tidy_closure(catch erpc:call(T, fun() -> hello end)) end},
     {closures, fun(B, T) -> lists:map(fun tidy_closure/1, erpc:multicall([T, B], fun() -> hello end)) end},
     {spawned_closure, fun(_, T) -> {P, R} = spawn_monitor(T, fun() -> hello end), receive {'DOWN', R, _, P, {W, _}} -> W; {'DOWN', R, _, P, W} -> W after 5000 -> silent end end},
     {ping_from_there, fun(B, T) -> [rpc:call(N, net_adm, ping, [X]) || N <- [B, T], X <- [B, T, node(), dead()]] end},
     {afterwards, fun(_, _) -> {lists:sort(nodes()), all()} end}].

%% Where it fails is told by line; that it fails because the module is missing there is what counts.
tidy_closure({'EXIT', {{exception, R, _}, _}}) -> {exception, R};
tidy_closure({error, {exception, R, _}}) -> {exception, R};
tidy_closure(X) -> X.
