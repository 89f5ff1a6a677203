%% The gen_event handler whose twin in C++ is hears.cpp: events say what a callback shall return or raise. The state is {Observer, What};
%% the observer is told of every event. In a return, state stands for the present state.
-module(hears).
-vsn([<<"1">>]).
-behaviour(gen_event).
-export([init/1, handle_event/2, handle_call/2, handle_info/2, terminate/2, code_change/3]).

init({return, R}) -> R;
init({raise, Class, R}) -> raise(Class, R);
init({{new, Observer}, Left}) -> {ok, {Observer, {took_over, Left}}};
init(State) -> {ok, State}.

handle_event(E, S) -> handle(event, E, S).
handle_info(E, S) -> handle(info, E, S).

handle(_, {do, R}, S) -> subst(R, S);
handle(_, {raise, Class, R}, _) -> raise(Class, R);
handle(_, {only, What, R, now}, {_, What} = S) -> subst(R, S);
handle(_, {only, _, _, _}, S) -> {ok, S};
handle(Kind, {'EXIT', _, Why}, {O, What} = S) -> O ! {Kind, exit, Why, What}, {ok, S};
handle(Kind, E, {O, What} = S) -> O ! {Kind, E, What}, {ok, S}.

handle_call({do, R}, S) -> subst(R, S);
handle_call({raise, Class, R}, _) -> raise(Class, R);
handle_call(get, {_, What} = S) -> {ok, What, S}.

subst(state, S) -> S;
subst([H | T], S) -> [subst(H, S) | subst(T, S)];
subst(T, S) when is_tuple(T) -> list_to_tuple(subst(tuple_to_list(T), S));
subst(X, _) -> X.

raise(error, R) -> error(R);
raise(exit, R) -> exit(R);
raise(throw, R) -> throw(R).

terminate(_, {_, {raise, Class, R}}) -> raise(Class, R);
terminate({stop, _}, {O, What}) -> O ! {terminated, stopped, What}, ok;
terminate({error, _}, {O, What}) -> O ! {terminated, crashed, What}, ok;
terminate(Arg, {O, What}) -> O ! {terminated, Arg, What}, {left, What}.

code_change(_, _, {return, R}) -> R;
code_change(_, _, {raise, Class, R}) -> raise(Class, R);
code_change(Old, {O, What}, Extra) -> {ok, {O, {changed, Old, What, Extra}}}.
