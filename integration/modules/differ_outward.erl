%% Usage: differ_outward:run(Asker, Targets, Victims). Lets the module outward on the node Asker take the same steps towards each of the targets,
%% and prints what it answers with pids, references and node names made alike. Askers that behave alike print alike.
%% Victims: [{Node, OsPid}], killed in the middle of calls, monitors and links.
-module(differ_outward).
-export([run/3, run_alone/2]).

run(Asker, Targets, Victims) ->
    try ask(Asker, Targets, Victims), halt(0)
    catch C:R:S -> io:format(standard_error, "~p~n", [{C, R, S}]), halt(1)
    end.

%% What makes and breaks connections: to be run when nobody else asks.
run_alone(Asker, Target) ->
    persistent_term:put(asker, Asker),
    try io:put_chars(alone(Asker, Target)), halt(0)
    catch C:R:S -> io:format(standard_error, "~p~n", [{C, R, S}]), halt(1)
    end.

ask(Asker, Targets, Victims) ->
    logger:set_primary_config(level, none),
    [pong = net_adm:ping(N) || N <- [Asker | Targets]],
    [true = rpc:call(Asker, net_kernel, connect_node, [N]) || N <- Targets],
    persistent_term:put(asker, Asker),
    %% The targets beside each other; what they found is printed in their order.
    Running = [spawn_monitor(fun() -> exit({lines, [one(Target, C) || C <- cases(Asker, Target)]}) end) || Target <- Targets ++ [Asker]],
    [receive {'DOWN', M, _, _, {lines, Lines}} -> io:put_chars(Lines); {'DOWN', M, _, _, Why} -> error(Why) end || {_, M} <- Running],
    [io:put_chars(dying(Asker, Node, OsPid)) || {Node, OsPid} <- Victims],
    ok.

one(Target, {Name, Steps}) -> one(Target, {Name, fun() -> ok end, Steps});
one(Target, {Name, Before, Steps}) ->
    put(target, Target), Before(),
    case os:getenv("SHOW_CASES") of false -> ok; _ -> io:put_chars(standard_error, [atom_to_list(Target), " ", Name, "\n"]) end,
    Answer = try erpc:call(persistent_term:get(asker), outward, run, [Steps], 20000) catch C:R -> {the_run_failed, C, R} end,
    line(Target, Name, Answer).
line(Target, Name, Answer) ->
    put(target, Target),
    [erase(K) || {{seen, _} = K, _} <- get()],
    put(count, 0),
    io_lib:format("~s ~s: ~0tp~n", [role(Target), Name, tidy(Answer)]).

server(T) -> {ok, P} = rpc:call(T, gen_server, start, [twin, {return, {ok, {self(), data}}}, []]), P.
%% Registered on the target as Name.
named(T, Name) -> {ok, P} = rpc:call(T, gen_server, start, [{local, Name}, twin, {return, {ok, {self(), data}}}, []]), P.

fresh(T, Steps) -> Steps(server(T)).
dead(T, Steps) -> P = server(T), gen_server:stop(P), Steps(P).

cases(A, T) -> gen_cases(A, T) ++ request_cases(T) ++ rpc_cases(A, T) ++ erpc_cases(T) ++ spawn_cases(T) ++ monitor_cases(T) ++ send_cases(T) ++ node_cases(T).

