%% Usage: differ_applications:run(Node). Loads, starts, asks, crashes and stops applications on a node, and prints one line per question, with
%% pids, references and stack frames made alike. Two nodes that behave alike print alike.
-module(differ_applications).
-export([run/1]).

run(Node) ->
    true = net_kernel:connect_node(Node),
    logger:set_primary_config(level, none),
    put(node, Node),
    [begin put(group, Group), Cases() end || {Group, Cases} <-
        [{specs, fun specs/0}, {env, fun env/0}, {keys, fun keys/0}, {start, fun start/0}, {failing, fun failing/0}, {processes, fun processes/0},
         {ends, fun ends/0}, {phases, fun phases/0}, {dependencies, fun dependencies/0}, {included, fun included/0}, {change, fun change/0},
         {elixir, fun elixir/0}]],
    ok.

app(Name, More) -> {application, Name, [{description, "d " ++ atom_to_list(Name)}, {vsn, "1.0"}, {modules, [app_cb]}, {applications, [kernel, stdlib]} | More]}.
sup(Name) -> app(Name, [{mod, {app_cb, sup}}]).

%% One line; the answer itself.
q(F, A) -> q(application, F, A).
q(M, F, A) ->
    R = try erpc:call(get(node), M, F, A, 10000) catch C:E -> {C, E} end,
    io:format("~s ~s:~s ~0p -> ~0tp~n", [get(group), M, F, tidy(A), tidy(R)]),
    R.
say(What, R) -> io:format("~s ~s -> ~0tp~n", [get(group), What, tidy(R)]).
quiet(M, F, A) -> erpc:call(get(node), M, F, A, 10000).
worker(M, F, A) -> quiet(gen_server, call, [app_worker, {apply, M, F, A}]).

tidy(P) when is_pid(P) -> case node(P) =:= get(node) of true -> '<there>'; false -> '<here>' end;
tidy(R) when is_reference(R) -> '#Ref';
tidy({exception, R, [_ | _]}) -> {exception, tidy(R), '#Stack'};
tidy({undef, [_ | _]}) -> {undef, '#Stack'};
tidy({E, [{M, F, A, _} | _]}) when is_atom(M), is_atom(F), is_integer(A) or is_list(A) -> {tidy(E), '#Stack'};
tidy(T) when is_tuple(T) -> list_to_tuple(tidy(tuple_to_list(T)));
tidy([H | T]) -> [tidy(H) | tidy(T)];
tidy(M) when is_map(M) -> maps:from_list(tidy(maps:to_list(M)));
tidy(A) when is_atom(A) -> case get(node) of A -> '<node>'; _ -> A end;
tidy(T) -> T.

%% The applications of this story among those of the node.
ours(Rows) -> lists:sort([R || R <- Rows, lists:member(element(1, R), [one, two, three, four, lib, inc, top, bad])]).

specs() ->
    [q(load, [S]) || S <- [no_such_app, 42, "text", {application, 1, []}, {application, one, foo}, {application, one, [{mod, foo}]},
                           {application, one, [{mod, {1, 2}}]}, {applicatio, one, []}, {application, one}, {}]],
    q(start, [no_such_app]), q(start, [no_such_app, permanent]), q(ensure_started, [no_such_app]), q(ensure_all_started, [no_such_app]),
    q(stop, [no_such_app]), q(unload, [no_such_app]), q(get_all_key, [no_such_app]), q(get_key, [no_such_app, vsn]),
    q(start, [42]), q(stop, ["x"]),
    q(ensure_all_started, [sasl]), q(ensure_started, [sasl]), q(get_key, [sasl, applications]), q(stop, [sasl]), q(unload, [sasl]),
    q(load, [{application, one, []}]), q(load, [{application, one, []}]), q(load, [one]), q(get_all_key, [one]), q(unload, [one]), q(unload, [one]),
    {error, {Why, "broken.app"}} = quiet(application, load, [broken]), say("broken.app", lists:prefix("1: ", lists:flatten(Why))), q(load, [on_disk]), q(get_all_key, [on_disk]), q(get_all_env, [on_disk]), q(get_env, [on_disk, a]), q(unload, [on_disk]),
    q(get_env, [on_disk, a]).

