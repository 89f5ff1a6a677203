%% Usage: framing:run(Node, Share, Nested), Share 1 for all of it, 16 for the sixteenth part; Nested: MB of the nested term.
%% Exchanges terms with gen_servers of mirror.so on that node, from a BEAM node of any release: random ones with thousands of atoms, a
%% 256 MB binary and a large nested term with small calls passing meanwhile, and numbered messages of all sizes, whose order must be
%% kept. Returns what was seen; any difference is an exception.
-module(framing).
-export([run/3]).

run(Node, Share, Nested) ->
    true = net_kernel:connect_node(Node),
    _ = rand:seed(exsss, {1, 2, 3}),
    [{terms, terms(start(Node), 5000 div Share)},
     {binary, large(Node, binary:copy(<<"0123456789abcdef">>, (16 bsl 20) div Share))},
     {nested, large(Node, nested((Nested bsl 20) div Share))},
     {order, order(start(Node), 3000 div Share)},
     {call_from_there, outward(Node)},
     {priority_exit, priority_exit(start(Node))}].

start(Node) ->
    {ok, Pid} = rpc:call(Node, gen_server, start, [mirror, [], []]),
    Pid.

terms(Server, N) ->
    Wrong = [T || _ <- lists:seq(1, N), T <- [term(5)], gen_server:call(Server, T, 30000) =/= T],
    [] = Wrong,
    N.

%% Ever new atoms and old ones, far more than a cache has slots.
some_atom() -> list_to_atom("atom " ++ integer_to_list(rand:uniform(6000)) ++ lists:duplicate(rand:uniform(3) div 3 * 240, 16#e9)).

term(0) -> leaf(rand:uniform(9));
term(Depth) ->
    case rand:uniform(6) of
        1 -> list_to_tuple([term(Depth - 1) || _ <- lists:seq(1, rand:uniform(8))]);
        2 -> [term(Depth - 1) || _ <- lists:seq(1, rand:uniform(8))];
        3 -> maps:from_list([{some_atom(), term(Depth - 1)} || _ <- lists:seq(1, rand:uniform(8))]);
        4 -> [term(Depth - 1) | some_atom()];
        5 -> [some_atom() || _ <- lists:seq(1, rand:uniform(400))];
        6 -> leaf(rand:uniform(9))
    end.

leaf(1) -> rand:uniform(1 bsl 80) - (1 bsl 79);
leaf(2) -> rand:uniform();
leaf(3) -> self();
leaf(4) -> make_ref();
leaf(5) -> rand:bytes(rand:uniform(200));
leaf(6) -> <<(rand:uniform(200)):9>>;
leaf(7) -> fun lists:map/2;
leaf(8) -> rand:uniform(1000);
leaf(9) -> some_atom().

%% The external size is that of a little more than Bytes bytes.
nested(Bytes) ->
    Part = [{some_atom(), I, "text", #{key => I * 1.5, other => [I | some_atom()]}, <<I:64>>} || I <- lists:seq(1, 1000)],
    [Part || _ <- lists:seq(0, Bytes div erlang:external_size(Part))].

large(Node, Term) ->
    Large = start(Node),
    Small = start(Node),
    Self = self(),
    {Caller, Monitor} = spawn_monitor(fun() -> Self ! {self(), gen_server:call(Large, Term, 120000) =:= Term} end),
    Calls = calls(Small, Caller, Monitor, 0),
    [gen_server:call(S, last) || S <- [Large, Small]],
    {bytes, erlang:external_size(Term), calls_meanwhile, Calls}.

%% A call that is not answered within 30 seconds is an exception.
calls(Small, Caller, Monitor, N) ->
    receive
        {Caller, true} -> N;
        {'DOWN', Monitor, process, _, Why} when Why =/= normal -> exit(Why)
    after 0 ->
        N = gen_server:call(Small, N, 30000),
        calls(Small, Caller, Monitor, N + 1)
    end.

order(Server, N) ->
    Self = self(),
    spawn_link(fun() -> [Server ! {mirror, Self, {I, filler(I)}} || I <- lists:seq(1, N)] end),
    [receive {Next, Filler} -> {I, true} = {Next, Filler =:= filler(I)} after 60000 -> exit({missing, I}) end || I <- lists:seq(1, N)],
    N.

%% A process of that node calls one of ours; the answer goes to its alias, in OTP 29 as an ALTACT_SIG_SEND.
outward(Node) -> 8 = rpc:call(Node, gen_server, call, [{global_name_server, node()}, get_protocol_version]).

%% erlang:exit/3 came with OTP 28.
priority_exit(Server) ->
    case erlang:function_exported(erlang, exit, 3) of
        false -> unknown;
        true ->
            Monitor = monitor(process, Server),
            apply(erlang, exit, [Server, out, [priority]]),
            receive {'DOWN', Monitor, process, Server, Why} -> out = Why after 30000 -> exit(no_down) end
    end.

filler(I) when I rem 50 =:= 0 -> binary:copy(<<I:32>>, 40000 + I * 50);
filler(I) when I rem 70 =:= 0 -> lists:duplicate(20000, {I, filler});
filler(I) -> I.
