#!/bin/bash
# Each option of `cnode start` does what the README says of it.
. "$(dirname "$0")/lib.sh"
lay_examples "$work/a"
call() { local node=$1; shift; "$CNODE" call "$node" "$@" --cookie "$cookie" 2>&1; }

# --name, several --pa (the first is searched first), --load, --config, --schedulers, --start with a term
mkdir "$work/first"; cp "$work/a/v2/Elixir.Calculator.so" "$work/first/"
echo '[{mine, [{colour, red}, {sizes, [1, 2]}]}].' >"$work/sys.config"
"$CNODE" start --name long@127.0.0.1 --cookie "$cookie" --pa "$work/first" --pa "$work/a/live" --load Elixir.Calculator --config "$work/sys.config" \
  --schedulers 3 --dist-listen-min 41000 --dist-listen-max 41999 --net-ticktime 8 --start 'pi=Elixir.CodePurge.PiGs:{a,"b"}' >"$work/long.log" 2>&1 &
pids+=($!)
wait_for "grep -q 'node long@127.0.0.1 ready' '$work/long.log'" "a node with a long name"
n=long@127.0.0.1
expect "--pa: the first folder is searched first" "$(call $n Elixir.Calculator add '[2,2]')" 8
expect "--config" "$(call $n application get_env '[mine, colour]')" '{ok,red}'
expect "--schedulers" "$(call $n erlang system_info '[schedulers]')" 3
expect "--net-ticktime" "$(call $n net_kernel get_net_ticktime '[]')" 8
expect "--start registers and starts with the term" "$(call $n gen_server call '[pi, get]')" '{a,"b"}'
port=$(epmd -port "$ERL_EPMD_PORT" -names | sed -n 's/^name long at port //p')
[ "$port" -ge 41000 ] && [ "$port" -le 41999 ] || fail "--dist-listen-min/max: the port is $port"
echo "ok: --dist-listen-min/max"
got=$(timeout 30 erl -noshell -name ask@127.0.0.1 -setcookie "$cookie" -eval "io:format(\"~p ~p\", [net_adm:ping('$n'), nodes()]), halt(0).")
expect "a BEAM with a long name meets it" "$got" "pong ['$n']"
timeout 30 erl -noshell -name ask@127.0.0.1 -setcookie "$cookie" -eval "Pi = fun() -> rpc:call('$n', erlang, whereis, [pi]) end, P = Pi(), true = is_pid(P), exit(P, kill),
  (fun Wait() -> Q = Pi(), is_pid(Q) andalso Q =/= P orelse Wait() end)(), halt(0)." || fail "the supervised process does not come again"
expect "the supervised process is started again" "$(call $n gen_server call '[pi, get]')" '{a,"b"}'
"$CNODE" stop $n --cookie "$cookie" || fail "cnode stop"

# --hidden
start_node ghost --hidden
expect "--hidden" "$(erl_eval "pong = net_adm:ping('ghost@localhost'), io:format(\"~p ~p\", [nodes(), nodes(hidden)])")" "[] [ghost@localhost]"

# --cookie-file, and ~/.erlang.cookie, made when there is none
printf '%s\n' "$cookie" >"$work/the.cookie"; chmod 400 "$work/the.cookie"
"$CNODE" start --sname filed@localhost --cookie-file "$work/the.cookie" >"$work/filed.log" 2>&1 & pids+=($!)
wait_for "grep -q ready '$work/filed.log'" "a node with a cookie file"
expect "--cookie-file" "$("$CNODE" ping filed@localhost --cookie "$cookie")" pong
rm -f "$HOME/.erlang.cookie"
"$CNODE" start --sname homed@localhost >"$work/homed.log" 2>&1 & pids+=($!)
wait_for "grep -q ready '$work/homed.log'" "a node with the home's cookie"
expect "~/.erlang.cookie is made, for the owner only" "$(stat -c %a "$HOME/.erlang.cookie")" 400
expect "erl finds the same cookie" "$(timeout 30 erl -noshell -sname homes@localhost -eval 'io:format("~p", [net_adm:ping(homed@localhost)]), halt(0).')" pong

# --remote-code off
start_node closed --remote-code off --pa "$work/a/live"
expect "--remote-code off: exported functions work" "$(call closed@localhost Elixir.Calculator add '[2,2]')" 4
case $(call closed@localhost code load_file "['Elixir.Calculator']") in *remote_code_off*) echo "ok: --remote-code off refuses code:load_file" ;;
  *) fail "--remote-code off: $(call closed@localhost code load_file "['Elixir.Calculator']")" ;; esac

# --no-epmd --dist-port
port=$(free_port)
"$CNODE" start --sname bare@localhost --cookie "$cookie" --no-epmd --dist-port $port >"$work/bare.log" 2>&1 & pids+=($!)
wait_for "grep -q ready '$work/bare.log'" "a node without epmd"
expect "--no-epmd: not registered" "$(epmd -port "$ERL_EPMD_PORT" -names | grep -c 'name bare ')" 0
expect "--dist-port" "$("$CNODE" ping bare@localhost --dist-port $port --cookie "$cookie")" pong
expect "a BEAM without epmd meets it" "$(timeout 30 erl -noshell -sname bares@localhost -setcookie "$cookie" -start_epmd false -erl_epmd_port $port -dist_listen false -eval 'io:format("~p", [net_adm:ping(bare@localhost)]), halt(0).' 2>&1)" pong

# --epmd-port
other=$(free_port)
epmd -port $other & epmd=$!; pids+=($epmd)
wait_for "epmd -port $other -names >/dev/null 2>&1" "another epmd"
"$CNODE" start --sname elsewhere@localhost --cookie "$cookie" --epmd-port $other >"$work/elsewhere.log" 2>&1 & elsewhere=$!; pids+=($elsewhere)
wait_for "grep -q ready '$work/elsewhere.log'" "a node at another epmd"
expect "--epmd-port" "$(epmd -port $other -names | grep -c 'name elsewhere ')" 1
# epmd is killed and comes again: the node registers anew
kill -9 $epmd; wait $epmd 2>/dev/null
epmd -port $other -daemon
wait_for "epmd -port $other -names | grep -q 'name elsewhere '" "the node to register anew"
echo "ok: registered anew after epmd's restart"
kill -INT $elsewhere; wait $elsewhere; expect "SIGINT ends it with" $? 0
wait_for "! epmd -port $other -names | grep -q 'name elsewhere '" "epmd to forget it"
epmd -port $other -kill >/dev/null

# --log-level: a file that is no module is worth a warning
echo 'no module' >"$work/text.so"
for n in loud quiet; do
  if [ $n = loud ]; then start_node loud; else start_node quiet --log-level error; fi
  expect "a text file" "$(call $n@localhost code load_abs "[\"$work/text\"]")" "{error,badfile}"
done
wait_for "grep -q warning '$work/loud.log'" "a warning"
expect "--log-level error: no warnings" "$(grep -c warning "$work/quiet.log")" 0
