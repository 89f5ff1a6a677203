#!/bin/bash
# Where a node listens and how it finds others: one interface, IPv6, no epmd; with BEAM nodes of OTP 25, 27 and 29 in both directions.
. "$(dirname "$0")/lib.sh"
. "$here/peers.sh"
call() { local node=$1; shift; timeout 30 "$CNODE" call "$node" "$@" --cookie "$cookie" 2>&1; }

# start_named NAME [options]: `cnode start --name NAME`
start_named() {
  local name=$1; shift
  "$CNODE" start --name "$name" --cookie "$cookie" "$@" >"$work/${name%@*}.log" 2>&1 &
  pids+=($!) node_pids+=($!)
  wait_for "grep -q 'node $name ready' '$work/${name%@*}.log'" "$name ready" $!
}
# start_otp RELEASE NAME [options]: a BEAM node that says `up` when it is there.
start_otp() {
  local release=$1 name=$2; shift 2
  ${inside[$release]} erl -noinput -name "$name" -setcookie "$cookie" "$@" -eval 'io:format("up~n").' >"$work/${name%@*}.log" 2>&1 &
  pids+=($!)
  wait_for "grep -q up '$work/${name%@*}.log'" "$release as $name" $!
}
# once RELEASE NAME EXPRESSIONS [options]: what a BEAM node of that name prints
once() {
  local release=$1 name=$2 expressions=$3; shift 3
  timeout 60 ${inside[$release]} erl -noinput -name "$name" -setcookie "$cookie" "$@" -eval "$expressions, halt(0)." 2>&1
}
# refused WHAT WORD [options]: the node does not start, and says WORD.
refused() {
  local what=$1 word=$2 said; shift 2
  said=$("$CNODE" start --name refused@127.0.0.1 --cookie "$cookie" "$@" 2>&1) && fail "$what: started"
  case $said in *"$word"*) echo "ok: $what" ;; *) fail "$what: $said" ;; esac
}
listens_on() { # ADDRESS PORT, in bash's own words
  (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null
}
port_of() { epmd -port "$ERL_EPMD_PORT" -names | sed -n "s/^name $1 at port //p"; }

# ---- --address; an epmd that listens there too
epmd -port "$ERL_EPMD_PORT" -kill >/dev/null
# Again, should the one before have its port still.
wait_for "epmd -port $ERL_EPMD_PORT -address 127.0.0.2 -daemon -relaxed_command_check && listens_on 127.0.0.2 $ERL_EPMD_PORT" "epmd on 127.0.0.2"
start_named one@127.0.0.2 --address 127.0.0.2
port=$(port_of one)
listens_on 127.0.0.2 "$port" || fail "--address: does not listen on 127.0.0.2"
listens_on 127.0.0.1 "$port" && fail "--address 127.0.0.2: listens on 127.0.0.1 too"
expect "--address: a BEAM meets the node there" "$(once otp25 ask@127.0.0.1 'io:format("~p", [net_adm:ping('"'one@127.0.0.2'"')])')" pong
refused "--address that is none" 'is no IP address' --address nowhere
refused "--address of no interface of ours" '--address' --address 192.0.2.7
refused "--address of the other family names --proto-dist" '--proto-dist inet6_tcp' --address ::1

# ---- IPv6
if ! grep -q '^00000000000000000000000000000001 ' /proc/net/if_inet6 2>/dev/null; then
  echo "SKIPPED: no IPv6 (this machine has no ::1)"
else
  start_named six@::1 --proto-dist inet6_tcp
  listens_on ::1 "$(port_of six)" || fail "inet6_tcp: does not listen on ::1"
  start_named inner@::1 --proto-dist inet6_tcp --address ::1
  for release in "${releases[@]}"; do
    expect "$release calls over IPv6" "$(once "$release" "ask$release@::1" 'io:format("~p ~p", [net_adm:ping('"'six@::1'"'), nodes()])' -proto_dist inet6_tcp)" \
      "pong ['six@::1']"
    start_otp "$release" "v6$release@::1" -proto_dist inet6_tcp -hidden
    # The asker is connected to `inner` alone: the connection to the release is made by `inner`.
    expect "$release is called over IPv6" \
      "$(once otp25 "by$release@::1" 'io:format("~p", [rpc:call('"'inner@::1', rpc, call, ['v6$release@::1'"', erlang, node, []])])' -proto_dist inet6_tcp -hidden)" "'v6$release@::1'"
  done
  expect "a C++ node is called over IPv6" \
    "$(once otp25 cpp@::1 'io:format("~p", [rpc:call('"'inner@::1', rpc, call, ['six@::1'"', erlang, node, []])])' -proto_dist inet6_tcp -hidden)" "'six@::1'"
  expect "cnode ping over IPv6" "$(timeout 30 "$CNODE" ping six@::1 --cookie "$cookie" 2>&1)" pong
  expect "cnode call over IPv6" "$(call six@::1 erlang node '[]')" "'six@::1'"
fi

# ---- without epmd: every node listens on the same port, each on its own address
port=$(free_port)
quiet=(-start_epmd false)
start_named bare@127.0.0.1 --no-epmd --dist-port $port --address 127.0.0.1
ERL_DIST_PORT=$port start_named plain@127.0.0.2 --address 127.0.0.2 --hidden   # the variable means --no-epmd too
host=3
for release in "${releases[@]}"; do
  address=127.0.0.$host interface="{127,0,0,$host}"
  how=("${quiet[@]}" -kernel inet_dist_use_interface "$interface")
  case $release in
    otp29) start_otp $release "$release@$address" "${how[@]}" -kernel erl_epmd_node_listen_port $port -hidden ;;
    *) start_otp $release "$release@$address" "${how[@]}" -erl_epmd_port $port -hidden ;;
  esac
  expect "without epmd $release is called" "$(call plain@127.0.0.2 rpc call "['$release@$address', erlang, node, []]" --dist-port $port)" "'$release@$address'"
  expect "without epmd $release calls" \
    "$(once $release "caller@127.0.0.$((host + 10))" 'io:format("~p", [net_adm:ping('"'bare@127.0.0.1'"')])' -start_epmd false -erl_epmd_port $port -kernel inet_dist_use_interface "{127,0,0,$((host + 10))}")" pong
  host=$((host + 1))
done
expect "without epmd C++ nodes meet" "$(call plain@127.0.0.2 rpc call "['bare@127.0.0.1', erlang, node, []]" --dist-port $port)" "'bare@127.0.0.1'"
expect "neither is registered with the epmd that runs" "$(epmd -port "$ERL_EPMD_PORT" -names | grep -cE 'name (bare|plain)')" 0
refused "two nodes on one address and port" '--dist-port' --no-epmd --dist-port $port --address 127.0.0.1
