#!/bin/bash
# release_handler's own functions, one application's upgrade by its appup and a release's by its relup, asked of a C++ node and of a BEAM node
# with the same release: what they answer, what is on disk, and what each process is afterwards. The application has a supervisor
# whose specification changes, a gen_server whose state is a C++ object, a gen_statem in another callback mode, and a gen_event handler.
. "$(dirname "$0")/lib.sh"
. "$here/differences.sh"
shop=$here/modules/shop
[ -f "$STORY_MODULES/shop/2/till.so" ] || fail "no modules at $STORY_MODULES/shop: build first"
erlang "$work/driver" differ_releases

# ---- the release, for both
mkdir "$work/rel"
cp "$shop"/*.rel "$work/rel/"
printf '[{shop, [{size, 9}]}].\n' >"$work/rel/sys.config"
printf -- '-sname cpp@localhost\n-setcookie %s\n' "$cookie" >"$work/rel/vm.args"
for v in 1 2; do
  mkdir -p "$work/modules/$v"
  cp "$STORY_MODULES/shop/$v"/* "$EXAMPLES/tally/v$v/tally.so" "$work/modules/$v/"
done
make_release() { "$CNODE" release "$work/rel/shop-$1.rel" --path "$work/modules/$1" --output "$work/out" "${@:2}" >/dev/null || fail "cnode release of shop $1"; }
make_release 1
make_release 2 --upgrade-from "$work/out/shop-1.tar.gz"
for node in cpp beam; do
  root=$work/$node
  mkdir "$root"
  tar xzf "$work/out/shop-1.tar.gz" -C "$root"
  tar xzf "$work/out/shop-2.tar.gz" -C "$root" lib/shop-2 releases/2/relup
  mv "$root/releases/2/relup" "$root/relup"
  rmdir "$root/releases/2" 2>/dev/null || rm -r "$root/releases/2"
  cp "$work"/rel/*.rel "$root/releases/"
  cp "$work/rel/sys.config" "$root/"
done
for v in 1 2; do
  rm "$work/beam/lib/shop-$v/ebin"/*.so
  erlc -DVERSION=$v -o "$work/beam/lib/shop-$v/ebin" "$shop"/*.erl || fail "the story's Erlang does not compile"
done

# ---- both nodes
"$work/cpp/bin/shop" daemon || fail "daemon: $(cat "$work"/cpp/log/*)"
pids+=("$("$work/cpp/bin/shop" pid)")
otp=$(erl -noshell -eval 'io:put_chars(code:root_dir()), halt().')
for application in "$otp"/lib/{kernel,stdlib,sasl,compiler}-*; do ln -s "$application" "$work/beam/lib/"; done
bin=$(echo "$otp"/erts-*/bin)
ROOTDIR=$work/beam BINDIR=$bin EMU=beam PROGNAME=erl "$bin/erlexec" -boot "$otp/bin/start_sasl" -config "$work/beam/releases/1/sys.config" -noinput -sname beam@localhost \
  -setcookie "$cookie" -pa "$work/beam/lib/shop-1/ebin" -eval 'ok = application:start(shop).' >"$work/beam.log" 2>&1 &
pids+=($!)
for node in cpp beam; do
  wait_for "erl_eval \"pong = net_adm:ping('$node@localhost'), true = is_pid(rpc:call('$node@localhost', erlang, whereis, [till]))\" >/dev/null" "the application on $node"
done
question() { echo "differ_releases:run('$1@localhost', \"$work/$1\")"; }
equal_answers release_handler 150
