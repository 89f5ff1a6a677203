#!/bin/bash
# kill a process, kill -9 the node, kill -9 the shell: the other side hears what it would hear from BEAM. Both are asked the
# same, and the answers compared.
. "$(dirname "$0")/lib.sh"
lay_examples "$work/a"
mkdir -p "$work/beam"
elixirc -o "$work/beam" "$here"/oracle/beam/v1/*.ex >/dev/null 2>&1 || fail elixirc

cat >"$work/deaths.erl" <<'ERL'
-module(deaths).
-export([run/1, exits/1]).
flat(T) -> re:replace(io_lib:format("~0p", [T]), "<[0-9.]+>|#Ref<[0-9.]+>", "*", [global, {return, list}]).
say(What, T) -> io:format("~s: ~s~n", [What, flat(T)]).
next() -> receive M -> M after 5000 -> silence end.
start(Node) -> {ok, P} = rpc:call(Node, gen_server, start, ['Elixir.CodePurge.PiGs', 1, []]), P.
run(Node) ->
    process_flag(trap_exit, true),
    P1 = start(Node), R1 = monitor(process, P1), exit(P1, kill),
    {'DOWN', R1, process, P1, W1} = next(), say(kill_monitor, W1),
    P2 = start(Node), link(P2), exit(P2, kill), say(kill_link, next()),
    P3 = start(Node), link(P3), exit(P3, some_reason), say(exit_link, next()),
    P4 = start(Node), R4 = monitor(process, P4), exit(P4, normal),
    say(exit_normal, receive {'DOWN', R4, _, _, _} = D4 -> D4 after 500 -> alive end), demonitor(R4, [flush]), exit(P4, kill),
    say(call_dead, catch gen_server:call(P1, get)),
    say(call_noname, catch gen_server:call({nobody, Node}, get)),
    R5 = monitor(process, P1), say(monitor_dead, case next() of {'DOWN', R5, process, P1, W5} -> W5 end),
    R6 = monitor(process, {nobody, Node}), say(monitor_noname, case next() of {'DOWN', R6, process, {nobody, Node}, W6} -> W6 end),
    link(P1), say(link_dead, case next() of {'EXIT', P1, W7} -> W7 end),
    P8 = spawn(Node, erlang, exit, [bye]), R8 = monitor(process, P8), say(spawned, case next() of {'DOWN', R8, process, P8, W8} when W8 =:= bye; W8 =:= noproc -> ok end),
    {P9, R9} = spawn_monitor(Node, erlang, exit, [bye]), say(spawn_monitor, case next() of {'DOWN', R9, process, P9, W9} -> W9 end),
    P10 = spawn_link(Node, erlang, exit, [bye]), say(spawn_link, case next() of {'EXIT', P10, W10} -> W10 end),
    P11 = start(Node), say(stop, gen_server:stop(P11)), say(stop_dead, catch gen_server:stop(P11)),
    P12 = start(Node), say(stop_reason, catch gen_server:stop(P12, shutdown, 1000)),
    say(badrpc, rpc:call(Node, erlang, exit, [foo])),
    say(throw, rpc:call(Node, erlang, throw, [foo])),
    say(error, element(1, element(2, element(2, rpc:call(Node, erlang, error, [foo]))))),
    say(erpc_exit, catch erpc:call(Node, erlang, exit, [foo])),
    say(erpc_throw, catch erpc:call(Node, erlang, throw, [foo])).
%% Until the node is killed: a monitor, a link, a node monitor and a call that waits.
exits(Node) ->
    process_flag(trap_exit, true),
    P = start(Node), R = monitor(process, P), link(P),
    RN = monitor(process, {rex, Node}),
    monitor_node(Node, true),
    sys:suspend(P),
    Self = self(),
    spawn(fun() -> Self ! {caller, catch gen_server:call(P, get, 20000)} end),
    spawn(fun() -> monitor(process, P), Self ! {armed, self()}, receive {'DOWN', _, _, _, W} -> Self ! {third, W} end end),
    receive {armed, _} -> ok end,
    io:format("armed~n"),
    Got = [receive M -> M after 10000 -> silence end || _ <- [1, 2, 3, 4, 5, 6]],
    Tidy = [case M of {'DOWN', R, process, P, W} -> {monitor, W}; {'DOWN', RN, process, {rex, Node}, W} -> {name, W}; {'EXIT', P, W} -> {link, W};
                 {nodedown, Node} -> nodedown; {caller, {'EXIT', {{W, _}, {gen_server, call, _}}}} -> {caller, W}; {caller, {'EXIT', {W, {gen_server, call, _}}}} -> {caller, W}; M -> M end || M <- Got],
    say(node_killed, lists:sort(Tidy)).
ERL
(cd "$work" && erlc deaths.erl) || fail erlc
ask() { # NODE FUNCTION
  erl -noshell -sname "ask$RANDOM@localhost" -setcookie "$cookie" -pa "$work" -eval "deaths:$2('$1'), halt(0)." 2>"$work/ask.err" | sed -u "s/$1/NODE/g"
  return "${PIPESTATUS[0]}"
}
start_node cpp --pa "$work/a/live"; cpp_pid=$node_pid
start_beam beam -pa "$work/beam" -eval '{ok,_} = application:ensure_all_started(elixir).'; beam_pid=$node_pid
for n in beam cpp; do ask "$n@localhost" run >"$work/$n.txt" || { cat "$work/$n.txt" "$work/ask.err"; fail "$n was not asked to the end"; }; done
diff -u "$work/beam.txt" "$work/cpp.txt" || fail "deaths of processes are told otherwise than by BEAM"
echo "ok: $(wc -l <"$work/cpp.txt") deaths told as by BEAM"

for n in cpp beam; do
  p=${n}_pid
  ask "$n@localhost" exits >"$work/$n.txt" & asker=$!
  wait_for "grep -q armed '$work/$n.txt'" "the asker"
  kill -9 "${!p}"
  wait $asker || { cat "$work/$n.txt" "$work/ask.err"; fail "$n was not watched to its end"; }
done
diff -u "$work/beam.txt" "$work/cpp.txt" || fail "kill -9 of the node is told otherwise than by BEAM"
echo "ok: kill -9 of the node: $(tail -1 "$work/cpp.txt")"

# The shell dies: a C++ process linked to it dies with it, one that is not lives on.
start_node cpp2 --pa "$work/a/live"
erl -noinput -sname doomed@localhost -setcookie "$cookie" -eval "
  {ok, P1} = rpc:call('cpp2@localhost', gen_server, start, ['Elixir.CodePurge.PiGs', 1, []]), link(P1), true = rpc:call('cpp2@localhost', erlang, register, [linked, P1]),
  {ok, P2} = rpc:call('cpp2@localhost', gen_server, start, ['Elixir.CodePurge.PiGs', 1, []]), true = rpc:call('cpp2@localhost', erlang, register, [free, P2]), io:format(\"armed~n\"), receive never -> ok end." >"$work/doomed.log" 2>&1 &
doomed=$!; pids+=($doomed)
wait_for "grep -q armed '$work/doomed.log'" "the doomed shell"
disown $doomed; kill -9 $doomed
call() { "$CNODE" call cpp2@localhost "$@" --cookie "$cookie" 2>&1; }
wait_for "[ \"\$(call erlang whereis '[linked]')\" = undefined ]" "the linked process to die"
case $(call erlang whereis '[free]') in "<"*) echo "ok: the process that was not linked lives on" ;; *) fail "the free process died" ;; esac
expect "the dead shell is no neighbour" "$(call erlang nodes '[]')" "[]"
