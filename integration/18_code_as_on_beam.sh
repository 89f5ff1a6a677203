#!/bin/bash
# The same modules in C++ and in Erlang (modules/code), loaded, replaced, purged and deleted by the same driver (modules/code_differ.erl):
# every function of `code` with good, wrong and odd arguments, its neighbours in erlang, c and Elixir's Code, and who dies of what. Answers are
# compared line by line; the head of the driver lists what is by nature another value.
. "$(dirname "$0")/lib.sh"
. "$here/differences.sh"
needs_modules code/hc_1/hc
mkdir -p "$work/live_beam" "$work/live_cpp" "$work/stock_beam"
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
erlang "$work/driver" code_differ alike

start_node cpp
start_beam beam -eval '{ok, _} = application:ensure_all_started(elixir).'
ask() { # code_differ NODE
  local stock=$work/stock_beam extension=.beam
  [ "$2" = beam ] || { stock=$STORY_MODULES/code extension=.so; }
  timeout 500 erl -noshell -sname "ask_$2@localhost" -setcookie "$cookie" -pa "$work/driver" \
    -eval "code_differ:run('$2@localhost', \"$stock\", \"$work/live_$2\", \"$extension\"${ONLY:+, $ONLY}), halt(0)."
}
lines=500
[ -z "${ONLY:-}" ] || lines=1
same_answers "code" $lines code_differ
