%% Usage: differ:run(Node). Asks a node the same of every kind of gen_server, process and system message, and prints one line per case, with pids, references, line
%% numbers and the node's name made alike. Two nodes that behave alike print alike.
-module(differ).
-export([run/1, run/2, observe/2, ext_replace/1, dbg_count/3, dbg_done/3, dbg_bad/3]).

run(Node) -> run(Node, all).
%% The groups run beside each other; what they found is printed in their order.
run(Node, Only) ->
    true = net_kernel:connect_node(Node),
    logger:set_primary_config(level, none),
    persistent_term:put(node, Node),
    Groups = [{Group, [C || {Name, _} = C <- Cases, Only =:= all orelse Only =:= Group orelse Only =:= Name]} || {Group, Cases} <- groups()],
    alike:beside([fun() -> [one(Group, Name, F) || {Name, F} <- Cases] end || {Group, Cases} <- Groups]).

groups() ->
    [{start, start_cases()}, {call, call_cases()}, {cast, cast_cases()}, {info, info_cases()}, {terminate, terminate_cases()},
     {reply, reply_cases()}, {names, name_cases()}, {sys, sys_cases()}, {debug, debug_cases()}, {status, status_cases()},
     {spawn, spawn_cases()}, {rpc, rpc_cases()}, {info_items, info_item_cases()}, {supervisor, supervisor_cases()}, {bare, bare_cases()}].

