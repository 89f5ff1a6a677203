%% The gen_server whose twin in C++ is twin.cpp: requests say what a callback shall return or raise. The state is {Observer, Data}.
-module(twin).
-vsn([<<"1">>]).
-behaviour(gen_server).
-export([start/1, start_link/1, start_named/2, init/1, handle_call/3, handle_cast/2, handle_info/2, handle_continue/2, terminate/2, code_change/3]).
-export([give/1, raise/2, loop/0, echo/0, bystander/1, two/2, first_stop/0]).

start(Arg) -> gen_server:start(?MODULE, Arg, []).
start_link(Arg) -> gen_server:start_link(?MODULE, Arg, []).
start_named(Name, Arg) -> gen_server:start_link({local, Name}, ?MODULE, Arg, []).

init({return, R}) -> R;
init({raise, error, R}) -> error(R);
init({raise, exit, R}) -> exit(R);
init({raise, throw, R}) -> throw(R);
init({trap, R}) -> process_flag(trap_exit, true), R;
init({print, Text, R}) -> io:put_chars([Text, "\n"]), R.

handle_call({return, R}, _, _) -> R;
handle_call({raise, error, R}, _, _) -> error(R);
handle_call({raise, exit, R}, _, _) -> exit(R);
handle_call({raise, throw, R}, _, _) -> throw(R);
handle_call({trap, B}, _, S) -> {reply, process_flag(trap_exit, B), S};
handle_call({print, Text}, _, S) -> io:put_chars([Text, "\n"]), {reply, printed, S};
handle_call({apply, M, F, A}, _, S) -> {reply, apply(M, F, A), S};
handle_call({put, K, V}, _, S) -> {reply, put(K, V), S};
handle_call(defer, From, {O, _}) -> {noreply, {O, From}};
handle_call({early, V}, From, S) -> gen_server:reply(From, V), {noreply, S};
handle_call(twice, From, S) -> gen_server:reply(From, first), {reply, second, S};
handle_call(from, {_, Tag}, S) -> {reply, Tag, S};
handle_call(state, _, S) -> {reply, S, S}.

handle_cast({return, R}, _) -> R;
handle_cast({raise, error, R}, _) -> error(R);
handle_cast({raise, exit, R}, _) -> exit(R);
handle_cast({raise, throw, R}, _) -> throw(R);
handle_cast({release, V}, {O, From}) -> gen_server:reply(From, V), {noreply, {O, released}};
handle_cast({note, X}, {O, _} = S) -> O ! {cast, X}, {noreply, S}.

handle_info({return, R}, _) -> R;
handle_info({raise, error, R}, _) -> error(R);
handle_info({raise, exit, R}, _) -> exit(R);
handle_info({raise, throw, R}, _) -> throw(R);
handle_info(timeout, {O, _} = S) -> O ! timed_out, {noreply, S};
handle_info({'EXIT', _, R}, {O, _} = S) -> O ! {got_exit, R}, {noreply, S};
handle_info({note, X}, {O, _} = S) -> O ! {info, X}, {noreply, S}.

handle_continue({return, R}, _) -> R;
handle_continue({raise, error, R}, _) -> error(R);
handle_continue({raise, exit, R}, _) -> exit(R);
handle_continue({raise, throw, R}, _) -> throw(R);
handle_continue({note, X}, {O, _} = S) -> O ! {continued, X}, {noreply, S};
handle_continue({note_and, X, R}, {O, _}) -> O ! {continued, X}, R.

terminate(_, {_, {raise, error, R}}) -> error(R);
terminate(_, {_, {raise, exit, R}}) -> exit(R);
terminate(_, {_, {raise, throw, R}}) -> throw(R);
terminate(Reason, {O, _}) -> O ! {terminated, Reason}, ok.

code_change(_, _, {return, R}) -> R;
code_change(_, _, {raise, error, R}) -> error(R);
code_change(_, _, {raise, exit, R}) -> exit(R);
code_change(_, _, {raise, throw, R}) -> throw(R);
code_change(Old, {O, Data}, {extra, X}) -> {ok, {O, {Old, Data, X}}}.

give(X) -> X.
raise(error, R) -> error(R);
raise(exit, R) -> exit(R);
raise(throw, R) -> throw(R).
two(A, B) -> {A, B}.
loop() -> receive stop -> ok end, stopped.
echo() -> receive {From, X} -> From ! {echo, X}, twin:echo(); stop -> ok end.
%% Takes the message named first, then the other.
first_stop() -> receive {second, A} -> A ! got_second end, receive {first, B} -> B ! got_first end.
bystander(Pid) -> Pid ! {self(), here}, receive stop -> ok end.
