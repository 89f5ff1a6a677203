#!/bin/bash
# Neighbours of other kinds: erl_call with all its options, a node in C (libei) and one in Java (jinterface) as caller and called, hidden
# nodes, nodes that do not connect by themselves, remote shells. Each is a neighbour of a BEAM node, too, and must see the same.
. "$(dirname "$0")/lib.sh"
. "$here/peers.sh"
. "$here/differences.sh"
needs_modules worker mirror
erlang "$work" worker mirror
cd "$work" || exit 1  # erl_call -m has the node write its module where it stands
start_node cpp --pa "$STORY_MODULES" --load worker --load mirror --start mirror=mirror:nil --log-level error; cpp_pid=$node_pid
start_beam beam -pa "$work" -kernel logger_level none -eval '{ok, _} = gen_server:start({local, mirror}, mirror, nil, []).'; beam_pid=$node_pid
# alike WHAT: the files WHAT.beam and WHAT.cpp
alike() {
  [ -s "$work/$1.beam" ] || fail "$1: nothing seen of the BEAM node"
  diff "$work/$1.beam" "$work/$1.cpp" || fail "$1: a C++ node (>) is another neighbour than a BEAM node (<)"
  echo "ok: $1, $(wc -l <"$work/$1.cpp") things seen as of a BEAM node"
}

# ---- erl_call
erl_call=$(command -v erl_call || ls /usr/lib/erlang/lib/erl_interface-*/bin/erl_call 2>/dev/null | head -1)
[ -n "$erl_call" ] || fail "erl_call is not installed"
erl_calls() { # NODE
  local n=$1 port
  port=$(epmd -port "$ERL_EPMD_PORT" -names | sed -n "s/name $n at port //p")
  c() {
    local label="$*" out
    out=$(timeout 20 "$erl_call" -c "$cookie" "$@" 2>&1)
    echo "${label//$port/PORT}: $out ($?)" | sed "s/$n@/NODE@/g"
  }
  local s=(-sname "$n@localhost")
  c "${s[@]}" -a
  c "${s[@]}" -a 'erlang node'
  c "${s[@]}" -a 'erlang'
  c "${s[@]}" -a 'lists reverse [[a,{b,c},3]]'
  c "${s[@]}" -a 'nomod nofun [1]'
  c "${s[@]}" -a 'erlang exit [bye]'
  c "${s[@]}" -a 'erlang throw [ball]'
  c -n "$n@localhost" -a 'erlang node []'
  c -name "$n@localhost" -a 'erlang node []'
  c -address "localhost:$port" -a 'erlang node []'
  c -address localhost:1 -a 'erlang node []'
  c -address "localhost:$port" -s -a 'erlang node []'
  c -c wrong "${s[@]}" -a 'erlang node []'
  c "${s[@]}" -h called -a 'erlang nodes [visible]'
  c "${s[@]}" -r -a 'erlang node []'
  c "${s[@]}" -R -a 'erlang node []'
  c "${s[@]}" -d -a 'erlang node []'
  c "${s[@]}" -v -a 'erlang node []'
  c "${s[@]}" -s -a 'erlang node []'
  c "${s[@]}" -x /usr/bin/erl -s -a 'erlang node []'
  c "${s[@]}" -timeout 1 -a 'timer sleep [20000]'
  c "${s[@]}" -timeout 20 -a 'erlang node []'
  c "${s[@]}" -no_result_term -a 'erlang node []'
  c "${s[@]}" -fetch_stdout -a 'io put_chars [~a]'
  c "${s[@]}" -fetch_stdout -a 'io format [abc]'
  c "${s[@]}" -fetch_stdout -no_result_term -a 'io format [abc]'
  echo '-module(no' | c "${s[@]}" -m
  c -sname nobody@localhost -a 'erlang node []'
}
for n in beam cpp; do
  erl_calls $n >"$work/erl_call.$n"
  expect "erl_call reaches $n" "$(grep -c -- '-a erlang node: NODE@localhost (0)$' "$work/erl_call.$n")" 1
