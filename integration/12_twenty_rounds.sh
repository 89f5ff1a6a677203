#!/bin/bash
# All four sessions in one node, twenty times over, while another shell calls every tenth of a second: no lost call, no growth,
# every superseded .so unmapped.
. "$(dirname "$0")/lib.sh"
rounds=${ROUNDS:-20}
lay_examples "$work/a"
start_node cpp --pa "$work/a/live" $(printf -- '--load %s ' "${all_modules[@]}")
node_os_pid=$node_pid

# The bystander: a server of its own, called for the whole story; its module is replaced again and again, its state must survive.
cat >"$work/caller.erl" <<'ERL'
-module(caller).
-export([run/2]).
run(Node, Stop) ->
    {ok, Pid} = rpc:call(Node, gen_server, start, ['Elixir.Inc', [], []]),
    loop(Pid, Stop, 0).
loop(Pid, Stop, N) ->
    case filelib:is_file(Stop) of
        true -> io:format("~n~p calls answered~n", [N]), halt(0);
        false -> 0 = gen_server:call(Pid, total, 5000), timer:sleep(100), loop(Pid, Stop, N + 1)
    end.
ERL
(cd "$work" && erlc caller.erl) || fail "erlc"
erl -noinput -sname "caller@localhost" -setcookie "$cookie" -pa "$work" -eval "caller:run('cpp@localhost', \"$work/stop\")." >"$work/caller.log" 2>&1 &
caller=$!; pids+=($caller)

module_files() { awk '{print $6}' "/proc/$node_os_pid/maps" | grep 'Elixir\.' | sort -u | wc -l; }
fds() { ls "/proc/$node_os_pid/fd" | wc -l; }
rss() { awk '/VmRSS/ {print $2}' "/proc/$node_os_pid/status"; }

for i in $(seq "$rounds"); do
  cp "$work"/a/v1/*.so "$work/a/live/"
  erl_modules=$(printf "'%s'," "${all_modules[@]}"); erl_modules=${erl_modules%,}
  got=$(erl_eval "[begin code, rpc:call('cpp@localhost', code, purge, [M]), {module, M} = rpc:call('cpp@localhost', code, load_file, [M]), rpc:call('cpp@localhost', code, purge, [M]) end || M <- [$erl_modules]], io:format(\"reset\")")
  case $got in *reset*) ;; *) fail "round $i: v1 did not load: $got" ;; esac
  for s in s0_inc s1_purge s2_demo_server s3_calculator; do
    "$here/oracle/play.sh" cpp@localhost "$cookie" "$work/a" .so "$here/oracle/$s.iex" >"$work/$s.got"
    diff -u "$here/oracle/golden/$s.txt" "$work/$s.got" || fail "round $i: $s"
  done
  [ "$i" -eq 2 ] && { rss_then=$(rss); fds_then=$(fds); }
done
touch "$work/stop"
wait_for "! kill -0 $caller 2>/dev/null" "the bystander"
grep -q 'calls answered' "$work/caller.log" || fail "the bystander lost a call"
echo "ok: $rounds rounds; bystander: $(cat "$work/caller.log" | tail -1)"

kill -0 "$node_os_pid" || fail "the node died"

# Purged versions are unmapped: at most current and old of each module are left.
wait_for "[ \$(module_files) -le $((2 * ${#all_modules[@]})) ]" "superseded modules to be unmapped"
echo "ok: $(module_files) module files mapped, for ${#all_modules[@]} modules"
expect "open files do not grow" "$(($(fds) - fds_then <= 2))" 1
grown=$(($(rss) - rss_then))
[ -n "${SANITIZED:-}" ] || [ $grown -lt 4096 ] || fail "the node grew by $grown KiB between round 2 and round $rounds"
echo "ok: resident memory changed by $grown KiB"
