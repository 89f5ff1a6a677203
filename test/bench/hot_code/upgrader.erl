%% Does on the node itself what is timed, so that no round trip is in the times. Its twin is upgrader.cpp.
-module(upgrader).
-export([reload/0, upgrade/1, caller/3, longest_stall/1, release_stall/2]).

%% The file that lies on the path comes in: {Answer, microseconds of the purge, of load_file}.
reload() ->
    T0 = erlang:monotonic_time(nanosecond),
    code:purge(counter),
    T1 = erlang:monotonic_time(nanosecond),
    Loaded = code:load_file(counter),
    T2 = erlang:monotonic_time(nanosecond),
    {Loaded, (T1 - T0) / 1000, (T2 - T1) / 1000}.

%% One upgrade of a counter: {Answer of load_file, microseconds of change_code, of resume and the first call after it}.
upgrade(Server) ->
    ok = sys:suspend(Server),
    code:purge(counter),
    Loaded = code:load_file(counter),
    T0 = erlang:monotonic_time(nanosecond),
    ok = sys:change_code(Server, counter, 1, [], infinity),
    T1 = erlang:monotonic_time(nanosecond),
    ok = sys:resume(Server),
    _ = gen_server:call(Server, inc, infinity),
    T2 = erlang:monotonic_time(nanosecond),
    {Loaded, (T1 - T0) / 1000, (T2 - T1) / 1000}.

%% Calls without a pause until it is told to stop; microseconds of the longest call.
caller(Server, Request, Owner) -> caller(Server, Request, Owner, 0).
caller(Server, Request, Owner, Longest) ->
    receive stop -> Owner ! {longest, Longest}
    after 0 ->
        T = erlang:monotonic_time(microsecond),
        gen_server:call(Server, Request, infinity),
        caller(Server, Request, Owner, max(Longest, erlang:monotonic_time(microsecond) - T))
    end.

%% N counters, upgraded by hand as a shell would: all suspended, the code loaded, all changed, all resumed. How long did a caller wait?
longest_stall(N) ->
    All = [element(2, gen_server:start(counter, 0, [])) || _ <- lists:seq(1, N)],
    Asker = spawn(?MODULE, caller, [hd(All), inc, self()]),
    timer:sleep(20),
    [ok = sys:suspend(P) || P <- All],
    code:purge(counter),
    Loaded = code:load_file(counter),
    [ok = sys:change_code(P, counter, 1, []) || P <- All],
    [ok = sys:resume(P) || P <- All],
    Asker ! stop,
    Longest = receive {longest, L} -> L end,
    [exit(P, kill) || P <- All],
    {Loaded, Longest}.

%% The running application `crowd`, upgraded or downgraded by release_handler: {Answer, how long a caller of one of its processes waited}.
release_stall(Function, Arguments) ->
    [{_, Server, _, _} | _] = supervisor:which_children(crowd_sup),
    Asker = spawn(?MODULE, caller, [Server, next, self()]),
    timer:sleep(20),
    Answer = apply(release_handler, Function, Arguments),
    timer:sleep(20),
    Asker ! stop,
    {Answer, receive {longest, L} -> L end}.
