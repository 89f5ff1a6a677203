#!/bin/bash
# cp over a loaded .so, an empty, truncated or text file, a module of another name, and what else users come with: refused or harmless;
# the current version serves on.
. "$(dirname "$0")/lib.sh"
lay_examples "$work/a"
live=$work/a/live
start_node cpp --pa "$live" --load Elixir.Calculator
call() { "$CNODE" call cpp@localhost "$@" --cookie "$cookie" 2>&1; }
good() { expect "$1: version 1 serves on" "$(call Elixir.Calculator add '[2,2]')" 4; }
refused() { # WHAT: the file that lies in live/ now is refused
  expect "$1: load_file" "$(call code load_file "['Elixir.Calculator']")" "{error,${2:-badfile}}"
  good "$1"
}
file=$live/Elixir.Calculator.so
good "at first"

cp "$work/a/v2/Elixir.Calculator.so" "$file"; good "v2 copied over the file of v1, not loaded"
: >"$file"; refused "an empty file"
printf x >"$file"; refused "one byte"
echo "this is no module" >"$file"; refused "a text file"
size=$(stat -c %s "$work/a/v1/Elixir.Calculator.so")
for part in 63 64 1000 4096 8192 $((size / 2)) $((size - 1)); do
  [ "$part" -lt "$size" ] || continue
  head -c "$part" "$work/a/v1/Elixir.Calculator.so" >"$file"
  refused "cut at $part of $size bytes"
done
cp "$work/a/v1/Elixir.Inc.so" "$file"; refused "a module of another name"
library() { ldd "$CNODE" | awk -v n="$1" 'index($1, n) == 1 { print $3 }'; }
cp "$(library libc.so)" "$file" || fail "no libc"
refused "libc"
cp "$(command -v bash)" "$file"; refused "a program"
rm -f "$file"; mkdir "$file"; got=$(call code load_file "['Elixir.Calculator']"); case $got in "{error,nofile}"|"{error,badfile}") ;; *) fail "a directory: $got" ;; esac
rmdir "$file"; mkfifo "$file"; got=$(call code load_file "['Elixir.Calculator']"); case $got in "{error,nofile}"|"{error,badfile}") ;; *) fail "a fifo: $got" ;; esac
good "a directory, a fifo"
rm -f "$file"; refused "no file" nofile
ln -s "$file" "$file"; got=$(call code load_file "['Elixir.Calculator']"); case $got in "{error,nofile}"|"{error,badfile}") ;; *) fail "a link to itself: $got" ;; esac
rm -f "$file"
cp "$work/a/v2/Elixir.Calculator.so" "$file"
# The same from erl, with files as they come out of people's hands: name, and a word of the reason in the node's log.
good=$work/a/v1/Elixir.Calculator.so
bad() { mkdir -p "$work/bad/$1"; cat >"$work/bad/$1/Elixir.Calculator.so"; }
poke() { # FILE OFFSET BYTES: that file with bytes replaced
  cp "$1" "$work/poked"; printf "$3" | dd of="$work/poked" bs=1 seek="$2" conv=notrunc 2>/dev/null; cat "$work/poked"
}
head -c $((size * 2 / 3)) "$good" | bad cut_download
{ cat "$good"; echo '<html>200 OK</html>'; } | bad page_appended
echo '<html>404 Not Found</html>' | bad error_page
gzip -c "$good" | bad still_gzipped
cat "$good" "$good" | bad twice_in_a_row
poke "$good" 18 '\267\000' | bad for_another_machine
poke "$good" 4 '\001' | bad for_32_bits
poke "$good" $((size / 2)) '\252\125\252' | bad one_place_damaged
bad beam_renamed <"$(erl -noshell -eval 'io:put_chars(code:which(lists)), halt().')"
bad library_renamed <"$(library libz.so)"
bad program_renamed <"$(command -v env)"
bad other_module <"$work/a/v1/Elixir.Inc.so"
cut_at() { head -c "$(($(stat -c %s "$good") - $1))" "$good"; }
cut_at 1 | bad last_byte_missing
echo 'extern "C" int cnode_module_entry() { return 0; }' | g++ -shared -fPIC -Wl,--version-script=<(echo '{ global: cnode_module_entry; local: *; };') -x c++ - -o "$work/plain.so"
bad without_stamp <"$work/plain.so"
expect "all kinds of files lie there" "$(ls "$work/bad" | wc -l)" 14
answers=$(erl_eval "N = cpp@localhost,
  [begin
     {ok, Bytes} = file:read_file(Dir ++ \"/Elixir.Calculator.so\"),
     A = rpc:call(N, code, load_abs, [Dir ++ \"/Elixir.Calculator\"]),
     B = rpc:call(N, code, load_binary, ['Elixir.Calculator', \"from_erl\", Bytes]),
     4 = rpc:call(N, 'Elixir.Calculator', add, [2, 2]),
     io:format(\"~s ~p ~p~n\", [filename:basename(Dir), A, B])
   end || Dir <- lists:sort(filelib:wildcard(\"$work/bad/*\"))]")
for dir in "$work"/bad/*; do
  name=$(basename "$dir")
  expect "from erl: $name" "$(grep "^$name " <<<"$answers")" "$name {error,badfile} {error,badfile}"
done
for reason in 'cut_download.*truncated' 'page_appended.*follow the ELF image' 'still_gzipped.*not an ELF file' 'for_another_machine.*another machine' \
              'for_32_bits.*64-bit' 'one_place_damaged.*digest' 'other_module.*holds module Elixir.Inc' 'last_byte_missing.*follow the ELF image'; do
  grep -q "not loaded: .*$reason" "$work/cpp.log" || fail "no such reason in the log: $reason"
done

# strip takes the digest away: the file is opened by a process of its own first, and is good.
strip -o "$work/stripped.so" "$good"
mkdir -p "$work/stripped"; mv "$work/stripped.so" "$work/stripped/Elixir.Calculator.so"
expect "a stripped file" "$(call code load_abs "[\"$work/stripped/Elixir.Calculator\"]")" "{module,'Elixir.Calculator'}"
expect "a stripped file works" "$(call Elixir.Calculator add '[2,2]')" 4
call code purge "['Elixir.Calculator']" >/dev/null

expect "a good file again" "$(call code load_file "['Elixir.Calculator']")" "{module,'Elixir.Calculator'}"
expect "version 2" "$(call Elixir.Calculator add '[2,2]')" 8
kill -0 "$node_pid" || fail "the node died"
