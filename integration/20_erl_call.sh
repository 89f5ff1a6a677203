#!/bin/bash
# erl_call, OTP's own C node, finds what it would find on a BEAM node.
. "$(dirname "$0")/lib.sh"
erl_call=$(command -v erl_call || ls /usr/lib/erlang/lib/erl_interface-*/bin/erl_call 2>/dev/null | head -1)
[ -n "$erl_call" ] || skip "erl_call is not installed"
lay_examples "$work/a"
start_node cpp --pa "$work/a/live"
expect "a function of a module" "$(timeout 20 "$erl_call" -c "$cookie" -sname cpp@localhost -a "Elixir.Calculator add [2,2]" 2>&1)" 4
expect "a function of the node" "$(timeout 20 "$erl_call" -c "$cookie" -sname cpp@localhost -a "erlang node []" 2>&1)" "cpp@localhost"
expect "a list" "$(timeout 20 "$erl_call" -c "$cookie" -sname cpp@localhost -a "lists reverse [[a,b,c]]" 2>&1)" "[c, b, a]"
got=$(timeout 20 "$erl_call" -c "$cookie" -sname cpp@localhost -fetch_stdout -a "io format [\"hello~n\"]" 2>&1)
case $got in *hello*) echo "ok: what the function prints comes back" ;; *) fail "-fetch_stdout: $got" ;; esac
timeout 20 "$erl_call" -c "$cookie" -sname cpp@localhost -q
wait_for "! kill -0 $node_pid 2>/dev/null" "the node to stop after erl_call -q"
echo "ok: -q stops the node"
