#!/bin/bash
# pg with members on two C++ nodes and on BEAM nodes of OTP 25, 27 and 29: joins, leaves and deaths in random order by a seeded script;
# afterwards all nodes see the same groups, which are those the script made.
. "$(dirname "$0")/lib.sh"
. "$here/peers.sh"
# A scope of OTP 29 greets with {discover, Pid, 1}, which ends a scope of OTP 25 (also without any C++ node): so one scope has members on
# 25 and 27, another on 27 and 29. All nodes are connected with all.
start_node one
start_node two
start_node three
older="one@localhost two@localhost" newer="one@localhost two@localhost"
for release in "${releases[@]}"; do
  start_peer "$release" "$release"
  [ "$release" = otp29 ] || older+=" $release@localhost"
  [ "$release" = otp25 ] || newer+=" $release@localhost"
done
erlang "$work" pg_agree
agree() {
  erl -noinput -hidden -sname "agree$$@localhost" -setcookie "$cookie" -env ERL_CRASH_DUMP /dev/null -pa "$work" \
    -run pg_agree main "$1" "${SEEDS:-10}" "${@:2}" || fail "no agreement"
  echo "ok: pg on ${*:2}"
}
agree older_scope $older three@localhost   # the last one is stopped
agree newer_scope $newer
