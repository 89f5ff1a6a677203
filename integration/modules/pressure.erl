%% Usage: pressure:run(Messages, SlowNode, OsPid). Makes processes of mirror.so on cpp@localhost send to SlowNode while its
%% operating system process is stopped, and prints what became of them.
-module(pressure).
-export([run/3, collect/1, sink/0]).

-define(cpp, 'cpp@localhost').
-define(size, 10000).

run(N, Slow, OsPid) ->
    Collector = rpc:call(Slow, ?MODULE, collect, [N]),
    Sink = rpc:call(Slow, ?MODULE, sink, []),
    pong = rpc:call(?cpp, net_adm, ping, [Slow]),
    [] = os:cmd("kill -STOP " ++ OsPid),
    Mirror = fill(Collector, N),
    Waiting = waiting(Mirror),
    io:format("suspended ~p~n", [Waiting > 0 andalso Waiting < N]),
    {ok, Other} = rpc:call(?cpp, gen_server, start, [mirror, [], []]),
    io:format("others answer ~p~n", [lists:all(fun(I) -> gen_server:call(Other, I) =:= I end, lists:seq(1, 1000))]),
    Victim = fill(Sink, 100),
    VictimWaits = waiting(Victim),
    Monitor = monitor(process, Victim),
    exit(Victim, kill),
    receive {'DOWN', Monitor, process, Victim, Why} -> io:format("killed with messages left ~p ~p~n", [VictimWaits > 0, Why]) end,
    [] = os:cmd("kill -CONT " ++ OsPid),
    io:format("collected ~p~n", [collected(Collector)]),
    io:format("left ~p~n", [waiting(Mirror)]).

%% On the slow node: takes {I, Binary} for 1..N in order, then answers.
collect(N) ->
    spawn(fun() ->
        [receive {I, <<I:32, _/binary>>} -> ok; {J, _} when is_integer(J) -> exit({got, J, instead_of, I}) end || I <- lists:seq(1, N)],
        receive {From, ask} -> From ! {self(), N} end
    end).
sink() -> spawn(timer, sleep, [infinity]).

%% A new mirror that is to send N messages.
fill(To, N) ->
    {ok, Mirror} = rpc:call(?cpp, gen_server, start, [mirror, [], []]),
    [Mirror ! {mirror, To, {I, <<I:32, 0:(8 * ?size)>>}} || I <- lists:seq(1, N)],
    Mirror.

%% How many of them it has not sent, once that does not change any more.
waiting(Mirror) -> waiting(Mirror, -1).
waiting(Mirror, Before) ->
    timer:sleep(500),
    case rpc:call(?cpp, erlang, process_info, [Mirror, message_queue_len]) of
        {message_queue_len, Before} -> Before;
        {message_queue_len, Now} -> waiting(Mirror, Now)
    end.

collected(Collector) ->
    Monitor = monitor(process, Collector),
    Collector ! {self(), ask},
    receive {Collector, N} -> N; {'DOWN', Monitor, _, _, Why} -> Why end.
