#!/bin/bash
# cp over a loaded .so, an empty, truncated or text file, a module of another name: refused or harmless; the current version serves on.
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
cp /lib/x86_64-linux-gnu/libc.so.6 "$file" 2>/dev/null && refused "libc"
cp "$(command -v bash)" "$file"; refused "a program"
rm -f "$file"; mkdir "$file"; got=$(call code load_file "['Elixir.Calculator']"); case $got in "{error,nofile}"|"{error,badfile}") ;; *) fail "a directory: $got" ;; esac
rmdir "$file"; mkfifo "$file"; got=$(call code load_file "['Elixir.Calculator']"); case $got in "{error,nofile}"|"{error,badfile}") ;; *) fail "a fifo: $got" ;; esac
good "a directory, a fifo"
rm -f "$file"; refused "no file" nofile
ln -s "$file" "$file"; got=$(call code load_file "['Elixir.Calculator']"); case $got in "{error,nofile}"|"{error,badfile}") ;; *) fail "a link to itself: $got" ;; esac
rm -f "$file"
cp "$work/a/v2/Elixir.Calculator.so" "$file"
expect "a good file again" "$(call code load_file "['Elixir.Calculator']")" "{module,'Elixir.Calculator'}"
expect "version 2" "$(call Elixir.Calculator add '[2,2]')" 8
kill -0 "$node_pid" || fail "the node died"
