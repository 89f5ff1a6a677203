#!/bin/bash
# net_kernel, rex and their like answer sys as gen_servers do, in the words of who asks (OTP 25, 27, 29); and the node ends when one of
# those it cannot be without does, as a BEAM node ends.
. "$(dirname "$0")/lib.sh"
. "$here/peers.sh"
echo '[{kernel, [{start_pg, true}]}].' >"$work/sys.config"
start_node cpp --config "$work/sys.config"
cpp_pid=$node_pid
for release in "${releases[@]}"; do start_peer "$release" "$release"; done
nodes=$(printf '%s@localhost ' "${releases[@]}")

for node in $nodes; do
  # On each node: what sys gives of every process here, and that a suspended one waits.
  got=$(erl_eval "
    Sys = fun(F, A) -> rpc:call('$node', sys, F, A) end,
    All = [net_kernel, rex, logger_proxy, global_name_server, pg, kernel_sup],
    Of = fun(N) -> {N, 'cpp@localhost'} end,
    States = [N || N <- All, begin S = Sys(get_state, [Of(N)]), is_tuple(S) andalso element(1, S) =:= badrpc orelse is_tuple(S) andalso element(1, S) =:= ok end],
    #{started := static} = Sys(get_state, [Of(net_kernel)]),
    Statuses = [N || N <- All, begin {status, _, {module, gen_server}, [_, running, _, [], _]} = Sys(get_status, [Of(N)]), false end],
    Suspended = [begin ok = Sys(suspend, [Of(N)]), {status, _, _, [_, suspended | _]} = Sys(get_status, [Of(N)]), ok = Sys(resume, [Of(N)]), N end || N <- All],
    ok = Sys(suspend, [Of(rex)]),
    Key = erpc:call('$node', gen_server, send_request, [Of(rex), {call, erlang, node, [], user}]), _ = Key,
    {badrpc, timeout} = rpc:call('$node', gen_server, call, [Of(net_kernel), nonsense, infinity], 300),
    ok = Sys(resume, [Of(rex)]),
    pong = rpc:call('$node', net_adm, ping, ['cpp@localhost']),
    {ok, _} = Sys(log, [Of(rex), true]) =:= ok andalso Sys(log, [Of(rex), get]), ok = Sys(log, [Of(rex), false]),
    io:format(\"~p\", [{States, Statuses, Suspended =:= All}])")
  expect "sys from ${node%@*}" "$got" "{[],[],true}"
done
# The other way round: a state {ok, 1} on another node is that, whichever way it was sent.
cat >"$work/ok_state.erl" <<'EOF'
-module(ok_state).
-export([start/0, init/1, handle_call/3, handle_cast/2]).
start() -> gen_server:start(?MODULE, [], []).
init(_) -> {ok, {ok, 1}}.
handle_call(_, _, S) -> {reply, ok, S}.
handle_cast(_, S) -> {noreply, S}.
EOF
erlc -o "$work" "$work/ok_state.erl" || fail "ok_state.erl does not compile"
for node in $nodes; do
  expect "a state of ${node%@*} seen from here" "$(erl_eval "
    {ok, Code} = file:read_file(\"$work/ok_state.beam\"),
    {module, _} = rpc:call('$node', code, load_binary, [ok_state, \"ok_state.beam\", Code]),
    {ok, P} = rpc:call('$node', ok_state, start, []),
    io:format(\"~p\", [rpc:call('cpp@localhost', sys, get_state, [P])])")" "{ok,1}"
done
expect "async_dist" "$(erl_eval "io:format(\"~p\", [[rpc:call('cpp@localhost', erlang, process_info, [rpc:call('cpp@localhost', erlang, whereis, [N]), async_dist]) || N <- [net_kernel, rex, global_name_server, pg]]])")" \
  "[{async_dist,true},{async_dist,true},{async_dist,true},{async_dist,true}]"
kill_it() { erl_does "P = rpc:call('$1', erlang, whereis, [$2]), rpc:call('$1', erlang, exit, [P, kill])"; }
kill_it cpp@localhost pg
wait_for "grep -q 'pg ended and is started again' '$work/cpp.log'" "pg to be started again"
expect "pg is there again" "$(erl_eval "(fun W() -> is_pid(rpc:call('cpp@localhost', erlang, whereis, [pg])) orelse begin timer:sleep(20), W() end end)(), io:format(\"~p\", [rpc:call('cpp@localhost', pg, which_groups, [])])")" "[]"
expect "nothing was said without need" "$(grep -c 'Kernel pid terminated' "$work/cpp.log")" 0
kill_it cpp@localhost global_name_server
wait "$cpp_pid"; expect "without global_name_server the node ends, with" $? 1
expect "it says why" "$(grep -c 'Kernel pid terminated: global_name_server ended: killed' "$work/cpp.log")" 1
start_node whole
whole_pid=$node_pid
"$CNODE" stop whole@localhost --cookie "$cookie" || fail "cnode stop"
wait "$whole_pid"; expect "a node that is stopped ends with" $? 0
expect "and no word of it" "$(grep -c 'Kernel pid' "$work/whole.log")" 0
