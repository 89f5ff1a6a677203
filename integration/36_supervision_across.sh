#!/bin/bash
# Supervisors of Elixir 1.14, 1.18 and 1.20 with children that are C++ GenServers, C++ supervisors with children on a BEAM node, links and
# monitors in both directions. The same is asked of a BEAM node whose modules are in Erlang, and what is seen must be the same. Then the
# whole node is killed and comes back, and the supervisor has its child again.
. "$(dirname "$0")/lib.sh"
. "$here/peers.sh"
. "$here/differences.sh"
needs_modules worker remote_child
erlang "$work" worker remote_child
cp "$here/modules/across.exs" "$work"
export SLOW=1
[ -z "${SANITIZED:-}" ] || SLOW=4 releases=(otp25)
for r in "${releases[@]}"; do take_along "$r" "$work"/{worker,remote_child}.beam "$work/across.exs"; done

start_cpp() { start_node "$1" --pa "$STORY_MODULES" --load worker --load remote_child --log-level error; }
# ask RELEASE NODE [survive]: what the driver on that release sees of the node
ask() {
  local hidden=
  # One case cuts the connection: that must not make `global` cut those of the other askers.
  [ "${3:-}" = survive ] || hidden=--hidden
  ${inside[$1]} elixir $hidden --sname "ask_$1_$2@localhost" --cookie "$cookie" -pa "$work" "$work/across.exs" "$2@localhost" "${3:-run}"
}

start_cpp cpp
start_beam beam -pa "$work" -kernel logger_level none
same_answers "supervision, links and monitors" 35 "${releases[@]}"
! grep -hE 'case_died|never_ended' "$work"/otp*.txt || fail "a case did not run to its end"

# kill -9, and the node comes back under the same name.
for r in "${releases[@]}"; do
  for n in beam2 cpp2; do
    start() { if [ $n = cpp2 ]; then start_cpp $n; else start_beam $n -pa "$work" -kernel logger_level none; fi; }
    start
    ask "$r" $n survive >"$work/$r.$n.txt" 2>"$work/ask_$r.$n.log" & asker=$!
    wait_for "grep -q armed '$work/$r.$n.txt'" "the supervisor of $r" $asker
    disown $node_pid; kill -9 $node_pid
    wait_for "! registered $n" "epmd to forget $n"
    start
    wait $asker || fail "$r with $n"
    disown $node_pid; kill -9 $node_pid
    wait_for "! registered $n" "epmd to forget $n"
  done
  expect "$r has its child again after kill -9 of the node" "$(tail -1 "$work/$r.cpp2.txt")" "restarted: {{:pong, :far}, true, {:pong, :near}, [near: true, far: true]}"
  expect "as with a BEAM node" "$(cat "$work/$r.beam2.txt")" "$(cat "$work/$r.cpp2.txt")"
done

# What OTP's own supervisor cannot do: count children that live elsewhere (is_process_alive/1 crashes it). Ours can.
expect "a C++ supervisor counts children that live elsewhere" "$(erl_eval "
  code:add_path(\"$work\"), Self = self(),
  S = proc_lib:spawn_link('cpp@localhost', gen, init_it, [gen_server, Self, Self, supervisor, {self, remote_child, {#{}, [#{id => a, start => {remote_child, start_link, [node(), worker, {Self, a, []}]}}]}}, []]),
  receive {ack, S, {ok, S}} -> ok end, io:format(\"~w\", [supervisor:count_children(S)])")" "[{specs,1},{active,1},{supervisors,0},{workers,1}]"