done
alike erl_call
got=$(echo '1 + 2.' | timeout 20 "$erl_call" -c "$cookie" -sname cpp@localhost -e 2>&1)
case $got in '{error, "this node is written in C++ and evaluates no Erlang'*) echo "ok: erl_call -e is told that there is no Erlang" ;; *) fail "erl_call -e: $got" ;; esac
printf -- '-module(loaded_by_erl_call).\n-export([f/0]).\nf() -> 1.\n' | timeout 20 "$erl_call" -c "$cookie" -sname cpp@localhost -m || fail "erl_call -m does not end"
expect "nothing came of erl_call -m" "$("$erl_call" -c "$cookie" -sname cpp@localhost -a 'code is_loaded [loaded_by_erl_call]')" false

# ---- libei
if cc=$(command -v cc || command -v gcc) && printf '#include <ei.h>\n' | $cc -E - >/dev/null 2>&1; then
  $cc -D_REENTRANT -std=gnu11 -Wall -Wextra -o "$work/ei_neighbour" "$here/modules/ei_neighbour.c" -lei -lpthread || fail "ei_neighbour.c does not compile"
  for n in beam cpp; do
    timeout 60 "$work/ei_neighbour" connect "ei_$n" "$cookie" "$n@localhost" >"$work/ei_connects.$n" || { tail -3 "$work/ei_connects.$n"; fail "libei with $n"; }
    timeout 60 "$work/ei_neighbour" accept "eia_$n" "$cookie" "$n@localhost" >"$work/ei_accepts.$n" & asker=$!
    wait_for "grep -q published '$work/ei_accepts.$n'" "the node in C" $asker
    erl_does "rpc:call('$n@localhost', erlang, send, [{anyone, 'eia_$n@localhost'}, {hello, [1, 2.0, <<\"three\">>]}])"
    wait $asker || { tail -3 "$work/ei_accepts.$n"; fail "libei called by $n"; }
  done
  sed -i 's/<NODE[0-9.]*>/pid/g' "$work"/ei_*.{beam,cpp}
  alike ei_connects
  alike ei_accepts
else
  echo "SKIPPED: no C compiler, or no ei.h (erlang-dev)"
fi

# ---- jinterface
jar=$(ls /usr/share/java/OtpErlang.jar /usr/lib/erlang/lib/jinterface-*/priv/OtpErlang.jar 2>/dev/null | head -1)
if [ -n "$jar" ] && command -v javac >/dev/null && command -v java >/dev/null; then
  javac -nowarn -cp "$jar" -d "$work" "$here/modules/Neighbour.java" || fail "Neighbour.java does not compile"
  for n in beam cpp; do
    timeout 100 java -cp "$jar:$work" Neighbour "java_$n@localhost" "$cookie" "$n@localhost" >"$work/jinterface.$n" 2>"$work/java_$n.log" || { tail -3 "$work/jinterface.$n"; fail "jinterface with $n"; }
  done
  sed -i 's/java_[a-z]*@/java@/g' "$work"/jinterface.{beam,cpp}
  alike jinterface
else
  echo "SKIPPED: no node in Java (needs erlang-jinterface and default-jdk-headless)"
fi

# ---- BEAM nodes that keep to themselves
start_beam apart_beam
start_beam apart_cpp
cat >"$work/keeps.erl" <<'ERL'
-module(keeps).
-export([run/2]).
run(What, N) ->
    put(n, N), put(apart, Apart = list_to_atom("apart_" ++ atom_to_list(N))),
    [io:format("~s ~s: ~0p~n", [What, Name, tidy(F(N))]) || {Name, F} <- [
        {first_call, fun(_) -> rpc:call(N, erlang, node, []) end},
        {sent, fun(_) -> {mirror, N} ! {mirror, self(), hello}, receive M -> M after 500 -> silence end end},
        {connect, fun(_) -> net_kernel:connect_node(N) end},
        {call, fun(_) -> rpc:call(N, erlang, node, []) end},
        {seen_here, fun(_) -> {lists:sort(nodes()), nodes(hidden)} end},
        {seen_there, fun(_) -> {lists:member(node(), rpc:call(N, erlang, nodes, [])), lists:member(node(), rpc:call(N, erlang, nodes, [hidden])),
                                lists:member(node(), rpc:call(N, erlang, nodes, [connected]))} end},
        {apart, fun(_) -> {rpc:call(N, net_adm, ping, [Apart]), timer:sleep(300), lists:member(Apart, nodes())} end},
        {cut, fun(_) -> {erlang:disconnect_node(N), nodes(connected) -- [Apart]} end},
        {after_cut, fun(_) -> rpc:call(N, erlang, node, []) end},
        {again, fun(_) -> {net_kernel:connect_node(N), rpc:call(N, erlang, node, [])} end}]].
