%% Upgrades many counters at once, as a release handler does, while a caller of one of them measures its longest wait.
%% Its twin is upgrader.cpp.
-module(upgrader).
-export([caller/2, longest_stall/1]).

%% Calls without a pause until it is told to stop; microseconds of the longest call.
caller(Server, Owner) -> caller(Server, Owner, 0).
caller(Server, Owner, Longest) ->
    receive stop -> Owner ! {longest, Longest}
    after 0 ->
        T = erlang:monotonic_time(microsecond),
        gen_server:call(Server, inc, infinity),
        caller(Server, Owner, max(Longest, erlang:monotonic_time(microsecond) - T))
    end.

longest_stall(N) ->
    All = [element(2, gen_server:start(counter, 0, [])) || _ <- lists:seq(1, N)],
    Asker = spawn(?MODULE, caller, [hd(All), self()]),
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
