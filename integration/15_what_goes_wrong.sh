#!/bin/bash
# A wrong cookie, an unreachable or foreign epmd, a name already taken, a missing module, a bad term on the command line: a
# sentence that says what to do, no stack of noise, and an exit status that is not 0.
. "$(dirname "$0")/lib.sh"
lay_examples "$work/a"

# says WHAT STATUS PATTERN COMMAND...: the command ends within 20 s with that status and says something like PATTERN, briefly.
says() {
  local what=$1 status=$2 pattern=$3 got code
  shift 3
  got=$(timeout 20 "$@" 2>&1); code=$?
  [ "$code" -eq "$status" ] || fail "$what: exit status $code instead of $status: $got"
  echo "$got" | grep -qiE -- "$pattern" || fail "$what: said '$got', not /$pattern/"
  [ "$(echo "$got" | wc -l)" -le 6 ] || fail "$what: too many words: $got"
  echo "ok: $what: $(echo "$got" | tail -1 | cut -c1-150)"
}
start=("$CNODE" start --cookie "$cookie")
start_node cpp --pa "$work/a/live"

says "no verb" 1 'start' "$CNODE"
says "an unknown verb" 1 'strat' "$CNODE" strat
says "an unknown option" 1 '--snaem' "${start[@]}" --snaem x
says "no name" 1 '--sname' "${start[@]}"
says "two names" 1 '--sname.*--name|--name.*--sname' "${start[@]}" --sname a@localhost --name a@127.0.0.1
says "a bad name" 1 '--sname' "${start[@]}" --sname 'a b@localhost'
says "a long host for a short name" 1 '--name' "${start[@]}" --sname a@host.example
says "a name already taken" 1 'cpp.*(taken|in use|already)' "${start[@]}" --sname cpp@localhost
says "a missing code folder" 1 '/no/such/dir' "${start[@]}" --sname x1@localhost --pa /no/such/dir
says "a missing module" 1 'NoSuchModule' "${start[@]}" --sname x2@localhost --pa "$work/a/live" --load NoSuchModule
says "a bad --start" 1 '--start' "${start[@]}" --sname x3@localhost --start nonsense
says "a bad term in --start" 1 '--start.*(expected|term)' "${start[@]}" --sname x4@localhost --pa "$work/a/live" --start 'x=Elixir.Inc:[1,'
says "a module that is not there in --start" 1 'NoSuch' "${start[@]}" --sname x5@localhost --pa "$work/a/live" --start 'x=NoSuch'
says "a missing config file" 1 '/no/such.config' "${start[@]}" --sname x6@localhost --config /no/such.config
echo '[{a,' >"$work/bad.config"
says "a broken config file" 1 'bad.config.*(line|expected)' "${start[@]}" --sname x7@localhost --config "$work/bad.config"
says "a bad port range" 1 'dist-listen' "${start[@]}" --sname x8@localhost --dist-listen-min 5000 --dist-listen-max 4000
says "no epmd and no port" 1 '--dist-port' "${start[@]}" --sname x9@localhost --no-epmd
echo secret >"$work/open.cookie"; chmod 644 "$work/open.cookie"
says "a cookie file others can read" 1 'open.cookie.*owner' "$CNODE" start --sname x10@localhost --cookie-file "$work/open.cookie"
says "a cookie file that is not there" 1 'none.cookie' "$CNODE" start --sname x11@localhost --cookie-file "$work/none.cookie"

# epmd: nobody there (and none can be started at that address), or somebody who is no epmd
cat >"$work/foreign.py" <<'PY'
import socket, sys
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("127.0.0.1", int(sys.argv[1]))); s.listen(5)
while True:
    c, _ = s.accept(); c.recv(100); c.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"); c.close()
PY
if command -v python3 >/dev/null; then
  port=$(free_port)
  python3 "$work/foreign.py" $port & pids+=($!)
  wait_for "(exec 3<>/dev/tcp/127.0.0.1/$port) 2>/dev/null" "the foreign service"
  says "something else on epmd's port" 1 "epmd.*$port|$port.*epmd" env ERL_EPMD_PORT=$port "${start[@]}" --sname x12@localhost
fi
# No epmd at all: the node starts one, as erl does.
other=$(free_port)
ERL_EPMD_PORT=$other "${start[@]}" --sname x13@localhost >"$work/x13.log" 2>&1 & pids+=($!)
wait_for "grep -q ready '$work/x13.log'" "a node that starts its own epmd"
ERL_EPMD_PORT=$other "$CNODE" stop x13@localhost --cookie "$cookie" || fail "x13 does not stop"
epmd -port $other -kill >/dev/null || fail "there is no epmd at $other"
echo "ok: a node starts epmd when none runs"

# the client verbs
says "ping" 0 '^pong$' "$CNODE" ping cpp@localhost --cookie "$cookie"
says "ping with a wrong cookie" 1 'cookie' "$CNODE" ping cpp@localhost --cookie wrong
says "ping nobody" 1 'not registered' "$CNODE" ping nobody@localhost --cookie "$cookie"
says "ping an unknown host" 1 'host' "$CNODE" ping x@no-such-host.invalid --cookie "$cookie"
says "ping no name" 1 'name@host' "$CNODE" ping cpp --cookie "$cookie"
says "call" 0 '^4$' "$CNODE" call cpp@localhost Elixir.Calculator add '[2,2]' --cookie "$cookie"
says "call with a bad term" 1 'expected|term' "$CNODE" call cpp@localhost Elixir.Calculator add '[2,' --cookie "$cookie"
says "call with no list" 1 'list' "$CNODE" call cpp@localhost Elixir.Calculator add 2 --cookie "$cookie"
says "call a function that is not there" 1 'undef' "$CNODE" call cpp@localhost Elixir.Calculator nope '[]' --cookie "$cookie"
says "describe a text file" 1 'ELF' "$CNODE" describe "$0"
says "describe nothing" 1 'none.so' "$CNODE" describe "$work/none.so"
says "compile nothing" 1 'none.cpp' "$CNODE" compile "$work/none.cpp"
printf '#include <cnode/gen_server.hpp>\nint x = ;\n' >"$work/broken.cpp"
says "compile a mistake" 1 'broken.cpp:2:9: error' "$CNODE" compile "$work/broken.cpp" -o "$work"

# a shell with the wrong cookie is refused, and the node's log says why
got=$(erl -noshell -sname stranger@localhost -setcookie wrong -eval 'io:format("~p", [net_adm:ping('"'cpp@localhost'"')]), halt(0).' 2>/dev/null)
expect "a shell with the wrong cookie" "$got" pang
wait_for "grep -qi 'stranger@localhost' '$work/cpp.log'" "a line in the node's log about the stranger"
says "stop" 0 '' "$CNODE" stop cpp@localhost --cookie "$cookie"
wait_for "! kill -0 $node_pid 2>/dev/null" "the node to stop"
says "ping a stopped node" 1 'not registered' "$CNODE" ping cpp@localhost --cookie "$cookie"
