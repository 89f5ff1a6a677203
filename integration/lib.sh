# Sourced by every story in this folder. A story starts its own epmd, nodes and shells, says what it saw, and leaves nothing behind.
#
#   CNODE           the program (build/release/bin/cnode)
#   EXAMPLES        the examples' folder (build/release/examples)
#   STORY_MODULES   the folder of modules/, built (build/release/story_modules)
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
: "${CNODE:=$here/../build/release/bin/cnode}" "${EXAMPLES:=$here/../build/release/examples}" "${STORY_MODULES:=$here/../build/release/story_modules}"
[ -x "$CNODE" ] || { echo "no program at $CNODE: build first" >&2; exit 1; }
for c in epmd erl iex; do
  command -v $c >/dev/null 2>&1 || { echo "$c is not here: install erlang-base and elixir, or leave the stories out (ctest -LE story)" >&2; exit 1; }
done

work=$(mktemp -d "${TMPDIR:-/tmp}/cnode-story.XXXXXX")
export HOME=$work/home
mkdir -p "$HOME"
cookie=story$$
pids=() node_pids=() last_acts=()
# Each story has an epmd of its own, so that stories run beside each other and beside the user's nodes.
export ERL_EPMD_PORT=$((10000 + $$ % 20000))
export ERL_EPMD_ADDRESS=127.0.0.1
export LANG=C.UTF-8 LC_ALL=C.UTF-8
# What a story must not inherit from whoever runs it.
unset ERL_FLAGS ERL_AFLAGS ERL_ZFLAGS ERL_LIBS ERL_DIST_PORT

# at_end COMMAND: runs when the story ends, however it ends, after its processes; the last one given comes first. A story has no EXIT trap
# of its own: that would take the place of this one, and of the story's status.
at_end() { last_acts=("$1" "${last_acts[@]}"); }
finish() {
  local status=$? p act
  [ $status -ne 0 ] || check_nodes || status=1
  for p in "${pids[@]:-}"; do [ -n "$p" ] && { disown "$p"; kill -9 "$p"; } 2>/dev/null; done
  epmd -port "$ERL_EPMD_PORT" -kill >/dev/null 2>&1
  if [ $status -ne 0 ] && [ $status -ne 77 ]; then
    for log in "$work"/*.log; do [ -f "$log" ] && { echo "--- $(basename "$log")"; tail -60 "$log"; }; done
  fi
  for act in "${last_acts[@]}"; do eval "$act"; done
  rm -rf "$work"
  exit $status
}
# No node may have crashed (a story that has one crash takes its log away). In a build with sanitizers the nodes that still run stop in order,
# so that leaks are looked for, and none may have a report.
check_nodes() {
  local p i bad='the node crashed:'
  if [ -n "${SANITIZED:-}" ]; then
    bad+='|(Address|Leak|Thread)Sanitizer|runtime error:'
    for p in "${node_pids[@]:-}"; do [ -n "$p" ] && kill -TERM "$p" 2>/dev/null; done
    for p in "${node_pids[@]:-}"; do
      for i in $(seq 200); do { [ -n "$p" ] && kill -0 "$p" 2>/dev/null; } || break; sleep 0.1; done
    done
  fi
  bad=$(grep -lsE "$bad" "$work"/*.log "$work"/*/log/*)  # its status is that of the files that are not there
  [ -z "$bad" ] || echo "FAILED: a crash or a sanitizer's report in" $bad >&2
  [ -z "$bad" ]
}
trap finish EXIT
trap 'exit 143' TERM INT

fail() { echo "FAILED: $*" >&2; exit 1; }
skip() { echo "SKIPPED: $*"; exit 77; }
epmd -port "$ERL_EPMD_PORT" -daemon -relaxed_command_check || fail "epmd does not start"

# free_port: one at which nobody listens, below those that the system gives to connections.
free_port() {
  local p
  while p=$((30000 + RANDOM % 2768)) && (exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null; do :; done
  echo "$p"
}

# start_node NAME [options]: runs `cnode start` as NAME@localhost and waits until it is ready. Its log is $work/NAME.log, its pid $node_pid.
start_node() {
  local name=$1; shift
  keep_log "$name"
  "$CNODE" start --sname "$name@localhost" --cookie "$cookie" "$@" >"$work/$name.log" 2>&1 &
  node_pid=$!
  pids+=("$node_pid") node_pids+=("$node_pid")
  wait_for "grep -qs 'node $name@localhost ready' '$work/$name.log'" "node $name ready" "$node_pid"
}

# A node that is started again has another log.
keep_log() { [ ! -f "$work/$1.log" ] || mv "$work/$1.log" "$work/$1.$(date +%s%N).log"; }

# start_beam NAME [erl arguments]: a BEAM node NAME@localhost, which knows Elixir's modules; it has done what the arguments say. $within stands before erl.
start_beam() {
  local name=$1; shift
  keep_log "$name"
  ${within:-} erl -noinput -sname "$name@localhost" -setcookie "$cookie" -pa /usr/lib/elixir/lib/*/ebin "$@" -eval "io:put_chars(\"$name is up\n\")." >"$work/$name.log" 2>&1 &
  node_pid=$!
  pids+=("$node_pid")
  wait_for "grep -qsx '$name is up' '$work/$name.log'" "BEAM node $name" "$node_pid"
}
registered() { [[ $(epmd -port "$ERL_EPMD_PORT" -names) == *"name $1 at port"* ]]; }

