# Sourced after lib.sh by stories that ask two nodes the same and compare line by line. Signals of two senders may meet in either order, on
# any node: a case counts as different only when it differs in every asking.
#   differences THIS THAT ASKING   true when there are some still; THIS.cases names them, THIS.diff.log shows the last ones
differences() {
  diff "$1" "$2" >"$1.diff.log"
  sed -n 's/^[<>] \([a-z_0-9]*\):.*/\1/p' "$1.diff.log" | sort -u >"$1.now"
  if [ "$3" = 1 ]; then mv "$1.now" "$1.cases"
  else comm -12 "$1.now" "$1.cases" >"$1.both" && mv "$1.both" "$1.cases"; fi
  [ -s "$1.cases" ]
}
