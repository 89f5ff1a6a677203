#!/bin/bash
# global on two C++ nodes and BEAM nodes of OTP 25, 27 and 29: one mesh, names, locks, cut links, and a C++ node that is stopped (SIGSTOP)
# again and again in the middle of connecting.
. "$(dirname "$0")/lib.sh"
. "$here/peers.sh"
needs_modules locked
erlang "$work" global_story locked
# Silence is noticed within ten seconds.
start_cpp() { start_node "$1" --pa "$STORY_MODULES" --load locked --net-ticktime 8; }
start_cpp alpha
nodes=alpha@localhost
for release in "${releases[@]}"; do
  start_peer "$release" "$release" -kernel net_ticktime 8
  nodes+=" $release@localhost"
done
start_cpp zeta
zeta=$node_pid
nodes+=" zeta@localhost"
code=$(erl -noshell -eval "{ok, B} = file:read_file(\"$work/locked.beam\"), io:format(\"~0p\", [B]), halt().")
for n in $nodes; do
  case $n in otp*) erl_does "{module, locked} = rpc:call('$n', code, load_binary, [locked, \"locked.beam\", $code])" ;; esac
done
run() {
  timeout 280 erl -noinput -hidden -sname "run$$_$RANDOM@localhost" -setcookie "$cookie" -kernel net_ticktime 8 -env ERL_CRASH_DUMP /dev/null -pa "$work" \
    -run global_story main "$1" "${@:2}" || fail "$1"
}
run whole $nodes
run partition $nodes

# Stopped for longer and shorter than the ticktime, at any moment.
run stopped $nodes & asker=$!
for ms in 0.3 1.1 0.05 3 0.7 12 0.2; do
  kill -STOP "$zeta"; sleep "$ms"; kill -CONT "$zeta"; sleep 0.$((RANDOM % 8))
done
wait "$asker" || fail "register_name while a node is stopped"
run rejoined $nodes

# A node that is killed is forgotten by all.
erl_does "P = rpc:call('zeta@localhost', erlang, spawn, [timer, sleep, [infinity]]), yes = rpc:call('otp25@localhost', global, register_name, [doomed, P])"
kill -9 "$zeta"
rest=${nodes% *}
for n in $rest; do
  wait_for "[ \"\$(erl_eval \"io:format(\\\"~p ~p\\\", [rpc:call('$n', global, whereis_name, [doomed]), lists:member('zeta@localhost', rpc:call('$n', erlang, nodes, []))])\")\" = 'undefined false' ]" "the killed node is gone from $n"
done
echo "ok: a killed node and its names are gone everywhere"
