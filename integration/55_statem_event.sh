#!/bin/bash
# The same gen_statem and gen_event handler in C++ and in Erlang (modules/machine.*, hears.*), asked the same by the same driver: random scripts of events, returns and
# timeouts, and chosen ones of starting, failing, system messages and code changes. What both nodes answer is compared line by line.
. "$(dirname "$0")/lib.sh"
: "${STORY_MODULES:=$here/../build/release/story_modules}"
modules=(machine hears)
for m in "${modules[@]}"; do [ -f "$STORY_MODULES/$m.so" ] || fail "no $m.so at $STORY_MODULES: build first"; done
mkdir -p "$work/beam" "$work/driver"
for m in "${modules[@]}"; do erlc -o "$work/beam" "$here/modules/$m.erl" || fail "erlc of $m"; done
for d in differ_machine differ_hears; do erlc -o "$work/driver" "$here/modules/$d.erl" || fail "erlc of $d"; done

start_node cpp --pa "$STORY_MODULES" $(printf -- '--load %s ' "${modules[@]}")
start_beam beam -pa "$work/beam" -eval "[{module, _} = code:load_file(M) || M <- [$(IFS=,; echo "${modules[*]}")]]."
wait_for "erl_eval \"pong = net_adm:ping('beam@localhost'), {file, _} = rpc:call('beam@localhost', code, is_loaded, [machine])\" >/dev/null" "the BEAM node's modules"
seed=${SEED:-$(date +%s)}
echo "seed $seed"
ask() { # DRIVER NODE
  timeout 120 erl -noshell -sname "ask_$1_$2@localhost" -setcookie "$cookie" -pa "$work/driver" -eval "$1:run('$2@localhost', $seed), halt(0)." >"$work/$1_$2.txt" 2>"$work/$1_$2.log"
}
# Timers of a loaded machine may end in another order than they were set: a difference counts when three askings in a row show one.
compare() { # DRIVER AT_LEAST
  local attempt
  for attempt in 1 2 3; do
    ask "$1" beam & local beam_asker=$!
    ask "$1" cpp & local cpp_asker=$!
    wait $beam_asker || fail "the BEAM node was not asked to the end"
    wait $cpp_asker || fail "the node was not asked to the end"
    [ "$(wc -l <"$work/$1_beam.txt")" -ge "$2" ] || fail "too few cases: $(wc -l <"$work/$1_beam.txt")"
    diff "$work/$1_beam.txt" "$work/$1_cpp.txt" && break
    [ $attempt -lt 3 ] || fail "$1: C++ (>) answers otherwise than a BEAM (<), seed $seed"
    echo "asking again"
  done
  echo "ok: $1: $(wc -l <"$work/$1_cpp.txt") scripts went as on a BEAM node"
}
compare differ_machine 150
compare differ_hears 70
