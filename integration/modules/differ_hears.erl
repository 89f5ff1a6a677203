%% Usage: differ_hears:run(Node, Seed). Plays the same random and chosen scripts to hears.erl or hears.cpp in event managers of a node, and prints one line
%% per script: what came back and in which order, what sys shows, and how it ended.
-module(differ_hears).
-export([run/2]).

run(Node, Seed) ->
    true = net_kernel:connect_node(Node),
    logger:set_primary_config(level, none),
    Random = [{"random " ++ integer_to_list(I), fun(N) -> random(N, Seed + I) end} || I <- lists:seq(1, 30)],
    alike:beside([fun() -> line(Name, alike:under_leader(fun() -> F(Node) end, 60000), Node) end || {Name, F} <- chosen() ++ Random]).

line(Name, {Got, _}, Node) -> io_lib:format("~s: ~0p~n", [Name, alike:tidy(#{node => Node, own => fun own/1}, Got)]).
% Where in a callback module something was raised is its own business; a process that has hibernated begins in wake_up.
own({hears, F, A, L}) when is_atom(F), is_integer(A), is_list(L) -> {is, {hears, raised}};
own({proc_lib, wake_up, 3, L}) -> {first, {proc_lib, init_p_do_apply, 3, L}};
own(F) when is_function(F) -> {is, '#Fun'};
own(_) -> no.

manager(N) -> {ok, P} = rpc:call(N, gen_event, start, []), P.
manager(N, Whats) -> P = manager(N), [ok = gen_event:add_handler(P, {hears, W}, {self(), W}) || W <- Whats], P.
%% All that comes until there is silence for much longer than Ms, what it takes on an idle machine.
all(Ms) -> alike:all(Ms * 6).
attempt(F) -> alike:attempt(F).
handlers(P) -> {gen_event:which_handlers(P), sys:get_state(P)}.

%% ---- random scripts
random(N, Seed) ->
    rand:seed(exsss, Seed),
    P = manager(N),
    Said = [attempt(fun() -> step(P, I) end) || I <- lists:seq(1, 25)],
    {Said, all(150), handlers(P), attempt(fun() -> misc(sys:get_status(P)) end), gen_event:stop(P), all(150)}.
misc({status, _, M, [_, S, _, D, Misc]}) -> {M, S, D, Misc}.
pick(L) -> lists:nth(rand:uniform(length(L)), L).
name() -> pick([hears, {hears, 1}, {hears, 2}, {hears, three}]).

step(P, I) ->
    case rand:uniform(14) of
        N when N =< 3 -> gen_event:add_handler(P, name(), pick([{self(), I}, {self(), I}, {return, {ok, {self(), I}, hibernate}}, {return, {error, no}}, {raise, error, x}, {raise, exit, x}]));
        4 -> gen_event:add_sup_handler(P, name(), {self(), I});
        5 -> gen_event:delete_handler(P, name(), pick([bye, stop]));
        N when N =< 7 -> gen_event:notify(P, event(I));
        8 -> gen_event:sync_notify(P, event(I));
        9 -> P ! event(I), sent;
        N when N =< 12 -> gen_event:call(P, name(), call(I));
        13 -> gen_event:swap_handler(P, {name(), old}, {name(), {new, self()}});
        14 -> gen_event:swap_sup_handler(P, {name(), old}, {name(), {new, self()}})
    end.
event(I) -> pick([I, {note, I}, {do, {ok, state}}, {do, {ok, {self(), I}}}, {do, {ok, state, hibernate}}, {only, I div 2, {swap_handler, a1, state, name(), {new, self()}}, now}, {only, I div 3, remove_handler, now}, {only, I - 1, nonsense, now}]).
call(I) -> pick([get, get, {do, {ok, {r, I}, {self(), I}}}, {do, {ok, r, state, hibernate}}, {do, {swap_handler, r, a1, state, name(), {new, self()}}}, {do, {remove_handler, r}}, {do, nonsense}, {raise, throw, {ok, thrown, {self(), I}}}, {raise, exit, I}]).

%% ---- chosen ones
chosen() -> starts() ++ events() ++ calls() ++ supervised() ++ swaps() ++ systems() ++ upgrades().

starts() ->
    [{"start", fun(N) -> element(1, rpc:call(N, gen_event, start, [])) end},
     {"start named", fun(N) -> A = rpc:call(N, gen_event, start, [{local, a_manager}]), B = rpc:call(N, gen_event, start, [{local, a_manager}, []]), C = gen_event:which_handlers({a_manager, N}), {A, B, C, rpc:call(N, gen_event, notify, [a_manager, x]), gen_event:stop({a_manager, N}), rpc:call(N, erlang, whereis, [a_manager])} end},
     {"start_link", fun(N) -> element(1, rpc:call(N, gen_event, start_link, [])) end}, {"start_monitor", fun(N) -> element(1, rpc:call(N, gen_event, start_monitor, [])) end},
     {"start nonsense", fun(N) -> {badrpc, {'EXIT', {W, [{M, F, A, _} | _]}}} = rpc:call(N, gen_event, start, [foo]), {W, M, F, A} end},
     {"idle", fun(N) -> P = manager(N), [rpc:call(N, erlang, process_info, [P, K]) || K <- [current_function, initial_call, trap_exit]] end},
     {"dictionary", fun(N) -> {dictionary, D} = rpc:call(N, erlang, process_info, [manager(N), dictionary]), D end},
     {"hibernate_after", fun(N) -> {ok, P} = rpc:call(N, gen_event, start, [[{hibernate_after, 20}]]), timer:sleep(1000), {rpc:call(N, erlang, process_info, [P, current_function]), gen_event:which_handlers(P)} end}] ++
    [{lists:flatten(io_lib:format("add_handler ~p", [A])), fun(N) -> P = manager(N), {gen_event:add_handler(P, hears, A), handlers(P)} end} || A <- [{return, {ok, {x, 1}}}, {return, {ok, {x, 1}, hibernate}}, {return, ignore}, {return, {error, x}}, {raise, error, x}, {raise, exit, x}, {raise, throw, {ok, x}}, {raise, throw, x}]] ++
    [{"add_handler of no module", fun(N) -> P = manager(N), {gen_event:add_handler(P, no_such_module, x), gen_event:add_handler(P, {no_such_module, 1}, x), gen_event:which_handlers(P)} end},
     {"from there", fun(N) -> P = manager(N), [rpc:call(N, gen_event, F, [P | A]) || {F, A} <- [{add_handler, [hears, {self(), x}]}, {notify, [e1]}, {sync_notify, [e2]}, {call, [hears, get]}, {call, [hears, get, 15000]}, {which_handlers, []}, {delete_handler, [hears, bye]}, {swap_handler, [{hears, a}, {{hears, 2}, {new, self()}}]}, {stop, []}]] ++ all(150) end}].

events() ->
    [{"three hear it", fun(N) -> P = manager(N, [1, 2, 3]), {gen_event:notify(P, a), gen_event:sync_notify(P, b), P ! c, all(100), gen_event:which_handlers(P)} end}] ++
    [{lists:flatten(io_lib:format("~p of ~p", [E, Who])), fun(N) -> P = manager(N, [1, 2, 3]), R = How(P, {only, Who, E, now}), {R, all(100), handlers(P)} end}
     || {How, E, Who} <- [{H, X, W} || {H, W} <- [{fun gen_event:sync_notify/2, 2}, {fun(P, M) -> P ! M, sent end, 1}], X <- [remove_handler, nonsense, {ok, {self(), new}}, {ok, state, hibernate}, {swap_handler, a1, state, {hears, 9}, {new, self()}}, {swap_handler, a1, state, {hears, 9}, {return, no}}]]] ++
    [{"raises " ++ atom_to_list(C) ++ " of " ++ lists:flatten(io_lib:format("~p", [Ws])), fun(N) -> P = manager(N), [gen_event:add_sup_handler(P, {hears, W}, {self(), W}) || W <- Ws], gen_event:sync_notify(P, {raise, C, oops}), {all(100), handlers(P)} end} || C <- [error, exit, throw], Ws <- [[1], [1, 2]]] ++
    [{"terminate raises " ++ atom_to_list(C), fun(N) -> P = manager(N), gen_event:add_handler(P, hears, {self(), {raise, C, oops}}), {gen_event:delete_handler(P, hears, bye), handlers(P)} end} || C <- [error, exit, throw]].

calls() ->
    [{lists:flatten(io_lib:format("call ~p", [Q])), fun(N) -> P = manager(N, [1, 2]), {attempt(fun() -> gen_event:call(P, {hears, 2}, Q, 15000) end), all(100), handlers(P)} end}
     || Q <- [get, {do, {ok, r, {self(), new}}}, {do, {ok, r, state, hibernate}}, {do, {remove_handler, r}}, {do, {swap_handler, r, a1, state, hears, {new, self()}}}, {do, nonsense}, {do, {ok, r}}, {raise, error, x}, {raise, exit, x}, {raise, throw, x}]] ++
    [{"call of no handler", fun(N) -> P = manager(N, [1]), {gen_event:call(P, hears, get), gen_event:call(P, {hears, 7}, get), gen_event:delete_handler(P, hears, x)} end},
     {"call of no manager", fun(N) -> {attempt(fun() -> gen_event:call({nobody_there, N}, hears, x) end), rpc:call(N, gen_event, call, [nobody_there, hears, x]), rpc:call(N, gen_event, call, [nobody_there, hears, x, 50])} end},
     {"call of the nearest name", fun(N) -> P = manager(N), gen_event:add_handler(P, hears, {self(), plain}), gen_event:add_handler(P, {hears, x}, {self(), named}), {gen_event:call(P, hears, get), gen_event:call(P, {hears, x}, get), gen_event:which_handlers(P)} end}].

supervised() ->
    [{"supervisor ends " ++ atom_to_list(Why), fun(N) -> P = manager(N, [1]), Self = self(), S = spawn(fun() -> ok = gen_event:add_sup_handler(P, {hears, sup}, {Self, sup}), Self ! added, receive go -> exit(Why) end end), receive added -> ok end, S ! go, A = all(150), {A, gen_event:which_handlers(P)} end} || Why <- [normal, shutdown, oops]] ++
    [{"told of the end by " ++ Name, fun(N) -> P = manager(N), ok = gen_event:add_sup_handler(P, {hears, s}, {self(), s}), F(P), {all(150), attempt(fun() -> gen_event:which_handlers(P) end)} end} || {Name, F} <- [
        {"delete_handler", fun(P) -> gen_event:delete_handler(P, {hears, s}, bye) end}, {"remove_handler", fun(P) -> gen_event:sync_notify(P, {do, remove_handler}) end}, {"nonsense", fun(P) -> gen_event:sync_notify(P, {do, nonsense}) end},
        {"call", fun(P) -> gen_event:call(P, {hears, s}, {do, nonsense}) end}, {"stop", fun(P) -> gen_event:stop(P) end}, {"swap", fun(P) -> gen_event:swap_handler(P, {{hears, s}, a1}, {hears, {new, self()}}) end}]] ++
    [{"manager is killed", fun(N) -> process_flag(trap_exit, true), P = manager(N), ok = gen_event:add_sup_handler(P, hears, {self(), s}), exit(P, kill), all(100) end},
     {"exits of others", fun(N) -> P = manager(N, [1]), link(P), P ! {'EXIT', self(), x}, exit(P, foo), all(100) end}].

swaps() ->
    [{"swap", fun(N) -> P = manager(N, [1]), {gen_event:swap_handler(P, {{hears, 1}, a1}, {{hears, 2}, {new, self()}}), all(150), handlers(P)} end},
     {"swap of nobody", fun(N) -> P = manager(N, [1]), {gen_event:swap_handler(P, {hears, a1}, {{hears, 2}, {new, self()}}), all(150), handlers(P)} end},
     {"swap that fails", fun(N) -> P = manager(N, [1]), {gen_event:swap_handler(P, {{hears, 1}, a1}, {no_such_module, x}), all(150), handlers(P)} end},
     {"swap_sup_handler", fun(N) -> P = manager(N, [1]), A = gen_event:swap_sup_handler(P, {{hears, 1}, a1}, {{hears, 2}, {new, self()}}), gen_event:delete_handler(P, {hears, 2}, bye), {A, all(150), handlers(P)} end}].

systems() ->
    [{"get_status", fun(N) -> sys:get_status(manager(N, [1, 2])) end},
     {"get_state", fun(N) -> sys:get_state(manager(N, [1, two])) end},
     {"suspended", fun(N) -> P = manager(N, [1]), ok = sys:suspend(P), gen_event:notify(P, a), A = all(200), ok = sys:resume(P), {A, all(200)} end},
     {"get_modules", fun(N) -> P = manager(N, [1, 2]), {gen:call(P, self(), get_modules), gen:call(manager(N), self(), get_modules)} end},
     {"raw stop", fun(N) -> P = manager(N, [1]), R = monitor(process, P), {gen:call(P, self(), stop), receive {'DOWN', R, _, _, W} -> W after 15000 -> alive end, all(150)} end},
     {"terminate", fun(N) -> P = manager(N, [1, 2]), {attempt(fun() -> gen_event:stop(P, why, 15000) end), all(150)} end},
     {"log", fun(N) -> P = manager(N, [1]), ok = sys:log(P, true), gen_event:notify(P, a), gen_event:call(P, {hears, 1}, get), {sys:log(P, get), all(120)} end},
     {"unknown system message", fun(N) -> P = manager(N), P ! {system, {self(), tag}, foo}, all(150) end},
     {"no handle_info", fun(N) -> P = manager(N), P ! x, gen_event:which_handlers(P) end}].

upgrades() ->
    [{lists:flatten(io_lib:format("change_code ~p", [Extra])), fun(N) -> P = manager(N, [1, 2]), ok = sys:suspend(P), R = attempt(fun() -> sys:change_code(P, M, <<"0">>, Extra) end), ok = sys:resume(P), {R, sys:get_state(P)} end}
     || {M, Extra} <- [{hears, extra}, {other, extra}, {hears, {return, {ok, {x, new}}}}, {hears, {return, nonsense}}, {hears, {raise, error, x}}, {hears, {raise, exit, x}}]].
