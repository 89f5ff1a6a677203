%% A callback module with nothing but init/1; its twin is bare.cpp.
-module(bare).
-vsn([<<"1">>]).
-export([init/1]).
init(S) -> {ok, S}.
