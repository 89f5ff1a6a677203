#!/bin/bash
# Somebody else's project: find_package(cnode) against the installed tree, a module of its own and its test, called from a real erl.
. "$(dirname "$0")/lib.sh"
build=$(cd "$(dirname "$CNODE")/.." && pwd)
cmake --install "$build" --prefix "$work/prefix" >"$work/install.log" 2>&1 || fail "cmake --install: $(tail -5 "$work/install.log")"
mkdir "$work/project"
cat >"$work/project/CMakeLists.txt" <<'X'
cmake_minimum_required(VERSION 3.25)
project(mine CXX)
enable_testing()
find_package(cnode REQUIRED COMPONENTS testing)
cnode_add_module(greeter greeter.cpp OUTPUT_NAME Elixir.Greeter)
cnode_add_module(greeter_v2 greeter.cpp OUTPUT_NAME Elixir.Greeter OUTPUT_DIRECTORY v2)
cnode_add_module_test(greeter_test greeter_test.cpp MODULES greeter greeter_v2)
X
cp "$here/greeter.cpp" "$work/project/"
sed -n '/^#include <cnode\/testing/,/^```/p' "$here/../README.md" | grep -v '^```' >"$work/project/greeter_test.cpp"
cmake -S "$work/project" -B "$work/project/build" -DCMAKE_PREFIX_PATH="$work/prefix" >"$work/cmake.log" 2>&1 || fail "configure: $(tail -20 "$work/cmake.log")"
cmake --build "$work/project/build" >"$work/make.log" 2>&1 || fail "build: $(tail -20 "$work/make.log")"
ctest --test-dir "$work/project/build" --no-tests=error --output-on-failure >"$work/ctest.log" 2>&1 || fail "the README's test: $(tail -30 "$work/ctest.log")"
echo "ok: the README's test of a module, in the outside project"
so=$work/project/build/Elixir.Greeter.so
[ -f "$so" ] || fail "there is no Elixir.Greeter.so"
CNODE=$work/prefix/bin/cnode
start_node cpp --pa "$(dirname "$so")"
expect "the outside module" "$("$CNODE" call cpp@localhost Elixir.Greeter hello '[<<"world">>]' --cookie "$cookie")" '<<"hello world">>'
mkdir "$work/out"
"$CNODE" compile "$here/greeter.cpp" -o "$work/out" || fail "cnode compile of the installed tree"
expect "cnode compile names the file after the module" "$(ls "$work/out")" "Elixir.Greeter.so"
"$CNODE" describe "$work/out/Elixir.Greeter.so" | grep -q 'hello/1' || fail "cnode describe shows no hello/1"
echo "ok: cnode describe"

# The README's "Your own module", as written there.
sed -n '/^#include <cnode\/gen_server/,/^CNODE_GEN_SERVER/p' "$here/../README.md" >"$work/readme.cpp"
diff "$here/greeter.cpp" "$work/readme.cpp" || fail "the README shows another greeter.cpp than the one tested"
kill "$node_pid"; wait "$node_pid"; expect "SIGTERM ends the node with" "$?" 0
start_node cpp --pa "$work/out" --start 'greeter=Elixir.Greeter:<<"good morning">>'
ask() { erl_eval "io:format(\"~p\", [$1])"; }
expect "hello" "$(ask "rpc:call('cpp@localhost', 'Elixir.Greeter', hello, [<<\"world\">>])")" '<<"hello world">>'
expect "greet" "$(ask "gen_server:call({greeter, 'cpp@localhost'}, {greet, <<\"Joe\">>})")" '<<"good morning Joe">>'
sed 's/greeting + " "/greeting + ", dear "/' "$here/greeter.cpp" >"$work/greeter.cpp"
"$CNODE" compile "$work/greeter.cpp" -o "$work/out" >/dev/null || fail "compile the changed source"
expect "c:l" "$(ask "rpc:call('cpp@localhost', c, l, ['Elixir.Greeter'])")" "{module,'Elixir.Greeter'}"
expect "the running server uses the new code" "$(ask "gen_server:call({greeter, 'cpp@localhost'}, {greet, <<\"Joe\">>})")" '<<"good morning, dear Joe">>'
ask "exit(rpc:call('cpp@localhost', erlang, whereis, [greeter]), kill)" >/dev/null
wait_for "[ \"\$(ask \"catch gen_server:call({greeter, 'cpp@localhost'}, {greet, <<\\\"Joe\\\">>})\")\" = '<<\"good morning, dear Joe\">>' ]" "the supervisor to restart it"
echo "ok: killed, it is started again"
