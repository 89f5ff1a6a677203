%% The twin of door.cpp.
-module(door).
-behaviour(gen_statem).
-vsn(?VERSION).
-export([start_link/0, callback_mode/0, init/1, closed/3, open/3, code_change/4]).

start_link() -> gen_statem:start_link(?MODULE, [], []).
callback_mode() -> state_functions.
init(_) -> {ok, closed, nothing()}.

closed({call, From}, knock, C) -> {next_state, open, knocked(C), [{reply, From, come_in}]};
closed({call, From}, visits, C) -> {keep_state_and_data, [{reply, From, C}]}.
open(cast, shut, C) -> {next_state, closed, shut(C)};
open({call, _}, _, _) -> {keep_state_and_data, [postpone]}.

-if(?VERSION =:= 1).
nothing() -> 0.
knocked(Visits) -> Visits + 1.
shut(Visits) -> Visits.
code_change(_, State, Data, _) -> {ok, State, Data}.
-else.
nothing() -> {0, 0}.
knocked({Visits, Shuts}) -> {Visits + 1, Shuts}.
shut({Visits, Shuts}) -> {Visits, Shuts + 1}.
code_change({down, _}, State, {Visits, _}, _) -> {ok, State, Visits};
code_change(_, State, Visits, _) -> {ok, State, {Visits, 0}}.
-endif.
