-module(app_cb).
-export([start/2, init/1, stop/1, prep_stop/1, config_change/3, start_phase/3]).

start(_, sup) -> supervisor:start_link(?MODULE, []);
start(_, {sup, State}) -> {ok, Pid} = supervisor:start_link(?MODULE, []), {ok, Pid, State};
start(_, {return, R}) -> R;
start(_, {exit, R}) -> exit(R);
start(_, {throw, R}) -> throw(R).

init(_) -> {ok, {#{intensity => 0}, [#{id => worker, start => {app_worker, start_link, []}}]}}.

tell({watch, Pid}, What) -> Pid ! What, ok;
tell(_, _) -> ok.

stop({Tag, Who}) -> tell(Who, {stop, Tag});
stop(_) -> ok.
prep_stop(State) -> tell(State, prep_stop), {prepared, State}.
config_change(Changed, New, Removed) -> tell(application:get_env(one, watcher, []), {config_change, Changed, New, Removed}).
start_phase(bad, _, Args) -> {error, Args};
start_phase(odd, _, Args) -> Args;
start_phase(Phase, Type, Args) -> tell(Args, {start_phase, Phase, Type}).
