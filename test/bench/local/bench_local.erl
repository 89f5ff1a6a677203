%% The local benchmarks on a BEAM node. Its twin is bench_local.cpp: the same loops over the same messages.
-module(bench_local).
-behaviour(gen_server).
-export([init/1, handle_call/3, handle_cast/2, main/1, send_to_many/1, ponger/0, answerer/0, idle_loop/0]).

init(_) -> {ok, 0}.
handle_call(inc, _, Count) -> {reply, Count + 1, Count + 1};
handle_call(get, _, Count) -> {reply, Count, Count}.
handle_cast(inc, Count) -> {noreply, Count + 1}.

%% One line of JSON: nanoseconds each, and bytes per idle process.
main([Ms0, Idle0]) ->
    Ms = list_to_integer(Ms0),
    {ok, Server} = gen_server:start(?MODULE, [], []),
    Rows = [{"call", best(fun(N) -> calls(Server, N) end, Ms)}, {"send", best(fun(N) -> sends(Server, N) end, Ms)},
            {"ping_pong", best(fun pings/1, Ms)}, {"spawn", best(fun spawns/1, Ms)},
            {"idle_bytes", idle(fun(N) -> [spawn(?MODULE, idle_loop, []) || _ <- lists:seq(1, N)] end, list_to_integer(Idle0))},
            {"idle_server_bytes", idle(fun(N) -> [element(2, gen_server:start(?MODULE, [], [])) || _ <- lists:seq(1, N)] end,
                                       list_to_integer(Idle0) div 4)}],
    io:format("{~s}~n", [lists:join(", ", [io_lib:format("\"~s\": ~.2f", [W, T * 1.0]) || {W, T} <- Rows])]),
    halt(0).

%% A message to each of so many servers in turn, to all of them: nanoseconds each, by their number.
send_to_many([Ms0, Most0]) ->
    {Ms, Most} = {list_to_integer(Ms0), list_to_integer(Most0)},
    Rows = [begin
                All = [element(2, gen_server:start(?MODULE, [], [])) || _ <- lists:seq(1, N)],
                Each = max(1000, N),
                Once = timed(fun(_) -> sends_to_each(All, Each) end, Each),
                Times = [timed(fun(_) -> sends_to_each(All, Each) end, Each) || _ <- lists:seq(1, max(2, min(1000, round(Ms * 1.0e6 / Once / Each))))],
                [exit(P, kill) || P <- All],
                io_lib:format("\"~b\": ~.2f", [N, lists:min(Times)])
            end || N <- powers(1, Most)],
    io:format("{~s}~n", [lists:join(", ", Rows)]),
    halt(0).
powers(N, Most) when N > Most -> [];
powers(N, Most) -> [N | powers(N * 10, Most)].
sends_to_each(All, N) -> gen_server:call(send_in_turn(All, All, hd(All), N), get, infinity).
send_in_turn(_, _, Last, 0) -> Last;
send_in_turn([], All, Last, N) -> send_in_turn(All, All, Last, N);
send_in_turn([P | Rest], All, _, N) -> P ! {'$gen_cast', inc}, send_in_turn(Rest, All, P, N - 1).

best(F, Ms) ->
    Once = timed(F, 1000),
    N = max(1000, round(Ms * 1.0e6 / 5 / Once)),
    lists:min([timed(F, N) || _ <- [1, 2, 3, 4, 5]]).
timed(F, N) ->
    Self = self(),
    spawn_link(fun() -> T = erlang:monotonic_time(nanosecond), F(N), Self ! {took, (erlang:monotonic_time(nanosecond) - T) / N} end),
    receive {took, Ns} -> Ns end.

calls(_, 0) -> ok;
calls(Server, N) -> gen_server:call(Server, inc), calls(Server, N - 1).

%% A thousand at a time, as in the other languages: how long the mailbox grows is no matter of who is faster.
sends(_, N) when N =< 0 -> ok;
sends(Server, N) -> send_all(Server, 1000), gen_server:call(Server, get, infinity), sends(Server, N - 1000).
send_all(_, 0) -> ok;
send_all(Server, N) -> Server ! {'$gen_cast', inc}, send_all(Server, N - 1).

ponger() -> receive {ping, Client} -> Client ! pong, ponger(); stop -> ok end.
pings(N) -> P = spawn(?MODULE, ponger, []), ping_all(P, N), P ! stop.
ping_all(_, 0) -> ok;
ping_all(P, N) -> P ! {ping, self()}, receive pong -> ok end, ping_all(P, N - 1).

answerer() -> receive {ping, Client} -> Client ! pong end.
spawns(0) -> ok;
spawns(N) -> spawn(?MODULE, answerer, []) ! {ping, self()}, receive pong -> ok end, spawns(N - 1).

idle_loop() -> receive stop -> ok end.
idle(Start, N) ->
    erlang:garbage_collect(),
    Before = rss(),
    Pids = Start(N),
    Used = rss() - Before,
    [exit(P, kill) || P <- Pids],
    Used / N.
rss() ->
    {ok, B} = file:read_file("/proc/self/statm"),
    binary_to_integer(lists:nth(2, binary:split(B, <<" ">>, [global]))) * 4096.
