%% Usage: tls:run(Node, MB). Ping, rpc, a gen_server of mirror.so on that node: a binary of MB megabytes there and back, and fifty callers
%% at once with terms of many sizes. ok, or an exception.
-module(tls).
-export([run/2]).

run(Node, MB) ->
    pong = net_adm:ping(Node),
    Node = rpc:call(Node, erlang, node, []),
    {ok, Server} = rpc:call(Node, gen_server, start, [mirror, [], []]),
    hello = gen_server:call(Server, hello),
    Large = binary:copy(rand:bytes(65536), MB * 16),
    Large = gen_server:call(Server, Large, 120000),
    Callers = [spawn_monitor(fun() -> calls(Server, I) end) || I <- lists:seq(1, 50)],
    [receive {'DOWN', Monitor, process, Pid, Why} -> normal = Why end || {Pid, Monitor} <- Callers],
    ok.

calls(Server, I) ->
    [begin
         Term = {I, J, binary:copy(<<J>>, I * J * 5)},
         Term = gen_server:call(Server, Term, 60000)
     end || J <- lists:seq(1, 50)].
