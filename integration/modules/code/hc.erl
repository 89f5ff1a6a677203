%% The twin of hc.cpp: a server and a few functions of which there are versions (-DVERSION=N).
-module(hc).
-vsn(?VERSION).
-behaviour(gen_server).
-export([version/0, wait/1, serve/1, calls/1, boom/0, init/1, handle_call/3, handle_cast/2, code_change/3]).

version() -> ?VERSION.
%% Waits in this version's code until told to go on, and tells which version that was.
wait(Parent) ->
    Parent ! waiting,
    receive go -> Parent ! {went_on_in, ?VERSION} end.
%% A loop that calls itself by an external call: the version that is current then goes on.
serve(Parent) ->
    receive
        version -> Parent ! {serving, ?VERSION}, hc:serve(Parent);
        stop -> ok
    end.
%% Waits in a function of the other module that this one calls.
calls(Parent) ->
    hd:wait(Parent),
    Parent ! {came_back_to, ?VERSION}.
boom() -> error(?VERSION).

init(State) -> {ok, State}.
handle_call(version, _, S) -> {reply, ?VERSION, S};
handle_call(state, _, S) -> {reply, S, S};
handle_call({wait, Parent}, _, S) -> wait(Parent), {reply, ?VERSION, S};
handle_call(next, _, S) -> {reply, S + ?VERSION, S + ?VERSION}.
handle_cast({wait, Parent}, S) -> wait(Parent), {noreply, S}.
code_change(Old, S, Extra) -> {ok, {changed, Old, S, Extra}}.
