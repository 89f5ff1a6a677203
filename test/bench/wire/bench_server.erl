%% The server of the wire's benchmarks: counts, echoes. Its twin is bench_server.cpp.
-module(bench_server).
-behaviour(gen_server).
-export([start/0, init/1, handle_call/3, handle_cast/2]).

start() -> gen_server:start({local, bench_server}, ?MODULE, [], []).
init(_) -> {ok, 0}.
handle_call(inc, _, Count) -> {reply, Count + 1, Count + 1};
handle_call({echo, Value}, _, State) -> {reply, Value, State};
handle_call(get, _, State) -> {reply, State, State};
handle_call(pid, _, State) -> {reply, self(), State}.
handle_cast(inc, Count) -> {noreply, Count + 1}.