# wait_for COMMAND WHAT [PID]: until COMMAND succeeds; fails after 30 s, or when PID has died.
wait_for() {
  local i
  for i in $(seq 300); do
    eval "$1" && return 0
    [ -n "${3:-}" ] && ! kill -0 "$3" 2>/dev/null && fail "$2: the process died"
    sleep 0.1
  done
  fail "$2: not within 30 seconds"
}

# -daemon returns before it listens.
wait_for "epmd -port $ERL_EPMD_PORT -names >/dev/null 2>&1" "epmd"

# erl_eval EXPRESSIONS: in a BEAM of its own that knows the cookie; what it prints is the answer.
erl_eval() {
  timeout 60 erl -noshell -sname "eval$$_$RANDOM@localhost" -setcookie "$cookie" -eval "$1, halt(0)." 2>&1
}
# erl_does EXPRESSIONS: the same where only the deed counts, which must be done.
erl_does() {
  local said
  said=$(erl_eval "$1") || fail "$said"
}

# expect WHAT GOT WANTED
expect() {
  if [ "$2" != "$3" ]; then
    printf 'FAILED: %s\n  got:    %s\n  wanted: %s\n' "$1" "$2" "$3" >&2
    exit 1
  fi
  echo "ok: $1"
}

# erlang FOLDER NAME...: compiles modules/NAME.erl into that folder.
erlang() {
  local folder=$1 files; shift
  files=("${@/%/.erl}")
  mkdir -p "$folder"
  erlc -o "$folder" "${files[@]/#/$here/modules/}" || fail "the story's Erlang does not compile"
}
# needs_modules NAME...: of STORY_MODULES.
needs_modules() {
  local m
  for m; do [ -f "$STORY_MODULES/$m.so" ] || fail "no $m.so in $STORY_MODULES: build first"; done
}

# Lays v1/, v2/ and live/ (v1's files) of all example stories into a folder, as play.sh wants them.
lay_examples() {
  local dir=$1 v
  mkdir -p "$dir/v1" "$dir/v2" "$dir/live"
  for v in v1 v2; do cp "$EXAMPLES"/*/$v/*.so "$dir/$v/" || fail "no examples in $EXAMPLES: build first"; done
  cp "$dir"/v1/*.so "$dir/live/"
}
all_modules=(Elixir.Inc Elixir.CodePurge Elixir.CodePurge.Pi Elixir.CodePurge.PiGs Elixir.DemoServer Elixir.Calculator)
