%% The twin of locked.cpp.
-module(locked).
-behaviour(gen_server).
-export([init/1, handle_call/3, handle_cast/2, bump/0, second/3]).
init(S) -> {ok, S}.
handle_call(get, _, N) -> {reply, N, N};
handle_call({set, N}, _, _) -> {reply, ok, N};
handle_call(node, _, S) -> {reply, node(), S}.
handle_cast(_, S) -> {noreply, S}.
bump() ->
    N = gen_server:call({global, counter}, get),
    ok = gen_server:call({via, global, counter}, {set, N + 1}).
second(_, _, B) -> B.