one(Group, Name, F) ->
    Node = persistent_term:get(node),
    {Got, Out} = alike:under_leader(fun() -> F(Node) end, 15000),
    Printed = case Out of [] -> []; _ -> [" printing ", io_lib:format("~0p", [alike:tidy(#{node => Node}, Out)])] end,
    io_lib:format("~s ~s: ~0p~ts~n", [Group, Name, alike:tidy(#{node => Node}, Got), Printed]).

next() -> next(3000).
next(Ms) -> receive M -> M after Ms -> nothing end.
all() -> alike:all(150).
start(N, Arg) -> start(N, twin, Arg).
start(N, Mod, Arg) -> rpc:call(N, gen_server, start, [Mod, Arg, []]).
server(N) -> server(N, data).
server(N, Data) -> {ok, P} = start(N, {return, {ok, {self(), Data}}}), P.
%% How it ended, and what it told us.
ends(P, F) ->
    R = monitor(process, P),
    Got = (catch F()),
    receive {'DOWN', R, process, P, Why} -> {Got, Why, all()} after 2000 -> {Got, alive, all()} end.
attempt(F) -> alike:attempt(F).
call(P, M) -> attempt(fun() -> gen_server:call(P, M, 2000) end).

start_cases() ->
    S = fun(N) -> {self(), N} end,
    Rets = [{ok, fun(N) -> {ok, S(N)} end}, {ok_timeout, fun(N) -> {ok, S(N), 20} end}, {ok_timeout_0, fun(N) -> {ok, S(N), 0} end},
            {ok_infinity, fun(N) -> {ok, S(N), infinity} end}, {ok_hibernate, fun(N) -> {ok, S(N), hibernate} end},
            {ok_continue, fun(N) -> {ok, S(N), {continue, {note, x}}} end}, {ok_continue_bad, fun(N) -> {ok, S(N), {continue, none}} end},
            {ok_bad_timeout, fun(N) -> {ok, S(N), -1} end}, {ok_bad_timeout_atom, fun(N) -> {ok, S(N), soon} end},
            {ok_float, fun(N) -> {ok, S(N), 1.0} end}, {ok_huge, fun(N) -> {ok, S(N), 1 bsl 40} end},
            {ignore, fun(_) -> ignore end}, {stop, fun(_) -> {stop, why} end}, {stop_normal, fun(_) -> {stop, normal} end},
            {stop_shutdown, fun(_) -> {stop, {shutdown, x}} end},
            {bad, fun(_) -> foo end}, {bad_tuple, fun(_) -> {ok} end}, {bad_many, fun(_) -> {ok, 1, 2, 3} end}, {stop_one, fun(_) -> {stop} end}],
    [{"init " ++ atom_to_list(K), fun(N) -> R = start(N, {return, F(N)}), {R, all()} end} || {K, F} <- Rets] ++
    [{"start_link init " ++ atom_to_list(K), fun(N) -> process_flag(trap_exit, true), R = rpc:call(N, gen_server, start_link, [twin, {return, F(N)}, []]), {R, all()} end} || {K, F} <- Rets, not lists:member(K, [ok_continue_bad, stop_normal, stop_shutdown])] ++
    [{"init raises " ++ atom_to_list(C), fun(N) -> {start(N, {raise, C, why}), all()} end} || C <- [error, exit, throw]] ++
    [{"init throws ok", fun(N) -> {start(N, {raise, throw, {ok, {self(), thrown}}}), all()} end},
     {"init exits normal", fun(N) -> {start(N, {raise, exit, normal}), all()} end},
     {"init function_clause", fun(N) -> {start(N, nonsense), all()} end},
     {"init of no module", fun(N) -> {start(N, no_such_module, x), all()} end},
     {"start by the module", fun(N) -> rpc:call(N, twin, start, [{return, {ok, 1}}]) end},
     {"start with timeout", fun(N) -> rpc:call(N, gen_server, start, [twin, {return, {ok, 1}}, [{timeout, 500}]]) end},
     {"start with spawn_opt", fun(N) -> rpc:call(N, gen_server, start, [twin, {return, {ok, 1}}, [{spawn_opt, [{priority, high}, {fullsweep_after, 10}]}]]) end},
     {"start with bad option", fun(N) -> rpc:call(N, gen_server, start, [twin, {return, {ok, 1}}, [{foo, 500}]]) end},
     {"start hibernate_after", fun(N) -> {ok, P} = rpc:call(N, gen_server, start, [twin, {return, {ok, 1}}, [{hibernate_after, 30}]]), timer:sleep(120), {rpc:call(N, erlang, process_info, [P, current_function]), call(P, state)} end},
     {"start_monitor", fun(N) -> element(1, rpc:call(N, gen_server, start_monitor, [twin, {return, {ok, 1}}, []])) end},
     {"start_monitor stop", fun(N) -> rpc:call(N, gen_server, start_monitor, [twin, {return, {stop, x}}, []]) end},
     {"spawn_link from here by proc_lib", fun(N) -> process_flag(trap_exit, true), {rpc:call(N, proc_lib, start_link, [twin, raise, [error, x]]), all()} end},
     {"init prints", fun(N) -> start(N, {print, <<"printed in init">>, {ok, 1}}) end},
     {"hibernated", fun(N) -> {ok, P} = start(N, {return, {ok, 1, hibernate}}), timer:sleep(50), {rpc:call(N, erlang, process_info, [P, current_function]), call(P, state), rpc:call(N, erlang, process_info, [P, current_function])} end},
     {"idle", fun(N) -> P = server(N), timer:sleep(30), rpc:call(N, erlang, process_info, [P, current_function]) end},
     {"elixir start", fun(N) -> {rpc:call(N, 'Elixir.GenServer', start, [twin, {return, {ok, 1}}]), rpc:call(N, 'Elixir.GenServer', start, [twin, {return, {ok, 1}}, []]), rpc:call(N, 'Elixir.GenServer', start, [twin, {return, {ok, 1}}, [{name, a_name}]]), rpc:call(N, 'Elixir.GenServer', start, [twin, {return, {ok, 1}}, [{name, a_name}]]), rpc:call(N, 'Elixir.GenServer', whereis, [a_name]), rpc:call(N, 'Elixir.GenServer', stop, [a_name]), rpc:call(N, 'Elixir.GenServer', whereis, [a_name])} end}].

call_cases() ->
    S = fun() -> {self(), new} end,
    Rets = [{reply, fun() -> {reply, r, S()} end}, {reply_timeout, fun() -> {reply, r, S(), 20} end}, {reply_timeout_0, fun() -> {reply, r, S(), 0} end},
            {reply_infinity, fun() -> {reply, r, S(), infinity} end}, {reply_hibernate, fun() -> {reply, r, S(), hibernate} end},
            {reply_continue, fun() -> {reply, r, S(), {continue, {note, c}}} end},
            {reply_continue_stop, fun() -> {reply, r, S(), {continue, {return, {stop, enough, S()}}}} end},
            {reply_continue_stop_normal, fun() -> {reply, r, S(), {continue, {return, {stop, normal, S()}}}} end},
            {reply_continue_continue, fun() -> {reply, r, S(), {continue, {note_and, 1, {noreply, S(), {continue, {note_and, 2, {noreply, S(), 10}}}}}}} end},
            {reply_continue_bad, fun() -> {reply, r, S(), {continue, {return, hm}}} end},
            {reply_continue_reply, fun() -> {reply, r, S(), {continue, {return, {reply, x, S()}}}} end},
            {reply_continue_error, fun() -> {reply, r, S(), {continue, {raise, error, x}}} end},
            {reply_continue_exit, fun() -> {reply, r, S(), {continue, {raise, exit, x}}} end},
            {reply_continue_throw, fun() -> {reply, r, S(), {continue, {raise, throw, {noreply, S()}}}} end},
            {reply_bad_timeout, fun() -> {reply, r, S(), -1} end}, {reply_bad_atom, fun() -> {reply, r, S(), soon} end},
            {reply_bad_continue, fun() -> {reply, r, S(), {go_on, x}} end},
            {noreply, fun() -> {noreply, S()} end}, {noreply_continue, fun() -> {noreply, S(), {continue, {note, c}}} end},
            {stop_reply, fun() -> {stop, normal, r, S()} end}, {stop_reply_why, fun() -> {stop, why, r, S()} end},
            {stop, fun() -> {stop, why, S()} end}, {stop_normal, fun() -> {stop, normal, S()} end},
            {stop_shutdown, fun() -> {stop, {shutdown, x}, S()} end}, {stop_two, fun() -> {stop, why} end},
            {ok, fun() -> {ok, S()} end}, {bad, fun() -> nonsense end}, {bad_list, fun() -> [] end}, {bad_six, fun() -> {reply, 1, 2, 3, 4} end}],
    [{"handle_call " ++ atom_to_list(K), fun(N) -> P = server(N), M = {return, F()}, ends(P, fun() -> gen_server:call(P, M, 300) end) end} || {K, F} <- Rets] ++
    [{"handle_call raises " ++ atom_to_list(C), fun(N) -> P = server(N), ends(P, fun() -> gen_server:call(P, {raise, C, why}, 500) end) end} || C <- [error, exit, throw]] ++
    [{"handle_call throws a reply", fun(N) -> P = server(N), S0 = S(), {ends(P, fun() -> gen_server:call(P, {raise, throw, {reply, x, S0}}, 500) end), catch gen_server:call(P, state)} end},
     {"handle_call exits normal", fun(N) -> P = server(N), ends(P, fun() -> gen_server:call(P, {raise, exit, normal}, 500) end) end},
     {"handle_call exits shutdown", fun(N) -> P = server(N), ends(P, fun() -> gen_server:call(P, {raise, exit, shutdown}, 500) end) end},
     {"handle_call function_clause", fun(N) -> P = server(N), ends(P, fun() -> gen_server:call(P, what, 500) end) end},
     {"handle_call badarg", fun(N) -> P = server(N), ends(P, fun() -> gen_server:call(P, {apply, erlang, atom_to_list, [1]}, 500) end) end},
     {"handle_call undef", fun(N) -> P = server(N), ends(P, fun() -> gen_server:call(P, {apply, nomod, nofun, [1]}, 500) end) end},
     {"handle_call undef of a module", fun(N) -> P = server(N), ends(P, fun() -> gen_server:call(P, {apply, twin, nofun, [1, 2]}, 500) end) end},
     {"handle_call applies", fun(N) -> P = server(N), call(P, {apply, erlang, node, []}) end},
     {"handle_call calls itself", fun(N) -> P = server(N), ends(P, fun() -> gen_server:call(P, {apply, gen_server, call, [P, x]}, 500) end) end},
     {"handle_call calls another", fun(N) -> P = server(N), P2 = server(N), call(P, {apply, gen_server, call, [P2, state]}) end},
     {"handle_call calls a dead one", fun(N) -> P = server(N), P2 = server(N), exit(P2, kill), timer:sleep(20), ends(P, fun() -> gen_server:call(P, {apply, gen_server, call, [P2, state]}, 500) end) end},
     {"handle_call calls noname", fun(N) -> P = server(N), ends(P, fun() -> gen_server:call(P, {apply, gen_server, call, [noname, state]}, 500) end) end},
     {"call times out", fun(N) -> P = server(N), ends(P, fun() -> gen_server:call(P, {apply, timer, sleep, [400]}, 50) end) end},
     {"call answers late", fun(N) -> P = server(N), {call(P, {early, x}), catch gen_server:call(P, {apply, timer, sleep, [200]}, 50), timer:sleep(300), all()} end},
     {"call with timeout of nothing", fun(N) -> P = server(N), attempt(fun() -> gen_server:call(P, state, soon) end) end},
     {"100 calls", fun(N) -> P = server(N), lists:usort([call(P, {early, I}) =:= I || I <- lists:seq(1, 100)]) end},
     {"call raw tag", fun(N) -> P = server(N), P ! {'$gen_call', {self(), tag}, {early, hi}}, all() end},
     {"call raw alias", fun(N) -> P = server(N), R = alias(), P ! {'$gen_call', {self(), [alias | R]}, {early, hi}}, all() end},
     {"call raw list of alias", fun(N) -> P = server(N), R = alias(), P ! {'$gen_call', {self(), [[alias | R] | 12]}, {return, {reply, hi, {self(), x}}}}, all() end},
     {"call raw dead alias", fun(N) -> P = server(N), R = alias(), unalias(R), P ! {'$gen_call', {self(), [alias | R]}, {early, hi}}, all() end},
     {"call raw stop", fun(N) -> P = server(N), ends(P, fun() -> P ! {'$gen_call', {self(), tag}, {return, {stop, why, hi, {self(), x}}}} end) end}].

cast_cases() ->
    S = fun() -> {self(), new} end,
    Rets = [{noreply, fun() -> {noreply, S()} end}, {timeout, fun() -> {noreply, S(), 20} end}, {timeout_0, fun() -> {noreply, S(), 0} end},
            {hibernate, fun() -> {noreply, S(), hibernate} end}, {continue, fun() -> {noreply, S(), {continue, {note, c}}} end},
            {stop, fun() -> {stop, why, S()} end}, {stop_normal, fun() -> {stop, normal, S()} end}, {stop_shutdown, fun() -> {stop, shutdown, S()} end},
            {stop_reply, fun() -> {stop, why, r, S()} end}, {reply, fun() -> {reply, r, S()} end}, {ok, fun() -> {ok, S()} end},
            {bad, fun() -> bad end}, {bad_timeout, fun() -> {noreply, S(), soon} end}, {bad_continue, fun() -> {noreply, S(), {continue}} end}],
    [{"handle_cast " ++ atom_to_list(K), fun(N) -> P = server(N), M = {return, F()}, ends(P, fun() -> gen_server:cast(P, M), timer:sleep(50), catch gen_server:call(P, state, 500) end) end} || {K, F} <- Rets] ++
    [{"handle_cast raises " ++ atom_to_list(C), fun(N) -> P = server(N), ends(P, fun() -> gen_server:cast(P, {raise, C, why}) end) end} || C <- [error, exit, throw]] ++
    [{"handle_cast throws noreply", fun(N) -> P = server(N), S0 = S(), ends(P, fun() -> gen_server:cast(P, {raise, throw, {noreply, S0}}), gen_server:call(P, state) end) end},
     {"handle_cast throws stop", fun(N) -> P = server(N), S0 = S(), ends(P, fun() -> gen_server:cast(P, {raise, throw, {stop, thrown, S0}}) end) end},
     {"handle_cast function_clause", fun(N) -> P = server(N), ends(P, fun() -> gen_server:cast(P, what) end) end},
     {"cast to a dead one", fun(N) -> P = server(N), exit(P, kill), gen_server:cast(P, x) end},
     {"cast by name", fun(N) -> gen_server:cast({noname, N}, x) end},
     {"order of casts", fun(N) -> P = server(N), [gen_server:cast(P, {note, I}) || I <- lists:seq(1, 20)], call(P, state), all() end}].

info_cases() ->
    S = fun() -> {self(), new} end,
    Rets = [{noreply, fun() -> {noreply, S()} end}, {timeout, fun() -> {noreply, S(), 20} end}, {hibernate, fun() -> {noreply, S(), hibernate} end},
            {continue, fun() -> {noreply, S(), {continue, {note, c}}} end}, {stop, fun() -> {stop, why, S()} end}, {stop_normal, fun() -> {stop, normal, S()} end},
            {reply, fun() -> {reply, r, S()} end}, {bad, fun() -> bad end}, {ok, fun() -> {ok, S()} end}],
    [{"handle_info " ++ atom_to_list(K), fun(N) -> P = server(N), M = {return, F()}, ends(P, fun() -> P ! M, timer:sleep(50), catch gen_server:call(P, state, 500) end) end} || {K, F} <- Rets] ++
    [{"handle_info raises " ++ atom_to_list(C), fun(N) -> P = server(N), ends(P, fun() -> P ! {raise, C, why} end) end} || C <- [error, exit, throw]] ++
    [{"handle_info function_clause", fun(N) -> P = server(N), ends(P, fun() -> P ! what end) end},
     {"timeout interrupted", fun(N) -> P = server(N), P ! {return, {noreply, S(), 60}}, timer:sleep(20), P ! {note, a}, timer:sleep(100), all() end},
     {"messages before timeout 0", fun(N) -> P = server(N), sys:suspend(P), P ! {return, {noreply, S(), 0}}, P ! {note, a}, sys:resume(P), timer:sleep(50), all() end},
     {"continue before messages", fun(N) -> P = server(N), sys:suspend(P), P ! {return, {noreply, S(), {continue, {note, first}}}}, P ! {note, second}, sys:resume(P), timer:sleep(50), all() end},
     {"system message keeps the timeout", fun(N) -> P = server(N), P ! {return, {noreply, S(), 100}}, timer:sleep(60), sys:get_state(P), timer:sleep(60), A = all(), timer:sleep(60), {A, all()} end},
     {"a lone reply", fun(N) -> P = server(N), ends(P, fun() -> P ! {make_ref(), late} end) end},
     {"system garbage", fun(N) -> P = server(N), P ! {system, {self(), x}, nonsense}, {all(), call(P, state)} end},
     {"get_modules", fun(N) -> P = server(N), P ! {'$gen_cast', {note, 1}}, P ! {self(), get_modules}, all() end},
     {"order among kinds", fun(N) -> P = server(N), gen_server:cast(P, {note, 1}), P ! {note, 2}, gen_server:cast(P, {note, 3}), P ! {note, 4}, call(P, state), all() end}].

terminate_cases() ->
    Linked = fun(N, Arg) -> process_flag(trap_exit, true), {ok, P} = rpc:call(N, gen_server, start, [twin, Arg, []]), link(P), P end,
    [{"stop", fun(N) -> P = server(N), ends(P, fun() -> gen_server:stop(P) end) end},
     {"stop shutdown", fun(N) -> P = server(N), ends(P, fun() -> gen_server:stop(P, shutdown, 1000) end) end},
     {"stop reason", fun(N) -> P = server(N), ends(P, fun() -> gen_server:stop(P, because, 1000) end) end},
     {"stop noproc", fun(N) -> P = server(N), exit(P, kill), timer:sleep(20), attempt(fun() -> gen_server:stop(P, because, 1000) end) end},
     {"stop noname", fun(N) -> attempt(fun() -> gen_server:stop({noname, N}, because, 1000) end) end},
     {"stop timeout", fun(N) -> P = server(N), gen_server:cast(P, {note, 1}), spawn(fun() -> catch gen_server:call(P, {apply, timer, sleep, [500]}) end), timer:sleep(30), attempt(fun() -> gen_server:stop(P, because, 50) end) end},
     {"stop by rpc", fun(N) -> P = server(N), {rpc:call(N, gen_server, stop, [P]), rpc:call(N, gen_server, stop, [P]), all()} end},
     {"stop twice", fun(N) -> P = server(N), {gen_server:stop(P), attempt(fun() -> gen_server:stop(P) end)} end}] ++
    [{"terminate raises " ++ atom_to_list(C), fun(N) -> P = server(N, {raise, C, why}), ends(P, fun() -> gen_server:stop(P) end) end} || C <- [error, exit, throw]] ++
    [{"stop then terminate raises " ++ atom_to_list(C), fun(N) -> P = server(N), M = {return, {stop, first, {self(), {raise, C, why}}}}, ends(P, fun() -> gen_server:call(P, M) end) end} || C <- [error, exit, throw]] ++
    [{"stop with reply then terminate exits", fun(N) -> P = server(N), M = {return, {stop, first, r, {self(), {raise, exit, why}}}}, ends(P, fun() -> gen_server:call(P, M) end) end},
     {"exit signal, not trapping", fun(N) -> P = server(N), ends(P, fun() -> exit(P, bad) end) end},
     {"exit normal, not trapping", fun(N) -> P = server(N), ends(P, fun() -> exit(P, normal) end) end},
     {"exit signal, trapping", fun(N) -> P = server(N), call(P, {trap, true}), ends(P, fun() -> exit(P, bad), timer:sleep(30), call(P, state) end) end},
     {"exit normal, trapping", fun(N) -> P = server(N), call(P, {trap, true}), ends(P, fun() -> exit(P, normal), timer:sleep(30), call(P, state) end) end},
     {"kill, trapping", fun(N) -> P = server(N), call(P, {trap, true}), ends(P, fun() -> exit(P, kill) end) end},
     {"trap twice", fun(N) -> P = server(N), {call(P, {trap, true}), call(P, {trap, true}), call(P, {trap, false}), call(P, {trap, false})} end},
     {"linked shell gets EXIT", fun(N) -> P = Linked(N, {return, {ok, {self(), x}}}), P ! {raise, exit, bad}, next() end},
     {"linked shell gets normal", fun(N) -> P = Linked(N, {return, {ok, {self(), x}}}), gen_server:stop(P), all() end},
     {"linked shell gets error", fun(N) -> P = Linked(N, {return, {ok, {self(), x}}}), P ! {raise, error, bad}, all() end},
     {"link dies", fun(N) -> P = server(N), Me = self(), {Q, _} = spawn_monitor(fun() -> link(P), Me ! go, receive never -> ok end end), receive go -> ok end, ends(P, fun() -> exit(Q, boom) end) end},
     {"link dies, trapping", fun(N) -> P = server(N), call(P, {trap, true}), Me = self(), {Q, _} = spawn_monitor(fun() -> link(P), Me ! go, receive never -> ok end end), receive go -> ok end, ends(P, fun() -> exit(Q, boom), timer:sleep(50) end) end},
     {"parent dies, trapping", fun(N) -> Me = self(), {Q, _} = spawn_monitor(fun() -> Me ! erpc:call(N, gen_server, start_link, [twin, {trap, {ok, {Me, x}}}, []]), receive never -> ok end end), {Q, lists:sort([next(), next()])} end},
     {"start_link by rpc: parent", fun(N) -> {ok, P} = rpc:call(N, gen_server, start_link, [twin, {return, {ok, {self(), x}}}, []]), timer:sleep(50), call(P, state) end},
     {"start_link by rpc, trapping", fun(N) -> {ok, P} = rpc:call(N, gen_server, start_link, [twin, {trap, {ok, {self(), x}}}, []]), timer:sleep(50), {call(P, state), all()} end},
     {"start_link by erpc", fun(N) -> {ok, P} = erpc:call(N, gen_server, start_link, [twin, {return, {ok, {self(), x}}}, []]), timer:sleep(50), call(P, state) end},
     {"start_link by erpc, trapping", fun(N) -> {ok, P} = erpc:call(N, gen_server, start_link, [twin, {trap, {ok, {self(), x}}}, []]), timer:sleep(50), {call(P, state), all()} end}].

reply_cases() ->
    [{"deferred", fun(N) -> P = server(N), Me = self(), spawn(fun() -> Me ! {answer, call(P, defer)} end), timer:sleep(40), gen_server:cast(P, {release, late}), {next(), call(P, state)} end},
     {"deferred by somebody else", fun(N) -> P = server(N), Me = self(), spawn(fun() -> Me ! {answer, call(P, defer)} end), timer:sleep(40), {_, From} = call(P, state), gen_server:reply(From, mine), next() end},
     {"deferred by rpc", fun(N) -> P = server(N), Me = self(), spawn(fun() -> Me ! {answer, call(P, defer)} end), timer:sleep(40), {_, From} = call(P, state), X = rpc:call(N, gen_server, reply, [From, theirs]), {X, next()} end},
     {"elixir reply", fun(N) -> P = server(N), Me = self(), spawn(fun() -> Me ! {answer, call(P, defer)} end), timer:sleep(40), {_, From} = call(P, state), X = rpc:call(N, 'Elixir.GenServer', reply, [From, theirs]), {X, next()} end},
     {"early", fun(N) -> P = server(N), call(P, {early, now}) end},
     {"twice", fun(N) -> P = server(N), call(P, twice) end},
     {"the tag", fun(N) -> P = server(N), call(P, from) end},
     {"send_request", fun(N) -> P = server(N), R = gen_server:send_request(P, state), gen_server:wait_response(R, 1000) end},
     {"send_request dead", fun(N) -> P = server(N), exit(P, kill), timer:sleep(20), R = gen_server:send_request(P, state), gen_server:wait_response(R, 1000) end},
     {"send_request crash", fun(N) -> P = server(N), R = gen_server:send_request(P, {raise, error, x}), gen_server:receive_response(R, 1000) end},
     {"send_request collection", fun(N) -> P = server(N), C = gen_server:send_request(P, {early, 1}, a, gen_server:send_request(P, {early, 2}, b, gen_server:reqids_new())), {X, _, C1} = gen_server:receive_response(C, 1000, true), {Y, _, _} = gen_server:receive_response(C1, 1000, true), lists:sort([X, Y]) end}].

name_cases() ->
    Reg = fun(N, Name, Arg) -> rpc:call(N, gen_server, start, [{local, Name}, twin, Arg, []]) end,
    [{"registered", fun(N) -> {ok, P} = Reg(N, n1, {return, {ok, {self(), x}}}), {rpc:call(N, erlang, whereis, [n1]) =:= P, gen_server:call({n1, N}, state), gen_server:stop({n1, N}), rpc:call(N, erlang, whereis, [n1])} end},
     {"already started", fun(N) -> {ok, P} = Reg(N, n2, {return, {ok, {self(), x}}}), {error, {already_started, P2}} = Reg(N, n2, {return, {ok, 1}}), P =:= P2 end},
     {"already started link", fun(N) -> process_flag(trap_exit, true), {ok, _} = Reg(N, n3, {return, {ok, {self(), x}}}), {rpc:call(N, twin, start_named, [n3, {return, {ok, 1}}]), all()} end},
     {"start_named", fun(N) -> rpc:call(N, twin, start_named, [n33, {return, {ok, 1}}]) end},
     {"name taken by another", fun(N) -> Reg(N, rex, {return, {ok, 1}}) end},
     {"name undefined", fun(N) -> Reg(N, undefined, {return, {ok, 1}}) end},
     {"failed start frees the name", fun(N) -> {Reg(N, n4, {return, {stop, x}}), rpc:call(N, erlang, whereis, [n4]), Reg(N, n4, {return, ignore}), Reg(N, n4, {raise, error, x}), element(1, Reg(N, n4, {return, {ok, 1}}))} end},
     {"multi_call", fun(N) -> {ok, _} = Reg(N, n5, {return, {ok, {self(), x}}}), {gen_server:multi_call([N], n5, state), gen_server:multi_call([N], n5, {early, 3}, 1000), gen_server:multi_call([N], noname, state), gen_server:multi_call([N, 'no@where'], n5, state, 1000)} end},
     {"multi_call there", fun(N) -> {ok, _} = Reg(N, n6, {return, {ok, {self(), x}}}), {rpc:call(N, gen_server, multi_call, [[N], n6, state]), rpc:call(N, gen_server, multi_call, [n6, state])} end},
     {"abcast", fun(N) -> {ok, _} = Reg(N, n7, {return, {ok, {self(), x}}}), {gen_server:abcast([N], n7, {note, 1}), rpc:call(N, gen_server, abcast, [[N], n7, {note, 2}]), rpc:call(N, gen_server, abcast, [n7, {note, 3}]), all()} end},
     {"call {noname, N}", fun(N) -> call({noname, N}, x) end},
     {"call there by name", fun(N) -> {ok, _} = Reg(N, n8, {return, {ok, {self(), x}}}), {rpc:call(N, gen_server, call, [n8, state]), rpc:call(N, gen_server, call, [{n8, N}, state]), rpc:call(N, gen_server, call, [noname, state]), rpc:call(N, gen_server, call, [{n8, 'no@where'}, state]), rpc:call(N, 'Elixir.GenServer', call, [n8, state]), rpc:call(N, 'Elixir.GenServer', call, [noname, state]), rpc:call(N, 'Elixir.GenServer', cast, [n8, {note, 1}]), rpc:call(N, gen_server, cast, [{n8, N}, {note, 2}]), rpc:call(N, gen_server, call, [n8, {apply, timer, sleep, [300]}, 30]), all()} end},
     {"registered_name", fun(N) -> {ok, P} = Reg(N, n9, {return, {ok, 1}}), {rpc:call(N, erlang, process_info, [P, registered_name]), rpc:call(N, erlang, unregister, [n9]), rpc:call(N, erlang, process_info, [P, registered_name]), rpc:call(N, erlang, unregister, [n9]), rpc:call(N, erlang, register, [n9, P]), rpc:call(N, erlang, register, [n99, P]), rpc:call(N, erlang, register, [n9, self()])} end}].

ext_replace({P, X}) -> {P, {replaced, X}};
ext_replace(S) -> S.

sys_cases() ->
    With = fun(F) -> fun(N) -> P = server(N), F(N, P) end end,
    [{"get_state", With(fun(_, P) -> sys:get_state(P) end)},
     {"get_state by rpc", With(fun(N, P) -> rpc:call(N, sys, get_state, [P]) end)},
     {"get_state of none", fun(N) -> P = server(N), exit(P, kill), timer:sleep(20), attempt(fun() -> sys:get_state(P) end) end},
     {"get_state of noname", fun(N) -> {attempt(fun() -> sys:get_state({noname, N}) end), rpc:call(N, sys, get_state, [noname])} end},
     {"replace_state with fun erlang:hd/1", With(fun(_, P) -> {attempt(fun() -> sys:replace_state(P, fun erlang:hd/1) end), sys:get_state(P)} end)},
     {"replace_state with fun tuple_to_list", With(fun(_, P) -> {attempt(fun() -> sys:replace_state(P, fun erlang:tuple_to_list/1) end), sys:get_state(P)} end)},
     {"replace_state with fun twin:give/1", With(fun(_, P) -> {attempt(fun() -> sys:replace_state(P, fun twin:give/1) end), sys:get_state(P)} end)},
     {"replace_state by rpc", With(fun(N, P) -> {rpc:call(N, sys, replace_state, [P, fun erlang:tuple_size/1]), sys:get_state(P)} end)},
     {"suspend and calls wait", With(fun(_, P) -> Me = self(), ok = sys:suspend(P), [spawn(fun() -> timer:sleep(I * 20), Me ! {I, call(P, {early, I})} end) || I <- [1, 2, 3]], timer:sleep(100), A = all(), ok = sys:resume(P), {A, [receive {I, X} -> X after 1000 -> no end || I <- [1, 2, 3]]} end)},
     {"suspend twice", With(fun(_, P) -> {sys:suspend(P), sys:suspend(P), sys:resume(P), sys:resume(P), call(P, {early, 1})} end)},
     {"suspend, timeout of call", With(fun(_, P) -> sys:suspend(P), X = (catch gen_server:call(P, {early, 1}, 30)), sys:resume(P), {X, all()} end)},
     {"suspended: get_state and replace_state", With(fun(_, P) -> sys:suspend(P), {sys:get_state(P), attempt(fun() -> sys:replace_state(P, fun erlang:tuple_size/1) end), sys:get_state(P)} end)},
     {"suspended: stop waits", With(fun(_, P) -> sys:suspend(P), A = attempt(fun() -> gen_server:stop(P, x, 100) end), {A, all()} end)},
     {"suspended: exit", With(fun(_, P) -> sys:suspend(P), ends(P, fun() -> exit(P, bye) end) end)},
     {"suspended, trapping: exit of another", With(fun(_, P) -> call(P, {trap, true}), sys:suspend(P), ends(P, fun() -> exit(P, bye), timer:sleep(30), sys:resume(P) end) end)},
     {"suspended: current_function", With(fun(N, P) -> sys:suspend(P), timer:sleep(20), rpc:call(N, erlang, process_info, [P, current_function]) end)},
     {"suspend hibernated", fun(N) -> {ok, P} = start(N, {return, {ok, {self(), 1}, hibernate}}), {sys:suspend(P), rpc:call(N, erlang, process_info, [P, current_function]), sys:resume(P), call(P, state), timer:sleep(20), rpc:call(N, erlang, process_info, [P, current_function])} end},
     {"change_code running", With(fun(_, P) -> {attempt(fun() -> sys:change_code(P, twin, "0", {extra, x}) end), sys:get_state(P)} end)},
     {"change_code", With(fun(_, P) -> sys:suspend(P), {sys:change_code(P, twin, "0", {extra, x}), sys:resume(P), sys:get_state(P)} end)},
     {"change_code undefined vsn", With(fun(_, P) -> sys:suspend(P), {sys:change_code(P, twin, undefined, {extra, x}), sys:resume(P), sys:get_state(P)} end)},
     {"change_code down", With(fun(_, P) -> sys:suspend(P), {sys:change_code(P, twin, {down, "2"}, {extra, x}), sys:resume(P), sys:get_state(P)} end)}] ++
    [{"change_code gives " ++ K, With(fun(_, P) -> sys:suspend(P), {attempt(fun() -> sys:change_code(P, twin, "0", E) end), sys:get_state(P), sys:resume(P), call(P, {early, alive})} end)}
     || {K, E} <- [{"error", {return, {error, no}}}, {"bad", {return, hm}}, {"ok without state", {return, ok}}, {"a raised error", {raise, error, x}}, {"an exit", {raise, exit, x}}, {"a throw", {raise, throw, x}}, {"a thrown ok", {raise, throw, {ok, s}}}, {"no clause", none}]] ++
    [{"change_code of another module", With(fun(_, P) -> sys:suspend(P), {attempt(fun() -> sys:change_code(P, bare, "0", x) end), sys:resume(P)} end)},
     {"change_code without code_change", fun(N) -> {ok, P} = start(N, bare, s), sys:suspend(P), {attempt(fun() -> sys:change_code(P, bare, "0", x) end), sys:resume(P), sys:get_state(P)} end},
     {"change_code by rpc", With(fun(N, P) -> {rpc:call(N, sys, suspend, [P]), rpc:call(N, sys, change_code, [P, twin, "0", {extra, x}]), rpc:call(N, sys, resume, [P]), rpc:call(N, sys, get_state, [P])} end)},
     {"terminate", With(fun(_, P) -> ends(P, fun() -> sys:terminate(P, because) end) end)},
     {"terminate normal", With(fun(_, P) -> ends(P, fun() -> sys:terminate(P, normal) end) end)},
     {"terminate suspended", With(fun(_, P) -> sys:suspend(P), ends(P, fun() -> sys:terminate(P, because) end) end)},
     {"terminate by rpc", With(fun(N, P) -> {rpc:call(N, sys, terminate, [P, because]), all()} end)},
     {"terminate raises", fun(N) -> P = server(N, {raise, error, y}), ends(P, fun() -> sys:terminate(P, because) end) end},
     {"get_status", With(fun(_, P) -> sys:get_status(P) end)},
     {"get_status by rpc", With(fun(N, P) -> rpc:call(N, sys, get_status, [P]) end)},
     {"get_status suspended", With(fun(_, P) -> sys:suspend(P), sys:get_status(P) end)},
     {"get_status named", fun(N) -> {ok, P} = rpc:call(N, gen_server, start, [{local, stname}, twin, {return, {ok, x}}, []]), sys:get_status(P) end},
     {"get_status with a dictionary", With(fun(_, P) -> call(P, {put, a, b}), {status, _, _, [D | _]} = sys:get_status(P), lists:sort(D) end)},
     {"get_status with debug", With(fun(_, P) -> sys:statistics(P, true), sys:log(P, true), {status, _, M, [_, R, Par, Dbg | _]} = sys:get_status(P), {M, R, Par, [element(1, X) || X <- Dbg]} end)},
     {"raw system message", With(fun(_, P) -> P ! {system, {self(), tag}, get_state}, all() end)},
     {"raw system message, other names", With(fun(_, P) -> [P ! {system, {self(), I}, X} || {I, X} <- [{1, get_status2}, {2, {debug, {foo, bar}}}, {3, {terminate}}, {4, {change_code, a}}, {5, resume}]], all() end)}].

dbg_count(N, _Event, _State) -> N + 1.
dbg_done(_, _, _) -> done.
dbg_bad(_, _, _) -> error(bad).

debug_cases() ->
    With = fun(F) -> fun(N) -> P = server(N), F(N, P) end end,
    [{"log", With(fun(_, P) -> A = sys:log(P, get), B = sys:log(P, true), C = sys:log(P, get), call(P, {early, 1}), gen_server:cast(P, {note, 2}), P ! {note, 3}, {A, B, C, sys:log(P, get), sys:log(P, {true, 2}), sys:log(P, get), sys:log(P, false), sys:log(P, get), all()} end)},
     {"log of replies", With(fun(_, P) -> sys:log(P, true), call(P, state), M = {return, {reply, r, {self(), y}, {continue, {note, 1}}}}, call(P, M), {sys:log(P, get), all()} end)},
     {"log overflows", With(fun(_, P) -> sys:log(P, true), [call(P, {early, I}) || I <- lists:seq(1, 8)], {ok, L} = sys:log(P, get), {length(L), lists:last(L)} end)},
     {"log 3", With(fun(_, P) -> sys:log(P, {true, 3}), [call(P, {early, I}) || I <- lists:seq(1, 8)], {ok, L} = sys:log(P, get), L end)},
     {"log bad", With(fun(_, P) -> {attempt(fun() -> sys:log(P, {true, 0}) end), attempt(fun() -> sys:log(P, foo) end), attempt(fun() -> sys:log(P, {true, x}) end)} end)},
     {"log print", With(fun(_, P) -> sys:log(P, true), call(P, {early, 1}), sys:log(P, print) end)},
     {"log timeouts", With(fun(_, P) -> sys:log(P, true), P ! {return, {noreply, {self(), z}, 10}}, timer:sleep(60), {sys:log(P, get), all()} end)},
     {"statistics", With(fun(_, P) -> A = attempt(fun() -> sys:statistics(P, get) end), B = sys:statistics(P, true), call(P, {early, 1}), gen_server:cast(P, {note, 1}), {ok, S} = sys:statistics(P, get), {A, B, [case X of {K, V} when is_integer(V) -> {K, V}; {K, _} -> K end || X <- S], sys:statistics(P, false), sys:statistics(P, get)} end)},
     {"statistics bad", With(fun(_, P) -> attempt(fun() -> sys:statistics(P, foo) end) end)},
     {"log_to_file", With(fun(_, P) -> F = "/tmp/differ_log_" ++ os:getpid(), A = sys:log_to_file(P, F), call(P, {early, 1}), gen_server:cast(P, {note, 1}), call(P, {early, 2}), B = sys:log_to_file(P, false), {ok, T} = file:read_file(F), file:delete(F), {A, B, T, all()} end)},
     {"log_to_file bad", With(fun(_, P) -> attempt(fun() -> sys:log_to_file(P, "/no/such/dir/file") end) end)},
     {"trace", With(fun(_, P) -> A = sys:trace(P, true), call(P, {early, 1}), B = sys:trace(P, false), {A, B} end)},
     {"no_debug", With(fun(_, P) -> sys:log(P, true), sys:statistics(P, true), A = sys:no_debug(P), {A, sys:log(P, get), sys:statistics(P, get)} end)},
     {"remove what is not there", With(fun(_, P) -> {sys:remove(P, fun erlang:max/2), sys:remove(P, x)} end)},
     {"debug options of start", fun(N) -> {ok, P} = rpc:call(N, gen_server, start, [twin, {return, {ok, {self(), x}}}, [{debug, [log, statistics]}]]), call(P, {early, 1}), {sys:log(P, get), element(1, sys:statistics(P, get))} end},
     {"debug option trace", fun(N) -> {ok, P} = rpc:call(N, gen_server, start, [twin, {return, {ok, {self(), x}}}, [{debug, [trace]}]]), call(P, {early, 1}), call(P, state), gen_server:cast(P, {note, 1}), P ! {note, 2}, gen_server:stop(P), all() end},
     {"debug option bad", fun(N) -> rpc:call(N, gen_server, start, [twin, {return, {ok, {self(), x}}}, [{debug, [foo]}]]) end},
     {"sys by rpc", With(fun(N, P) -> {rpc:call(N, sys, log, [P, true]), rpc:call(N, sys, statistics, [P, true]), rpc:call(N, sys, log, [P, get]), rpc:call(N, sys, no_debug, [P]), rpc:call(N, sys, suspend, [P, 1000]), rpc:call(N, sys, resume, [P, 1000]), rpc:call(N, sys, get_state, [P, 1000]), rpc:call(N, sys, trace, [P, false])} end)}].

status_cases() ->
    [{"format_status/1 in get_status", fun(N) -> {ok, P} = start(N, shown, s), {sys:get_status(P), sys:get_state(P)} end},
     {"format_status/1 fails in get_status", fun(N) -> {ok, P} = start(N, shown, bad), sys:get_status(P) end},
     {"format_status/2 in get_status", fun(N) -> {ok, P} = start(N, shown_before, s), {sys:get_status(P), sys:get_state(P)} end},
     {"format_status/2 fails in get_status", fun(N) -> {ok, P} = start(N, shown_before, bad), sys:get_status(P) end},
     {"format_status at a crash", fun(N) -> {ok, P} = start(N, shown, s), ends(P, fun() -> gen_server:call(P, crash) end) end},
     {"format_status/1 in get_status with a log", fun(N) -> {ok, P} = start(N, shown, s), sys:log(P, true), gen_server:call(P, {set, t}), sys:get_status(P) end}].

spawn_cases() ->
    [{"spawn", fun(N) -> P = spawn(N, twin, bystander, [self()]), {P0, here} = next(), P =:= P0 end},
     {"spawn_link error", fun(N) -> process_flag(trap_exit, true), spawn_link(N, twin, raise, [error, x]), next() end},
     {"spawn_link exit", fun(N) -> process_flag(trap_exit, true), spawn_link(N, twin, raise, [exit, x]), next() end},
     {"spawn_link throw", fun(N) -> process_flag(trap_exit, true), spawn_link(N, twin, raise, [throw, x]), next() end},
     {"spawn_link normal", fun(N) -> process_flag(trap_exit, true), spawn_link(N, twin, give, [x]), next() end},
     {"spawn_monitor error", fun(N) -> spawn_monitor(N, twin, raise, [error, x]), next() end},
     {"spawn_monitor throw", fun(N) -> spawn_monitor(N, twin, raise, [throw, x]), next() end},
     {"spawn_monitor normal", fun(N) -> spawn_monitor(N, twin, give, [x]), next() end},
     {"spawn_monitor undef", fun(N) -> spawn_monitor(N, twin, none, [x]), next() end},
     {"spawn_monitor no module", fun(N) -> spawn_monitor(N, no_module, none, [x]), next() end},
     {"spawn_monitor wrong arity", fun(N) -> spawn_monitor(N, twin, give, [x, y]), next() end},
     {"spawn_monitor function_clause", fun(N) -> spawn_monitor(N, twin, raise, [foo, y]), next() end},
     {"spawn_monitor of a builtin", fun(N) -> spawn_monitor(N, erlang, atom_to_list, [1]), next() end},
     {"spawn_monitor of hd", fun(N) -> spawn_monitor(N, erlang, hd, [[]]), next() end},
     {"spawn_monitor improper arguments", fun(N) -> attempt(fun() -> spawn_monitor(N, erlang, hd, [a | b]) end) end},
     {"spawn_opt", fun(N) -> {P, _} = spawn_opt(N, twin, bystander, [self()], [monitor, {priority, low}]), {_, here} = next(), P ! stop, next() end},
     {"spawn_opt link monitor", fun(N) -> process_flag(trap_exit, true), spawn_opt(N, twin, raise, [exit, x], [link, monitor]), lists:sort([element(1, next()), element(1, next())]) end},
     {"spawn_opt monitor alias", fun(N) -> {_, R} = spawn_opt(N, erlang, send, [self(), x], [{monitor, [{alias, explicit_unalias}, {tag, mine}]}]), lists:sort([next(), next()]) =:= R end},
     {"spawn_request", fun(N) -> R = spawn_request(N, twin, bystander, [self()], [{reply_tag, tagged}]), lists:sort([element(1, next()), next() =/= R]) end},
     {"spawn_link to a receive loop", fun(N) -> process_flag(trap_exit, true), P = spawn_link(N, twin, loop, []), P ! other, P ! stop, next() end},
     {"echo loop", fun(N) -> P = spawn(N, twin, echo, []), [P ! {self(), I} || I <- lists:seq(1, 5)], all() end},
     {"selective receive", fun(N) -> P = spawn(N, twin, first_stop, []), P ! {first, self()}, P ! noise, P ! {second, self()}, {all(), rpc:call(N, erlang, process_info, [P, messages])} end},
     {"exit of a loop", fun(N) -> {P, _} = spawn_monitor(N, twin, loop, []), exit(P, shutdown), next() end},
     {"kill of a loop", fun(N) -> {P, _} = spawn_monitor(N, twin, loop, []), exit(P, kill), next() end},
     {"exit normal of a loop", fun(N) -> {P, R} = spawn_monitor(N, twin, loop, []), exit(P, normal), A = next(100), demonitor(R), exit(P, kill), A end},
     {"monitor by name", fun(N) -> P = spawn(N, twin, loop, []), rpc:call(N, erlang, register, [byname, P]), monitor(process, {byname, N}), exit(P, foo), next() end},
     {"monitor noproc", fun(N) -> monitor(process, {nothing_here, N}), next() end},
     {"send to a name", fun(N) -> P = spawn(N, twin, echo, []), rpc:call(N, erlang, register, [echoer, P]), {echoer, N} ! {self(), hi}, A = next(), {echoer, N} ! stop, {nobody_at_all, N} ! x, A end},
     {"is_process_alive", fun(N) -> P = spawn(N, twin, loop, []), A = rpc:call(N, erlang, is_process_alive, [P]), exit(P, kill), timer:sleep(30), {A, rpc:call(N, erlang, is_process_alive, [P])} end},
     {"spawn there by rpc", fun(N) -> P = rpc:call(N, erlang, spawn, [twin, bystander, [self()]]), {P0, here} = next(), P =:= P0 end},
     {"spawn_link there by rpc", fun(N) -> {P, here} = begin rpc:call(N, erlang, spawn_link, [twin, bystander, [self()]]), next() end, monitor(process, P), next(200) end},
     {"spawn of a fun of ours", fun(N) -> {_, _} = spawn_monitor(N, fun() -> exit(ran) end), next() end},
     {"proc_lib spawn", fun(N) -> P = rpc:call(N, proc_lib, spawn, [twin, bystander, [self()]]), {P0, here} = next(), {P =:= P0, lists:sort(element(2, rpc:call(N, erlang, process_info, [P, dictionary])))} end},
     {"link and unlink", fun(N) -> process_flag(trap_exit, true), P = spawn(N, twin, loop, []), link(P), unlink(P), exit(P, kill), timer:sleep(30), all() end}].

rpc_cases() ->
    Both = fun(M, F, A) -> fun(N) -> {rpc:call(N, M, F, A), attempt(fun() -> erpc:call(N, M, F, A) end)} end end,
    [{"value", Both(twin, give, [{x, [1.5, <<"b">>, #{a => "b"}]}])},
     {"error", Both(twin, raise, [error, x])}, {"exit", Both(twin, raise, [exit, x])}, {"throw", Both(twin, raise, [throw, x])},
     {"error tuple", Both(twin, raise, [error, {a, b}])}, {"exit normal", Both(twin, raise, [exit, normal])}, {"throw 'EXIT'", Both(twin, raise, [throw, {'EXIT', x}])},
     {"wrong arity", Both(twin, give, [])}, {"wrong arity 2", Both(twin, give, [1, 2])}, {"no function", Both(twin, none, [1, 2])}, {"no module", Both(no_module, none, [1])},
     {"function clause", Both(twin, raise, [a, b])}, {"badarg", Both(erlang, atom_to_list, [1])}, {"badarg hd", Both(erlang, hd, [[]])}, {"badarith", Both(erlang, '+', [a, 1])},
     {"div by zero", Both(erlang, 'div', [1, 0])}, {"element", Both(erlang, element, [3, {a}])}, {"binary_to_term", Both(erlang, binary_to_term, [<<1>>])}, {"list_to_atom", Both(erlang, list_to_atom, [a])},
     {"module_info module", Both(twin, module_info, [module])}, {"module_info", fun(N) -> lists:sort([K || {K, _} <- rpc:call(N, twin, module_info, [])]) end},
     {"module_info exports", fun(N) -> lists:sort(rpc:call(N, twin, module_info, [exports])) end},
     {"module_info attributes", Both(twin, module_info, [attributes])},
     {"function_exported", Both(erlang, function_exported, [twin, give, 1])}, {"function_exported not", Both(erlang, function_exported, [twin, give, 2])},
     {"is_loaded", fun(N) -> element(1, rpc:call(N, code, is_loaded, [twin])) end}, {"is_loaded none", Both(code, is_loaded, [no_module])}, {"which none", Both(code, which, [no_module])},
     {"bad module", fun(N) -> {rpc:call(N, 1, none, []), attempt(fun() -> erpc:call(N, 1, none, []) end)} end},
     {"cast", fun(N) -> {rpc:cast(N, erlang, send, [self(), hi]), next(), erpc:cast(N, erlang, send, [self(), hi]), next()} end},
     {"async_call", fun(N) -> K = rpc:async_call(N, twin, give, [x]), rpc:yield(K) end},
     {"timeout", fun(N) -> {rpc:call(N, timer, sleep, [200], 30), attempt(fun() -> erpc:call(N, timer, sleep, [200], 30) end), timer:sleep(300), all()} end},
     {"multicall", fun(N) -> {rpc:multicall([N], twin, give, [x]), erpc:multicall([N], twin, raise, [error, x]), erpc:multicall([N], twin, raise, [exit, x]), erpc:multicall([N], twin, give, [x])} end},
     {"multi_server_call", fun(N) -> rpc:call(N, gen_server, start, [{local, msc}, bare, x, []]), rpc:multi_server_call([N], nosuch, x) end},
     {"block_call", fun(N) -> rpc:block_call(N, twin, give, [1]) end},
     {"send_request", fun(N) -> R = erpc:send_request(N, twin, raise, [throw, y]), attempt(fun() -> erpc:receive_response(R) end) end},
     {"waits for a message", fun(N) -> rpc:call(N, twin, loop, [], 100) end},
     {"erpc waits", fun(N) -> attempt(fun() -> erpc:call(N, twin, loop, [], 100) end) end},
     {"apply", Both(erlang, apply, [twin, two, [1, 2]])}, {"apply fun", fun(N) -> rpc:call(N, erlang, apply, [fun twin:two/2, [1, 2]]) end},
     {"apply fun bad arity", fun(N) -> rpc:call(N, erlang, apply, [fun twin:two/2, [1]]) end},
     {"apply no list", fun(N) -> {rpc:call(N, erlang, apply, [twin, two, foo]), attempt(fun() -> erpc:call(N, twin, two, [1 | 2]) end)} end}].

info_item_cases() ->
    Item = fun(K) -> fun(N) -> P = server(N), call(P, {early, 1}), timer:sleep(20), rpc:call(N, erlang, process_info, [P, K]) end end,
    [{atom_to_list(K), Item(K)} || K <- [status, current_function, initial_call, registered_name, messages, message_queue_len, links, monitors, monitored_by, trap_exit, priority, error_handler, suspending, current_location, current_stacktrace, sequential_trace_token, catchlevel, message_queue_data, parent, label, no_such_item]] ++
    [{"two items", Item([status, message_queue_len, trap_exit])},
     {"dictionary", fun(N) -> P = server(N), {dictionary, D} = rpc:call(N, erlang, process_info, [P, dictionary]), lists:sort(D) end},
     {"dictionary named", fun(N) -> {ok, P} = rpc:call(N, gen_server, start, [{local, dict_named}, twin, {return, {ok, 1}}, []]), {dictionary, D} = rpc:call(N, erlang, process_info, [P, dictionary]), lists:sort(D) end},
     {"keys", fun(N) -> P = server(N), lists:sort([K || {K, _} <- rpc:call(N, erlang, process_info, [P])]) end},
     {"integers", fun(N) -> P = server(N), [is_integer(element(2, rpc:call(N, erlang, process_info, [P, K]))) || K <- [memory, heap_size, total_heap_size, stack_size, reductions]] end},
     {"group_leader", fun(N) -> P = server(N), rpc:call(N, erlang, process_info, [P, group_leader]) end},
     {"links with us", fun(N) -> P = server(N), link(P), timer:sleep(20), A = rpc:call(N, erlang, process_info, [P, links]), unlink(P), A end},
     {"monitored by us", fun(N) -> P = server(N), monitor(process, P), timer:sleep(20), rpc:call(N, erlang, process_info, [P, monitored_by]) end},
     {"messages of a suspended", fun(N) -> P = server(N), sys:suspend(P), P ! a, P ! {b, "c"}, timer:sleep(20), {rpc:call(N, erlang, process_info, [P, messages]), rpc:call(N, erlang, process_info, [P, message_queue_len])} end},
     {"dead", fun(N) -> P = server(N), exit(P, kill), timer:sleep(20), {rpc:call(N, erlang, process_info, [P]), rpc:call(N, erlang, process_info, [P, status])} end},
     {"not there", fun(N) -> rpc:call(N, erlang, process_info, [self(), status]) end},
     {"no pid", fun(N) -> rpc:call(N, erlang, process_info, [foo, status]) end},
     {"spawned waiting", fun(N) -> P = spawn(N, twin, loop, []), timer:sleep(20), [rpc:call(N, erlang, process_info, [P, K]) || K <- [status, current_function, initial_call, dictionary, links]] end},
     {"proc_lib initial_call", fun(N) -> P = server(N), rpc:call(N, proc_lib, initial_call, [P]) end},
     {"proc_lib translate", fun(N) -> P = server(N), rpc:call(N, proc_lib, translate_initial_call, [P]) end}].

observe(N, Sup) -> {rpc:call(N, supervisor, which_children, [Sup]), rpc:call(N, supervisor, count_children, [Sup])}.

supervisor_cases() ->
    Wait = fun Wait(N, Name, Old) -> case rpc:call(N, erlang, whereis, [Name]) of P when is_pid(P), P =/= Old -> P; _ -> timer:sleep(20), Wait(N, Name, Old) end end,
    [{"started by the node", fun(N) -> P = rpc:call(N, erlang, whereis, [held]), {is_pid(P), gen_server:call({held, N}, state)} end},
     {"its children", fun(N) -> observe(N, holder(N)) end},
     {"get_childspec", fun(N) -> rpc:call(N, supervisor, get_childspec, [holder(N), held]) end},
     {"restart after a crash", fun(N) -> P = rpc:call(N, erlang, whereis, [held]), R = monitor(process, P), X = (catch gen_server:call({held, N}, {raise, error, oops})), receive {'DOWN', R, _, _, W} -> ok end, Q = Wait(N, held, P), {X, W, Q =/= P, gen_server:call({held, N}, state), observe(N, holder(N))} end},
     {"restart after kill", fun(N) -> P = rpc:call(N, erlang, whereis, [held]), exit(P, kill), Q = Wait(N, held, P), {Q =/= P, gen_server:call({held, N}, state)} end},
     {"terminate and restart", fun(N) -> S = holder(N), {rpc:call(N, supervisor, terminate_child, [S, held]), observe(N, S), rpc:call(N, supervisor, restart_child, [S, held]), rpc:call(N, supervisor, restart_child, [S, held]), rpc:call(N, supervisor, restart_child, [S, nobody]), rpc:call(N, supervisor, terminate_child, [S, nobody]), rpc:call(N, supervisor, delete_child, [S, held]), rpc:call(N, supervisor, delete_child, [S, nobody])} end},
     {"start_child", fun(N) -> S = holder(N), Spec = #{id => more, start => {gen_server, start_link, [twin, {return, {ok, {self(), x}}}, []]}, restart => transient},
        {rpc:call(N, supervisor, start_child, [S, Spec]), rpc:call(N, supervisor, start_child, [S, Spec]), rpc:call(N, supervisor, get_childspec, [S, more]), observe(N, S), rpc:call(N, supervisor, terminate_child, [S, more]), all(), rpc:call(N, supervisor, start_child, [S, Spec]), rpc:call(N, supervisor, delete_child, [S, more]), rpc:call(N, supervisor, start_child, [S, Spec]) =:= x} end},
     {"start_child of tuples", fun(N) -> S = holder(N), {rpc:call(N, supervisor, start_child, [S, {old, {twin, start_link, [{return, {ok, {self(), x}}}]}, temporary, brutal_kill, worker, [twin]}]), rpc:call(N, supervisor, get_childspec, [S, old]), rpc:call(N, supervisor, terminate_child, [S, old]), rpc:call(N, supervisor, get_childspec, [S, old])} end},
     {"start_child that fails", fun(N) -> S = holder(N), [rpc:call(N, supervisor, start_child, [S, #{id => F, start => {twin, start_link, [F]}}]) || F <- [{return, {stop, x}}, {return, ignore}, {raise, error, x}, {raise, exit, x}]] end},
     {"start_child bad specs", fun(N) -> S = holder(N), [rpc:call(N, supervisor, start_child, [S, F]) || F <- [foo, #{}, #{id => a}, #{id => a, start => x}, #{id => a, start => {a, b, []}, restart => often}, #{id => a, start => {a, b, []}, shutdown => -1}, #{id => a, start => {a, b, c}}, {a, b}, {a, {b, c, []}, permanent, 1, worker, foo}]] end},
     {"start_child undef", fun(N) -> rpc:call(N, supervisor, start_child, [holder(N), #{id => u, start => {twin, nothing, [1]}}]) end},
     {"start_child gives nonsense", fun(N) -> [rpc:call(N, supervisor, start_child, [holder(N), #{id => u, start => {twin, give, [X]}}]) || X <- [foo, {ok, notpid}, {error, e}, ok]] end},
     {"unknown call", fun(N) -> attempt(fun() -> gen_server:call(holder(N), nonsense, 500) end) end},
     {"check_childspecs", fun(N) -> {rpc:call(N, supervisor, check_childspecs, [[#{id => a, start => {a, b, []}}]]), rpc:call(N, supervisor, check_childspecs, [[#{id => a}]]), rpc:call(N, supervisor, check_childspecs, [foo])} end},
     {"which_children of no supervisor", fun(N) -> rpc:call(N, supervisor, which_children, [nosuch]) end},
     {"status of the supervisor", fun(N) -> {status, _, M, [_, R, _, D, _]} = sys:get_status(holder(N)), {M, R, D} end}].
holder(N) -> {dictionary, D} = rpc:call(N, erlang, process_info, [rpc:call(N, erlang, whereis, [held]), dictionary]), hd(proplists:get_value('$ancestors', D)).

bare_cases() ->
    Bare = fun(N) -> {ok, P} = start(N, bare, s), P end,
    [{"call", fun(N) -> P = Bare(N), ends(P, fun() -> gen_server:call(P, x, 500) end) end},
     {"cast", fun(N) -> P = Bare(N), ends(P, fun() -> gen_server:cast(P, x) end) end},
     {"info", fun(N) -> P = Bare(N), ends(P, fun() -> P ! x, timer:sleep(50), sys:get_state(P) end) end},
     {"stop", fun(N) -> P = Bare(N), ends(P, fun() -> gen_server:stop(P) end) end},
     {"continue", fun(N) -> {start(N, twin, {return, {ok, x, {continue, y}}}), all()} end},
     {"exit trapped", fun(N) -> P = Bare(N), ends(P, fun() -> exit(P, x) end) end},
     {"init wrong", fun(N) -> start(N, differ_none, x) end},
     {"status", fun(N) -> sys:get_status(Bare(N)) end}].
