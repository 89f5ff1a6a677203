#!/bin/bash
# Random supervisors, children and scripts of starts, stops, crashes and questions, the same from the same seed, played against a BEAM
# node's supervisor and ours: what each answers, lists and reports must be the same. Then the same with DynamicSupervisor and Task.Supervisor,
# as Elixir 1.14, 1.18 and 1.20 ask them. SEEDS: how many (60).
. "$(dirname "$0")/lib.sh"
. "$here/peers.sh"
. "$here/differences.sh"
: "${STORY_MODULES:=$here/../build/release/story_modules}" "${SEEDS:=60}" "${FIRST:=1}"
[ -f "$STORY_MODULES/worker.so" ] || fail "no modules at $STORY_MODULES: build first"
[ -z "${SANITIZED:-}" ] || SEEDS=20
erlc -o "$work" "$here"/modules/{worker,remote_child,supervisors}.erl || fail "the story's Erlang does not compile"

start_node cpp --pa "$STORY_MODULES" --load worker --load remote_child --log-level error
start_beam beam -pa "$work" -kernel logger_level error
ask() { # NODE
  timeout 280 erl -noshell -sname "ask_$1@localhost" -setcookie "$cookie" -pa "$work" \
    -eval "supervisors:main('$1@localhost', $FIRST, $((FIRST + SEEDS - 1))), halt(0)." >"$work/$1.txt" 2>"$work/ask_$1.log"
}
for attempt in 1 2 3; do
  ask beam & beam_asker=$!
  ask cpp & cpp_asker=$!
  wait $beam_asker || fail "the BEAM node was not asked to the end"
  wait $cpp_asker || fail "the node was not asked to the end"
  sed -i 's/@localhost//; s/cpp@/node@/g; s/beam@/node@/g' "$work/beam.txt" "$work/cpp.txt"
  grep -q ': all ' "$work/beam.txt" && grep -q ': all ' "$work/cpp.txt" || fail "the scripts were not played to the end"
  differences "$work/beam.txt" "$work/cpp.txt" $attempt || break
  [ $attempt -lt 3 ] || fail "a C++ supervisor (>) did otherwise than a BEAM's (<)"
  echo "asking again"
done
expect "the scripts made supervisors report" "$(grep -c ': {report,' "$work/cpp.txt" | awk '{print ($1 >= 20)}')" 1
echo "ok: $SEEDS seeds, $(grep -c ': op ' "$work/cpp.txt") operations and $(grep -c ': {report,' "$work/cpp.txt") reports as with a BEAM's supervisor"

# elixirs RELEASE NODE
elixirs() {
  local name="elixir_$1_$2" folder
  case $1 in
    otp25) timeout 280 elixir --sname "$name@localhost" --cookie "$cookie" -pa "$work" "$here/modules/dynamic_supervisors.exs" "$2@localhost" "$((SEEDS / 6))" ;;
    *)
      folder=$(mktemp -d "${folders[$1]}/tmp/cnode-story.XXXXXX") && cp "$here/modules/dynamic_supervisors.exs" "$folder" || return 1
      timeout 280 env HOME=/tmp chroot "${folders[$1]}" elixir --sname "$name@localhost" --cookie "$cookie" "/tmp/${folder##*/}/dynamic_supervisors.exs" "$2@localhost" "$((SEEDS / 6))"
      rm -rf "$folder"
      ;;
  esac
}
declare -A folders=()
releases=otp25
for suite in trixie:otp27 sid:otp29; do
  [ -z "${SANITIZED:-}" ] || break
  if folders[${suite#*:}]=$(peer_dir "${suite%:*}"); then releases+=" ${suite#*:}"
  else echo "SKIPPED: no Elixir of ${suite#*:} (needs root, debootstrap and a package mirror)"; fi
done
for attempt in 1 2 3; do
  askers=()
  for r in $releases; do
    for n in beam cpp; do elixirs "$r" $n >"$work/$r.$n.txt" 2>"$work/elixir_$r.$n.log" & askers+=($!); done
  done
  wait "${askers[@]}"
  differ=
  for r in $releases; do
    for n in beam cpp; do grep -q '^end: all$' "$work/$r.$n.txt" || fail "the Elixir of $r did not ask $n to the end"; done
    sed -i 's/cpp@/node@/g; s/beam@/node@/g' "$work/$r.beam.txt" "$work/$r.cpp.txt"
    ! differences "$work/$r.beam.txt" "$work/$r.cpp.txt" $attempt || differ+=" $r"
  done
  [ -n "$differ" ] || break
  [ $attempt -lt 3 ] || fail "a C++ DynamicSupervisor (>) did otherwise than a BEAM's (<), as seen by$differ"
  echo "asking again:$differ"
done
for r in $releases; do
  expect "tasks ran for $r" "$(grep -c '^tasks: :start_child :came$' "$work/$r.cpp.txt")" 1
  echo "ok: $(wc -l <"$work/$r.cpp.txt") lines of DynamicSupervisor and Task.Supervisor as with a BEAM's, asked by $r"
done
