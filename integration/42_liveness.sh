#!/bin/bash
# Liveness: nodes that come and go in every way, the ticktime, calls that cross, a node that comes again while its old socket is held, and epmd's
# death. What a C++ node tells of it is what a BEAM node in the same place tells.
. "$(dirname "$0")/lib.sh"
needs_modules citizen
erlang "$work" liveness citizen
names() { epmd -port "$ERL_EPMD_PORT" -names 2>/dev/null; }
# One whose pid we know.
start_epmd() {
  epmd -port "$ERL_EPMD_PORT" 2>/dev/null &
  epmd=$!
  pids+=("$epmd")
  wait_for "names >/dev/null" "epmd"
}
epmd -port "$ERL_EPMD_PORT" -kill >/dev/null
wait_for "! names >/dev/null" "the end of the epmd whose pid we do not know"
start_epmd
run() {
  timeout 200 erl -noinput -hidden -sname "run$$_$RANDOM@localhost" -setcookie "$cookie" -env ERL_CRASH_DUMP /dev/null -pa "$work" \
    -run liveness main "$1" "$cookie" "${@:2}" || fail "$1"
}
start_cpp() { start_node "$1" --pa "$STORY_MODULES" --load citizen --net-ticktime 4 "${@:2}"; }
start_cpp middle
start_beam beam -kernel net_ticktime 4 -pa "$work"
run events middle@localhost beam@localhost
run ticktime middle@localhost beam@localhost
run answers middle@localhost beam@localhost

# The greater name calls: once it is theirs, once ours.
start_beam aaa -pa "$work"
run crossing middle@localhost aaa@localhost
start_beam zzz -pa "$work"
run crossing middle@localhost zzz@localhost

# Killed and started again at once, under the same name.
start_cpp again
run old_pids again@localhost aaa@localhost
kill -9 "$node_pid"; wait "$node_pid" 2>/dev/null
start_cpp again
run again again@localhost aaa@localhost

# Stopped, so that its socket stays open: the BEAM node still holds a connection to the old one when the new one calls ("alive"). epmd would not take
# the name a second time: it is killed, and forgets. Whoever lives registers again by itself.
run old_pids again@localhost aaa@localhost
stopped=$node_pid
kill -STOP "$stopped"
kill -9 "$epmd"; wait "$epmd" 2>/dev/null
start_epmd
wait_for "names | grep -q 'name middle '" "the C++ node is registered with the new epmd"
for n in beam aaa; do wait_for "names | grep -q 'name $n '" "the BEAM node $n is registered with the new epmd"; done

echo "ok: epmd died and knows who lives again"
names | grep -q 'name again ' && fail "the stopped node has a name"
start_cpp again
run again again@localhost aaa@localhost
kill -9 "$stopped"

# A name that lives, and no port left.
"$CNODE" start --sname middle@localhost --cookie "$cookie" >"$work/twice.log" 2>&1 && fail "a name twice"
grep -q -- '--sname: .*middle@localhost seems to be in use by another Erlang node' "$work/twice.log" || fail "what a second node of the name is told: $(cat "$work/twice.log")"
port=$(names | sed -n 's/name middle at port //p')
"$CNODE" start --sname other@localhost --cookie "$cookie" --dist-listen-min "$port" --dist-listen-max "$port" >"$work/ports.log" 2>&1 && fail "a port twice"
grep -q -- "--dist-listen-min.*port $port.*in use" "$work/ports.log" || fail "what a node without a port is told: $(cat "$work/ports.log")"
echo "ok: a name and a port that are taken are named with the option that cures it"
