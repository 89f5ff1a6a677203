%% The twin of hl.cpp: modules with an -on_load function that does as ?DO says.
-module(hl).
-vsn(?VERSION).
-on_load(start/0).
-export([version/0, wait/1]).

start() -> do(?DO).

do(ok) -> ok;
do(no) -> no;
do(error_tuple) -> {error, why};
do(raise) -> error(why);
do(exit) -> exit(why);
do(throw) -> throw(why);
%% Says by a name that it runs, and answers what it is told.
do(ask) ->
    register(loading, self()),
    receive {answer, A} -> A end;
do(own) -> catch hl:version(), ok;
do(own_raises) -> hl:version(), ok;
do(other) -> hc:version(), ok.

version() -> ?VERSION.
wait(Parent) ->
    Parent ! waiting,
    receive go -> Parent ! {went_on_in, ?VERSION} end.
