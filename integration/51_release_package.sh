#!/bin/bash
# A release from .rel to running: `cnode release` makes hotcode 0.1.0 and 0.2.0, the archive runs from an empty folder, each verb of
# bin/hotcode does what it says, and systools of the erl at hand makes the same relup.
. "$(dirname "$0")/lib.sh"
example=$here/../actors/examples/hotcode
mkdir "$work/rel"
cp "$example"/*.rel "$example/sys.config" "$work/rel/"
mkdir "$work/modules"; ln -s "$EXAMPLES/hotcode/v1" "$work/modules/0.1.0"; ln -s "$EXAMPLES/hotcode/v2" "$work/modules/0.2.0"
modules=$work/modules
printf -- '# hotcode\n-sname hotcode%s@localhost\n-setcookie %s\n+S 2 -hidden\n-env HOTCODE_COLOUR "dark red"\n-kernel net_ticktime 12\n' "$$" "$cookie" >"$work/rel/vm.args"

# ---- making it
make_release() { "$CNODE" release "$work/rel/hotcode-$1.rel" --path "$modules/$1" --output "$work/out" "${@:2}" 2>&1; }
expect "cnode release prints the archive" "$(make_release 0.1.0)" "$work/out/hotcode-0.1.0.tar.gz"
expect "an upgrade from it" "$(make_release 0.2.0 --upgrade-from "$work/out/hotcode-0.1.0.tar.gz")" "$work/out/hotcode-0.2.0.tar.gz"
before=$(sha256sum <"$work/out/hotcode-0.2.0.tar.gz")
rm "$work/out/hotcode-0.2.0.tar.gz"
make_release 0.2.0 --upgrade-from "$work/out/hotcode-0.1.0.tar.gz" >/dev/null
expect "the same files give the same archive" "$(sha256sum <"$work/out/hotcode-0.2.0.tar.gz")" "$before"
expect "tar reads it" "$(tar tzf "$work/out/hotcode-0.2.0.tar.gz" | grep -v '/$' | sort | tr '\n' ' ')" \
  "bin/hotcode erts-0.1.0/bin/cnode erts-0.1.0/bin/cnode_probe lib/hotcode-0.2.0/ebin/demo_server.so lib/hotcode-0.2.0/ebin/hotcode.app lib/hotcode-0.2.0/ebin/hotcode.appup lib/hotcode-0.2.0/ebin/hotcode_app.so lib/hotcode-0.2.0/ebin/hotcode_sup.so lib/kernel-0.1.0/ebin/kernel.app lib/kernel-0.1.0/ebin/kernel.appup lib/sasl-0.1.0/ebin/sasl.app lib/sasl-0.1.0/ebin/sasl.appup lib/stdlib-0.1.0/ebin/stdlib.app lib/stdlib-0.1.0/ebin/stdlib.appup releases/0.2.0/hotcode-0.2.0.rel releases/0.2.0/relup releases/0.2.0/sys.config releases/0.2.0/vm.args releases/RELEASES releases/hotcode-0.2.0.rel releases/start_erl.data "
tar xzOf "$work/out/hotcode-0.2.0.tar.gz" releases/0.2.0/relup >"$work/relup"

# ---- systools on the same files
mkdir "$work/new"
tar xzf "$work/out/hotcode-0.2.0.tar.gz" -C "$work/new"
tar xzf "$work/out/hotcode-0.1.0.tar.gz" -C "$work/new" --skip-old-files
same=$(erl -noshell -eval "{ok,R,_,_}=systools:make_relup(\"$work/rel/hotcode-0.2.0\",[\"$work/rel/hotcode-0.1.0\"],[\"$work/rel/hotcode-0.1.0\"],[noexec,{path,[\"$work/new/lib/*/ebin\"]}]),
  {ok,[O]}=file:consult(\"$work/relup\"), io:put_chars(case R of O -> \"same\"; _ -> io_lib:format(\"~p\",[R]) end), halt().")
expect "systools makes the same relup" "$same" same
read_back=$(erl -noshell -eval "{ok,[[{release,N,V,E,L,S}]]}=file:consult(\"$work/new/releases/RELEASES\"), io:format(\"~p\",[{N,V,E,length(L),S}]), halt().")
# A BEAM of its own root, which is ours: its release_handler reads RELEASES, the archive and the .rel in it.
mkdir "$work/beam"
tar xzf "$work/out/hotcode-0.1.0.tar.gz" -C "$work/beam"
cp "$work/out/hotcode-0.2.0.tar.gz" "$work/beam/releases/"
otp=$(erl -noshell -eval 'io:put_chars(code:root_dir()), halt().')
for application in "$otp"/lib/{kernel,stdlib,sasl,compiler}-*; do ln -s "$application" "$work/beam/lib/"; done
bin=$(echo "$otp"/erts-*/bin)
unpacked=$(ROOTDIR=$work/beam BINDIR=$bin EMU=beam PROGNAME=erl "$bin/erlexec" -boot "$otp/bin/start_sasl" -sasl sasl_error_logger false -noshell \
  -eval "io:format(\"~p ~p\", [release_handler:unpack_release(\"hotcode-0.2.0\"), [{V,S} || {_,V,_,S} <- release_handler:which_releases()]]), halt().")
