#!/bin/bash
# README's "Ship an upgrade", command by command; then upgrades that fail at each place, and what the node is afterwards.
. "$(dirname "$0")/lib.sh"
. "$here/releases.sh"
lay_release
node=hotcode$$@localhost
export RELEASE_TIMEOUT=60

# ---- README
expect "daemon" "$("$hotcode" daemon 2>&1)" ""
ours
add() { "$hotcode" rpc gen_server call "[demo_server, {add, $1}]"; }
state() { "$hotcode" rpc sys get_state '[demo_server]'; }
releases() { "$hotcode" rpc release_handler which_releases | grep -oE '"[0-9.]+",\[[^]]*\],[a-z_]+' | sed -E 's/",\[.*\],/ /; s/"//' | tr '\n' ' '; }
expect "0.1.0 runs" "$(add 400000)" '<<"400000 added to blackode">>'
first=$("$hotcode" pid)
expect "upgrade" "$("$hotcode" upgrade 0.2.0 2>&1)" '{ok,"0.2.0"}
{ok,"0.1.0",[]}
ok'
expect "the same process of the system" "$("$hotcode" pid)" "$first"
expect "the state came along, in its new shape" "$(state)" '#{name => <<"blackode">>,salary => 700000}'
expect "what is installed" "$(releases)" "0.2.0 permanent 0.1.0 old "
expect "version" "$("$hotcode" version)" 0.2.0
expect "downgrade" "$("$hotcode" downgrade 0.1.0 2>&1)" '{ok,"0.1.0",[]}
ok'
expect "the state went back" "$(state)" '#{money => 700000,name => <<"blackode">>}'
expect "version after it" "$("$hotcode" version)" 0.1.0
"$hotcode" upgrade 0.2.0 >/dev/null || fail "the second upgrade"
"$hotcode" restart || fail "restart"
ours
expect "a restart comes up in the permanent release" "$("$hotcode" rpc application which_applications | grep -o '{hotcode,[^}]*}')" '{hotcode,"demo","0.2.0"}'
expect "reboot_old_release" "$("$hotcode" rpc release_handler reboot_old_release '["0.1.0"]')" ok
wait_for "'$hotcode' rpc application which_applications 2>/dev/null | grep -q '\"demo\",\"0.1.0\"'" "the node starts again as 0.1.0"
expect "in place of the same process" "$(readlink "/proc/$("$hotcode" pid)/exe")" "$root/erts-0.1.0/bin/cnode"
expect "what it says is installed" "$(releases)" "0.2.0 old 0.1.0 permanent "
"$hotcode" rpc release_handler remove_release '["0.2.0"]' >/dev/null
cp "$work/out/hotcode-0.2.0.tar.gz" "$root/releases/"

# ---- upgrades that fail: afterwards all is 0.1.0, with the state it had
state_before=$(state)
whole() {  # whole WHAT: the node is what it was
  expect "$1: the state is the old one" "$(state)" "$state_before"
  expect "$1: and so is the code" "$(add 1)" '<<"1 added to blackode">>'
  state_before=$(state)
  expect "$1: the application" "$("$hotcode" rpc application which_applications | grep -o '{hotcode,[^}]*}')" '{hotcode,"demo","0.1.0"}'
  expect "$1: which_releases" "$(releases)" "${2-0.2.0 unpacked 0.1.0 permanent }"
  expect "$1: which file serves" "$("$hotcode" rpc code which '[demo_server]')" "\"$root/lib/hotcode-0.1.0/ebin/demo_server.so\""
}
rpc() { "$hotcode" rpc "$@" 2>&1; }
new=$root/lib/hotcode-0.2.0/ebin relup=$root/releases/0.2.0/relup

cp "$root/releases/hotcode-0.2.0.tar.gz" "$work/good.tar.gz"
head -c 100000 "$work/good.tar.gz" >"$root/releases/hotcode-0.2.0.tar.gz"
rpc release_handler unpack_release '["hotcode-0.2.0"]' | grep -q '^{error,{' || fail "half an archive was unpacked"
[ ! -e "$root/lib/hotcode-0.2.0" ] && [ ! -e "$root/releases/0.2.0" ] || fail "half an archive left files"
whole "half an archive" "0.1.0 permanent "
cp "$work/good.tar.gz" "$root/releases/hotcode-0.2.0.tar.gz"

# The disk is full: a file of the archive, RELEASES and start_erl.data each in turn.
if [ "$(id -u)" -eq 0 ] && mkdir "$work/small" && unshare --mount true 2>/dev/null && mount -t tmpfs -o size=64k tmpfs "$work/small" 2>/dev/null; then
  at_end '! mountpoint -q "$work/small" || umount "$work/small"'
  ln -s "$work/small" "$root/lib/hotcode-0.2.0"
  got=$(rpc release_handler unpack_release '["hotcode-0.2.0"]')
  rm -rf "$root/lib/hotcode-0.2.0"
  umount "$work/small"
  case $got in "{error,{cannot_extract_file,\"$root/lib/hotcode-0.2.0/"*enospc*) echo "ok: a full disk is named: $got" ;; *) fail "unpacking to a full disk: $got" ;; esac
  rm -rf "$root/releases/0.2.0"
  whole "a full disk" "0.1.0 permanent "
else
  echo "SKIPPED: a full disk needs root and a tmpfs"