gen_cases(A, T) ->
    P = server(T), N = list_to_atom("named_by_" ++ atom_to_list(A)), Q = named(T, N),
    G = {global_name, A, T}, yes = rpc:call(T, global, register_name, [G, P]),
    wait_until(fun() -> rpc:call(A, global, whereis_name, [G]) =:= P end),
    No = fun() -> list_to_atom("nosuch" ++ atom_to_list(A)) end,
    Servers = [P, {N, T}, {global, G}, {via, global, G}, {via, outward, {pid, P}}, {via, outward, {bad, oops}}, {via, outward, nobody},
               {via, no_module, x}, {via, 1, x}, {global, {nobody, A}}, {No(), T}, {No(), node()}, No(), {a, b, c}, {1, 2}, "text", 1, Q,
               {x, 'no_node'}, {x, 'nowhere@localhost'}],
    [{io_lib:format("call ~0p", [tidy_name(S)]), [{outward, call, [S, {return, {reply, hello, {P, x}}}]}, {outward, call, [S, {return, {reply, hello, {P, x}}}, 5000]},
        {gen_server, call, [S, {return, {reply, hi, {P, x}}}]}, {gen_server, call, [S, {return, {reply, hi, {P, x}}}, 5000]}]} || S <- Servers] ++
    [{io_lib:format("cast ~0p", [tidy_name(S)]), [{outward, cast, [S, {return, {noreply, {P, cast}}}]}, {gen_server, cast, [S, {return, {noreply, {P, cast2}}}]},
        {outward, call, [P, state]}, {outward, call, [Q, state]}]} || S <- Servers] ++
    [{"call that times out", [{outward, call, [P, defer, 30]}, {gen_server, call, [P, defer, 30]}, {next, 50}]},
     {"call with no time", [{outward, call, [P, state, 0]}, {gen_server, call, [P, state, 0]}, {next, 100}]},
     {"call for ever", [{outward, call, [P, state, infinity]}, {outward, call, [{N, T}, from, infinity]}]},
     {"call with a bad time", [{gen_server, call, [P, state, foo]}, {gen_server, call, [P, state, -1]}]},
     {"call itself", [{erlang, self, []}, {outward, call, [{'$', 1}, x]}, {gen_server, call, [{'$', 1}, x]}, {erlang, register, [list_to_atom("itself" ++ atom_to_list(T)), {'$', 1}]}, {outward, call, [list_to_atom("itself" ++ atom_to_list(T)), x]},
        {outward, call, [{list_to_atom("itself" ++ atom_to_list(T)), A}, x]}]},
     {"reply twice", [{outward, call, [P, {early, 1}]}, {outward, call, [P, state]}]},
     {"server that stops", [{outward, call, [server(T), {return, {stop, bye, {self(), x}}}]}, {gen_server, call, [server(T), {return, {stop, bye, {self(), x}}}]}]},
     {"server that stops with a reply", [{outward, call, [server(T), {return, {stop, normal, reply, {self(), x}}}]}]},
     {"server that exits", [{outward, call, [server(T), {raise, exit, why}]}, {gen_server, call, [server(T), {raise, exit, why}]}]},
     {"server that crashes", [{outward, call, [server(T), {raise, error, why}]}]},
     {"dead server", dead(T, fun(D) -> [{outward, call, [D, x]}, {gen_server, call, [D, x]}, {outward, cast, [D, x]}] end)},
     {"stop", [{outward, stop, [server(T), normal, 1000]}, {outward, stop, [server(T), why, 1000]}, {outward, stop, [{No(), T}, normal, infinity]}, {gen_server, stop, [{global, nobody}]}]},
     {"multi_call", [{outward, multi_call, [[T, A, 'nowhere@localhost'], N, {early, 1}, 5000]}, {outward, multi_call, [[T], No(), state, 5000]}, {outward, multi_call, [[T], N, defer, 50]}, {outward, multi_call, [[], N, x, 10]}]},
     {"abcast", [{outward, abcast, [[T], N, {return, {noreply, {P, abcast}}}]}, {outward, call, [{N, T}, state]}]}].

request_cases(T) ->
    P = server(T),
    [{"send_request", [{outward, send_request, [P, {return, {reply, r, {P, x}}}]}, {outward, receive_response, [{'$', 1}, 5000]}]},
     {"check_response", [{outward, send_request, [P, {return, {reply, r, {P, x}}}]}, {next, 5000}, {outward, check_response, [other, {'$', 1}]}, {outward, check_response, [{'$', 2}, {'$', 1}]}]},
     {"wait_response", [{outward, send_request, [P, defer]}, {outward, wait_response, [{'$', 1}, 20]}, {outward, cast, [P, {release, later}]}, {outward, wait_response, [{'$', 1}, 5000]}]},
     {"receive_response gives up", [{outward, send_request, [P, defer]}, {outward, receive_response, [{'$', 1}, 20]}, {outward, cast, [P, {release, later}]}, {next, 50}]},
     {"requests to nobody", lists:append([[{outward, send_request, [S, x]}, {next, 5000}, {outward, check_response, [{'$', 3 * I + 2}, {'$', 3 * I + 1}]}]
        || {I, S} <- lists:zip(lists:seq(0, 5), [nosuch, {nosuch, T}, {global, nobody}, {via, outward, nobody}, {x, 'nowhere@localhost'}, {nosuch, node()}])])},
     {"request to no server", [{outward, send_request, [{a, b, c}, x]}, {gen_server, check_response, [x, y]}, {gen_server, receive_response, [x, foo]}]},
     {"request to one that stops", [{outward, send_request, [server(T), {return, {stop, bye, {P, x}}}]}, {outward, receive_response, [{'$', 1}, 5000]}]},
     {"collections", [{gen_server, reqids_new, []}, {gen_server, send_request, [P, {return, {reply, 1, {P, x}}}, one, {'$', 1}]}, {gen_server, reqids_size, [{'$', 2}]},
        {gen_server, receive_response, [{'$', 2}, 5000, true]}, {gen_server, receive_response, [{'$', 4, 3}, 5000, true]}, {gen_server, wait_response, [{'$', 2}, 20, false]},
        {gen_server, send_request, [P, x]}, {gen_server, reqids_add, [{'$', 7}, label, {'$', 1}]}, {gen_server, reqids_to_list, [{'$', 8}]}]}].

