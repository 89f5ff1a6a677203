#!/bin/bash
# An application of 10,000 processes is upgraded and downgraded by release_handler from Elixir while callers ask them without a pause, and while
# more of them are started: no call is lost or answered wrongly. The same upgrade on a BEAM node beside it; the longest waits are printed.
# PROCESSES: how many (10000).
. "$(dirname "$0")/lib.sh"
: "${PROCESSES:=10000}" "${UPGRADES:=4}"
[ -z "${SANITIZED:-}" ] || PROCESSES=1000
[ -f "$STORY_MODULES/crowd/crowd-2/ebin/crowd.so" ] || fail "no modules at $STORY_MODULES/crowd: build first"
crowd=$here/modules/crowd
for v in 1 2; do
  mkdir -p "$work/beam/crowd-$v/ebin"
  erlc -DVERSION=$v -o "$work/beam/crowd-$v/ebin" "$crowd"/{crowd,crowd_sup}.erl || fail "the story's Erlang does not compile"
  cp "$crowd/crowd_$v.app" "$work/beam/crowd-$v/ebin/crowd.app"
done
cp "$crowd/crowd.appup" "$work/beam/crowd-2/ebin/"

start_node cpp --pa "$STORY_MODULES/crowd/crowd-1/ebin"
start_beam beam +S 1:1 -pa "$work/beam/crowd-1/ebin"
load() { # NODE FOLDER [starting]
  timeout 280 elixir --sname "load$$_$RANDOM@localhost" --cookie "$cookie" "$crowd/crowd_load.exs" "$1@localhost" "$2" "$PROCESSES" "$UPGRADES" "${@:3}" 2>&1
}
longest() { awk '$5 == "of" && $7 == "longest" && (best == "" || $8 < best) { best = $8 } END { print best }' "$1"; }
load cpp "$STORY_MODULES/crowd" >"$work/cpp.txt" || fail "the load on the C++ node: $(cat "$work/cpp.txt")"
load beam "$work/beam" >"$work/beam.txt" || fail "the load on the BEAM node: $(cat "$work/beam.txt")"
for n in cpp beam; do
  expect "all upgrades of $n were played" "$(grep -c '^round .* longest ' "$work/$n.txt")" "$UPGRADES"
  sed "s/^/$n: /" "$work/$n.txt"
done
echo "the longest wait of a caller, the best round of each: $(longest "$work/cpp.txt") us beside $(longest "$work/beam.txt") us"
start_node starting --pa "$STORY_MODULES/crowd/crowd-1/ebin"
load starting "$STORY_MODULES/crowd" starting >"$work/starting.txt" || fail "the load on the C++ node with starts: $(cat "$work/starting.txt")"
expect "and while more are started" "$(grep -c '^round .* longest ' "$work/starting.txt")" "$UPGRADES"
sed 's/^/starting: /' "$work/starting.txt"
expect "some were" "$(awk '{ n += $NF } END { print (n > 0) }' "$work/starting.txt")" 1
