#!/bin/bash
# CASTS numbered casts at once, half of them from three BEAM nodes (OTP 25, 27, 29) to a C++ node and half the other way, by pid, name and
# alias, small ones and some of many fragments, while connections are ended from either side, by disconnect_node and below the nodes' feet,
# and come back by themselves. What arrives is in order and nothing twice; what is missing lies behind a nodedown both ends were told of;
# and the C++ node's memory stays bounded.
. "$(dirname "$0")/hosts.sh"
: "${STORY_MODULES:=$here/../build/release/story_modules}" "${CASTS:=${SANITIZED:+60000}}" "${CASTS:=1000000}"
[ -f "$STORY_MODULES/casts.so" ] || fail "no modules at $STORY_MODULES: build first"
erlc -o "$work" "$here/modules/casts.erl" || fail "the story's Erlang does not compile"
lay_hosts 4
code=$(erl -noshell -eval "{ok, B} = file:read_file(\"$work/casts.beam\"), io:format(\"~0p\", [B]), halt().")
load=(-eval "{module, casts} = code:load_binary(casts, \"casts.beam\", $code).")
start_cpp 1 cpp --pa "$STORY_MODULES" --load casts
cpp=$node_pid
start_erl 2 otp25 - "${load[@]}"
nodes=("$(node_on 1 cpp)" "$(node_on 2 otp25)")
h=3
for suite in trixie:otp27 sid:otp29; do
  if dir=$(peer_dir "${suite%:*}"); then start_erl $h "${suite#*:}" "$dir" "${load[@]}"; else
    echo "SKIPPED: ${suite#*:} (needs root, debootstrap and a package mirror): OTP 25 in its place"
    start_erl $h "${suite#*:}" - "${load[@]}"
  fi
  nodes+=("$(node_on $h "${suite#*:}")")
  h=$((h + 1))
done
link=none
[ "$HOSTS" = none ] || link=$work/link
# rss FIELD: megabytes
rss() { awk -v f="$1:" '$1 == f { print int($2 / 1024) }' "/proc/$cpp/status"; }
before=$(rss VmRSS)
timeout 280 erl -noinput -hidden "-$(name_option)" "$(if [ "$HOSTS" = none ]; then echo "ask$$@localhost"; else echo "ask$$@$network.254"; fi)" \
  -setcookie "$cookie" -connect_all false -env ERL_CRASH_DUMP /dev/null -pa "$work" -run casts main "$link" "$CASTS" "${nodes[@]}" || fail "casts"
echo "the node's memory: $before MB before, $(rss VmHWM) MB at most, $(rss VmRSS) MB after"
[ -n "${SANITIZED:-}" ] || [ "$(rss VmHWM)" -lt $((before + 300)) ] || fail "the node's memory grew"
expect "the node's log" "$(grep -c 'invalid distribution message\|does not read' "$work/cpp.log")" 0
