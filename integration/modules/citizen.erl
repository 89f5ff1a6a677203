%% The twin of citizen.cpp.
-module(citizen).
-behaviour(gen_server).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).
init(S) -> {ok, S}.
handle_call({apply, M, F, A}, _, S) -> {reply, apply(M, F, A), S};
handle_call(seen, _, S) -> {reply, S, []}.
handle_cast(_, S) -> {noreply, S}.
handle_info(M, S) -> {noreply, S ++ [M]}.