fi
expect "unpack" "$(rpc release_handler unpack_release '["hotcode-0.2.0"]')" '{ok,"0.2.0"}'

cp "$new/demo_server.so" "$work/good.so"
head -c 3000 "$work/good.so" >"$new/demo_server.so"
got=$(rpc release_handler install_release '["0.2.0"]')
case $got in "{error,{bad_object_code,demo_server,\"$new/demo_server.so\",badfile,"*) echo "ok: a bad file is named" ;; *) fail "a bad file: $got" ;; esac
whole "a bad file"
rm "$new/demo_server.so"
expect "a missing file" "$(rpc release_handler install_release '["0.2.0"]')" "{error,{no_such_file,\"$new/demo_server.so\"}}"
expect "checked before" "$(rpc release_handler check_install_release '["0.2.0"]')" "{error,{no_such_file,\"$new/demo_server.so\"}}"
whole "a missing file"
cp "$work/good.so" "$new/demo_server.so"

# Each instruction in turn is followed by one that fails: what went before is taken back.
cp "$relup" "$work/good.relup"
script='[{load_object_code,{hotcode,"0.2.0",[demo_server]}},point_of_no_return,{suspend,[demo_server]},{load,{demo_server,brutal_purge,brutal_purge}},{code_change,up,[{demo_server,[]}]},{resume,[demo_server]}]'
with_script() { printf '{"0.2.0",[{"0.1.0",[],%s}],[{"0.1.0",[],[]}]}.\n' "$1" >"$relup"; }
pid=$(rpc erlang whereis '[demo_server]')
for place in 'point_of_no_return' '{suspend,[demo_server]}' '{load,{demo_server,brutal_purge,brutal_purge}}' '{code_change,up,[{demo_server,[]}]}' '{resume,[demo_server]}'; do
  new="$place,{apply,{erlang,error,[boom]}}"
  with_script "${script/"$place"/"$new"}"
  got=$(rpc release_handler install_release '["0.2.0"]')
  case $got in "{error,{'EXIT',{boom,["*) ;; *) fail "a failure after $place: $got" ;; esac
  whole "a failure after $place"
  expect "a failure after $place: no process was restarted" "$(rpc erlang whereis '[demo_server]')" "$pid"
done

# The second code_change meets the state the first one has made, and raises.
new='{code_change,up,[{demo_server,[]}]},{resume'
with_script "${script/"{resume"/"$new"}"
got=$(rpc release_handler install_release '["0.2.0"]')
case $got in "{error,{code_change_failed,<"*">,demo_server,<<\"1\">>,"*) echo "ok: process, module, version and reason are named" ;; *) fail "a code_change that raises: $got" ;; esac
whole "a code_change that raises"

# kill -9 in the middle: what starts is the permanent release.
new='{apply,{timer,sleep,[60000]}},{resume'
with_script "${script/"{resume"/"$new"}"
"$hotcode" rpc release_handler install_release '["0.2.0"]' >/dev/null 2>&1 & asking=$!
pids+=($asking)
wait_for "'$hotcode' rpc code which '[demo_server]' | grep -q hotcode-0.2.0" "the load of the new version"
kill -9 "$("$hotcode" pid)"
wait $asking
expect "daemon after kill -9" "$("$hotcode" daemon 2>&1)" ""
ours
state_before='#{money => 300000,name => <<"blackode">>}'
whole "kill -9"

# And with its own script all is well.
cp "$work/good.relup" "$relup"
expect "install" "$("$hotcode" install 0.2.0 2>&1)" '{ok,"0.1.0",[]}'
expect "the state" "$(state)" '#{name => <<"blackode">>,salary => 300001}'
expect "current" "$(releases)" "0.2.0 current 0.1.0 permanent "
# A disk that takes nothing more: nothing becomes permanent by half.
chmod a-w "$root/releases/RELEASES" 2>/dev/null
mkdir "$root/releases/RELEASES.new"
got=$(rpc release_handler make_permanent '["0.2.0"]')
rmdir "$root/releases/RELEASES.new"
expect "a RELEASES that cannot be written is named" "$got" "{error,{eisdir,\"$root/releases/RELEASES\"}}"
expect "and what starts stays" "$("$hotcode" version)" 0.1.0
expect "which_releases after it" "$(releases)" "0.2.0 current 0.1.0 permanent "
expect "make_permanent" "$(rpc release_handler make_permanent '["0.2.0"]')" ok
expect "version" "$("$hotcode" version)" 0.2.0

# ---- by a restart of the program, where a relup says so
for way in "${script%]},restart_emulator]" restart_new_emulator; do
  expect "back in 0.1.0" "$("$hotcode" downgrade 0.1.0 2>&1 | tail -1)" ok
  case $way in restart_new_emulator) with_script "[restart_new_emulator]" ;; *) with_script "$way" ;; esac
  "$hotcode" upgrade 0.2.0 >"$work/restarted" 2>&1 || fail "an upgrade by $way: $(cat "$work/restarted")"
  ours
  expect "an upgrade by a restart: $(head -1 "$work/restarted")" "$("$hotcode" rpc application which_applications | grep -o '{hotcode,[^}]*}')" '{hotcode,"demo","0.2.0"}'
  expect "is permanent" "$("$hotcode" version)" 0.2.0
  cp "$work/good.relup" "$relup"
done
"$hotcode" stop || fail "stop"
