#!/bin/bash
# C++ compiled on the node from a real shell: by c:c/1,2 and compile:file/2 from a file, by Code.compile_string/1 pasted as text. The
# compiler's words come back to the shell; a source with an error changes nothing; mended, it is live.
. "$(dirname "$0")/lib.sh"

sources=$work/sources
mkdir -p "$sources"
cd "$sources" || fail "cd"
examples_source=$here/../actors/examples
cp "$examples_source/inc/v1/inc.cpp" inc.cpp
sed 's/new_total = total + 1;/new_total = totl + 1;/' inc.cpp >broken.cpp

start_node shell --pa "$sources"
node=shell@localhost

# iex_session: what is typed on standard input, in a real iex; what the shell shows.
iex_session() {
  { echo "node = :\"$node\"; Node.connect(node); :session_begins"; cat; } |
    timeout 120 iex --sname "iex$$_$RANDOM@localhost" --cookie "$cookie" 2>&1 | sed -E '1,/:session_begins$/d' |
    sed -E 's/^(iex\([^)]*\)[0-9]+> |\.\.\.\([^)]*\)[0-9]+> )+//; /^$/d'
}
# WHAT GOT PART; the shell breaks long terms into lines, which does not count.
flat() { tr -s ' \n' ' ' <<<"$1" | sed 's/\[ /[/g; s/ \]/]/g; s/ }/}/g'; }
has() { [[ "$2" == *"$3"* || "$(flat "$2")" == *"$3"* ]] || fail "$1: no '$3' in: $2"; echo "ok: $1"; }
lacks() { [[ "$2" != *"$3"* ]] || fail "$1: '$3' is in: $2"; echo "ok: $1"; }

# ---- c:c
got=$(iex_session <<'X'
:rpc.call(node, :c, :c, ['inc'])
{:ok, pid} = :rpc.call(node, :gen_server, :start, [{:local, :inc}, Inc, nil, []]); :started
:rpc.call(node, Inc, :inc, [:inc])
File.read!("broken.cpp") |> then(&File.write!("inc.cpp", &1))
:rpc.call(node, :c, :c, ['inc.cpp'])
:rpc.call(node, Inc, :inc, [:inc])
File.read!("inc.cpp") |> String.replace("totl + 1", "total + 10") |> then(&File.write!("inc.cpp", &1))
:rpc.call(node, :c, :c, ["inc"])
:rpc.call(node, Inc, :inc, [:inc])
:rpc.call(node, :c, :c, [Inc])
X
)
has "c:c compiles and loads" "$got" "{:ok, Inc}"
has "the compiler's message is in the shell, with its place" "$got" "inc.cpp:16:24: error: ‘totl’ was not declared in this scope"
lacks "and little that only follows from it" "$got" "incomplete type"
has "the source line and the caret, too" "$got" "|                        ^~~~"
has "with an error the version that serves goes on" "$(grep -A99 '^:error$' <<<"$got" | sed -n 1,3p | tr '\n' ' ')" ":error [1] new total: 1 => 2 2 "
has "mended, it is live at once, with the state it had" "$got" $'{:ok, Inc}\n[1] new total: 2 => 12\n12'
has "c:c of a module compiles the source it came from" "$got" "Recompiling $sources/inc.cpp"
[ -f "$sources/Elixir.Inc.so" ] || fail "the module is not in the node's directory"

