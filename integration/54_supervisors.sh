#!/bin/bash
# Random supervisors, children and scripts of starts, stops, crashes and questions, the same from the same seed, played against a BEAM
# node's supervisor and ours: what each answers, lists and reports must be the same. Then the same with DynamicSupervisor and Task.Supervisor,
# as Elixir 1.14, 1.18 and 1.20 ask them. SEEDS: how many (60).
. "$(dirname "$0")/lib.sh"
. "$here/peers.sh"
. "$here/differences.sh"
: "${SEEDS:=60}" "${FIRST:=1}"
[ -z "${SANITIZED:-}" ] || SEEDS=20 releases=(otp25)
needs_modules worker remote_child
erlang "$work" worker remote_child supervisors
cp "$here/modules/dynamic_supervisors.exs" "$work"

start_node cpp --pa "$STORY_MODULES" --load worker --load remote_child --log-level error
start_beam beam -pa "$work" -kernel logger_level error
ask() { # scripts|RELEASE NODE
  if [ "$1" = scripts ]; then
    timeout 280 erl -noshell -sname "ask_$2@localhost" -setcookie "$cookie" -pa "$work" -eval "supervisors:main('$2@localhost', $FIRST, $((FIRST + SEEDS - 1))), halt(0)."
  else
    timeout 280 ${inside[$1]} elixir --sname "elixir_$1_$2@localhost" --cookie "$cookie" -pa "$work" "$work/dynamic_supervisors.exs" "$2@localhost" "$((SEEDS / 6))"
  fi
}
same_answers "supervisors" $((SEEDS * 10)) scripts
expect "the scripts made supervisors report" "$(grep -c ': {report,' "$work/scripts.cpp.txt" | awk '{print ($1 >= 20)}')" 1
echo "ok: $SEEDS seeds, $(grep -c ': op ' "$work/scripts.cpp.txt") operations and $(grep -c ': {report,' "$work/scripts.cpp.txt") reports as with a BEAM's supervisor"

for r in "${releases[@]}"; do take_along "$r" "$work/dynamic_supervisors.exs"; done
same_answers "DynamicSupervisor and Task.Supervisor" 50 "${releases[@]}"
for r in "${releases[@]}"; do expect "tasks ran for $r" "$(grep -c '^tasks: :start_child :came$' "$work/$r.cpp.txt")" 1; done