tidy(A) when is_atom(A) -> case {get(n), get(apart)} of {A, _} -> 'NODE'; {_, A} -> 'APART'; _ -> A end;
tidy(T) when is_tuple(T) -> list_to_tuple(tidy(tuple_to_list(T)));
tidy([H | T]) -> [tidy(H) | tidy(T)];
tidy(X) -> X.
ERL
erlc -o "$work" "$work/keeps.erl" || fail "the story's Erlang does not compile"
ask() { # keeping_apart NODE: when a node with a life of its own comes and goes, so do connections of the others, by `global`
  local n=$2 how
  for how in "hidden -hidden" "connect_all_false -connect_all false" "never -kernel dist_auto_connect never" "once -kernel dist_auto_connect once" "both -hidden -connect_all false"; do
    timeout 60 erl -noinput -sname "k_$n$RANDOM${how%% *}@localhost" -setcookie "$cookie" -pa "$work" -kernel logger_level none ${how#* } \
      -eval "keeps:run(${how%% *}, '$n@localhost'), halt(0)." || return 1
  done
}
same_answers "nodes that keep to themselves" 50 keeping_apart

# ---- remote shells: there is none, and who asks is told so at once.
remote_shell() { # EXPECTED COMMAND...
  local want=$1; shift
  timeout -s KILL 60 script -qec "$*" /dev/null </dev/null >"$work/remote_shell.log" 2>&1 & local shell=$!
  wait_for "grep -q '$want' '$work/remote_shell.log'" "the answer to $*"
  { disown $shell; kill -9 $shell; } 2>/dev/null
  echo "ok: ${1##*/} ${*: -1} is told: $want"
}
if command -v script >/dev/null; then
  remote_shell 'Shell process terminated' erl -sname remsh1@localhost -setcookie "$cookie" -remsh cpp@localhost
  remote_shell 'Could not find IEx on remote node' iex --sname remsh2@localhost --cookie "$cookie" --remsh cpp@localhost
  for release in "${releases[@]:1}"; do
    remote_shell 'Could not load "cpp@localhost" on shell' ${inside[$release]} erl -sname "remsh_$release@localhost" -setcookie "$cookie" -remsh cpp@localhost
    remote_shell 'Could not load "cpp@localhost" on iex' ${inside[$release]} iex --sname "remix_$release@localhost" --cookie "$cookie" --remsh cpp@localhost
  done
fi
# ---- observer and etop, as far as they go without a screen: what their pages ask has the shape they read.
cat >"$work/watches.erl" <<'ERL'
-module(watches).
-export([run/1]).
run(N) ->
    process_flag(trap_exit, true),
    {ok, [_ | _]} = rpc:call(N, observer_backend, vsn, []),
    {module, observer_backend} = rpc:call(N, code, ensure_loaded, [observer_backend]),
    true = rpc:call(N, erlang, function_exported, [observer_backend, procs_info, 1]),
    Sys = rpc:call(N, observer_backend, sys_info, []),
    [{K, true} = {K, is_integer(proplists:get_value(K, Sys))} || K <- [uptime, run_queue, io_input, io_output, logical_processors, schedulers,
        schedulers_available, wordsize_internal, wordsize_external, process_count, process_limit, atom_count, atom_limit, port_count, ets_count, total]],
    [{K, true} = {K, is_list(proplists:get_value(K, Sys))} || K <- [otp_release, version, system_architecture, alloc_info]],
    true = is_list(rpc:call(N, observer_backend, get_table_list, [ets, []])),
    true = is_list(rpc:call(N, observer_backend, get_port_list, [])),
    Mirror = rpc:call(N, erlang, whereis, [mirror]),
    P = spawn_link(N, observer_backend, procs_info, [self()]),
    Procs = receive {procs_info, P, L} -> L after 10000 -> exit(no_procs_info) end,
    normal = receive {'EXIT', P, R} -> R after 10000 -> exit(no_end) end,
    {etop_proc_info, Mirror, Mem, Reds, mirror, _, {gen_server, loop, 7}, 0} = lists:keyfind(Mirror, 2, Procs),
    true = is_integer(Mem) andalso is_integer(Reds),
    E = spawn_link(N, observer_backend, etop_collect, [self()]),
    {etop_info, {_, _, _}, Count, _, _, Queue, _, [{total, Total} | _], Same} = receive {E, I} -> I after 10000 -> exit(no_etop_info) end,
    {true, true, true} = {Count =:= length(Same), is_integer(Queue), is_integer(Total)},
    true = abs(Count - length(Procs)) < 5,
    S = spawn_link(N, observer_backend, fetch_stats, [self(), 50]),
    [receive {stats, 1, Schedulers, {{input, _}, {output, _}}, Memory} -> true = is_list(Schedulers) orelse Schedulers =:= undefined, true = length(Memory) >= 6 after 10000 -> exit(no_stats) end || _ <- [1, 2]],
    S ! exit,
    normal = (fun Ended() -> receive {'EXIT', S, W} -> W; {stats, _, _, _, _} -> Ended() after 10000 -> exit(no_end) end end)(),
    Items = [binary, catchlevel, current_function, error_handler, garbage_collection, group_leader, heap_size, initial_call, last_calls, links, memory,
             message_queue_len, monitored_by, monitors, priority, reductions, registered_name, sequential_trace_token, stack_size, status, suspending,
             total_heap_size, trace, trap_exit],
    Items = [Item || {Item, _} <- rpc:call(N, erlang, process_info, [Mirror, Items])],
    {mirror, init, 1} = rpc:call(N, proc_lib, translate_initial_call, [Mirror]),
    {ok, A} = appmon_info:start_link(N, self(), []),
    appmon_info:app_ctrl(A, N, true, []),
    Apps = receive {delivery, A, app_ctrl, N, As} -> As after 10000 -> exit(no_applications) end,
    [appmon_info:app(A, App, true, []) || {M, App, {App, _, _}} <- Apps, is_pid(M)],
    Trees = [receive {delivery, A, app, App, {Root, Members, Links, _}} -> true = lists:member(Root, [Name || {_, Name} <- Members]), {App, Members, Links} after 10000 -> exit(no_tree) end || {_, App, _} <- Apps],
    {kernel, _, Kernel} = lists:keyfind(kernel, 1, Trees),
    true = lists:member({"kernel_sup", "rex"}, Kernel),
    [begin true = lists:member({"cnode_sup", "mirror"}, Links), {_, "mirror"} = lists:keyfind(Mirror, 1, Members) end || {cnode, Members, Links} <- Trees],
    {status, Mirror, {module, gen_server}, [_, running, _, _, _]} = rpc:call(N, sys, get_status, [Mirror, 200]),
    io:format("watched").
ERL
erlc -o "$work" "$work/watches.erl" || fail "the story's Erlang does not compile"
case $(erl -noshell -eval 'io:format("~p", [code:which(observer_backend)]), halt().') in
  non_existing) echo "SKIPPED: no BEAM node to compare observer's questions with (needs erlang-runtime-tools)" ;;
  *) expect "what observer asks of a BEAM node" "$(erl_eval "code:add_path(\"$work\"), watches:run('beam@localhost')")" watched ;;
esac
expect "what observer asks" "$(erl_eval "code:add_path(\"$work\"), watches:run('cpp@localhost')")" watched
case $(erl -noshell -eval 'io:format("~p", [code:which(etop)]), halt().') in
  non_existing) echo "SKIPPED: no etop (needs erlang-observer)" ;;
  *)
    erl -noinput -sname etop@localhost -setcookie "$cookie" -s etop -output text -node cpp@localhost -interval 1 -tracing off >"$work/etop.log" 2>&1 &
    pids+=($!)
    wait_for "grep -q '^<.*mirror .*gen_server:loop/7' '$work/etop.log'" "etop to show a process"
    echo "ok: etop shows the node's processes"
    ;;
esac
expect "after all of this the node serves" "$("$CNODE" call cpp@localhost erlang node '[]' --cookie "$cookie")" "cpp@localhost"
