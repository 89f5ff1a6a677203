#!/bin/bash
# The same gen_statem and gen_event handler in C++ and in Erlang (modules/machine.*, hears.*), asked the same by the same driver: random scripts of events, returns and
# timeouts, and chosen ones of starting, failing, system messages and code changes. What both nodes answer is compared line by line.
. "$(dirname "$0")/lib.sh"
. "$here/differences.sh"
modules=(machine hears)
needs_modules "${modules[@]}"
erlang "$work/beam" "${modules[@]}"
erlang "$work/driver" differ_machine differ_hears alike

start_node cpp --pa "$STORY_MODULES" $(printf -- '--load %s ' "${modules[@]}")
start_beam beam -pa "$work/beam" -eval "[{module, _} = code:load_file(M) || M <- [$(IFS=,; echo "${modules[*]}")]]."
seed=${SEED:-$(date +%s)}
ask() { # DRIVER NODE
  timeout 120 erl -noshell -sname "ask_$1_$2@localhost" -setcookie "$cookie" -pa "$work/driver" -eval "$1:run('$2@localhost', $seed), halt(0)."
}
same_answers "gen_statem, seed $seed" 150 differ_machine
same_answers "gen_event, seed $seed" 70 differ_hears

# The examples door and tally are exchanged while they run: suspend, load, change_code, resume, in another callback mode and with other data.
mkdir -p "$work/v"
cp "$EXAMPLES"/door/v1/door.so "$EXAMPLES"/tally/v1/tally.so "$work/v/"
start_node live --pa "$work/v" --load door --load tally
before=$(erl_eval "N = 'live@localhost',
  {ok, D} = rpc:call(N, gen_statem, start, [{local, door}, door, [], []]), {ok, M} = rpc:call(N, gen_event, start, [{local, manager}]),
  ok = gen_event:add_handler(M, tally, []), ok = gen_event:sync_notify(M, a), come_in = gen_statem:call(D, knock),
  gen_statem:send_request(D, knock), io:format(\"~p ~p\", [sys:get_state(D), sys:get_state(M)])")
expect "the first versions" "$before" "{open,1} [{tally,false,1}]"
cp "$EXAMPLES"/door/v2/door.so "$work/v/door.new" && mv "$work/v/door.new" "$work/v/door.so"
cp "$EXAMPLES"/tally/v2/tally.so "$work/v/tally.new" && mv "$work/v/tally.new" "$work/v/tally.so"
after=$(erl_eval "N = 'live@localhost', D = {door, N}, M = {manager, N},
  [begin ok = sys:suspend(P), {module, Mod} = rpc:call(N, code, load_file, [Mod]), ok = sys:change_code(P, Mod, <<\"1\">>, []), ok = sys:resume(P) end || {P, Mod} <- [{D, door}, {M, tally}]],
  A = sys:get_state(D), gen_statem:cast(D, shut), gen_event:sync_notify(M, b), B = gen_event:call(M, tally, seen), gen_statem:cast(D, shut),
  io:format(\"~p ~p ~p\", [A, B, gen_statem:call(D, visits)])")
expect "the second versions, with the state and the postponed call of the first" "$after" "{open,{1,0}} {2,b} {2,2}"
