%% The twin of till.cpp.
-module(till).
-behaviour(gen_server).
-vsn(?VERSION).
-export([start_link/1, init/1, handle_call/3, handle_cast/2, code_change/3]).

start_link(Name) -> gen_server:start_link({local, Name}, ?MODULE, 0, []).

handle_call(version, _, C) -> {reply, ?VERSION, C};
handle_call({pay, N}, _, #{coins := Coins} = C) -> {reply, Coins + N, C#{coins := Coins + N}}.
handle_cast(_, C) -> {noreply, C}.

-if(?VERSION =:= 1).
init(Coins) -> {ok, #{coins => Coins}}.
code_change(_, C, _) -> {ok, C}.
-else.
init(Coins) -> {ok, #{coins => Coins, notes => 0}}.
code_change(Vsn, C, Extra) ->
  put(told, {Vsn, Extra}),
  case Vsn of
    {down, _} -> {ok, maps:remove(notes, C)};
    _ -> {ok, C#{notes => 0}}
  end.
-endif.
