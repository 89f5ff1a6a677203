#!/bin/bash
# CASTS numbered casts at once, half of them from three BEAM nodes (OTP 25, 27, 29) to a C++ node and half the other way, by pid, name and
# alias, small ones and some of many fragments, while connections are ended from either side, by disconnect_node and below the nodes' feet,
# and come back by themselves. What arrives is in order and nothing twice; what is missing lies behind a nodedown both ends were told of;
# and the C++ node's memory stays bounded.
. "$(dirname "$0")/hosts.sh"
: "${CASTS:=${SANITIZED:+60000}}" "${CASTS:=1000000}"
needs_modules casts
erlang "$work" casts
lay_hosts 4
code=$(erl -noshell -eval "{ok, B} = file:read_file(\"$work/casts.beam\"), io:format(\"~0p\", [B]), halt().")
load=(-eval "{module, casts} = code:load_binary(casts, \"casts.beam\", $code).")
start_cpp 1 cpp --pa "$STORY_MODULES" --load casts
cpp=$node_pid
nodes=("$(node_on 1 cpp)")
h=2
for name in otp25 otp27 otp29; do
  release=otp25  # in the place of what is not there
  ! at_hand $name || release=$name
  start_erl $h $name $release "${load[@]}"
  nodes+=("$(node_on $h $name)")
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
