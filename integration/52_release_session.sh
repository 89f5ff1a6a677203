#!/bin/bash
# The upgrade of a release from a shell, as operators do it: the session recorded against a BEAM node's release_handler, typed into an iex
# against a C++ release of the same shape.
. "$(dirname "$0")/lib.sh"
. "$here/releases.sh"
lay_release
node=hotcode$$@localhost
expect "daemon" "$("$hotcode" daemon 2>&1)" ""
ours
"$here/oracle/play.sh" "$node" "$cookie" "$work" .so "$here/oracle/s4_release.iex" | sed "s#$root/##; s#releases/nope#RELEASES/nope#" |
  sed -z 's/{:error,\n {:no_such_file/{:error, {:no_such_file/' >"$work/s4.got"  # a long path breaks the line
diff -u "$here/oracle/golden/s4_release.txt" "$work/s4.got" || fail "the session differs from the recorded one"
echo "ok: the session equals the recorded one"

# ---- BEAM's own release_handler_1, asked about the tree of the C++ node: it walks it by messages.
found=$(erl_eval "net_adm:ping('$node'), Master = rpc:call('$node', application_controller, get_master, [hotcode]),
  {Root, _} = application_master:get_child(Master), Top = supervisor:get_callback_module(Root),
  {status, _, {module, _}, [_, State | _]} = sys:get_status(Root),
  [{N, P, worker, Mods}] = supervisor:which_children(Root),
  io:format(\"~p ~p ~p ~p ~p\", [Top, State, N, Mods, P =:= rpc:call('$node', erlang, whereis, [demo_server])])")
expect "a BEAM node finds the processes of the C++ node" "$found" "hotcode_sup running demo [demo_server] true"
found=$(erl_eval "io:format(\"~p\", [[{N, M} || {_, N, _, M} <- rpc:call('$node', release_handler_1, get_supervised_procs, [])]])")
expect "and is told the same by its release_handler_1" "$found" "[{undefined,[hotcode_sup]},{demo,[demo_server]}]"