env() ->
    q(get_env, [one, k]), q(get_env, [one, k, default]), q(set_env, [one, k, {v, 1}]), q(get_env, [one, k]), q(get_env, [one, k, default]),
    q(get_all_env, [one]), q(unset_env, [one, k]), q(get_env, [one, k]), q(unset_env, [one, k]),
    q(set_env, [[{one, [{a, 1}, {b, 2}]}, {two, [{c, 3}]}]]), say("get_all_env", lists:sort(quiet(application, get_all_env, [one]))), q(get_all_env, [two]),
    q(set_env, [[{one, [{a, 1}, {a, 2}]}]]), q(set_env, [[{one, []}, {one, []}]]), q(set_env, [[{"one", []}]]), q(set_env, [[{one, 1}]]), q(set_env, [[one]]),
    q(set_env, [[{one, [x]}]]), q(set_env, [[{one, [{"x", 1}]}]]), q(set_env, [one]), q(set_env, [one, k, v, 1000]), q(set_env, [one, k, v, infinity]),
    q(set_env, [one, k, v, [{persistent, true}]]), q(set_env, [one, l, w, [{timeout, 1000}]]),
    q(load, [app(one, [{env, [{k, from_app}, {m, from_app}]}])]), q(get_env, [one, k]), q(get_env, [one, m]), q(unload, [one]), q(get_env, [one, m]),
    q(unset_env, [one, k, [{persistent, true}]]), q(load, [app(one, [{env, [{k, from_app}]}])]), q(get_env, [one, k]), q(unload, [one]),
    q(get_env, [k]), q(get_all_env, []), q(get_key, [vsn]), q(get_all_key, []), q(get_application, []).

keys() ->
    q(load, [app(one, [{mod, {app_cb, sup}}, {registered, [app_worker]}, {id, "id"}, {maxT, 10}, {start_phases, [{p, 1}]}, {optional_applications, [x]}])]),
    [q(get_key, [one, K]) || K <- [description, id, vsn, modules, maxP, maxT, registered, included_applications, optional_applications, applications,
                                   env, mod, start_phases, other, "x"]],
    q(get_all_key, [one]), q(get_application, [app_cb]), q(get_application, [no_such_module]), q(get_application, [42]),
    say("loaded", ours(quiet(application, loaded_applications, []))), q(unload, [one]).

start() ->
    q(load, [sup(one)]), q(start, [one, sometimes]), q(start, [one]), q(start, [one]), q(ensure_started, [one]), q(ensure_started, [one, permanent]),
    q(ensure_all_started, [one]), q(unload, [one]), q(load, [one]),
    say("which", ours(quiet(application, which_applications, []))), say("which", ours(quiet(application, which_applications, [1000]))),
    q(which_applications, [soon]),
    q(application_controller, is_running, [one]), q(application_controller, get_master, [one]), q(application_controller, get_master, [none]),
    q(stop, [one]), q(stop, [one]), q(application_controller, is_running, [one]), q(application_controller, get_master, [one]), q(start, [one, transient]), q(stop, [one]),
    q(unload, [one]),
    q(load, [app(lib, [])]), q(start, [lib]), q(application_controller, get_master, [lib]), q(stop, [lib]), q(unload, [lib]).

failing() ->
    [begin
         q(load, [app(bad, [{mod, {app_cb, Arg}}])]), q(start, [bad]), q(ensure_all_started, [bad]), q(unload, [bad])
     end || Arg <- [{return, {error, why}}, {return, nonsense}, {return, {ok, no_pid}}, {exit, normal}, {exit, why}, {throw, thrown}, {throw, {error, thrown}}, no_clause]],
    q(load, [app(bad, [{mod, {no_such_module, []}}])]), q(start, [bad]), q(unload, [bad]),
    %% transient and normal: the only failing start of those that does not end the node
    q(load, [app(bad, [{mod, {app_cb, {exit, normal}}}])]), q(start, [bad, transient]), q(unload, [bad]).

