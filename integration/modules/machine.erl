%% The gen_statem whose twin in C++ is machine.cpp: events say what a callback shall return or raise. Data is {Observer, What}; the
%% observer is told of every event. The atom from inside a return stands for the caller. The callback mode is what init's argument says.
-module(machine).
-vsn([<<"1">>]).
-behaviour(gen_statem).
-export([callback_mode/0, init/1, handle_event/4, a/3, b/3, c/3, terminate/3, code_change/4]).

callback_mode() -> get(mode).

init({Mode, {raise, Class, R}}) -> put(mode, Mode), raise(Class, R);
init({Mode, R}) -> put(mode, Mode), R.

a(Type, Content, Data) -> handle_event(Type, Content, a, Data).
b(Type, Content, Data) -> handle_event(Type, Content, b, Data).
c(Type, Content, Data) -> handle_event(Type, Content, c, Data).

handle_event(enter, Before, State, {O, What}) ->
    O ! {entered, Before, State},
    case What of {on_enter, R} -> R; _ -> keep_state_and_data end;
handle_event({call, From}, Content, State, Data) -> handle(call, From, Content, State, Data);
handle_event(Type, Content, State, Data) -> handle(Type, none, Content, State, Data).

handle(Type, From, {do, R}, State, {O, _}) -> O ! {event, Type, State}, subst(R, From);
handle(_, _, {raise, Class, R}, _, _) -> raise(Class, R);
handle(_, _, {mode, Mode, R}, _, _) -> put(mode, Mode), R;
handle(call, From, {start_link, Argument}, _, _) -> process_flag(trap_exit, true), {keep_state_and_data, {reply, From, gen_statem:start_link(machine, Argument, [])}};
handle(call, From, get, State, {_, What}) -> {keep_state_and_data, {reply, From, {State, What}}};
handle(Type, _, Content, State, {O, _}) -> O ! {event, Type, Content, State}, keep_state_and_data.

subst(from, From) -> From;
subst([H | T], From) -> [subst(H, From) | subst(T, From)];
subst(T, From) when is_tuple(T) -> list_to_tuple(subst(tuple_to_list(T), From));
subst(X, _) -> X.

raise(error, R) -> error(R);
raise(exit, R) -> exit(R);
raise(throw, R) -> throw(R).

terminate(_, _, {_, {raise, Class, R}}) -> raise(Class, R);
terminate(Reason, State, {O, _}) -> O ! {terminated, Reason, State}, ok.

code_change(_, _, _, {return, R}) -> R;
code_change(_, _, _, {raise, Class, R}) -> raise(Class, R);
code_change(_, State, Data, {mode, Mode}) -> put(mode, Mode), {ok, State, Data};
code_change(Old, State, {O, What}, Extra) -> {ok, State, {O, {changed, Old, What, Extra}}}.
