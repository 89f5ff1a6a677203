#!/bin/bash
# gdb and perf see reloaded modules: a breakpoint set by name stops in the newest version, with its source line.
. "$(dirname "$0")/lib.sh"
command -v gdb >/dev/null 2>&1 || skip "gdb is not installed"
[ -z "${SANITIZED:-}" ] || skip "debuggers and sanitizers do not go together"
mkdir "$work/mods"
source_of() { # VSN; the function lies VSN lines further down
  { echo '#include <cnode/gen_server.hpp>'; for ((i = 0; i < $1; ++i)); do echo; done; cat <<CPP
using namespace cnode;
CNODE_VSN("$1");
[[gnu::noinline]] std::int64_t looked_at(std::int64_t n) { asm volatile("" ::: "memory"); return n + $1; }
auto add(std::int64_t n) { return looked_at(n); }
auto spin(std::int64_t n) { for (volatile std::int64_t i = 0; i < n; i = i + 1) looked_at(i); }
CNODE_MODULE("debugged", add, spin);
CPP
  } >"$work/debugged.cpp"
}
start_node cpp --pa "$work/mods"
call() { "$CNODE" call cpp@localhost "$@" --cookie "$cookie" --timeout 60 2>&1; }
for v in 1 2 3; do
  source_of $v
  expect "version $v compiled and loaded" "$(call c c "[\"$work/debugged.cpp\", [debug_info, {outdir, \"$work/mods\"}]]")" "{ok,debugged}"
done
(timeout 90 gdb -batch -p "$node_pid" -ex "set breakpoint pending on" -ex "break looked_at" -ex "shell touch '$work/attached'" -ex continue -ex bt -ex detach >"$work/gdb.log" 2>&1) &
gdb_pid=$!
wait_for "[ -e '$work/attached' ] || grep -qi 'not permitted' '$work/gdb.log'" "gdb to attach"
grep -qi 'not permitted' "$work/gdb.log" && skip "gdb may not attach to processes here"
expect "the call goes on when gdb has let go" "$(call debugged add '[1]')" 4
wait $gdb_pid
grep -q '#0 .*looked_at' "$work/gdb.log" || fail "no backtrace: $(cat "$work/gdb.log")"
grep -q 'debugged\.cpp:7' "$work/gdb.log" || fail "not the line of the newest version: $(cat "$work/gdb.log")"
echo "ok: gdb stops in the version loaded last: $(grep -m1 '#0 ' "$work/gdb.log")"
command -v perf >/dev/null 2>&1 || { echo "perf is not installed: that part is left out"; exit 0; }
(sleep 0.2; call debugged spin '[300000000]' >/dev/null) &
perf record -q -o "$work/perf.data" -p "$node_pid" -- sleep 3 >"$work/perf.log" 2>&1 || { echo "perf may not record here: that part is left out"; exit 0; }
perf report -i "$work/perf.data" --stdio 2>/dev/null | grep -q 'debugged-.*\.so.*\(looked_at\|spin\)' || { echo "perf got no samples here"; exit 0; }
echo "ok: perf names functions of a reloaded module"
