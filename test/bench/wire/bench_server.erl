%% The server of the wire's benchmarks: counts, echoes, says who monitors it. Its twin is bench_server.cpp.
-module(bench_server).
-behaviour(gen_server).
-export([start/0, init/1, handle_call/3, handle_cast/2, waiter/0, idle/1]).

start() -> gen_server:start({local, bench_server}, ?MODULE, [], []).
init(_) -> {ok, 0}.
handle_call(inc, _, Count) -> {reply, Count + 1, Count + 1};
handle_call({echo, Value}, _, State) -> {reply, Value, State};
handle_call(get, _, State) -> {reply, State, State};
handle_call(pid, _, State) -> {reply, self(), State};
handle_call(monitors, _, State) -> {reply, length(element(2, process_info(self(), monitored_by))), State};
handle_call(victim, _, State) -> {reply, spawn(?MODULE, waiter, []), State}.
handle_cast(inc, Count) -> {noreply, Count + 1}.

%% N more processes that wait: they must cost a call nothing.
idle(N) -> [spawn(?MODULE, waiter, []) || _ <- lists:seq(1, N)], N.
waiter() -> receive stop -> ok end.
