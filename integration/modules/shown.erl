%% format_status/1 of OTP 25 and later; its twin is shown.cpp.
-module(shown).
-vsn([<<"1">>]).
-export([init/1, handle_call/3, format_status/1]).
init(S) -> {ok, S}.
handle_call({set, S}, _, _) -> {reply, ok, S};
handle_call(crash, _, _) -> error(crashed).
format_status(#{state := bad}) -> error(no_status);
format_status(#{state := S} = M) -> M#{state := {shown, S}}.
