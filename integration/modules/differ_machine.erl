%% Usage: differ_machine:run(Node, Seed). Plays the same random and chosen scripts to machine.erl or machine.cpp on a node, as gen_statem, and prints one
%% line per script: what came back and in which order, what sys shows, and how it ended.
-module(differ_machine).
-export([run/2, twice/1]).

run(Node, Seed) ->
    true = net_kernel:connect_node(Node),
    logger:set_primary_config(level, none),
    Random = [{"random " ++ integer_to_list(I), fun(N) -> random(N, Seed + I) end} || I <- lists:seq(1, 40)],
    alike:beside([fun() -> line(Name, alike:under_leader(fun() -> F(Node) end, 60000), Node) end || {Name, F} <- chosen() ++ Random]).

line(Name, {Got, _}, Node) -> io_lib:format("~s: ~0p~n", [Name, alike:tidy(#{node => Node, own => fun own/1}, Got)]).
% Where in a callback module something was raised is its own business; a process that has hibernated begins in wake_up.
own({machine, F, A, L}) when is_atom(F), is_integer(A), is_list(L) -> {is, {machine, raised}};
own({proc_lib, wake_up, 3, L}) -> {first, {proc_lib, init_p_do_apply, 3, L}};
own([{mode, _} | _] = L) -> {first, lists:sort(L)};
own(F) when is_function(F) -> {is, '#Fun'};
own(_) -> no.

start(N, Mode, R) -> start(N, Mode, R, []).
start(N, Mode, R, Options) -> rpc:call(N, gen_statem, start, [machine, {Mode, R}, Options]).
machine(N, Mode) -> machine(N, Mode, data).
machine(N, Mode, What) -> {ok, P} = start(N, Mode, {ok, a, {self(), What}}), P.
%% All that comes until there is silence for much longer than Ms, what it takes on an idle machine.
all(Ms) -> alike:all(Ms * 6).
down(P) -> R = monitor(process, P), receive {'DOWN', R, _, _, Why} -> Why after 15000 -> exit(P, kill), still_alive end.
attempt(F) -> alike:attempt(F).

modes() -> [handle_event_function, state_functions, [handle_event_function, state_enter], [state_functions, state_enter]].

%% ---- random scripts
random(N, Seed) ->
    rand:seed(exsss, Seed),
    Named = [state_timeout, {timeout, n}, {timeout, m}],
    [put(T, pick([later, at_once])) || T <- Named],
    Mode = pick(modes()),
    P = machine(N, Mode),
    R = monitor(process, P),
    %% All events are there before a timer runs: the time between them is not of this script.
    ok = sys:suspend(P, 15000),
    gen_statem:cast(P, {do, {repeat_state, {self(), pick([data, {on_enter, entering()}, {on_enter, keep_state_and_data}])}, [later(T) || T <- Named, get(T) =:= at_once]}}),
    [event(P, I) || I <- lists:seq(1, 14)],
    ok = sys:resume(P, 15000),
    case some(3500, 150) of
        {endless, Heard} -> exit(P, kill), {Mode, endless, [H || H <- Heard, not was_later(H)]};
        Heard -> random(N, P, R, Mode, Heard)
    end.
random(N, P, R, Mode, Heard) ->
    case is_process_alive_at(N, P) of
        true ->
            Shown = {attempt(fun() -> sys:get_state(P, 15000) end), attempt(fun() -> misc(sys:get_status(P, 15000)) end)},
            P ! {do, pick([stop, {stop, x}, {stop, {shutdown, y}, {self(), ended}}])},
            Why = receive {'DOWN', R, _, _, W} -> W after 15000 -> exit(P, kill), still_alive end,
            {Mode, Heard, Shown, Why, all(20)};
        false -> {Mode, Heard, dead}
    end.
%% A postponed event that changes the state comes back for ever, and a timer ends somewhere in between.
some(_, 0) -> {endless, []};
some(Ms, Left) -> receive M -> case some(Ms, Left - 1) of {endless, L} -> {endless, [M | L]}; L -> [M | L] end after Ms -> [] end.
is_process_alive_at(N, P) -> rpc:call(N, erlang, is_process_alive, [P]).
misc({status, _, M, [_, S, _, D, Misc]}) -> {M, S, D, Misc}.

pick(L) -> lists:nth(rand:uniform(length(L)), L).
chance(Percent) -> rand:uniform(100) =< Percent.

event(P, I) ->
    What = case chance(25) of true -> {note, I}; false -> {do, return()} end,
    case rand:uniform(3) of
        1 -> P ! {'$gen_call', {self(), {tag, I}}, What};
        2 -> P ! {'$gen_cast', What};
        3 -> P ! What
    end.

return() ->
    Data = {self(), pick([x, y, {on_enter, entering()}])},
    A = actions(rand:uniform(4) - 1),
    case rand:uniform(20) of
        1 -> keep_state_and_data;
        N when N =< 4 -> {keep_state_and_data, A};
        5 -> {keep_state, Data};
        N when N =< 8 -> {keep_state, Data, A};
        9 -> {repeat_state_and_data, A};
        10 -> {repeat_state, Data, A};
        11 -> {next_state, pick([a, b, c]), Data};
        N when N =< 18 -> {next_state, pick([a, b, c]), Data, A};
        19 -> case chance(15) of true -> {stop_and_reply, done, [{reply, from, bye}], Data}; false -> repeat_state_and_data end;
        20 -> case chance(25) of true -> pick([nonsense, {next_state, b}, {keep_state_and_data, [foo]}, {stop, why, Data}]); false -> keep_state_and_data end
    end.
%% What a state enter call may answer.
entering() -> pick([keep_state_and_data, {keep_state_and_data, timeouts(2)}, {keep_state, {self(), entered}, timeouts(1)}, {keep_state_and_data, hibernate}]).
actions(0) -> [];
actions(N) -> [pick([{reply, from, N}, postpone, {postpone, false}, {next_event, internal, {note, N}}, {next_event, cast, {note, N}}, {next_event, info, {do, {keep_state_and_data, timeout()}}},
                     {next_event, internal, {do, {next_state, pick([a, b, c]), {self(), inner}}}}, hibernate, {hibernate, false}, timeout(), timeout(), timeout()]) | actions(N - 1)].
timeouts(0) -> [];
timeouts(N) -> [timeout() | timeouts(N - 1)].
%% Each kind of timeout has its own time, so that the order is the same on any machine. A timer that takes the place of a timeout that is due
%% at once is lost before OTP 29: its message is then an info event, of no timer. So in one script a type is either of a later time or, but
%% for the timer it begins with, due at once.
timeout() ->
    Type = pick([timeout, timeout, state_timeout, {timeout, n}, {timeout, m}]),
    pick(case get(Type) of
        undefined -> [{timeout, 1300, et}, {timeout, 0, et0}, 1300, 0, infinity, {timeout, cancel}];
        later -> [{Type, infinity, never}, {Type, cancel}, later(Type), later(Type), erlang:append_element(later(Type), [{abs, false}])];
        at_once -> [{Type, infinity, never}, {Type, cancel}, {Type, 0, zero}, {Type, 0, zero}, {Type, update, updated}]
    end).
later(state_timeout) -> {state_timeout, 100, st};
later({timeout, n}) -> {{timeout, n}, 500, nt};
later({timeout, m}) -> {{timeout, m}, 900, mt}.
was_later({event, _, What, _}) -> lists:member(What, [st, nt, mt, et, 1300]);
was_later(_) -> false.

%% ---- chosen ones
chosen() -> starts() ++ returns() ++ calls() ++ systems() ++ names() ++ modules() ++ upgrades().

starts() ->
    [{"init " ++ Name, fun(N) -> {start(N, handle_event_function, F()), all(200)} end} || {Name, F} <- [
        {"ok", fun() -> {ok, a, {self(), x}} end}, {"ok actions", fun() -> {ok, a, {self(), x}, [{next_event, internal, {note, first}}, {state_timeout, 20, st}]} end},
        {"ok postpone", fun() -> {ok, a, {self(), x}, [postpone, {timeout, 0, now}]} end},
        {"ok one", fun() -> {ok, a} end}, {"stop", fun() -> {stop, why} end}, {"stop normal", fun() -> {stop, normal} end}, {"ignore", fun() -> ignore end}, {"nonsense", fun() -> nonsense end},
        {"error", fun() -> {raise, error, why} end}, {"exit", fun() -> {raise, exit, why} end}, {"throw", fun() -> {raise, throw, {ok, a, {self(), x}}} end},
        {"bad action", fun() -> {ok, a, {self(), x}, [foo]} end}]] ++
    %% Asked by a machine there that traps exits: by rpc it may be the new one's exit that is the answer.
    [{"start_link init " ++ Name, fun(N) -> P = machine(N, handle_event_function), {gen_statem:call(P, {start_link, {handle_event_function, R}}), all(200)} end} || {Name, R} <- [{"ok", {ok, a, {nobody, x}}}, {"stop", {stop, why}}, {"ignore", ignore}, {"error", {raise, error, why}}, {"nonsense", nonsense}]] ++
    [{"callback mode " ++ lists:flatten(io_lib:format("~p", [Mode])), fun(N) -> {ok, _} = start(N, Mode, {ok, a, {self(), x}}), all(100) end} || Mode <- [nonsense, [], state_enter, [state_functions, foo]]] ++
    [{"enters its first state", fun(N) -> P = machine(N, [state_functions, state_enter], {on_enter, {keep_state, {self(), entered}, {state_timeout, 20, st}}}), {all(200), sys:get_state(P)} end},
     {"start_monitor", fun(N) -> element(1, rpc:call(N, gen_statem, start_monitor, [machine, {state_functions, {ok, a, {self(), x}}}, []])) end},
     {"hibernate_after", fun(N) -> {ok, P} = start(N, state_functions, {ok, a, {self(), x}}, [{hibernate_after, 20}]), timer:sleep(1000), {rpc:call(N, erlang, process_info, [P, current_function]), gen_statem:call(P, get)} end},
     {"idle", fun(N) -> P = machine(N, state_functions), timer:sleep(500), [rpc:call(N, erlang, process_info, [P, K]) || K <- [current_function, initial_call]] end},
     {"remote start_link", fun(N) -> process_flag(trap_exit, true), {ok, P} = rpc:call(N, gen_statem, start_link, [machine, {state_functions, {ok, a, {self(), x}}}, []]), link(P), exit(P, shutdown), {down(P), all(120)} end}].

returns() ->
    O = fun() -> {self(), new} end,
    Rets = [{"next_state", fun() -> {next_state, b, O()} end}, {"next_state same", fun() -> {next_state, a, O(), {reply, from, same}} end}, {"next_state odd", fun() -> {next_state, {odd, 1}, O()} end},
            {"keep_state", fun() -> {keep_state, O(), {reply, from, kept}} end}, {"bad action", fun() -> {keep_state_and_data, [{reply, from, first}, {foo, 1}]} end},
            {"bad reply", fun() -> {keep_state_and_data, [{reply, nobody, first}]} end}, {"bad time", fun() -> {keep_state_and_data, {state_timeout, -1, x}} end}, {"bad type", fun() -> {keep_state_and_data, {next_event, foo, x}} end},
            {"bad postpone", fun() -> {keep_state_and_data, {postpone, maybe}} end}, {"bad option", fun() -> {keep_state_and_data, {timeout, 10, x, [{foo, true}]}} end}, {"pop nothing", fun() -> {keep_state_and_data, pop_callback_module} end},
            {"bad return", fun() -> {next_state, b} end}, {"stop", fun() -> stop end}, {"stop why", fun() -> {stop, why} end}, {"stop data", fun() -> {stop, why, O()} end}, {"stop shutdown", fun() -> {stop, {shutdown, x}} end},
            {"stop_and_reply", fun() -> {stop_and_reply, why, {reply, from, bye}} end}, {"stop_and_reply normal", fun() -> {stop_and_reply, normal, [{reply, from, bye}], O()} end}, {"stop_and_reply bad", fun() -> {stop_and_reply, why, [foo]} end},
            {"raise error", fun() -> {raise, error, why} end}, {"raise exit", fun() -> {raise, exit, why} end}, {"raise throw", fun() -> {raise, throw, {keep_state_and_data, {reply, from, thrown}}} end}],
    [{lists:flatten(io_lib:format("~p ~s", [Mode, Name])), fun(N) ->
        P = machine(N, Mode),
        M = case F() of {raise, throw, _} -> {do, {keep_state_and_data, {reply, from, not_thrown}}}; {raise, C, R} -> {raise, C, R}; R -> {do, R} end,
        Mon = monitor(process, P),
        Got = attempt(fun() -> gen_statem:call(P, M, 3000) end),
        {Got, receive {'DOWN', Mon, _, _, Why} -> Why after 1000 -> {alive, attempt(fun() -> sys:get_state(P, 15000) end)} end, all(120)}
     end} || {Name, F} <- Rets, Mode <- [handle_event_function, [state_functions, state_enter]]] ++
    [{"enter " ++ Name, fun(N) -> P = machine(N, [handle_event_function, state_enter], {on_enter, keep_state_and_data}), Mon = monitor(process, P), gen_statem:cast(P, {do, {next_state, b, {self(), {on_enter, R}}}}), {down_or(P, Mon, 300), all(120)} end} || {Name, R} <- [
        {"postpone", {keep_state_and_data, postpone}}, {"next_state", {next_state, c, {x, y}}}, {"next_event", {keep_state_and_data, {next_event, internal, x}}}, {"push", {keep_state_and_data, {push_callback_module, machine}}}, {"hibernate", {keep_state_and_data, hibernate}}]] ++
    [{"terminate raises " ++ atom_to_list(C), fun(N) -> P = machine(N, state_functions, {raise, C, oops}), {attempt(fun() -> gen_statem:stop(P, why, 15000) end), all(120)} end} || C <- [error, exit, throw]] ++
    [{"killed parent", fun(N) -> process_flag(trap_exit, true), P = machine(N, state_functions), gen_statem:cast(P, postponed), exit(P, foo), down(P) end},
     {"postponed until the state changes", fun(N) -> P = machine(N, handle_event_function), gen_statem:cast(P, {do, {keep_state_and_data, postpone}}), P ! {note, 1}, gen_statem:cast(P, {do, {next_state, b, {self(), moved}}}), P ! {note, 2}, A = all(200), exit(P, kill), A end}].
down_or(P, R, Ms) -> receive {'DOWN', R, _, _, Why} -> Why after Ms * 6 -> demonitor(R, [flush]), {alive, sys:get_state(P)} end.

calls() ->
    [{"call times out", fun(N) -> P = machine(N, handle_event_function), [attempt(fun() -> gen_statem:call(P, {note, 1}, T) end) || T <- [30, {clean_timeout, 30}, {dirty_timeout, 30}]] end},
     {"call from there", fun(N) -> P = machine(N, state_functions), [rpc:call(N, gen_statem, call, [P | A]) || A <- [[get], [get, 15000], [get, {clean_timeout, 15000}], [get, {dirty_timeout, infinity}], [get, {foo, 1}], [get, soon]]] end},
     {"call of nobody", fun(N) -> {rpc:call(N, gen_statem, call, [nobody_there, x]), attempt(fun() -> gen_statem:call({nobody_there, N}, x) end)} end},
     {"cast from there", fun(N) -> P = machine(N, state_functions), {rpc:call(N, gen_statem, cast, [P, {note, 1}]), rpc:call(N, gen_statem, cast, [nobody_there, x]), all(200)} end},
     {"send_request", fun(N) -> P = machine(N, state_functions), R = gen_statem:send_request(P, get), {gen_statem:wait_response(R, 15000), rpc:call(N, gen_statem, reqids_new, [])} end},
     {"answers later", fun(N) -> P = machine(N, state_functions), spawn_link(fun() -> timer:sleep(50), gen_statem:cast(P, {do, {next_state, b, {self(), x}}}) end), attempt(fun() -> gen_statem:call(P, {do, {keep_state_and_data, postpone}}, 3000) end) end},
     {"replies", fun(N) -> P = machine(N, state_functions), gen_statem:call(P, {do, {keep_state_and_data, [{reply, from, one}, {reply, from, two}]}}) end},
     {"reply by list", fun(N) -> {rpc:call(N, gen_statem, reply, [[{reply, {self(), t1}, x}, {reply, {self(), t2}, y}]]), rpc:call(N, gen_statem, reply, [{reply, {self(), t3}, z}]), rpc:call(N, gen_statem, reply, [{self(), t4}, zz]), all(120)} end},
     {"stop", fun(N) -> P = machine(N, state_functions), {rpc:call(N, gen_statem, stop, [P]), all(120), attempt(fun() -> gen_statem:stop(P) end)} end},
     {"stop with reason", fun(N) -> P = machine(N, state_functions), {attempt(fun() -> gen_statem:stop(P, {shutdown, x}, 15000) end), all(120)} end}].

systems() ->
    On = fun(F) -> fun(N) -> F(N, machine(N, handle_event_function)) end end,
    [{"get_state", On(fun(_, P) -> sys:get_state(P) end)},
     {"replace_state by a module", On(fun(N, P) -> {rpc:call(N, sys, get_state, [P]), attempt(fun() -> sys:get_state(P) end)} end)},
     {"get_status", fun(N) -> P = machine(N, [state_functions, state_enter]), all(120), gen_statem:cast(P, {do, {keep_state_and_data, [postpone, {state_timeout, 5000, st}, {{timeout, n}, 6000, nt}]}}), all(120), sys:get_status(P) end},
     {"get_status named", fun(N) -> {ok, P} = rpc:call(N, gen_statem, start, [{local, a_machine}, machine, {state_functions, {ok, a, {self(), x}}}, []]), S = sys:get_status({a_machine, N}), gen_statem:stop(P), S end},
     {"suspended", On(fun(_, P) -> ok = sys:suspend(P), P ! {note, 1}, A = all(200), {status, _, _, [_, S | _]} = sys:get_status(P), ok = sys:resume(P), {A, S, all(200)} end)},
     {"suspended timers", On(fun(_, P) -> A = gen_statem:call(P, {do, {keep_state_and_data, [{state_timeout, 2000, st}, {reply, from, set}]}}), ok = sys:suspend(P), B = all(500), ok = sys:resume(P), {A, B, all(200)} end)},
     {"unknown system message", On(fun(_, P) -> P ! {system, {self(), tag}, foo}, all(200) end)},
     {"terminate", On(fun(_, P) -> Mon = monitor(process, P), {attempt(fun() -> sys:terminate(P, done) end), down_or(P, Mon, 1000), all(120)} end)},
     {"log", On(fun(_, P) -> ok = sys:log(P, true), gen_statem:call(P, get), gen_statem:cast(P, {do, {next_state, b, {self(), x}, [{state_timeout, 20, st}, {next_event, internal, {note, n}}]}}), receive {event, state_timeout, _, _} -> ok after 15000 -> ok end, L = sys:log(P, get), {L, sys:log(P, false)} end)},
     {"statistics", On(fun(_, P) -> ok = sys:statistics(P, true), gen_statem:call(P, get), {ok, S} = sys:statistics(P, get), [X || {K, _} = X <- S, K =:= messages_in orelse K =:= messages_out] end)},
     {"trace", On(fun(_, P) -> sys:trace(P, true), gen_statem:call(P, get) end)},
     {"debug option", fun(N) -> {ok, P} = start(N, state_functions, {ok, a, {self(), x}}, [{debug, [log]}]), P ! {note, 1}, all(30), sys:log(P, get) end},
     {"EXIT of another", On(fun(_, P) -> P ! {'EXIT', self(), x}, all(200) end)},
     {"a stray timeout", On(fun(_, P) -> P ! {timeout, make_ref(), state_timeout}, all(200) end)},
     {"absolute timeouts", On(fun(N, P) -> T = rpc:call(N, erlang, monotonic_time, [millisecond]), gen_statem:cast(P, {do, {keep_state_and_data, [{state_timeout, T + 500, st, [{abs, true}]}, {{timeout, n}, T - 500, nt, {abs, true}}, {{timeout, m}, T + 1000, mt, [{abs, true}]}]}}), all(400) end)}].

names() ->
    [{"local name", fun(N) -> A = rpc:call(N, gen_statem, start, [{local, named_machine}, machine, {state_functions, {ok, a, {self(), x}}}, []]), B = rpc:call(N, gen_statem, start, [{local, named_machine}, machine, {state_functions, {ok, a, {self(), x}}}, []]), C = gen_statem:call({named_machine, N}, get), {A, B, C, gen_statem:stop({named_machine, N}), rpc:call(N, erlang, whereis, [named_machine])} end},
     {"name given back", fun(N) -> {rpc:call(N, gen_statem, start, [{local, failed_machine}, machine, {state_functions, {stop, x}}, []]), rpc:call(N, erlang, whereis, [failed_machine])} end}].

modules() ->
    [{"push and pop", fun(N) -> P = machine(N, handle_event_function), Do = fun(A) -> gen_statem:call(P, {do, {keep_state_and_data, [A, {reply, from, done}]}}, 15000) end,
        {Do({push_callback_module, machine}), modules_of(P), Do({change_callback_module, machine}), modules_of(P), Do(pop_callback_module), modules_of(P), attempt(fun() -> Do({push_callback_module, no_such_module}) end), down(P)} end}].
modules_of(P) -> {status, _, _, [_, _, _, _, [_, {data, D} | _]]} = sys:get_status(P), proplists:get_value("Modules", D).

upgrades() ->
    Change = fun(P, Extra) -> ok = sys:suspend(P), R = attempt(fun() -> sys:change_code(P, machine, <<"0">>, Extra) end), ok = sys:resume(P), R end,
    [{"change_code " ++ lists:flatten(io_lib:format("~p", [Extra])), fun(N) -> P = machine(N, handle_event_function), {Change(P, Extra), sys:get_state(P)} end} || Extra <- [extra, {return, {ok, b}}, {return, {error, no}}, {return, nonsense}, {raise, error, x}, {raise, exit, x}, {raise, throw, x}]] ++
    [{"change_code to another mode", fun(N) -> P = machine(N, handle_event_function), A = Change(P, {mode, [state_functions, state_enter]}), gen_statem:cast(P, {do, {next_state, b, {self(), x}}}), {A, all(200), Change(P, {mode, nonsense}), sys:get_state(P)} end},
     {"change_code of a running one", fun(N) -> P = machine(N, handle_event_function), attempt(fun() -> sys:change_code(P, machine, <<"0">>, x) end) end}].

twice({State, {O, What}}) -> {State, {O, {What, What}}}.
