#!/bin/bash
# Distribution headers and fragments with real nodes: BEAM nodes of OTP 25, 27 and 29 exchange random terms, a 256 MB binary, a large nested
# term (256 MB with OTP 25) and numbered messages with this node, which does not keep their memory. (libei, which knows neither headers nor
# fragments, is 20_erl_call.sh.)
. "$(dirname "$0")/lib.sh"
. "$here/peers.sh"
needs_modules mirror
erlang "$work" framing
share=${SANITIZED:+16}; : "${share:=1}"  # a build with sanitizers takes its time
start_node cpp --pa "$STORY_MODULES" --load mirror
cpp=$node_pid
# rss FIELD: the node's memory in megabytes
rss() { awk -v f="$1:" '$1 == f { print int($2 / 1024) }' "/proc/$cpp/status"; }
before=$(rss VmRSS)

# run_on NAME NESTED: framing:run/3 in that BEAM node.
run_on() {
  local got
  got=$(timeout 300 erl -noshell -hidden -sname "run_$1@localhost" -setcookie "$cookie" -env ERL_CRASH_DUMP /dev/null -eval "
    {ok, Code} = file:read_file(\"$work/framing.beam\"),
    {module, framing} = rpc:call('$1@localhost', code, load_binary, [framing, \"framing.beam\", Code]),
    case rpc:call('$1@localhost', framing, run, ['cpp@localhost', $share, $2]) of
      [_ | _] = Seen -> [io:format(\"ok: $1: ~0p~n\", [S]) || S <- Seen], halt(0);
      Wrong -> io:format(\"~p~n\", [Wrong]), halt(1)
    end." 2>&1) || fail "$1: $got"
  echo "$got"
}

for release in "${releases[@]}"; do
  start_peer "$release" "$release"
  if [ "$release" = otp25 ]; then run_on otp25 256; else run_on "$release" 8; fi
done
echo "the node's memory: $before MB before, $(rss VmHWM) MB at most, $(rss VmRSS) MB after"
# What the allocator keeps for the next ones is less than a message.
[ -n "${SANITIZED:-}" ] || [ "$(rss VmRSS)" -lt $((before + 256)) ] || fail "the node keeps the memory of large messages"
expect "the node's log" "$(grep -c 'invalid distribution message' "$work/cpp.log")" 0
