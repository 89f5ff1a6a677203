#!/bin/bash
# The same modules in C++ and in Erlang (modules/code), loaded, replaced, purged and deleted by the same driver (modules/code_differ.erl):
# every function of `code` with good, wrong and odd arguments, its neighbours in erlang, c and Elixir's Code, and who dies of what. Answers are
# compared line by line; the head of the driver lists what is by nature another value.
. "$(dirname "$0")/lib.sh"
: "${STORY_MODULES:=$here/../build/release/story_modules}"
[ -f "$STORY_MODULES/code/hc_1/hc.so" ] || fail "no modules at $STORY_MODULES/code: build first"
mkdir -p "$work/driver" "$work/live_beam" "$work/live_cpp" "$work/stock_beam"
for version in 1 2 3; do
  for module in hc hd; do
    mkdir -p "$work/stock_beam/${module}_$version"
    erlc -DVERSION=$version -o "$work/stock_beam/${module}_$version" "$here/modules/code/$module.erl" || fail "erlc of $module"
  done
done
version=0
for what in ok no error_tuple raise exit throw ask own own_raises other; do
  version=$((version + 1))
  mkdir -p "$work/stock_beam/hl_$what"
  erlc -DVERSION=$version -DDO=$what -o "$work/stock_beam/hl_$what" "$here/modules/code/hl.erl" || fail "erlc of hl"
done
erlc -o "$work/driver" "$here/modules/code_differ.erl" || fail "erlc of the driver"

start_node cpp
start_beam beam -eval '{ok, _} = application:ensure_all_started(elixir).'
ask() { # NODE STOCK EXTENSION
  timeout 500 erl -noshell -sname "ask_$1@localhost" -setcookie "$cookie" -pa "$work/driver" \
    -eval "code_differ:run('$1@localhost', \"$2\", \"$work/live_$1\", \"$3\"${ONLY:+, $ONLY}), halt(0)." >"$work/$1.txt" 2>"$work/ask_$1.log"
}
wait_for "erl_eval \"pong = net_adm:ping('beam@localhost'), true = lists:keymember(elixir, 1, rpc:call('beam@localhost', application, which_applications, []))\" >/dev/null" "the BEAM node"
# What two processes do at once may end in either order, on either node: a difference counts when three askings in a row show one.
for attempt in 1 2 3; do
  ask beam "$work/stock_beam" .beam & beam_asker=$!
  ask cpp "$STORY_MODULES/code" .so & cpp_asker=$!
  wait $beam_asker || fail "the BEAM node was not asked to the end"
  wait $cpp_asker || fail "the node was not asked to the end"
  [ -n "${ONLY:-}" ] || [ "$(wc -l <"$work/beam.txt")" -gt 500 ] || fail "too few cases: $(wc -l <"$work/beam.txt")"
  diff "$work/beam.txt" "$work/cpp.txt" && break
  [ $attempt -lt 3 ] || fail "code in C++ (>) is loaded and purged otherwise than on a BEAM (<)"
  echo "asking again"
done
echo "ok: $(wc -l <"$work/cpp.txt") cases answered as by a BEAM node"
