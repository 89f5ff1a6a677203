#!/bin/bash
# Nodes that ask for a name (NAME_ME) get one from this node and lose it with the connection: `-sname undefined` and the remote shells of
# OTP 25, 27 and 29.
. "$(dirname "$0")/lib.sh"
. "$here/peers.sh"
start_node cpp
visitors() {  # or why they are not known
  local nodes
  nodes=$(timeout 30 "$CNODE" call cpp@localhost erlang nodes '[hidden]' --cookie "$cookie" 2>&1) || { echo "no answer: $nodes"; return; }
  grep -oE "'[0-9A-Z]+@[^']*'" <<<"$nodes"
}

for release in "${releases[@]}"; do
  got=$(timeout 60 ${inside[$release]} erl -noinput -sname undefined -setcookie "$cookie" -eval "
    undefined = proplists:get_value(name, maps:to_list(net_kernel:get_state()), undefined),
    Visit = fun(F) -> true = net_kernel:connect_node(cpp@localhost), N = node(), C = erlang:system_info(creation),
                      Back = rpc:call(cpp@localhost, rpc, call, [N, erlang, node, []]),
                      Seen = rpc:call(cpp@localhost, erlang, nodes, [hidden]),
                      net_kernel:disconnect(cpp@localhost),
                      (fun Wait() -> node() =:= nonode@nohost orelse begin timer:sleep(20), Wait() end end)(),
                      {N, C, Back =:= N andalso lists:member(N, Seen), F} end,
    {One, C1, true, _} = Visit(1), {Two, C2, true, _} = Visit(2),
    io:format(\"~p ~p ~p\", [One =:= Two, C2 - C1, re:run(atom_to_list(One), \"^[0-9A-Z]+@\", [{capture, none}])]), halt(0)." 2>&1)
  expect "$release gets a name, loses it, gets it again with the next creation" "$got" "true 1 match"
  expect "$release has gone" "$(visitors)" ""
  # One atom serves every visitor of a host: there is never more than one here.
  for shell in "erl -sname undefined -setcookie $cookie -remsh cpp@localhost" "iex --cookie $cookie --sname undefined --remsh cpp@localhost"; do
    name=${shell%% *}
    [ $name$release = iexotp25 ] && continue  # Elixir 1.14 connects to nobody before it has a name
    # There is no Erlang shell to run here, and the visitor says so: it has asked this node, by the name it was given.
    [ -p "$work/keys" ] || mkfifo "$work/keys"
    exec 8<>"$work/keys"
    script -qfc "${inside[$release]} $shell" /dev/null <"$work/keys" >"$work/$name$release.log" 2>&1 &
    shell_pid=$!
    pids+=("$shell_pid")
    wait_for "grep -qE 'Shell process terminated|Could not load \"cpp@localhost\" on (shell|iex)' '$work/$name$release.log'" "$release's $name --remsh"
    kill "$shell_pid" 2>/dev/null
    exec 8>&-
    wait_for "[ -z \"\$(visitors)\" ]" "$release's $name to go"
    echo "ok: $release's $name --remsh comes with a name of ours and goes"
  done
done
expect "the node's log" "$(grep -cE 'invalid distribution message|rejected' "$work/cpp.log")" 0
