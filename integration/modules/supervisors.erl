%% supervisors:main(Node, First, Last): for each seed a random supervisor with random children on Node, a random script of
%% what operators and children do, and one line for everything it answers, lists and reports. Node has the modules `worker` and
%% `remote_child` in C++ or in Erlang; pids are shown by the order in which they were first seen.
-module(supervisors).
-export([main/3, log/2]).

main(Node, First, Last) ->
    pong = net_adm:ping(Node),
    ok = logger:add_handler(story, ?MODULE, #{level => error, config => #{to => self()}}),
    ok = logger:remove_handler(default),
    ok = logger:set_primary_config(level, error),
    process_flag(trap_exit, true),
    [one(Node, Seed) || Seed <- lists:seq(First, Last)],
    say(all, []).

%% The logger's handler: reports of supervisors reach this node, for it is the group leader's.
log(#{msg := {report, #{label := {supervisor, What}, report := R}}}, #{config := #{to := To}}) -> To ! {report, What, R};
log(#{msg := {Format, Args}}, #{config := #{to := To}}) when is_list(Format), Format =:= "Supervisor received unexpected message: ~tp~n" ->
    To ! {report, unexpected, Args};
log(_, _) -> ok.

one(Node, Seed) ->
    rand:seed(exsss, {Seed, 4711, Seed}),
    put(pids, []), put(seed, Seed),
    Strategy = pick([one_for_one, one_for_one, one_for_all, rest_for_one, rest_for_one, simple_one_for_one]),
    Flags = flags(Strategy),
    Specs = case Strategy of
                simple_one_for_one -> [template(Flags)];
                _ -> [spec(Flags, I) || I <- lists:seq(1, pick([0, 1, 2, 3, 4]))]
            end,
    show(flags, Flags), show(specs, Specs),
    Sup = proc_lib:spawn_link(Node, gen, init_it, [gen_server, self(), self(), supervisor, {self, remote_child, {Flags, Specs}}, []]),
    receive
        {ack, Sup, {ok, Sup}} ->
            pid(Sup),
            settle(Sup),
            script(Sup, Strategy, Flags, pick([6, 12, 18, 24])),
            stop(Sup);
        {ack, Sup, Other} -> show(not_started, Other), ending(Sup);
        {nack, Sup, Other} -> show(not_started, Other), ending(Sup);
        {'EXIT', Sup, Reason} -> show(not_started, Reason)
    end,
    timer:sleep(60),  % children of one that was killed end by themselves
    drain().

flags(Strategy) ->
    case rand:uniform(16) of
        1 -> {Strategy, pick([0, 1, 3]), 1000};
        2 -> pick([#{strategy => wild}, #{strategy => Strategy, intensity => -1}, #{strategy => Strategy, period => 0}, nothing, {a, b}]);
        _ -> #{strategy => Strategy, intensity => pick([0, 1, 3, 10, 30]), period => 1000, auto_shutdown => pick([never, never, any_significant, all_significant])}
    end.

auto(#{auto_shutdown := A}) -> A;
auto(_) -> never.

template(Flags) ->
    S = spec(Flags, 1),
    case S of
        #{start := {remote_child, start_link, [_, worker, _]}} -> S#{start := {gen_server, start_link, [worker]}};
        _ -> S
    end.

spec(Flags, I) ->
    Restart = pick([permanent, permanent, transient, temporary]),
    Significant = auto(Flags) =/= never andalso Restart =/= permanent andalso pick([true, false]),
    Id = pick([I, I, {child, I}, list_to_atom("c" ++ integer_to_list(I))]),
    Start = {gen_server, start_link, [worker, {self(), Id, options()}, []]},
    Full = #{id => Id, start => Start, restart => Restart, significant => Significant,
             shutdown => pick([5000, infinity, brutal_kill, 40]), type => pick([worker, worker, supervisor]), modules => pick([[worker], dynamic])},
    case rand:uniform(24) of
        1 -> {Id, Start, Restart, 5000, worker, [worker]};
        2 -> pick([maps:remove(id, Full), maps:remove(start, Full), Full#{start := nonsense}, Full#{restart := often}, Full#{shutdown := -1},
                   Full#{type := boss}, Full#{modules := one}, Full#{modules := [1]}, Full#{significant := true}, nonsense, {a, b}]);
        3 -> Full#{start := {worker, nowhere, []}};
        N when N < 7, not is_map_key(nested, Flags) ->  % a supervisor of its own
            F = maps:merge(#{intensity => 1}, maps:with([strategy, intensity, period], case flags(pick([one_for_one, one_for_all])) of M when is_map(M) -> M; _ -> #{} end)),
            Full#{start := {supervisor, start_link, [remote_child, {F, [spec(#{nested => true}, J) || J <- lists:seq(1, pick([1, 2]))]}]},
                  type := supervisor, shutdown := infinity};
        4 -> maps:with([id, start], Full);
        _ -> Full
    end.

options() ->
    case rand:uniform(14) of
        1 -> [{ends, ignore}];
        2 -> [{ends, {stop, refused}}];
        3 -> [trap, slow];
        4 -> [trap];
        5 -> [{ends, {odd, return}}];
        _ -> []
    end.

script(_, _, _, 0) -> ok;
script(Sup, Strategy, Flags, N) ->
    case is_process_alive_at(Sup) of
        false -> ok;
        true ->
            Op = operation(Sup, Strategy, Flags),
            show(op, Op),
            show(answer, do(Sup, Op)),
            settle(Sup),
            script(Sup, Strategy, Flags, N - 1)
    end.

operation(Sup, Strategy, Flags) ->
    Children = try supervisor:which_children(Sup) catch exit:_ -> [] end,
    Simple = Strategy =:= simple_one_for_one,
    Pids = lists:sort(fun(A, B) -> pid(A) =< pid(B) end, [P || {_, P, _, _} <- Children, is_pid(P)]),
    Ids = [I || {I, _, _, _} <- Children] ++ [nobody],
    Id = case Simple of true -> pick(Pids ++ [nobody]); false -> pick(Ids) end,
    case rand:uniform(20) of
        N when N =< 4, Simple -> {start_child, pick([[{self(), dynamic, options()}, []], [{self(), dynamic, options()}, []], nolist])};
        N when N =< 4 -> {start_child, spec(Flags, pick([1, 2, 3, 4, 5, 6]))};
        5 -> {terminate_child, Id};
        6 -> {restart_child, Id};
        7 -> {delete_child, Id};
        8 -> {get_childspec, Id};
        9 -> {terminate_then_restart, Id};
        10 -> {terminate_then_delete, Id};
        11 -> {message, pick([hello, {a, 1}])};
        12 -> state;
        13 when not Simple -> {check, [spec(Flags, I) || I <- [1, 2, pick([1, 3])]], pick([never, any_significant, all_significant, undefined, wild])};
        14 when Simple -> callback_module;
        14 -> pick([callback_module, change_code, change_code]);
        _ when Pids =:= [] -> state;
        N when N =< 16 -> {kill, pick(Pids)};
        _ -> {own_exit, pick(Pids), pick([normal, shutdown, {shutdown, later}, crashed, {odd, reason}])}
    end.

do(S, {start_child, Spec}) -> supervisor:start_child(S, Spec);
do(S, {terminate_child, Id}) -> supervisor:terminate_child(S, Id);
do(S, {restart_child, Id}) -> supervisor:restart_child(S, Id);
do(S, {delete_child, Id}) -> supervisor:delete_child(S, Id);
do(S, {get_childspec, Id}) -> supervisor:get_childspec(S, Id);
do(S, {terminate_then_restart, Id}) -> {supervisor:terminate_child(S, Id), supervisor:which_children(S), supervisor:restart_child(S, Id)};
do(S, {terminate_then_delete, Id}) -> {supervisor:terminate_child(S, Id), supervisor:delete_child(S, Id)};
do(S, {message, M}) -> S ! M, sent;
do(S, {check, Specs, How}) -> rpc:call(node(S), supervisor, check_childspecs, [Specs, How]);
do(S, callback_module) -> rpc:call(node(S), supervisor, get_callback_module, [S]);
do(S, change_code) ->  % init/1 says again what it said at the start
    ok = sys:suspend(S),
    {sys:change_code(S, remote_child, undefined, []), sys:resume(S)};
do(S, state) ->
    State = sys:get_state(S),
    %% When restarts happened, and in OTP 25 the order of a map, are not behaviour.
    setelement(8, State, length(element(8, State)));
do(_, {kill, P}) -> ended(P, fun() -> exit(P, kill) end);
do(_, {own_exit, P, R}) -> ended(P, fun() -> gen_server:cast(P, {own_exit, R}) end).

ended(P, F) ->
    Ref = monitor(process, P),
    F(),
    receive {'DOWN', Ref, process, P, R} -> R after 5000 -> still_there end.

%% What the supervisor has to do is done when it answers twice the same and nobody reports any more.
settle(Sup) ->
    Last = settle(Sup, none, 0),
    Last =:= gone andalso ending(Sup),
    drain(),
    show(children, Last),
    Last =:= gone orelse show(counts, try supervisor:count_children(Sup) catch exit:_ -> gone end).
settle(Sup, Before, Same) when Same < 2 ->
    timer:sleep(3),
    Now = try supervisor:which_children(Sup) catch exit:_ -> gone end,
    Restarting = is_list(Now) andalso lists:keymember(restarting, 2, Now),
    settle(Sup, Now, if Now =:= Before, not Restarting -> Same + 1; true -> 0 end);
settle(_, Last, _) -> Last.

ending(Sup) ->
    receive {'EXIT', Sup, R} -> show(exit, {Sup, R}) after 10000 -> say(still_there, Sup) end.

%% Reports take another way than the supervisor's answers. Children that end at the same time tell so in any order.
drain() ->
    timer:sleep(20),
    _ = sys:get_status(logger_proxy),
    [show({report, What}, R) || {report, What, R} <- reports()],
    [show(told, T) || T <- lists:sort([alike(T) || T <- told()])].

reports() -> receive {report, _, _} = R -> [R | reports()] after 0 -> [] end.
told() ->
    receive
        {started, _, _} -> told();
        {'EXIT', _, _} = T -> [T | told()];
        {terminate, _, _} = T -> [T | told()];
        {info, _, _} = T -> [T | told()]
    after 0 -> []
    end.

stop(Sup) ->
    case is_process_alive_at(Sup) of
        false -> ok;
        true ->
            Reason = pick([shutdown, kill, normal]),
            say(stop, Reason),
            Ref = monitor(process, Sup),
            exit(Sup, Reason),
            receive {'DOWN', Ref, process, Sup, R} -> show(stopped, R) after 10000 -> say(still_there, Sup) end,
            ending(Sup)
    end.

is_process_alive_at(P) -> rpc:call(node(P), erlang, is_process_alive, [P]).

pick(List) -> lists:nth(rand:uniform(length(List)), List).

show(What, Term) -> say(What, alike(Term)).
say(What, Term) -> io:format("seed_~w: ~0tp ~0tp~n", [get(seed), What, Term]).

%% Pids by the order in which they were seen; stack traces without what compilers add.
alike({R, [{M, F, _, L} | _]}) when is_atom(M), is_atom(F), is_list(L) -> {alike(R), stack};
alike(T) when is_pid(T) -> pid(T);
alike(T) when is_reference(T) -> ref;
alike(T) when is_tuple(T) -> list_to_tuple(alike(tuple_to_list(T)));
alike([H | T]) -> [alike(H) | alike(T)];
alike(T) when is_map(T) -> {map, lists:sort([{alike(K), alike(V)} || {K, V} <- maps:to_list(T)])};
alike(T) -> T.

pid(P) when P =:= self() -> teller;
pid(P) ->
    case lists:keyfind(P, 1, get(pids)) of
        {_, N} -> {pid, N};
        false ->
            N = length(get(pids)),
            put(pids, [{P, N} | get(pids)]),
            {pid, N}
    end.
