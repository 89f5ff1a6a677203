#!/bin/bash
# Five hosts: BEAM nodes of OTP 25, 27 and 29 and two C++ nodes live through meeting, names, groups, deaths by kill -9, cut links between
# each kind of pair, and a C++ node that is stopped in the middle. The same again with BEAM nodes in the place of the C++ ones: what is
# seen must be the same, word for word.
. "$(dirname "$0")/hosts.sh"
needs_modules citizen
erlang "$work" cluster citizen
lay_hosts 5
ticktime=(-kernel net_ticktime 8)
# OTP 25 in the place of what is not there. OTP 27 alone gets on with the groups of both others.
middle=otp25 newest=otp25
if at_hand otp27; then
  middle=otp27
  ! at_hand otp29 || newest=otp29
fi
hosts=([1]=alpha [2]=otp25 [3]=otp27 [4]=otp29 [5]=zeta)
for h in 1 2 3 4 5; do names[h]=$(node_on "$h" "${hosts[h]}"); done
code=$(erl -noshell -eval "{ok, B} = file:read_file(\"$work/citizen.beam\"), io:format(\"~0p\", [B]), halt().")
declare -A running

# start HOST: the node of that host, of its kind in this round.
start() {
  local name=${hosts[$1]} release=$middle
  case $round:$name in
    mixed:alpha | mixed:zeta) start_cpp "$1" "$name" --pa "$STORY_MODULES" --load citizen --net-ticktime 8 ;;
    *)
      [ "$name" != otp25 ] || release=otp25
      [ "$name" != otp29 ] || release=$newest
      start_erl "$1" "$name" "$release" "${ticktime[@]}" -eval "{module, citizen} = code:load_binary(citizen, \"citizen.beam\", $code)."
      ;;
  esac
  running[$name]=$node_pid
}
# step WHAT NAMES...: the transcript goes to $work/ROUND.txt too
step() {
  timeout 120 erl -noinput -hidden "-$(name_option)" "$(if [ "$HOSTS" = none ]; then echo "step$$@localhost"; else echo "step$$@$network.254"; fi)" \
    -setcookie "$cookie" "${ticktime[@]}" -env ERL_CRASH_DUMP /dev/null -connect_all false -pa "$work" -run cluster main "$1" "$link" "${@:2}" >"$work/step.txt" 2>&1
  local status=$?
  [ $status -eq 0 ] || { cat "$work/step.txt"; fail "$round: $1"; }
  sed "s/^ok:/ok: $round:/" "$work/step.txt"
  cat "$work/step.txt" >>"$work/$round.txt"
}
end() { disown "$1"; kill -9 "$1"; }
# -9, noticed, started again.
kill_and_restart() {
  local others=() h
  for h in 1 2 3 4 5; do [ "$h" = "$1" ] || others+=("${names[h]}"); done
  end "${running[${hosts[$1]}]}"
  step killed "${others[@]}" "${names[$1]}"
  start "$1"
}
link=none
[ "$HOSTS" = none ] || link=$work/link

life() {
  round=$1
  local h
  for h in 1 2 3 4 5; do start "$h"; done
  step meet "${names[@]}"
  step names "${names[@]}"
  kill_and_restart 5
  step again "${names[@]}"
  kill_and_restart 3
  step again "${names[@]}"
  step cuts "${names[@]}"
}
life mixed
mv "$work/mixed.txt" "$work/seen.txt"
step silence "${names[@]}"

# Stopped for longer and shorter than the ticktime, at any moment.
zeta=${running[zeta]}
step stopped "${names[@]}" & asker=$!
for ms in 0.3 1.1 0.05 3 0.7 11 0.2 0.4; do
  kill -STOP "$zeta"; sleep "$ms"; kill -CONT "$zeta"; sleep 0.$((RANDOM % 8))
done
wait "$asker" || exit 1
step rejoined "${names[@]}"

[ -z "${SANITIZED:-}" ] || exit 0  # BEAM nodes show a sanitizer nothing
for name in "${hosts[@]}"; do end "${running[$name]}"; done
life beam
expect "what is seen with C++ nodes is what BEAM nodes see in their place" "$(cat "$work/seen.txt")" "$(cat "$work/beam.txt")"