# ---- answers, shapes as OTP's; the texts by the module named in them, on the asker's side
cat >warns.cpp <<'X'
#include <cnode/gen_server.hpp>
static int unused() { return 1; }
int answer() { return ANSWER; }
CNODE_MODULE("warns", answer);
X
sed 's/ANSWER/nonsense/' warns.cpp >wrong.cpp
got=$(iex_session <<'X'
call = fn f, args -> :rpc.call(node, :compile, f, args) end
call.(:file, ['wrong', [:return]])
{:error, [{_, [{_, m, d}]}], _} = call.(:file, ["wrong.cpp", [:return_errors]]); m.format_error(d) |> IO.puts()
call.(:file, ['warns', [:return, {:d, :ANSWER, 42}]])
match?({:ok, :warns, <<0x7F, "ELF", _::binary>>}, call.(:file, ['warns', [:binary, {:d, :ANSWER, 42}]]))
{:ok, :warns, elf} = call.(:file, [:warns, [:binary, {:d, :ANSWER, 43}]]); :rpc.call(node, :code, :load_binary, [:warns, 'x', elf])
:rpc.call(node, :warns, :answer, [])
call.(:file, ['warns', [:warnings_as_errors, :return, {:d, :ANSWER, 42}]])
call.(:file, ['missing', [:return]])
{:error, [{_, [{_, m, d}]}], _} = call.(:file, ['missing', [:return]]); m.format_error(d)
call.(:file, ['warns', [:report, "-o/tmp/x"]])
call.(:file, ['warns', [{:outdir, '/nowhere'}, {:d, :ANSWER, 42}, :return_errors]])
:rpc.call(node, :c, :c, ['missing'])
:rpc.call(node, :c, :c, [NoSuchModule])
:rpc.call(node, :c, :c, ['warns', [{:d, :ANSWER, 7}, cxx_options: ["-O1"]]])
:rpc.call(node, :warns, :module_info, [:compile])[:options]
:rpc.call(node, :warns, :module_info, [:compile])[:source]
:rpc.call(node, :c, :c, [:code])
X
)
has "return gives errors and warnings as terms" "$got" "{:error, [{'wrong.cpp', [{{3, 23}, :erl_parse, "
has "their texts are made by the shell" "$got" "'nonsense' was not declared in this scope"
has "and warnings of what was compiled" "$got" "{:ok, :warns, [{'warns.cpp', [{{2, 12}, :erl_parse, "
has "binary gives the file" "$got" $'true\n{:module, :warns}\n43\n'
has "warnings_as_errors are warnings" "$got" "{:error, [], [{'warns.cpp'"
has "a missing file is BEAM's answer" "$got" "{:error, [{'missing.cpp', [{:none, :compile, {:epp, :enoent}}]}], []}"
has "with its text" "$got" "no such file or directory"
has "an option that makes something else is refused" "$got" "option -o/tmp/x is not taken: what comes out must be a module"
has "a directory that is not there is named" "$got" "cannot write to /nowhere: No such file or directory"
has "c:c says that there is no such file" "$got" $'missing.cpp: no such file or directory\n:error'
has "c:c of nothing" "$got" "{:error, :non_existing}"
has "c:c prints warnings" "$got" "defined but not used [-Wunused-function]"
has "the module knows the options it was compiled with" "$got" '{:d, :ANSWER, 7}'
has "and its source" "$got" "'$sources/warns.cpp'"
has "parts of the node cannot be replaced" "$got" "{:error, :preloaded}"

# ---- pasted: the article's calculator
lay_examples "$work/examples"
got=$(iex_session <<X
:rpc.call(node, :code, :add_patha, ['$work/examples/live'])
:rpc.call(node, Calculator, :add, [2, 2])
[{module, binary}] = :rpc.call(node, Code, :compile_string, ["""
#include <cnode/export.hpp>
#include <cnode/number.hpp>
using namespace cnode;
number add(number a, number b) { return a * 2 + b * 2; }
CNODE_MODULE("Elixir.Calculator", add);
"""]); {module, is_binary(binary)}
:rpc.call(node, Calculator, :add, [2, 2])
:erpc.call(node, Calculator, :add, [2, 2])
{:badrpc, {:EXIT, {error, _}}} = :rpc.call(node, Code, :compile_string, ["int x = y;", "pasted.cpp"]); {error.__struct__, error.file, error.line}
IO.puts(Exception.message(error))
:rpc.call(node, Calculator, :add, [2, 2])
{:badrpc, {:EXIT, {error, _}}} = :rpc.call(node, Code, :compile_file, ["none.cpp"]); Exception.message(error)
X
)
has "the calculator answers 4, then source is pasted, then 8" "$(tr '\n' ' ' <<<"$got")" "true 4 {Calculator, true} 8 8 "
has "an error in pasted source is a CompileError" "$got" '{CompileError, "pasted.cpp", 1}'
has "with the compiler's words" "$got" "pasted.cpp:1:9: error: ‘y’ was not declared in this scope"
has "and nothing changes" "$(tail -4 <<<"$got" | tr '\n' ' ')" "8 "
has "compile_file says what it cannot load" "$got" "could not load $sources/none.cpp. Reason: enoent"

