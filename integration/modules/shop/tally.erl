%% The twin of the example tally.
-module(tally).
-behaviour(gen_event).
-vsn(?VERSION).
-export([init/1, handle_event/2, handle_call/2, code_change/3]).

handle_call(seen, S) -> {ok, S, S}.

-if(?VERSION =:= 1).
init(_) -> {ok, 0}.
handle_event(_, Seen) -> {ok, Seen + 1}.
code_change(_, S, _) -> {ok, S}.
-else.
init(_) -> {ok, {0, []}}.
handle_event(Event, {Seen, _}) -> {ok, {Seen + 1, Event}}.
code_change({down, _}, {Seen, _}, _) -> {ok, Seen};
code_change(_, Seen, _) -> {ok, {Seen, []}}.
-endif.
