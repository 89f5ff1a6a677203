%% The twin of counter.cpp.
-module(counter).
-behaviour(gen_server).
-vsn(?VERSION).
-export([init/1, handle_call/3, handle_cast/2, code_change/3, nothing/0]).
init(Bytes) -> {ok, {binary:copy(<<1>>, Bytes), 0}}.
handle_call(inc, _, {Block, N}) -> {reply, N + ?VERSION, {Block, N + ?VERSION}}.
handle_cast(_, S) -> {noreply, S}.
code_change(_, S, _) -> {ok, S}.
nothing() -> ok.