# ---- what does not end
mkfifo "$sources/fifo" "$sources/pipe.cpp"
echo '#include "fifo"' >hangs.cpp
echo '#include "/dev/zero"' >zero.cpp
cat >endless.cpp <<'X'
template <int N> struct f { static constexpr int v = f<N + 1>::v; };
int x = f<0>::v;
X
start=$SECONDS
got=$(iex_session <<'X'
:rpc.call(node, :c, :c, ['hangs', [{:time_limit, 1000}]])
:rpc.call(node, :c, :c, ['endless'])
:rpc.call(node, :c, :c, ['pipe.cpp'])
:rpc.call(node, Inc, :inc, [:inc])
X
)
has "a compiler that hangs is killed at the limit" "$got" "hangs.cpp: the compiler took more than 1000 ms and was killed"
has "endless templates end with an error" "$got" "template instantiation depth exceeds"
[ $((SECONDS - start)) -lt 60 ] || fail "that took $((SECONDS - start)) seconds"
has "a source that is no file is named" "$got" "pipe.cpp: not a plain file"
has "the server goes on" "$got" $':error\n22'
! pgrep -f "$sources/hangs.cpp|hangs\.cpp" >/dev/null || fail "a compiler is left"

# Two at once: one waits for the other, both are built. A shell that goes away takes its compiler along.
for n in 1 2; do
  printf '#include <cnode/export.hpp>\nint n() { return %s; }\nCNODE_MODULE("both%s", n);\n' $n $n >both$n.cpp
done
expect "two compilations at once" "$(erl_eval "R = [rpc:async_call('$node', c, c, [F]) || F <- [\"both1\", \"both2\"]], io:format(\"~p ~p\", [[rpc:yield(K) || K <- R], [rpc:call('$node', M, n, []) || M <- [both1, both2]]])")" "[{ok,both1},{ok,both2}] [1,2]"

erl -noshell -sname "gone@localhost" -setcookie "$cookie" -eval "rpc:call('$node', c, c, [\"hangs\"])" >/dev/null 2>&1 &
shell=$!
disown $shell
wait_for "pgrep -f 'cc1plus.*hangs.cpp' >/dev/null" "the compiler that hangs"
kill -9 $shell
wait_for "! pgrep -f 'cc1plus.*hangs.cpp' >/dev/null" "its end, when the shell is gone"
echo "ok: the compiler ends with the shell that asked"
has "and the next compilation runs" "$(erl_eval "io:format(\"~p\", [rpc:call('$node', c, c, [\"both1\"])])")" "{ok,both1}"

# ---- nothing is left
[ -z "$(find "$sources" -name '.cnode-compile-*')" ] || fail "directories of compilations are left"

# ---- switched off
start_node closed --remote-code off
for call in 'c, c, ["both1"]' 'compile, file, ["both1"]' "'Elixir.Code', compile_string, [<<\"int x;\">>]" "'Elixir.Code', compile_file, [<<\"both1.cpp\">>]"; do
  has "--remote-code off refuses ${call%%, [*}" "$(erl_eval "io:format(\"~p\", [rpc:call('closed@localhost', $call)])" | tr -s ' \n' ' ')" "this node was started with --remote-code off"
done
echo "done"