processes() ->
    q(load, [app(one, [{mod, {app_cb, sup}}, {env, [{k, v}]}])]), q(start, [one]),
    Master = quiet(application_controller, get_master, [one]),
    {Sup, Mod} = quiet(application_master, get_child, [Master]),
    say("get_child", {Sup, Mod}), say("supervisor", quiet(supervisor, which_children, [Sup])),
    Worker = quiet(erlang, whereis, [app_worker]),
    Leader = fun(P) -> element(2, quiet(erlang, process_info, [P, group_leader])) end,
    say("leaders", [Leader(P) =:= Master || P <- [Master, Sup, Worker]]),
    q(get_application, [Master]), q(get_application, [Sup]), q(get_application, [Worker]), 
    say("worker's", [worker(application, F, A) || {F, A} <- [{get_application, []}, {get_env, [k]}, {get_env, [x]}, {get_all_env, []}, {get_key, [vsn]}, {start_type, []}]]),
    say("worker's start_type", worker(application_master, start_type, [])),
    {links, Links} = quiet(erlang, process_info, [Sup, links]),
    [Starter] = Links -- [Worker],
    say("starter", [Leader(Starter) =:= Master, quiet(erlang, process_info, [Starter, trap_exit]), lists:sort(element(2, quiet(erlang, process_info, [Starter, links]))) =:= lists:sort([Master, Sup])]),
    say("initial calls", [quiet(erlang, process_info, [P, initial_call]) || P <- [Master, Starter]]),
    {_, Info} = lists:keyfind(running, 1, quiet(application, info, [])),
    say("info", [{A, P =:= Master} || {A, P} <- Info, A =:= one]),
    say("keys of info", [K || {K, _} <- quiet(application, info, [])]),
    %% What belongs to the application goes with it, also when no supervisor knows it.
    Lost = worker(erlang, spawn, [timer, sleep, [infinity]]),
    say("lost", [quiet(erlang, is_process_alive, [Lost]), Leader(Lost) =:= Master]),
    q(stop, [one]),
    say("after", [quiet(erlang, is_process_alive, [P]) || P <- [Master, Sup, Worker, Starter, Lost]]),
    say("get_child of the dead", quiet(application_master, get_child, [Master])), say("stop of the dead", quiet(application_master, stop, [Master])),
    q(unload, [one]).

gone(App) -> gone(App, 200).
gone(_, 0) -> still_there;
gone(App, N) -> case quiet(application_controller, is_running, [App]) of false -> gone; true -> timer:sleep(20), gone(App, N - 1) end.

ends() ->
    Self = self(),
    [begin
         q(load, [app(one, [{mod, {app_cb, {sup, {watch, Self}}}}])]), q(start, [one, Type]),
         say("stop", catch quiet(gen_server, call, [app_worker, {stop, Reason}])), say("one", gone(one)), heard(),
         %% It ended, but counts as started until it is stopped.
         q(start, [one]), q(stop, [one]), heard(), q(stop, [one]), q(unload, [one])
     end || {Type, Reason} <- [{temporary, crash}, {temporary, shutdown}]],
    %% The top supervisor ends normally: transient allows it.
    q(load, [app(one, [{mod, {app_cb, {sup, {watch, Self}}}}])]), q(start, [one, transient]),
    {Sup, _} = quiet(application_master, get_child, [quiet(application_controller, get_master, [one])]),
    say("stop", quiet(gen_server, stop, [Sup])), say("one", gone(one)), heard(), q(stop, [one]), q(unload, [one]).

heard() -> receive M when not is_tuple(M); element(1, M) =/= 'DOWN' -> say("heard", M), heard() after 0 -> ok end.

phases() ->
    Self = {watch, self()},
    [begin
         q(load, [app(one, [{mod, Mod}, {start_phases, Phases} | More])]), q(start, [one]), heard(), q(stop, [one]), left_over(), q(unload, [one])
     end || {Mod, Phases, More} <-
         [{{app_cb, {sup, Self}}, [{first, Self}, {second, Self}], []}, {{app_cb, sup}, [], []}, {{app_cb, sup}, [{bad, why}, {second, Self}], []},
          {{app_cb, sup}, [{odd, odd_answer}], []}, {{app_cb, {return, {error, no}}}, [{first, 1}], []}]].

%% A supervisor whose application's phase failed stays, on either node.
left_over() ->
    case quiet(erlang, whereis, [app_worker]) of
        undefined -> say("left over", none);
        Worker ->
            {links, [Sup]} = quiet(erlang, process_info, [Worker, links]),
            say("left over", supervisor),
            quiet(erlang, exit, [Sup, kill]),
            without_worker(200)
    end.
without_worker(N) when N > 0 ->
    case quiet(erlang, whereis, [app_worker]) of undefined -> ok; _ -> timer:sleep(20), without_worker(N - 1) end.