calls() -> [[node, twin, give, [{x, [1.5, <<"b">>, #{a => "b"}]}]], [node, twin, raise, [error, x]], [node, twin, raise, [exit, x]], [node, twin, raise, [throw, x]],
                [node, twin, raise, [throw, {'EXIT', x}]], [node, twin, raise, [error, {a, b}]], [node, twin, none, [1]], [node, no_module, f, []],
                [node, erlang, exit, [normal]], [node, erlang, atom_to_list, [1]]].

rpc_cases(A, T) ->
    At = fun(Args) -> [T | tl(Args)] end,
    [{io_lib:format("rpc ~0p", [tl(C)]), [{outward, rpc_call, At(C) ++ [infinity]}, {outward, rpc_call, At(C) ++ [5000]}, {outward, rpc_block_call, At(C) ++ [5000]}, {rpc, call, At(C)},
        {outward, rpc_multicall, [[T], lists:nth(2, C), lists:nth(3, C), lists:nth(4, C), 5000]}, {rpc, multicall, [[T, 'nowhere@localhost', T], lists:nth(2, C), lists:nth(3, C), lists:nth(4, C)]}]} || C <- calls()] ++
    [{"rpc to nowhere", [{outward, rpc_call, ['nowhere@localhost', a, b, [], infinity]}, {outward, rpc_call, ['nowhere@localhost', a, b, [], 500]}, {outward, rpc_block_call, ['nowhere@localhost', a, b, [], 500]},
        {outward, rpc_multicall, [['nowhere@localhost'], a, b, [], infinity]}, {rpc, call, [nonode, a, b, []]}, {rpc, block_call, [nonode, a, b, []]}]},
     {"rpc that takes too long", [{outward, rpc_call, [T, timer, sleep, [300], 30]}, {outward, rpc_block_call, [T, timer, sleep, [300], 30]}, {outward, rpc_multicall, [[T], timer, sleep, [300], 30]}, {next, 400}]},
     {"rpc with bad arguments", [{rpc, call, [T, 1, b, []]}, {rpc, call, [T, a, b, c]}, {rpc, call, ["x", a, b, []]}, {rpc, call, [T, a, b, [], foo]}, {rpc, multicall, [foo, a, b, []]}, {rpc, multicall, [[1], a, b, []]}]},
     {"rpc cast", [{erlang, self, []}, {outward, rpc_cast, [T, erlang, send, [{'$', 1}, cast_there]]}, {next, 5000}, {rpc, cast, [T, no_module, f, []]}, {rpc, cast, [1, a, b, []]}]},
     {"async_call", [{outward, async_call, [T, twin, give, [x]]}, {outward, yield, [{'$', 1}]}, {outward, async_call, [T, twin, raise, [error, x]]}, {outward, yield, [{'$', 3}]},
        {outward, async_call, [T, timer, sleep, [100]]}, {outward, nb_yield, [{'$', 5}, 0]}, {outward, nb_yield, [{'$', 5}, 5000]}, {rpc, async_call, ['nowhere@localhost', a, b, []]}, {outward, yield, [{'$', 8}]}]},
     {"multi_server_call", [{rpc, multi_server_call, [[T, 'nowhere@localhost'], nosuch, x]}, {rpc, server_call, [T, nosuch, r, x]}, {rpc, sbcast, [[T], nosuch, x]}, {rpc, abcast, [[T], nosuch, x]}]},
     {"parallel_eval", [{rpc, parallel_eval, [[{erlang, abs, [-1]}, {erlang, abs, [-2]}, {twin, raise, [throw, t]}]]}, {rpc, pmap, [{erlang, '-'}, [1], [5, 6]]}]},
     {"pinfo", [{rpc, pinfo, [server(T), status]}, {rpc, call, [A, erlang, node, []]}]}].

erpc_cases(T) ->
    At = fun(Args) -> [T | tl(Args)] end,
    [{io_lib:format("erpc ~0p", [tl(C)]), [{outward, erpc_call, At(C) ++ [infinity]}, {outward, erpc_call, At(C) ++ [5000]}, {erpc, call, At(C)},
        {outward, erpc_send_request, At(C)}, {outward, erpc_receive_response, [{'$', 4}, 5000]}, {outward, erpc_send_request, At(C)}, {outward, erpc_wait_response, [{'$', 6}, 5000]},
        {outward, erpc_send_request, At(C)}, {next, 5000}, {outward, erpc_check_response, [{'$', 9}, {'$', 8}]},
        {outward, erpc_multicall, [[T, 'nowhere@localhost', T] | tl(C)] ++ [5000]}, {erpc, multicall, [[T] | tl(C)]}]} || C <- calls()] ++
    [{"erpc to nowhere", [{outward, erpc_call, ['nowhere@localhost', a, b, [], infinity]}, {outward, erpc_call, [nonode, a, b, [], 500]}, {outward, erpc_send_request, ['nowhere@localhost', a, b, []]}, {outward, erpc_receive_response, [{'$', 3}, infinity]},
        {outward, erpc_cast, ['nowhere@localhost', a, b, []]}, {next, 50}]},
     {"erpc that takes too long", [{outward, erpc_call, [T, timer, sleep, [300], 30]}, {outward, erpc_send_request, [T, timer, sleep, [300]]}, {outward, erpc_receive_response, [{'$', 2}, 30]},
        {outward, erpc_send_request, [T, timer, sleep, [100]]}, {outward, erpc_wait_response, [{'$', 4}, 0]}, {outward, erpc_wait_response, [{'$', 4}, 5000]}, {outward, erpc_multicall, [[T], timer, sleep, [300], 30]}, {next, 400}]},
     {"erpc with bad arguments", [{erpc, call, [T, 1, b, []]}, {erpc, call, [T, a, b, c]}, {erpc, call, ["x", a, b, []]}, {erpc, call, [T, a, b, [], foo]}, {erpc, multicall, [foo, a, b, []]}, {erpc, multicall, [[1], a, b, []]}, {erpc, cast, [1, a, b, []]},
        {erpc, receive_response, [x]}, {erpc, wait_response, [x]}, {erpc, check_response, [x, y]}, {erpc, multicast, [[1], a, b, []]}]},
     {"erpc casts", [{erlang, self, []}, {outward, erpc_cast, [T, erlang, send, [{'$', 1}, cast_there]]}, {next, 5000}, {outward, erpc_multicast, [[T, T], erlang, send, [{'$', 1}, both]]}, {next, 5000}, {next, 5000}]},
     {"erpc killed", [{outward, erpc_call, [T, erlang, apply, [outward_none, f, []], 5000]}, {erlang, self, []}, {outward, erpc_send_request, [T, twin, bystander, [{'$', 2}]]}, {next, 5000}, {outward, end_it, [{'$', 4, 1}, kill]}, {outward, erpc_receive_response, [{'$', 3}, 5000]}]},
     {"erpc collections", [{erpc, reqids_new, []}, {erpc, send_request, [T, twin, give, [v], one, {'$', 1}]}, {erpc, reqids_size, [{'$', 2}]}, {erpc, receive_response, [{'$', 2}, 5000, true]}, {erpc, receive_response, [{'$', 4, 3}, 5000, true]},
        {erpc, send_request, [T, twin, raise, [error, x], two, {'$', 1}]}, {erpc, wait_response, [{'$', 6}, 5000, true]}, {erpc, send_request, [T, timer, sleep, [300], three, {'$', 1}]}, {erpc, wait_response, [{'$', 8}, 0, true]},
        {erpc, check_response, [x, {'$', 8}, true]}, {erpc, receive_response, [{'$', 8}, 20, true]}, {erpc, reqids_to_list, [{'$', 8}]}]}].

spawn_cases(T) ->
    Self = {erlang, self, []}, Trap = {erlang, process_flag, [trap_exit, true]},
    [{"spawn", [Self, {outward, spawn_at, [T, twin, bystander, [{'$', 1}]]}, {next, 5000}, {erlang, spawn, [T, twin, bystander, [{'$', 1}]]}, {next, 5000}]},
     {"spawn_link", [Self, Trap, {outward, spawn_link_at, [T, erlang, exit, [bye]]}, {next, 5000}, {erlang, spawn_link, [T, erlang, exit, [normal]]}, {next, 5000}]},
     {"spawn_monitor", [Self, {outward, spawn_monitor_at, [T, erlang, exit, [bye]]}, {next, 5000}, {erlang, spawn_monitor, [T, no_module, f, []]}, {next, 5000}]},
     {"spawn_opt", [Self, Trap, {erlang, spawn_opt, [T, erlang, exit, [bye], [link, monitor]]}, {sorted, 2, 5000}, {erlang, spawn_opt, [T, erlang, exit, [bye], [{monitor, [{tag, mytag}]}]]}, {next, 5000}, {erlang, spawn_opt, [T, erlang, exit, [bye], [nonsense]]},
        {erlang, spawn_opt, [T, erlang, exit, [bye], [{priority, low}]]}, {erlang, spawn_opt, [T, erlang, exit, [bye], foo]}]},
     {"spawn nowhere", [Trap, {outward, spawn_at, ['nowhere@localhost', a, b, []]}, {erlang, spawn_link, ['nowhere@localhost', a, b, []]}, {next, 5000}, {erlang, spawn_monitor, ['nowhere@localhost', a, b, []]}, {next, 5000}]},
     {"spawn with bad arguments", [{erlang, spawn, [T, 1, b, []]}, {erlang, spawn, [T, a, b, c]}, {erlang, spawn, [1, a, b, []]}, {erlang, spawn_link, [T, a, b, [c | d]]}]},
     {"spawn_request", [Self, {outward, request, [T, twin, bystander, [{'$', 1}], []]}, {next, 5000}, {next, 5000}]},
     {"spawn_request linked and monitored", [Self, Trap, {outward, request, [T, erlang, exit, [bye], [link, monitor]]}, {next, 5000}, {sorted, 2, 5000}]},
     {"spawn_request tags", [Self, {outward, request, [T, erlang, exit, [bye], [{reply_tag, myreply}, {monitor, [{tag, mydown}]}]]}, {next, 5000}, {next, 5000}]},
     {"spawn_request replies", [{outward, request, [T, erlang, exit, [bye], [{reply, no}]]}, {next, 100}, {outward, request, [T, erlang, exit, [bye], [{reply, error_only}, monitor]]}, {next, 5000}, {outward, request, ['nowhere@localhost', a, b, [], [{reply, error_only}]]}, {next, 5000},
        {outward, request, ['nowhere@localhost', a, b, [], [{reply, success_only}]]}, {next, 100}, {outward, request, [T, erlang, exit, [bye], [{reply, success_only}]]}, {next, 5000}]},
     {"spawn_request badly", [{erlang, spawn_request, [T, a, b, [], foo]}, {erlang, spawn_request, [T, a, b, [], [nonsense]]}, {next, 5000}, {erlang, spawn_request, [1, a, b, [], []]}, {erlang, spawn_request_abandon, [x]}, {erlang, spawn_request, [T, a, b, [], [{reply, foo}]]}, {next, 100}]},
     {"spawn_request abandoned", [Self, {outward, request, [T, erlang, send, [{'$', 1}, ran], [monitor]]}, {outward, abandon, [{'$', 2}]}, {outward, abandon, [{'$', 2}]}, {take, ran, 100}, {next, 100}]},
     {"spawn_request with alias", [Self, {outward, request, [T, twin, echo, [], [{monitor, [{alias, explicit_unalias}]}]]}, {next, 5000}, {rpc, call, [T, erlang, send, [{'$', 2}, by_alias]]}, {next, 5000}, {outward, end_it, [{'$', 3, 4}, kill]}, {next, 5000}]}].

monitor_cases(T) ->
    Trap = {erlang, process_flag, [trap_exit, true]},
    Name = list_to_atom("watched_by_" ++ atom_to_list(persistent_term:get(asker))),
    [{"monitor", fresh(T, fun(P) -> [{outward, watch, [P]}, {gen_server, stop, [P]}, {next, 5000}] end)},
     {"monitor by name", fun() -> named(T, Name) end, [{outward, watch, [{Name, T}]}, {gen_server, stop, [{Name, T}]}, {next, 5000}]},
     {"monitor nobody", [{outward, watch, [{nosuch, T}]}, {next, 5000}, {outward, watch, [{x, 'nowhere@localhost'}]}, {next, 5000}, {outward, watch, [nosuch]}, {next, 5000}, {erlang, monitor, [process, {1, T}]}, {erlang, monitor, [foo, self()]}]},
     {"monitor a dead process", dead(T, fun(D) -> [{outward, watch, [D]}, {next, 5000}] end)},
     {"monitor with a tag", fresh(T, fun(P) -> [{outward, watch, [P, [{tag, gone}]]}, {outward, end_it, [P, kill]}, {next, 5000}, {erlang, monitor, [process, P, [{tag}]]}, {erlang, monitor, [process, P, foo]}] end)},
     {"monitor with an alias", fresh(T, fun(P) -> [{outward, watch, [P, [{alias, reply_demonitor}]]}, {rpc, call, [T, erlang, send, [{'$', 1}, first]]}, {next, 5000}, {rpc, call, [T, erlang, send, [{'$', 1}, second]]}, {outward, end_it, [P, kill]}, {next, 100}] end)},
     {"demonitor", fresh(T, fun(P) -> [{outward, watch, [P]}, {outward, unwatch, [{'$', 1}]}, {outward, unwatch, [{'$', 1}]}, {outward, end_it, [P, kill]}, {next, 100}, {erlang, demonitor, [{'$', 1}, [info]]}, {erlang, demonitor, [{'$', 1}, [foo]]}, {erlang, demonitor, [x]}] end)},
     {"demonitor with flush", dead(T, fun(D) -> [{outward, watch, [D]}, {timer, sleep, [500]}, {erlang, demonitor, [{'$', 1}, [flush, info]]}, {next, 50}, {outward, watch, [D]}, {timer, sleep, [500]}, {erlang, demonitor, [{'$', 5}, [info]]}, {next, 50}] end)},
     {"alias", [{outward, new_alias, [[]]}, {rpc, call, [T, erlang, send, [{'$', 1}, one]]}, {next, 5000}, {rpc, call, [T, erlang, send, [{'$', 1}, two]]}, {next, 5000}, {erlang, unalias, [{'$', 1}]}, {erlang, unalias, [{'$', 1}]}, {rpc, call, [T, erlang, send, [{'$', 1}, three]]}, {next, 100}]},
     {"alias for one reply", [{outward, new_alias, [[reply]]}, {rpc, call, [T, erlang, send, [{'$', 1}, one]]}, {next, 5000}, {rpc, call, [T, erlang, send, [{'$', 1}, two]]}, {next, 100}, {erlang, alias, [[foo]]}]},
     {"link", fresh(T, fun(P) -> [Trap, {erlang, link, [P]}, {outward, end_it, [P, why]}, {next, 5000}] end)},
     {"link a dead process", dead(T, fun(D) -> [Trap, {erlang, link, [D]}, {next, 5000}] end)},
     {"unlink", fresh(T, fun(P) -> [Trap, {erlang, link, [P]}, {erlang, unlink, [P]}, {outward, end_it, [P, kill]}, {next, 100}, {erlang, link, [x]}] end)},
     {"exit of another", fresh(T, fun(P) -> [{outward, watch, [P]}, {outward, end_it, [P, {a, term}]}, {next, 5000}, {erlang, exit, [x, y]}] end)},
     {"exit normal", fresh(T, fun(P) -> [{outward, watch, [P]}, {outward, end_it, [P, normal]}, {next, 100}] end)}].

send_cases(T) ->
    %% Nodes of their own for each target: while another case's attempt to connect is under way, the answers are others.
    P = server(T), [Nowhere, Never] = [list_to_atom(Name ++ atom_to_list(T)) || Name <- ["nowhere_for_", "never_for_"]],
    [{"send", [{erlang, send, [P, {note, sent}]}, {outward, send_with, [P, {note, sent}, []]}, {outward, send_with, [P, x, [noconnect]]}, {outward, send_with, [P, x, [nosuspend]]}, {outward, send_with, [{nosuch, T}, x, [noconnect, nosuspend]]},
        {outward, send_with, [{nosuch, Nowhere}, x, [noconnect]]}, {outward, send_with, [{nosuch, Nowhere}, x, []]}, {outward, send_with, [nosuch, x, []]}, {outward, send_with, [P, x, [foo]]}, {outward, send_with, [1, x, []]},
        {erlang, send_nosuspend, [P, x]}, {erlang, send_nosuspend, [{x, Never}, x, [noconnect]]}, {erlang, send, [1, x]}, {erlang, send, [{1, T}, x]}, {erlang, send, [nosuch, x]}]},
     {"send_after", [{outward, later, [10, P, x]}, {outward, later, [10, {x, T}, x]}, {outward, later, [-1, x, y]}, {erlang, send_after, [10, P, x]}, {erlang, start_timer, [10, P, x]}]},
     {"timers here", [{erlang, self, []}, {outward, later, [10, {'$', 1}, x]}, {next, 5000}, {outward, timer, [10, {'$', 1}, y]}, {next, 5000}, {outward, timer_left, [{'$', 4}]}, {outward, later, [100000, {'$', 1}, x]}, {erlang, cancel_timer, [{'$', 7}, [{info, false}]]}, {erlang, cancel_timer, [{'$', 7}]},
        {erlang, send_after, [0, nosuch, x]}, {erlang, cancel_timer, [x]}, {erlang, send_after, [10, {'$', 1}, z, [{abs, false}]]}, {next, 5000}, {erlang, send_after, [10, {'$', 1}, z, [foo]]}]}].

node_cases(T) ->
    [{"monitor_node", [{outward, watch_node, [T, true]}, {outward, watch_node, [T, false]}, {outward, watch_node, ['nowhere@localhost', true]}, {next, 5000}, {erlang, monitor_node, [1, true]}, {erlang, monitor_node, [T, foo]}, {erlang, monitor_node, [T, true, [foo]]}]},
     {"connect", [{outward, connect, [T]}, {outward, connect, ['nowhere@localhost']}, {outward, ping_node, [T]}, {outward, ping_node, ['nowhere@localhost']}, {erlang, node, []}]},
     {"nodes", [{lists, member, [T, []]}, {erlang, nodes, [foo]}, {erlang, nodes, [[this]]}, {erlang, nodes, [this, #{node_type => true}]}, {erlang, nodes, [foo, #{}]}, {erlang, nodes, [this, foo]}]}].

%% Asked when nobody else makes or loses connections.
alone(A, T) ->
    Down = {about, nodedown, T, 5000}, Up = {about, nodeup, T, 5000}, None = {about, nodedown, T, 50},
    [one(T, {"disconnect with monitors", [{outward, connect, [T]}, {outward, watch_node, [T, true]}, {outward, watch_node, [T, true]}, {outward, watch_nodes, [true, []]}, {erlang, disconnect_node, [T]}, Down, Down, Down, None, {outward, connect, [T]}, Up,
        {outward, watch_nodes, [false, []]}, {erlang, disconnect_node, [T]}, None, {outward, connect, [T]}]}),
     one(T, {"node monitors with options", [{outward, watch_nodes, [true, [{node_type, all}, nodedown_reason]]}, {erlang, disconnect_node, [T]}, Down, {outward, connect, [T]}, Up, {outward, watch_nodes, [true, [foo]]}, {net_kernel, monitor_nodes, [foo]}]}),
     one(T, {"monitors of a disconnected node", fresh(T, fun(P) -> [{erlang, process_flag, [trap_exit, true]}, {outward, watch, [P]}, {outward, watch, [{rex, T}]}, {erlang, link, [P]}, {erlang, disconnect_node, [T]}, {sorted, 3, 5000}, {outward, connect, [T]}] end)}),
     one(A, {"this node", [{outward, node_list, [this]}]})].

%% Everything that can be under way is, then the node is killed.
dying(A, V, OsPid) ->
    pong = net_adm:ping(V),
    true = rpc:call(A, net_kernel, connect_node, [V]),
    P = server(V), Q = server(V), Self = self(), Call = [P, defer],
    G = {dying, A, V}, yes = rpc:call(V, global, register_name, [G, P]),
    wait_until(fun() -> rpc:call(A, global, whereis_name, [G]) =:= P end),
    named(V, victim),
    Ready = {erlang, send, [Self, ready]}, Wait = {next, 20000},
    Cases =
        [{"call", [Ready, {outward, call, Call ++ [infinity]}]}, {"call by name", [Ready, {outward, call, [{victim, V}, defer, infinity]}]}, {"builtin call", [Ready, {gen_server, call, Call ++ [infinity]}]},
         {"call by global name", [Ready, {outward, call, [{global, G}, defer, infinity]}]}, {"builtin call by global name", [Ready, {gen_server, call, [{global, G}, defer, infinity]}]}, {"call via", [Ready, {outward, call, [{via, outward, {pid, P}}, defer, infinity]}]},
         {"send_request", [{outward, send_request, Call}, Ready, {outward, receive_response, [{'$', 1}, infinity]}]},
         {"multi_call", [Ready, {outward, multi_call, [[V], victim, defer, infinity]}]},
         {"rpc", [Ready, {outward, rpc_call, [V, timer, sleep, [60000], infinity]}]}, {"rpc in time", [Ready, {outward, rpc_call, [V, timer, sleep, [60000], 60000]}]}, {"block_call", [Ready, {outward, rpc_block_call, [V, timer, sleep, [60000], infinity]}]},
         {"erpc", [Ready, {outward, erpc_call, [V, timer, sleep, [60000], infinity]}]}, {"multicall", [{outward, rpc_multicall, [[V, A], timer, sleep, [100], infinity]}, Ready, {outward, rpc_multicall, [[V], timer, sleep, [60000], infinity]}]},
         {"erpc multicall", [Ready, {outward, erpc_multicall, [[V], timer, sleep, [60000], infinity]}]}, {"erpc request", [{outward, erpc_send_request, [V, timer, sleep, [60000]]}, Ready, {outward, erpc_receive_response, [{'$', 1}, infinity]}]},
         {"async_call", [{outward, async_call, [V, timer, sleep, [60000]]}, Ready, {outward, yield, [{'$', 1}]}]},
         {"monitors", [{outward, watch, [P]}, {outward, watch, [{victim, V}]}, {outward, watch, [P, [{tag, gone}, {alias, demonitor}]]}, Ready, {sorted, 3, 20000}]},
         {"link", [{erlang, process_flag, [trap_exit, true]}, {erlang, link, [Q]}, Ready, Wait]},
         {"link without trap", [{erlang, link, [Q]}, Ready, Wait]},
         {"spawned", [{erlang, process_flag, [trap_exit, true]}, {outward, spawn_link_at, [V, timer, sleep, [60000]]}, Ready, Wait]},
         {"spawned and monitored", [{outward, spawn_monitor_at, [V, timer, sleep, [60000]]}, Ready, Wait]},
         {"monitor_node", [{outward, watch_node, [V, true]}, {outward, watch_node, [V, true]}, Ready, Wait, Wait]},
         {"monitor_nodes", [{outward, watch_nodes, [true, [nodedown_reason]]}, Ready, {about, nodedown, V, 20000}]},
         {"stop", [Ready, {outward, stop, [{twin_none, V}, normal, infinity]}, {timer, sleep, [1]}]}],
    Running = [{Name, erpc:send_request(A, outward, run, [Steps])} || {Name, Steps} <- Cases],
    [receive ready -> ok after 20000 -> error(not_ready) end || _ <- Cases],
    %% The calls are on their way; rex there answers behind them.
    rpc:call(V, erlang, node, []), rpc:call(A, erpc, call, [V, erlang, node, []]),
    wait_until(fun() -> length([x || X <- rpc:call(V, erlang, processes, []), rpc:call(V, erlang, process_info, [X, current_function]) =/= undefined]) > 0 end),
    wait_until(fun() -> case gen_server:call(P, state) of {_, {_, _}} -> true; _ -> false end end),
    timer:sleep(300),
    os:cmd("kill -9 " ++ OsPid),
    [line(V, ["dying: ", Name], try erpc:receive_response(R, 30000) catch C:E -> {C, E} end) || {Name, R} <- Running] ++
    [one(V, {"after it died", [{outward, call, [P, x]}, {outward, call, [{victim, V}, x]}, {outward, call, [{global, G}, x]}, {outward, cast, [P, x]}, {outward, watch, [P]}, {next, 5000}, {outward, rpc_call, [V, a, b, [], infinity]},
        {erlang, process_flag, [trap_exit, true]}, {erlang, link, [P]}, {next, 5000}, {erlang, send, [P, x]}, {outward, watch_node, [V, true]}, {next, 5000}]})].

wait_until(F) -> wait_until(F, 200).
wait_until(_, 0) -> error(never);
wait_until(F, N) -> case F() of true -> ok; _ -> timer:sleep(50), wait_until(F, N - 1) end.

%% ---- made alike
role(N) ->
    case {persistent_term:get(asker), get(target)} of
        {_, N} -> target(N);
        {N, _} -> 'ASKER';
        _ when N =:= node() -> 'DRIVER';
        _ -> N
    end.
%% A victim has the name of its asker in it.
target(N) -> case N =:= persistent_term:get(asker) of true -> 'ASKER'; false -> list_to_atom(re:replace(atom_to_list(N), "_of_[a-z]+@", "@", [{return, list}])) end.

tidy_name(S) -> put(target, none), [erase(K) || {{seen, _} = K, _} <- get()], put(count, 0), tidy(S).
number(X) ->
    case get({seen, X}) of
        undefined -> I = get(count) + 1, put(count, I), put({seen, X}, I), I;
        I -> I
    end.
tidy(P) when is_pid(P) -> {pid, role(node(P)), number(P)};
tidy(R) when is_reference(R) -> {ref, number(R)};
tidy(F) when is_function(F) -> a_fun;
tidy([{M, F, _, L} | _]) when is_atom(M), is_atom(F), is_list(L) -> {stack, M, F};
tidy({set, L}) -> {set, lists:sort([tidy(X) || X <- lists:sort(fun(X, Y) -> plain(X) =< plain(Y) end, L)])};
tidy(T) when is_tuple(T) -> list_to_tuple(tidy(tuple_to_list(T)));
tidy([H | T]) -> [tidy(H) | tidy(T)];
tidy(M) when is_map(M) -> maps:from_list([{tidy(K), tidy(V)} || {K, V} <- lists:sort(fun(X, Y) -> plain(X) =< plain(Y) end, maps:to_list(M))]);
tidy(A) when is_atom(A) ->
    S = atom_to_list(A), Asker = atom_to_list(persistent_term:get(asker)),
    case {lists:member($@, S), string:split(S, Asker)} of
        {_, [Before, After]} when Before =/= ""; After =/= "" -> list_to_atom(Before ++ "ASKER" ++ After);
        {true, _} -> role(A);
        _ -> A
    end;
tidy(X) -> X.
%% For an order that does not depend on whose pids and references they are.
plain(P) when is_pid(P) -> pid;
plain(R) when is_reference(R) -> ref;
plain(T) when is_tuple(T) -> list_to_tuple(plain(tuple_to_list(T)));
plain([H | T]) -> [plain(H) | plain(T)];
plain(X) -> X.
