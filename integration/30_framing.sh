#!/bin/bash
# Distribution headers and fragments with real nodes: BEAM nodes of OTP 25, 27 and 29 exchange random terms, terms of 64 and 256 MB and
# numbered messages with this node. (libei, which knows neither, is 20_erl_call.sh.)
. "$(dirname "$0")/lib.sh"
. "$here/peers.sh"
: "${STORY_MODULES:=$here/../build/release/story_modules}"
[ -f "$STORY_MODULES/mirror.so" ] || fail "no modules at $STORY_MODULES: build first"
erlc -o "$work" "$here/modules/framing.erl" || fail "framing.erl does not compile"
share=${SANITIZED:+16}; : "${share:=1}"  # a build with sanitizers takes its time
start_node cpp --pa "$STORY_MODULES" --load mirror

# run_on NAME: framing:run/1 in that BEAM node.
run_on() {
  local got
  got=$(timeout 300 erl -noshell -hidden -sname "run_$1@localhost" -setcookie "$cookie" -env ERL_CRASH_DUMP /dev/null -eval "
    {ok, Code} = file:read_file(\"$work/framing.beam\"),
    {module, framing} = rpc:call('$1@localhost', code, load_binary, [framing, \"framing.beam\", Code]),
    case rpc:call('$1@localhost', framing, run, ['cpp@localhost', $share]) of
      [_ | _] = Seen -> [io:format(\"ok: $1: ~0p~n\", [S]) || S <- Seen], halt(0);
      Wrong -> io:format(\"~p~n\", [Wrong]), halt(1)
    end." 2>&1) || fail "$1: $got"
  echo "$got"
}

start_beam otp25
run_on otp25
for suite in trixie:otp27 sid:otp29; do
  if dir=$(peer_dir "${suite%:*}"); then
    start_peer "$dir" "${suite#*:}"
    run_on "${suite#*:}"
  else
    echo "SKIPPED: no node of ${suite#*:} (needs root, debootstrap and a package mirror)"
  fi
done
expect "the node's log" "$(grep -c 'invalid distribution message' "$work/cpp.log")" 0
