#!/bin/sh
# Starts, stops and upgrades the release @NAME@: bin/@NAME@ help
set -u
name=@NAME@
script=$0
while [ -L "$script" ]; do
  link=$(readlink "$script")
  case $link in /*) script=$link ;; *) script=$(dirname "$script")/$link ;; esac
done
root=$(cd "$(dirname "$script")/.." && pwd) || exit 1

fail() { echo "$name: $*" >&2; exit 1; }

# What starts: releases/start_erl.data says "ErtsVsn Vsn".
read -r erts vsn rest <"$root/releases/start_erl.data" || [ -n "${vsn:-}" ] || fail "$root/releases/start_erl.data cannot be read"
{ [ -n "$vsn" ] && [ -z "$rest" ]; } || fail "$root/releases/start_erl.data must be 'ErtsVsn Vsn'"
cnode=$root/erts-$erts/bin/cnode
[ -x "$cnode" ] || fail "there is no $cnode"
vm_args=$root/releases/$vsn/vm.args
log=${RELEASE_LOG:-$root/log/$name.log}

# Calls the node of vm.args and prints the answer.
ask() { "$cnode" call - "$@" --vm-args "$vm_args" --timeout "${RELEASE_TIMEOUT:-60}"; }
# The same, and fails unless the answer is one of release_handler's good ones.
must() {
  answer=$(ask "$@") || exit 1
  echo "$answer"
  case $answer in ok | '{ok,'* | '{continue_after_restart,'*) return 0 ;; esac
  exit 1
}
# The way to a version may lead through a restart of the node: then it answers, and knows the version as current, a little later.
make_permanent() {
  tries=300
  while :; do
    answer=$(ask release_handler make_permanent "[\"$1\"]" 2>&1) && case $answer in '{error,{bad_status,unpacked}}') ;; *) break ;; esac
    tries=$((tries - 1))
    [ $tries -gt 0 ] || break
    sleep 0.1
  done
  echo "$answer"
  [ "$answer" = ok ]
}
running() { "$cnode" ping - --vm-args "$vm_args" --timeout 5 >/dev/null 2>&1; }
need_version() { [ -n "${1:-}" ] || fail "$verb needs a version: bin/$name $verb VSN"; }

# Versions as release_handler lists them, one a line: VSN STATUS.
versions() {
  ask release_handler which_releases | tr '{' '\n' | sed -n 's/^"[^"]*","\([^"]*\)",.*/\1/p'
}
unpack() {
  versions | grep -qxF -e "$1" && return 0
  if [ ! -f "$root/releases/$name-$1.tar.gz" ]; then
    [ -f "$root/releases/$1/$name.tar.gz" ] || fail "there is no $root/releases/$name-$1.tar.gz, and version $1 is not unpacked"
    cp "$root/releases/$1/$name.tar.gz" "$root/releases/$name-$1.tar.gz" || exit 1
  fi
  must release_handler unpack_release "[\"$name-$1\"]"
}

start() { exec "$cnode" start --release-root "$root" "$@"; }
daemon() {
  running && fail "the node is running already"
  mkdir -p "$(dirname "$log")" || exit 1
  # In a session of its own, so that closing the terminal does not end it.
  if command -v setsid >/dev/null 2>&1; then setsid "$cnode" start --release-root "$root" "$@" </dev/null >>"$log" 2>&1 &
  else nohup "$cnode" start --release-root "$root" "$@" </dev/null >>"$log" 2>&1 &
  fi
  started=$!
  tries=300
  while ! running; do
    kill -0 "$started" 2>/dev/null || { tail -n 20 "$log" >&2; fail "the node did not start; its log is $log"; }
    tries=$((tries - 1))
    [ $tries -gt 0 ] || fail "the node does not answer; its log is $log"
    sleep 0.1
  done
}
stop() { "$cnode" stop - --vm-args "$vm_args" --timeout "${RELEASE_TIMEOUT:-60}"; }
remote() {
  node=$("$cnode" name --vm-args "$vm_args") || exit 1
  cookie=$("$cnode" name --vm-args "$vm_args" --show-cookie) || exit 1
  case ${node#*@} in *.*) kind=--name ;; *) kind=--sname ;; esac
  me=remote_$$@${node#*@}
  if command -v iex >/dev/null 2>&1; then
    exec iex --hidden $kind "$me" --cookie "$cookie" --eval "true = Node.connect(:\"$node\"); IO.puts(~S|connected: :rpc.call(:\"$node\", Mod, :fun, [args])|)"
  elif command -v erl >/dev/null 2>&1; then
    exec erl -hidden ${kind#-} "$me" -setcookie "$cookie" -eval "true = net_kernel:connect_node('$node'), io:format(\"connected: rpc:call('$node', Mod, fun, [Args])~n\")."
  fi
  fail "remote needs iex or erl, and neither is here; bin/$name rpc Mod Fun '[Args]' works without"
}
usage() {
  cat <<X
usage: bin/$name VERB
  start                   run the node in the foreground
  daemon                  run it in the background; its log is $log
  stop | restart          stop it in order | and run it in the background again
  ping | pid | version    pong or pang | the process id | the version that starts
  rpc Mod Fun '[Args]'    call a function on the node, in Erlang syntax
  remote                  a shell here that is connected to the node (iex or erl)
  unpack VSN              make releases/$name-VSN.tar.gz known to the node
  install VSN             upgrade or downgrade to it, until the next restart
  upgrade VSN             unpack and install it, and make it permanent
  downgrade VSN           install an older version and make it permanent
X
}

verb=${1:-}
[ $# -gt 0 ] && shift
case $verb in
  start | foreground) start "$@" ;;
  daemon) daemon "$@" ;;
  stop) stop ;;
  restart) stop && daemon "$@" ;;
  ping) exec "$cnode" ping - --vm-args "$vm_args" ;;
  pid) pid=$(ask os getpid) && echo "$pid" | tr -d '"' ;;
  rpc) [ $# -ge 2 ] || fail "rpc needs a module and a function: bin/$name rpc Mod Fun '[Args]'"; ask "$@" ;;
  remote | remote_console) remote ;;
  unpack) need_version "${1:-}"; unpack "$1" ;;
  install) need_version "${1:-}"; must release_handler install_release "[\"$1\"]" ;;
  upgrade) need_version "${1:-}"; unpack "$1" && must release_handler install_release "[\"$1\"]" && make_permanent "$1" ;;
  downgrade) need_version "${1:-}"; must release_handler install_release "[\"$1\"]" && make_permanent "$1" ;;
  version) echo "$vsn" ;;
  help | --help | -h) usage ;;
  '') usage >&2; exit 1 ;;
  *) echo "$name: there is no verb '$verb'" >&2; usage >&2; exit 1 ;;
esac