expect "a BEAM node's release_handler unpacks the archive" "$unpacked" '{ok,"0.2.0"} [{"0.2.0",unpacked},{"0.1.0",permanent}]'
expect "and leaves what starts as it was" "$(cat "$work/beam/releases/start_erl.data")" "0.1.0 0.1.0"
expect "RELEASES is what release_handler writes" "$read_back" '{"hotcode","0.2.0","0.1.0",4,permanent}'

# ---- what is wrong gets a sentence
wrong() { expect "$1" "$("$CNODE" release "${@:3}" 2>&1)" "cnode: $2"; }
wrong "a path without the application" "hotcode.app (version 0.1.0): in none of the folders of the path (--path)" "$work/rel/hotcode-0.1.0.rel" --path "$work/rel"
sed 's/"0.2.0"/"0.3.0"/' "$work/rel/hotcode-0.2.0.rel" >"$work/rel/next.rel"
wrong "a version that is not there" "$modules/0.2.0/hotcode.app: is version 0.2.0, the release wants 0.3.0" "$work/rel/next.rel" --path "$modules/0.2.0"
printf '{release, {"hotcode"\n vsn}}.\n' >"$work/rel/bad.rel"
"$CNODE" release "$work/rel/bad.rel" 2>&1 | grep -q "^cnode: $work/rel/bad.rel:2: " || fail "a syntax error is not named with its line"

# ---- running it, from a folder that holds nothing else
root=$work/installed
mkdir "$root"
tar xzf "$work/out/hotcode-0.1.0.tar.gz" -C "$root"
hotcode=$root/bin/hotcode
node=hotcode$$@localhost
ours() { pids+=("$("$hotcode" pid 2>/dev/null)"); }  # so that the story's end ends it, too
expect "version" "$("$hotcode" version)" 0.1.0
expect "ping before it runs" "$("$hotcode" ping 2>/dev/null)" pang
dash "$hotcode" daemon || fail "daemon: $(cat "$root"/log/*)"
ours
expect "ping" "$("$hotcode" ping)" pong
expect "daemon refuses a second node" "$("$hotcode" daemon 2>&1)" "hotcode: the node is running already"
expect "pid is the node's" "$(readlink "/proc/$("$hotcode" pid)/exe")" "$root/erts-0.1.0/bin/cnode"
expect "rpc" "$("$hotcode" rpc gen_server call '[demo_server, {add, 400000}]')" '<<"400000 added to blackode">>'
expect "rpc without arguments" "$("$hotcode" rpc erlang node)" "$node"
expect "rpc names what is not there" "$("$hotcode" rpc nosuch f '[1]' 2>&1); $?" "{badrpc,{'EXIT',{undef,[{nosuch,f,[1],[]}]}}}; 1"
expect "the application of the release runs" "$("$hotcode" rpc application which_applications | grep -o '{hotcode,[^}]*}')" '{hotcode,"demo","0.1.0"}'
expect "with the release's sys.config" "$("$hotcode" rpc application get_env '[hotcode, greeting]')" '{ok,welcome}'
expect "vm.args: +S" "$("$hotcode" rpc erlang system_info '[schedulers]')" 2
expect "vm.args: -env" "$("$hotcode" rpc os getenv '["HOTCODE_COLOUR"]')" '"dark red"'
expect "vm.args: -kernel net_ticktime" "$("$hotcode" rpc net_kernel get_net_ticktime)" 12
expect "vm.args: -hidden" "$(erl_eval "net_adm:ping('$node'), io:format(\"~p ~p\", [nodes(), nodes(hidden)])")" "[] [$node]"
expect "modules come from lib/" "$("$hotcode" rpc code which '[demo_server]')" "\"$root/lib/hotcode-0.1.0/ebin/demo_server.so\""
expect "code:root_dir" "$("$hotcode" rpc code root_dir)" "\"$root\""
expect "a BEAM node meets it" "$(erl_eval "io:format(\"~p\", [rpc:call('$node', sys, get_state, [demo_server])])")" '#{money => 700000,name => <<"blackode">>}'
first=$("$hotcode" pid)
"$hotcode" restart || fail "restart"
ours
[ "$first" != "$("$hotcode" pid)" ] || fail "restart left the same process running"
expect "restarted" "$("$hotcode" rpc sys get_state '[demo_server]')" '#{money => 300000,name => <<"blackode">>}'
shell=$(printf 'IO.inspect {:answer, :rpc.call(:"%s", :demo_server, :add_money, [1])}\nSystem.halt(0)\n' "$node" | timeout 60 "$hotcode" remote 2>&1)
echo "$shell" | grep -qF "connected: :rpc.call(:\"$node\", Mod, :fun, [args])" || fail "remote: $shell"
echo "$shell" | grep -qF '{:answer, "1 added to blackode"}' || fail "remote: the shell does not reach the node: $shell"
echo "ok: remote is a shell that is connected"
mkdir "$work/bare"; for tool in sh dirname readlink mkdir tail sleep tr sed grep; do ln -s "$(command -v $tool)" "$work/bare/"; done
expect "remote without a shell on the machine" "$(PATH=$work/bare "$hotcode" remote 2>&1)" \
  "hotcode: remote needs iex or erl, and neither is here; bin/hotcode rpc Mod Fun '[Args]' works without"
