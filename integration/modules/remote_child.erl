%% The twin of remote_child.cpp.
-module(remote_child).
-export([start_link/3, init/1]).
start_link(Node, Module, Argument) ->
    Pid = proc_lib:spawn_link(Node, gen, init_it, [gen_server, self(), self(), Module, Argument, []]),
    receive
        {ack, Pid, Answer} -> Answer;
        {nack, Pid, Answer} -> Answer;
        {'EXIT', Pid, Reason} -> {error, Reason}
    end.
init(FlagsAndChildren) -> {ok, FlagsAndChildren}.
