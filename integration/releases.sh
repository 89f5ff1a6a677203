# Sourced by the stories about releases: hotcode 0.1.0 installed in $root, 0.2.0 as an archive beside it.
example=$here/../actors/examples/hotcode
root=$work/installed
hotcode=$root/bin/hotcode
ours() { pids+=("$("$hotcode" pid 2>/dev/null)"); }  # so that the story's end ends it, too

# make_release VERSION [options of cnode release]: $work/out/hotcode-VERSION.tar.gz
make_release() { "$CNODE" release "$work/rel/hotcode-$1.rel" --path "$work/modules/$1" --output "$work/out" "${@:2}" 2>&1; }

lay_release() {
  mkdir -p "$work/rel" "$work/modules" "$root"
  cp "$example"/*.rel "$example/sys.config" "$work/rel/"
  printf -- '-sname hotcode%s@localhost\n-setcookie %s\n' "$$" "$cookie" >"$work/rel/vm.args"
  cp -r "$EXAMPLES/hotcode/v1" "$work/modules/0.1.0"
  cp -r "$EXAMPLES/hotcode/v2" "$work/modules/0.2.0"
  make_release 0.1.0 >/dev/null && make_release 0.2.0 --upgrade-from "$work/out/hotcode-0.1.0.tar.gz" >/dev/null || fail "cnode release"
  tar xzf "$work/out/hotcode-0.1.0.tar.gz" -C "$root" || fail "tar"
  cp "$work/out/hotcode-0.2.0.tar.gz" "$root/releases/"
}
