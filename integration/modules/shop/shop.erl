%% The twin of shop.cpp.
-module(shop).
-behaviour(application).
-behaviour(supervisor).
-vsn(?VERSION).
-export([start/2, stop/1, config_change/3, init/1]).

start(_, _) ->
  Started = supervisor:start_link({local, shop_sup}, ?MODULE, []),
  gen_event:add_handler(bells, tally, []),
  Started.
stop(_) -> ok.
config_change(Changed, New, Removed) -> application:set_env(shop, seen, {Changed, New, Removed}).

till(Name) -> #{id => Name, start => {till, start_link, [Name]}}.
door() -> #{id => door, start => {door, start_link, []}}.
bells() -> #{id => bells, start => {gen_event, start_link, [{local, bells}]}, modules => dynamic}.

-if(?VERSION =:= 1).
init(_) -> {ok, {#{}, [till(till), door(), bells()]}}.
-else.
init(_) ->
  {ok, {#{strategy => rest_for_one, intensity => 7, period => 11},
        [till(till), (door())#{shutdown => 1234, restart => transient}, bells(), till(till2)]}}.
-endif.
