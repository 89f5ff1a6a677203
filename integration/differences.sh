# Sourced after lib.sh by stories that ask two nodes the same and compare line by line. Signals of two senders may meet in either order, and
# timers of a loaded machine end in another one, on any node: a case counts as different only when it differs in three askings in a row.
#   same_answers WHAT LINES ASKER...   asks the nodes beam and cpp at once, for every ASKER, by the story's own function
#     ask ASKER NODE                     which prints `case: what was seen`, LINES lines or more, and fails when it does not get to its end
#   Afterwards the answers are in $work/ASKER.NODE.txt.
#   equal_answers WHAT LINES           asks beam and then cpp, once: what takes no turns and no time. `question NODE` prints the Erlang
#                                      to be done, with the modules in $work/driver; the answers are in $work/NODE.txt.

# differences THIS THAT ASKING: true when there are some still; THIS.cases names them, THIS.diff.log shows the last ones.
differences() {
  diff "$1" "$2" >"$1.diff.log"
  [ $? -le 1 ] || fail "$1 and $2 cannot be compared"
  # What names no case counts, too: as one that has no name.
  sed -n 's/^[<>] \([^:]*\):.*/\1/p; t; s/^[<>] .*/a line without a name/p' "$1.diff.log" | sort -u >"$1.now"
  if [ "$3" = 1 ]; then mv "$1.now" "$1.cases"
  else comm -12 "$1.now" "$1.cases" >"$1.both" && mv "$1.both" "$1.cases"; fi
  [ -s "$1.cases" ]
}

same_answers() {
  local what=$1 lines=$2 attempt asker node running differ i; shift 2
  for attempt in 1 2 3; do
    running=() differ=()
    for asker; do
      for node in beam cpp; do ask "$asker" $node >"$work/$asker.$node.txt" 2>"$work/ask_$asker.$node.log" & running+=($!); done
    done
    i=0
    for asker; do
      for node in beam cpp; do
        wait "${running[i]}" || fail "$what: $asker did not ask $node to the end: $(tail -n 3 "$work/$asker.$node.txt")"
        [ "$(wc -l <"$work/$asker.$node.txt")" -ge "$lines" ] || fail "$what: $asker saw too little of $node: $(wc -l <"$work/$asker.$node.txt") lines"
        sed -i "s/$node@/node@/g" "$work/$asker.$node.txt"
        i=$((i + 1))
      done
    done
    for asker; do ! differences "$work/$asker.beam.txt" "$work/$asker.cpp.txt" $attempt || differ+=("$asker"); done
    [ ${#differ[@]} -gt 0 ] || break
    [ $attempt -lt 3 ] || fail "$what: C++ (>) answers otherwise than a BEAM (<), as ${differ[*]} saw it: $(cd "$work" && cat *.beam.txt.cases | sort -u | head -n 20)"
    echo "asking again: ${differ[*]}"
  done
  for asker; do echo "ok: $what: $(wc -l <"$work/$asker.cpp.txt") lines as of a BEAM node, seen by $asker"; done
}

equal_answers() {
  local what=$1 lines=$2 node
  for node in beam cpp; do
    timeout 120 erl -noshell -sname "ask_$node@localhost" -setcookie "$cookie" -pa "$work/driver" -eval "$(question $node), halt(0)." \
      >"$work/$node.txt" 2>"$work/ask_$node.log" || fail "$what: $node was not asked to the end: $(tail -n 3 "$work/$node.txt")"
  done
  [ "$(wc -l <"$work/beam.txt")" -gt "$lines" ] || fail "$what: too few questions: $(wc -l <"$work/beam.txt")"
  diff "$work/beam.txt" "$work/cpp.txt" || fail "$what: C++ (>) answers otherwise than a BEAM (<)"
  echo "ok: $what: $(wc -l <"$work/cpp.txt") questions answered as by a BEAM node"
}