dependencies() ->
    q(load, [app(two, [{mod, {app_cb, sup}}])]),
    q(load, [{application, one, [{vsn, "1"}, {applications, [kernel, stdlib, two, lib]}]}]), q(load, [app(lib, [])]),
    q(start, [one]), q(start, [two]), q(start, [one]), q(stop, [two]), q(ensure_all_started, [one]),
    say("which", ours(quiet(application, which_applications, []))), q(ensure_all_started, [one]), [q(stop, [A]) || A <- [one, two, lib]],
    q(ensure_all_started, [one, transient]), [q(stop, [A]) || A <- [one, two, lib]], [q(unload, [A]) || A <- [one, lib]],
    q(load, [{application, one, [{applications, [two, missing]}]}]), q(ensure_all_started, [one]), say("which", ours(quiet(application, which_applications, []))), q(unload, [one]),
    q(load, [{application, one, [{applications, [missing]}, {optional_applications, [missing]}]}]), q(ensure_all_started, [one]), q(stop, [one]), q(unload, [one]),
    q(load, [{application, one, [{applications, [two, bad]}]}]), q(load, [app(bad, [{mod, {app_cb, {return, {error, no}}}}])]), q(ensure_all_started, [one]),
    say("which", ours(quiet(application, which_applications, []))), [q(unload, [A]) || A <- [one, two, bad]].

included() ->
    q(load, [app(inc, [{mod, {app_cb, sup}}])]), q(unload, [inc]),
    q(load, [app(top, [{included_applications, [no_such_included]}])]), q(get_key, [top, vsn]), q(unload, [top]),
    q(load, [app(top, [{included_applications, [{application, inc, [{vsn, "2"}]}]}])]), q(get_key, [inc, vsn]), q(get_key, [top, included_applications]).

change() ->
    Self = self(),
    quiet(application, unload, [inc]), catch quiet(application, unload, [top]),
    q(load, [app(one, [{mod, {app_cb, {sup, {watch, Self}}}}, {env, [{a, 1}, {b, 2}, {watcher, {watch, Self}}]}])]), q(start, [one]),
    Before = quiet(application_controller, prep_config_change, []),
    say("before", lists:sort(proplists:get_value(one, Before))),
    New = {application, one, [{vsn, "2.0"}, {description, "new"}, {modules, [app_cb, app_worker]}, {mod, {app_cb, sup}}, {env, [{a, 1}, {b, 3}, {c, 4}, {watcher, {watch, Self}}]}]},
    q(application_controller, change_application_data, [[New], [{one, [{d, from_config}]}]]), q(get_key, [one, vsn]), q(get_application, [app_worker]),
    say("env", lists:sort(quiet(application, get_all_env, [one]))),
    say("config_change", quiet(application_controller, config_change, [Before])), heard(),
    say("config_change", quiet(application_controller, config_change, [quiet(application_controller, prep_config_change, [])])), heard(),
    q(application_controller, change_application_data, [[{application, one, nonsense}], []]), q(get_key, [one, vsn]),
    say("which", ours(quiet(application, which_applications, []))), q(stop, [one]), heard(), q(unload, [one]).

elixir() ->
    E = fun(F, A) -> q('Elixir.Application', F, A) end,
    E(put_env, [one, k, v]), E(get_env, [one, k]), E(get_env, [one, x]), E(get_env, [one, x, y]), E(fetch_env, [one, k]), E(fetch_env, [one, x]),
    E('fetch_env!', [one, k]), E('fetch_env!', [one, x]), E(delete_env, [one, k]), E(put_all_env, [[{one, [{z, 1}]}]]), E(get_all_env, [one]), E(delete_env, [one, z]),
    q(load, [app(one, [{mod, {app_cb, sup}}])]), E('fetch_env!', [one, x]), E(spec, [one]), E(spec, [one, vsn]), E(spec, [none]), E(spec, [none, vsn]), E(get_application, [app_cb]), E(get_application, [none]),
    E(start, [one]), E(ensure_started, [one]), E(ensure_all_started, [one]), E(ensure_loaded, [one]), E(ensure_loaded, [none]), E(start, [none]), E(stop, [one]), E(stop, [one]),
    E(start, [one, transient]), say("started", ours(quiet('Elixir.Application', started_applications, []))), say("loaded", ours(quiet('Elixir.Application', loaded_applications, []))),
    E(stop, [one]), E(unload, [one]), E(load, [none]), E(app_dir, [none]).
