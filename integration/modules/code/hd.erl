%% The twin of hd.cpp: what hc calls.
-module(hd).
-vsn(?VERSION).
-export([version/0, wait/1]).

version() -> ?VERSION.
wait(Parent) ->
    Parent ! waiting,
    receive go -> Parent ! {went_on_in, ?VERSION} end.
