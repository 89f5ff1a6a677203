%% The twin of crowd_sup.cpp.
-module(crowd_sup).
-behaviour(application).
-behaviour(supervisor).
-vsn("1").
-export([start/2, stop/1, init/1, more/1]).
start(_, _) -> supervisor:start_link({local, ?MODULE}, ?MODULE, []).
stop(_) -> ok.
init(_) -> {ok, {#{strategy => simple_one_for_one}, [#{id => crowd, start => {crowd, start_link, []}}]}}.
more(N) -> [{ok, _} = supervisor:start_child(?MODULE, []) || _ <- lists:seq(1, N)], ok.