expect "upgrade to what is not there" "$("$hotcode" upgrade 9.9.9 2>&1 | tail -1)" "hotcode: there is no $root/releases/hotcode-9.9.9.tar.gz, and version 9.9.9 is not unpacked"
expect "upgrade without a version" "$("$hotcode" upgrade 2>&1)" "hotcode: upgrade needs a version: bin/hotcode upgrade VSN"
"$hotcode" stop || fail "stop"
expect "ping after stop" "$("$hotcode" ping 2>/dev/null)" pang
expect "no verb" "$("$hotcode" dance 2>&1 | head -1)" "hotcode: there is no verb 'dance'"

# ---- in the foreground, through a link, by SIGTERM; as another version; with what vm.args may not say
ln -s "$hotcode" "$work/link"
"$work/link" start --release 0.1.0 --net-ticktime 8 >"$work/foreground.log" 2>&1 & foreground=$!
pids+=($foreground)
wait_for "grep -q 'node $node ready' '$work/foreground.log'" "start in the foreground" $foreground
expect "what the command line says counts" "$("$hotcode" rpc net_kernel get_net_ticktime)" 8
kill -TERM $foreground; wait $foreground; expect "SIGTERM ends the foreground node with" $? 0
expect "a version that is not installed" "$("$hotcode" start --release 7.7 2>&1)" "cnode: --release-root $root/releases/7.7: No such file or directory"
echo '+K true' >>"$root/releases/0.1.0/vm.args"
expect "a flag that cnode has not" "$("$hotcode" start 2>&1)" "cnode: $root/releases/0.1.0/vm.args:7: cnode start has no flag '+K true'"
echo "0.1.0" >"$root/releases/start_erl.data"
expect "a damaged start_erl.data" "$("$hotcode" ping 2>&1)" "hotcode: $root/releases/start_erl.data must be 'ErtsVsn Vsn'"

# ---- on a machine that has the runtime libraries, a shell and little else: no epmd, no erl, no compiler
bare=$work/machine
on_bare() { timeout 120 env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin unshare --mount sh -c 'mount -t proc proc "$0/proc" && exec chroot "$0" /bin/sh /opt/hotcode/bin/hotcode "$@"' "$bare" "$@"; }
libraries() { ldd "$1" | grep -oE '/[^ ]+' | while read -r l; do mkdir -p "$bare$(dirname "$l")"; cp -L "$l" "$bare$l"; done; }
mkdir -p "$bare"/{bin,usr/bin,tmp,proc,dev,etc,opt/hotcode}
if [ "$(id -u)" -ne 0 ] || ! unshare --mount mount -t proc proc "$bare/proc" 2>/dev/null; then
  echo "SKIPPED: the bare machine needs root and a /proc of its own"
  exit 0
fi
for tool in dash readlink dirname mkdir tail sleep tr sed grep cat setsid; do
  cp "$(readlink -f "$(command -v $tool)")" "$bare/usr/bin/$tool"
  libraries "$(command -v $tool)"
done
cp "$bare/usr/bin/dash" "$bare/bin/sh"
libraries "$CNODE"; libraries "$(dirname "$CNODE")/cnode_probe"
echo "127.0.0.1 localhost" >"$bare/etc/hosts"
mknod "$bare/dev/null" c 1 3 2>/dev/null || : >"$bare/dev/null"
printf -- '-sname bare%s@localhost -setcookie %s\n-start_epmd false -erl_epmd_port %s\n' "$$" "$cookie" "$(free_port)" >"$work/bare.args"
"$CNODE" release "$work/rel/hotcode-0.1.0.rel" --path "$modules/0.1.0" --output "$work/bare_out" --vm-args "$work/bare.args" >/dev/null || fail "cnode release --vm-args"
tar xzf "$work/bare_out/hotcode-0.1.0.tar.gz" -C "$bare/opt/hotcode"
on_bare daemon || fail "daemon on the bare machine: $(cat "$bare"/opt/hotcode/log/*)"
pids+=("$(on_bare pid)")
expect "a bare machine: ping without epmd" "$(on_bare ping)" pong
expect "a bare machine: the application runs" "$(on_bare rpc sys get_state '[demo_server]')" '#{money => 300000,name => <<"blackode">>}'
expect "a bare machine: remote" "$(on_bare remote 2>&1)" "hotcode: remote needs iex or erl, and neither is here; bin/hotcode rpc Mod Fun '[Args]' works without"
on_bare stop || fail "stop on the bare machine"
expect "a bare machine: stopped" "$(on_bare ping 2>/dev/null)" pang
