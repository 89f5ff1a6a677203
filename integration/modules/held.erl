%% On the BEAM node: what `cnode start --start held=twin:TERM` starts, under a supervisor of the same shape.
-module(held).
-export([start/0, init/1]).
start() ->
    Self = self(),
    spawn(fun() -> {ok, _} = supervisor:start_link({local, cnode_sup}, ?MODULE, []), Self ! started, receive never -> ok end end),
    receive started -> ok end.
init([]) ->
    {ok, {#{}, [#{id => held, start => {gen_server, start_link, [{local, held}, twin, {return, {ok, held_state}}, []]}, modules => [twin]}]}}.
