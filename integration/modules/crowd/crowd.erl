%% The twin of crowd.cpp.
-module(crowd).
-behaviour(gen_server).
-vsn(?VERSION).
-export([start_link/0, init/1, handle_call/3, handle_cast/2, code_change/3]).

start_link() -> gen_server:start_link(?MODULE, [], []).
handle_cast(_, S) -> {noreply, S}.

-if(?VERSION =:= 1).
init(_) -> {ok, #{count => 0}}.
handle_call(next, _, #{count := N}) -> {reply, {?VERSION, N + 1}, #{count => N + 1}}.
code_change(_, S, _) -> {ok, S}.
-else.
init(_) -> {ok, #{asked => 0}}.
handle_call(next, _, #{asked := N}) -> {reply, {?VERSION, N + 1}, #{asked => N + 1}}.
code_change({down, _}, #{asked := N}, _) -> {ok, #{count => N}};
code_change(_, #{count := N}, _) -> {ok, #{asked => N}}.
-endif.
