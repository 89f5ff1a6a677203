-module(app_worker).
-export([start_link/0, init/1, handle_call/3, handle_cast/2]).
start_link() -> gen_server:start_link({local, ?MODULE}, ?MODULE, [], []).
init(_) -> {ok, []}.
handle_call({apply, M, F, A}, _, State) -> {reply, apply(M, F, A), State};
handle_call({stop, Reason}, _, State) -> {stop, Reason, stopping, State}.
handle_cast(_, State) -> {noreply, State}.
