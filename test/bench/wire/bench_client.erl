%% A BEAM node that loads a server as any Erlang program would, and prints one line of JSON: the server's CPU time per operation, the rate,
%% the median latency. Each caller's counts must rise, and in the end the server must have counted every call.
-module(bench_client).
-export([main/1]).

main([What, Node0, OsPid, Callers0, Count0]) ->
    Node = list_to_atom(Node0),
    Callers = list_to_integer(Callers0),
    Each = max(1, list_to_integer(Count0) div Callers),
    true = net_kernel:connect_node(Node),
    {bench_server, Node} = S = {bench_server, Node},
    Server = gen_server:call(S, pid),
    Term = structured(),
    F = case What of
            "call" -> fun(Last) -> C = gen_server:call(Server, inc), true = C > Last, C end;
            "cast" -> fun(_) -> gen_server:cast(Server, inc) end;
            "echo" -> fun(_) -> Term = gen_server:call(Server, {echo, Term}), 0 end;
            "rpc" -> fun(_) -> Node = rpc:call(Node, erlang, node, []), 0 end;
            "erpc" -> fun(_) -> Node = erpc:call(Node, erlang, node, []), 0 end
        end,
    run(F, Callers, max(1, Each div 10)),
    Before = gen_server:call(Server, get),
    {Cpu, T} = {cpu(OsPid), erlang:monotonic_time(nanosecond)},
    Latencies = run(F, Callers, Each),
    After = gen_server:call(Server, get, infinity),
    {Cpu2, T2} = {cpu(OsPid), erlang:monotonic_time(nanosecond)},
    N = Each * Callers,
    case What of
        _ when What =:= "call"; What =:= "cast" -> N = After - Before;
        _ -> ok
    end,
    Sorted = lists:sort(Latencies),
    io:format("{\"operations\": ~b, \"cpu_us\": ~.4f, \"rate\": ~.1f, \"p50_us\": ~.2f}~n",
              [N, (Cpu2 - Cpu) / N / 1000, N * 1.0e9 / (T2 - T), lists:nth(length(Sorted) div 2 + 1, Sorted) / 1000]),
    halt(0).

run(F, Callers, Each) ->
    Self = self(),
    Pids = [spawn_link(fun() -> receive go -> ok end, Self ! {self(), loop(F, Each, 0, [])} end) || _ <- lists:seq(1, Callers)],
    [P ! go || P <- Pids],
    lists:append([receive {P, L} -> L end || P <- Pids]).

%% Every eighth latency is kept, and the first.
loop(_, 0, _, Acc) -> Acc;
loop(F, N, Last, Acc) when N rem 8 =:= 0; Acc =:= [] ->
    T = erlang:monotonic_time(nanosecond),
    R = F(Last),
    loop(F, N - 1, R, [erlang:monotonic_time(nanosecond) - T | Acc]);
loop(F, N, Last, Acc) -> loop(F, N - 1, F(Last), Acc).

%% Nanoseconds on a CPU, all threads.
cpu(OsPid) ->
    lists:sum([case file:read_file(File) of
                   {ok, B} -> [Ns | _] = binary:split(B, <<" ">>), binary_to_integer(Ns);
                   _ -> 0
               end || File <- filelib:wildcard("/proc/" ++ OsPid ++ "/task/*/schedstat")]).

structured() ->
    [#{id => 100000 + I, name => iolist_to_binary(["customer number ", integer_to_list(I)]), active => I rem 2 =:= 1, score => I * 1.25,
       tags => [new, paid, I], position => {I * 1000, -I, []}} || I <- lists:seq(0, 19)].
