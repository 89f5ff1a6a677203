# Sourced before lib.sh: hosts of their own for the nodes, each a network namespace with an address and an epmd, on one bridge in a
# namespace of the story's. Links are cut and connections killed without a node being told. Needs root and unshare; otherwise all
# nodes live on localhost, links are cut by erlang:disconnect_node and held apart by cookies that do not match, and HOSTS is "none".
#   lay_hosts N              hosts 1..N
#   node_on HOST NAME        prints the node's full name
#   start_cpp HOST NAME [options]         as start_node, start_beam and start_peer of lib.sh and peers.sh
#   start_erl HOST NAME RELEASE [erl arguments]
#   $work/link cut|heal A B; $work/link kill A B: A's connections with B end, B hears nothing of it when the link is cut
if [ -z "${HOSTS:-}" ]; then
  if [ "$(id -u)" -eq 0 ] && unshare -n sh -c 'ip link set lo up && ip link add story-b type bridge && ip link add story-v type veth peer name story-w' >/dev/null 2>&1; then
    exec env HOSTS=own unshare -n "$0" "$@"
  fi
  HOSTS=none
fi
[ "$HOSTS" = none ] || ip link set lo up
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$here/peers.sh"

network=10.77.0
holders=()

lay_hosts() {
  local h pid
  [ "$HOSTS" = none ] && echo "SKIPPED: hosts of their own (needs root and network namespaces); all nodes are on localhost" && return
  unset ERL_EPMD_ADDRESS
  ip link add bridge type bridge && ip addr add $network.254/24 dev bridge && ip link set bridge up || fail "no bridge"
  for h in $(seq "$1"); do
    unshare -n sleep infinity &
    pid=$!
    pids+=("$pid") holders[h]=$pid
    wait_for "[ \"\$(readlink /proc/$pid/ns/net)\" != \"\$(readlink /proc/$$/ns/net)\" ]" "host $h"
    ip link add "to$h" type veth peer name eth netns "$pid" && ip link set "to$h" master bridge up || fail "no link to host $h"
    on_host "$h" sh -c "ip link set lo up && ip addr add $network.$h/24 dev eth && ip link set eth up" || fail "host $h"
    become_on_host "$h" epmd -port "$ERL_EPMD_PORT" >/dev/null 2>&1 &
    pids+=($!)
  done
  cat >"$work/link" <<END
#!/bin/bash
holders=(0 ${holders[*]})
on() { nsenter -n -t "\${holders[\$1]}" "\${@:2}"; }
case \$1 in
  cut) on "\$2" ip route add unreachable $network.\$3; on "\$3" ip route add unreachable $network.\$2 ;;
  heal) on "\$2" ip route del unreachable $network.\$3; on "\$3" ip route del unreachable $network.\$2 ;;
  kill) on "\$2" ss -K dst $network.\$3 >/dev/null 2>&1 ;;
esac 2>&1
END
  chmod +x "$work/link"
}
on_host() { (become_on_host "$@"); }
become_on_host() {
  if [ "$HOSTS" = none ]; then exec "${@:2}"; else exec nsenter -n -t "${holders[$1]}" "${@:2}"; fi
}
node_on() { if [ "$HOSTS" = none ]; then echo "$2@localhost"; else echo "$2@$network.$1"; fi; }
name_option() { if [ "$HOSTS" = none ]; then echo sname; else echo name; fi; }

start_cpp() {
  local host=$1 name=$2 full; shift 2
  full=$(node_on "$host" "$name")
  keep_log "$name"
  become_on_host "$host" "$CNODE" start "--$(name_option)" "$full" --cookie "$cookie" "$@" >"$work/$name.log" 2>&1 &
  node_pid=$!
  pids+=("$node_pid") node_pids+=("$node_pid")
  wait_for "grep -qs 'node $full ready' '$work/$name.log'" "node $full ready" "$node_pid"
}

start_erl() {
  local host=$1 name=$2 release=$3 full; shift 3
  full=$(node_on "$host" "$name")
  keep_log "$name"
  become_on_host "$host" ${inside[$release]} erl -noinput "-$(name_option)" "$full" -setcookie "$cookie" "$@" >"$work/$name.log" 2>&1 &
  node_pid=$!
  pids+=("$node_pid")
  wait_for "on_host $host epmd -port $ERL_EPMD_PORT -names | grep -q 'name $name '" "BEAM node $full" "$node_pid"
}
