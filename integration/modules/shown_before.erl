%% format_status/2 of releases before OTP 25; its twin is shown_before.cpp.
-module(shown_before).
-vsn([<<"1">>]).
-export([init/1, handle_call/3, format_status/2]).
init(S) -> {ok, S}.
handle_call({set, S}, _, _) -> {reply, ok, S};
handle_call(crash, _, _) -> error(crashed).
format_status(_, [_, bad]) -> error(no_status);
format_status(Opt, [_PDict, S]) -> {Opt, S}.
