%% A worker that tells a process what happens to it; its twin is worker.cpp.
-module(worker).
-vsn([<<"1">>]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).
init({Teller, Name, Options}) ->
    case lists:keyfind(ends, 1, Options) of
        {ends, Result} -> Result;
        false ->
            [process_flag(trap_exit, true) || lists:member(trap, Options)],
            Teller ! {started, Name, self()},
            {ok, {Teller, Name, Options}}
    end.
handle_call(ping, _, {_, Name, _} = S) -> {reply, {pong, Name}, S};
handle_call({stop, R}, _, S) -> {stop, R, stopping, S};
handle_call(crash, _, _) -> error(crashed);
handle_call({link, P}, _, S) -> link(P), {reply, ok, S};
handle_call({unlink, P}, _, S) -> unlink(P), {reply, ok, S};
handle_call({monitor, What}, _, S) -> {reply, monitor(process, What), S};
handle_call({demonitor, R}, _, S) -> {reply, demonitor(R, [flush]), S};
handle_call({exit, P, R}, _, S) -> exit(P, R), {reply, ok, S}.
handle_cast({own_exit, R}, _) -> exit(R).
handle_info(M, {Teller, Name, _} = S) -> Teller ! {info, Name, M}, {noreply, S}.
terminate(R, {Teller, Name, Options}) ->
    Teller ! {terminate, Name, R},
    [timer:sleep(500) || lists:member(slow, Options)],
    ok.
