#!/bin/bash
# One upgrade over several nodes, of C++ and BEAM: sync_nodes in the relup keeps them together, and none goes on when one fails.
. "$(dirname "$0")/lib.sh"
. "$here/releases.sh"
lay_release
"$hotcode" daemon || fail "daemon"
ours
first=$hotcode
node=hotcode$$@localhost
# The second C++ node: the same release elsewhere, under another name.
second_root=$work/second
cp -r "$root" "$second_root"
other=other$$@localhost
printf -- '-sname %s\n-setcookie %s\n' "$other" "$cookie" >"$second_root/releases/0.1.0/vm.args"
second=$second_root/bin/hotcode
"$second" daemon || fail "daemon of the second"
pids+=("$("$second" pid)")
beam=beam$$@localhost

state() { "$1" rpc sys get_state '[demo_server]'; }
script='{load_object_code,{hotcode,"0.2.0",[demo_server]}},point_of_no_return,{sync_nodes,begins,[NODES]},{suspend,[demo_server]},{load,{demo_server,brutal_purge,brutal_purge}},{code_change,up,[{demo_server,[]}]},{sync_nodes,ends,[NODES]},{resume,[demo_server]}'
relup() { printf '{"0.2.0",[{"0.1.0",[],[%s]}],[{"0.1.0",[],[]}]}.\n' "${script//NODES/$2}" >"$1/releases/0.2.0/relup"; }
for r in "$first" "$second"; do "$r" unpack 0.2.0 >/dev/null || fail "unpack"; done
install() { "$1" rpc release_handler install_release '["0.2.0"]' >"$2" 2>&1 & pids+=($!); }

# ---- one of them fails after the first meeting: both are what they were
relup "$root" "'$node','$other'"
printf '{"0.2.0",[{"0.1.0",[],[point_of_no_return,{sync_nodes,begins,[%s]},{apply,{erlang,error,[boom]}},{sync_nodes,ends,[%s]}]}],[]}.\n' "'$node','$other'" "'$node','$other'" >"$second_root/releases/0.2.0/relup"
install "$first" "$work/first"; a=$!
install "$second" "$work/second.out"; b=$!
wait $a $b
expect "the one that waited goes back" "$(cat "$work/first")" "{error,{sync_error,{nodedown,$other}}}"
case $(cat "$work/second.out") in "{error,{'EXIT',{boom,["*) ;; *) fail "the one that failed: $(cat "$work/second.out")" ;; esac
for r in "$first" "$second"; do expect "old state" "$(state "$r")" '#{money => 300000,name => <<"blackode">>}'; done

# ---- all of them, with the BEAM node
relup "$root" "'$node','$other','$beam'"
relup "$second_root" "'$node','$other','$beam'"
# The BEAM node takes its part by release_handler_1, under the name that sync_nodes writes to: what comes before it has that name is lost. It is first and waits for the others.
nodes="['$node','$other','$beam']"
start_beam "beam$$" -eval "register(release_handler, spawn(fun() ->
  R = release_handler_1:eval_script([{sync_nodes,begins,$nodes},{sync_nodes,ends,$nodes}]), ok = file:write_file(\"$work/beam.out\", io_lib:format(\"~p\", [R])) end))."
install "$first" "$work/first"; a=$!
install "$second" "$work/second.out"; b=$!
wait_for "[ -s '$work/beam.out' ]" "the BEAM node's part"
wait $a $b
expect "the BEAM node met them" "$(cat "$work/beam.out")" "{ok,[]}"
for f in first second.out; do expect "installed" "$(cat "$work/$f")" '{ok,"0.1.0",[]}'; done
for r in "$first" "$second"; do expect "new state" "$(state "$r")" '#{name => <<"blackode">>,salary => 300000}'; done
