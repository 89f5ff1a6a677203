#!/bin/bash
# Each header that authors include compiles by itself, with every compiler there is, without a warning.
#   headers_alone.sh SOURCE COMPILER...
source=$1; shift
one() {
  printf '#include <cnode/%s>\n' "$2" | "$1" -std=c++20 -fsyntax-only -Wall -Wextra -Wpedantic -Werror -x c++ -I"$source/actors/module_api/include" \
    -I"$source/protocol/include" -I"$source/cnode/testing/include" $3 - 2>"$work/$$-$RANDOM.txt.$2" || { echo "$1 $3: <cnode/$2>"; cat "$work"/*."$2"; return 1; }
}
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
export -f one; export source work
{
  for compiler in "$@"; do
    command -v "$compiler" >/dev/null || continue
    for h in "$source"/actors/module_api/include/cnode/*; do echo "$compiler $(basename "$h")"; done
    echo "$compiler testing.hpp"
    echo "$compiler testing.hpp -DCNODE_TESTING_WITHOUT_GTEST"
  done
} | xargs -P "$(nproc)" -L 1 bash -c 'one "$@"' one || exit 1
