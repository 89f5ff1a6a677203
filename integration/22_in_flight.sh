#!/bin/bash
# Functions that never return: others are answered, the log names them, a kill frees the name at once, and the node still stops in order.
. "$(dirname "$0")/lib.sh"
mkdir "$work/mods" "$work/kept"
source_of() { # VSN
  cat >"$work/looper.cpp" <<CPP
#include <cnode/gen_server.hpp>
using namespace cnode;
CNODE_VSN("$1");
volatile bool for_ever = true;
auto busy() { while (for_ever) {} }
auto vsn_of() { return std::string{vsn}; }
auto crash() { *reinterpret_cast<volatile int*>(std::uintptr_t{8}) = 1; }
CNODE_MODULE("looper", busy, vsn_of, crash);
CPP
  "$CNODE" compile "$work/looper.cpp" -o "$work/mods" >"$work/compile.log" 2>&1 || fail "cnode compile"
}
source_of one
start_node cpp --schedulers 2 --pa "$work/mods" --keep-objects "$work/kept"
cpp_pid=$node_pid
call() { "$CNODE" call cpp@localhost "$@" --cookie "$cookie" 2>&1; }
erl_eval "N = 'cpp@localhost', Ps = [spawn(N, looper, busy, []) || _ <- lists:seq(1, 3)], true = rpc:call(N, erlang, register, [busy_one, hd(Ps)])" >/dev/null
expect "calls are answered while three functions loop on two schedulers" "$(for i in 1 2 3 4 5; do call looper vsn_of '[]'; done | sort -u)" '<<"one">>'
wait_for "grep -q 'long_schedule: .*(busy_one) has been running looper:busy/0 (vsn <<\"one\">>)' '$work/cpp.log'" "the watchdog to name process, function and version"
echo "ok: the log names process, function and version"
expect "exit(Pid, kill) frees the name at once" \
  "$(erl_eval "N = 'cpp@localhost', P = rpc:call(N, erlang, whereis, [busy_one]), R = monitor(process, P), exit(P, kill), receive {'DOWN', R, _, _, W} -> io:format(\"~p ~p\", [W, rpc:call(N, erlang, whereis, [busy_one])]) after 5000 -> io:format(silence) end")" "killed undefined"
source_of two
expect "load while they loop" "$(call code load_file '[looper]')" "{module,looper}"
expect "a soft purge is refused" "$(call code soft_purge '[looper]')" false
expect "a purge kills them" "$(call code purge '[looper]')" true
expect "the new version serves" "$(call looper vsn_of '[]')" '<<"two">>'
case $(call cnode unloads '[]') in *purged*) echo "ok: cnode:unloads shows what is still mapped" ;; *) fail "cnode:unloads: $(call cnode unloads '[]')" ;; esac
source_of three
call code load_file '[looper]' >/dev/null; call code purge '[looper]' >/dev/null
wait_for "ls '$work/kept' | grep -q '^looper-two-[0-9a-f]*\.so$'" "the purged version in --keep-objects"
echo "ok: --keep-objects"
kill -TERM $cpp_pid
for i in $(seq 150); do kill -0 $cpp_pid 2>/dev/null || break; sleep 0.1; done
kill -0 $cpp_pid 2>/dev/null && fail "the node does not stop"
wait $cpp_pid; expect "SIGTERM ends a node whose functions never return, in order" $? 0

[ -n "${SANITIZED:-}" ] && exit 0  # the sanitizer reports crashes itself
start_node doomed --pa "$work/mods"
disown $node_pid
"$CNODE" call doomed@localhost looper crash '[]' --cookie "$cookie" >/dev/null 2>&1
wait_for "grep -q 'the node crashed: SIGSEGV at address 0x8, code at looper vsn <<\"three\">> +0x' '$work/doomed.log'" "the crash report"
grep -q "in process <0\..*looper:crash/0" "$work/doomed.log" || fail "the crash report names no process"
mv "$work/doomed.log" "$work/doomed.as_meant"  # this crash is no failure
echo "ok: a crash is reported with module, version, process and function"
