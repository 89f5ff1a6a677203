%% The twin of mirror.cpp.
-module(mirror).
-vsn([<<"1">>]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).
init(S) -> {ok, S}.
handle_call(R, _, S) -> {reply, R, S}.
handle_cast(_, S) -> {noreply, S}.
handle_info({mirror, P, M}, S) -> P ! M, {noreply, S};
handle_info(_, S) -> {noreply, S}.
