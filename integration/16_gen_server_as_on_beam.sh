#!/bin/bash
# The same gen_servers in C++ and in Erlang (modules/*.cpp, modules/*.erl), asked the same by the same driver: some four hundred cases of
# starting, calling, stopping, failing, system messages, supervision, spawning and rpc. What both nodes answer is compared line by line.
. "$(dirname "$0")/lib.sh"
: "${STORY_MODULES:=$here/../build/release/story_modules}"
[ -f "$STORY_MODULES/twin.so" ] || fail "no modules at $STORY_MODULES: build first"
mkdir -p "$work/beam" "$work/driver"
erlc -o "$work/beam" "$here"/modules/{twin,bare,shown,shown_before,held}.erl || fail "erlc of the modules"
erlc -o "$work/driver" "$here/modules/differ.erl" || fail "erlc of the driver"
modules=(twin bare shown shown_before)

start_node cpp --pa "$STORY_MODULES" $(printf -- '--load %s ' "${modules[@]}") --start 'held=twin:{return,{ok,held_state}}'
start_beam beam -pa "$work/beam" -eval "{ok, _} = application:ensure_all_started(elixir), [{module, _} = code:load_file(M) || M <- [$(IFS=,; echo "${modules[*]}")]], held:start()."
# Both are asked at once: two shells under different names.
ask() { # NODE
  timeout 280 erl -noshell -sname "ask_$1@localhost" -setcookie "$cookie" -pa "$work/driver" -eval "differ:run('$1@localhost'), halt(0)." >"$work/$1.txt" 2>"$work/ask_$1.log"
}
wait_for "erl_eval \"pong = net_adm:ping('beam@localhost'), true = is_pid(rpc:call('beam@localhost', erlang, whereis, [held]))\" >/dev/null" "the BEAM node's modules"
# Signals of two senders may meet in either order, on either node: a difference counts when three askings in a row show one.
for attempt in 1 2 3; do
  ask beam & beam_asker=$!
  ask cpp & cpp_asker=$!
  wait $beam_asker || fail "the BEAM node was not asked to the end"
  wait $cpp_asker || fail "the node was not asked to the end"
  [ "$(wc -l <"$work/beam.txt")" -gt 350 ] || fail "too few cases: $(wc -l <"$work/beam.txt")"
  diff "$work/beam.txt" "$work/cpp.txt" && break
  [ $attempt -lt 3 ] || fail "gen_servers in C++ (>) answer otherwise than on a BEAM (<)"
  echo "asking again"
done
echo "ok: $(wc -l <"$work/cpp.txt") cases answered as by a BEAM node"
