#!/bin/bash
# A story must not pass when something went wrong in it: little stories in which it does, each with the status and the words it ends with.
. "$(dirname "$0")/lib.sh"
# story WHAT STATUS WORDS: the story on standard input ends like that.
story() {
  local what=$1 status=$2 words=$3 got
  { echo '. "$1/lib.sh"'; cat; } >"$work/story.sh"
  got=$(TMPDIR=$work CNODE=$CNODE timeout 120 bash "$work/story.sh" "$here" 2>&1)
  expect "$what: the status" $? "$status"
  [[ "$got" == *"$words"* ]] || fail "$what: said $got"
  [ -z "$(find "$work" -mindepth 1 -maxdepth 1 -name 'cnode-story.*')" ] || fail "$what: it has left its folder"
}
# What the little stories have in common: an asker that tells twenty things of either node.
asking='ask() { [ "$2" != beam ] || sleep 0.1; for i in {1..20}; do echo "case $i: seen"; done; extra "$2"; }'

story "a story in which all is well" 0 "ok: one is one" <<<'expect "one is one" 1 1'
story "an answer that differs" 1 "wanted: 2" <<<'expect "one is two" 1 2; echo on'
story "what is done at the end leaves the status alone" 1 "cleared away" <<<'at_end true; at_end "echo cleared away"; fail "on purpose"'
story "what fails at the end, too" 0 "" <<<'at_end false'
story "a skipped story" 77 "SKIPPED: on purpose" <<<'at_end true; skip "on purpose"'
story "a deed that is not done" 1 "badmatch" <<<'erl_does "true = false"; echo on'
story "a condition that never comes, of a process that is gone" 1 "the process died" <<<'true & pid=$!; wait $pid; wait_for false "nothing" $pid'
story "Erlang that does not compile" 1 "does not compile" <<<'erlang "$work" no_such_file'
story "modules that are not built" 1 "build first" <<<'needs_modules no_such_module'
story "a node that does not start" 1 "the process died" <<<'start_node one --no-such-option'
story "a node that crashes behind the story's back" 1 "one.log" <<<'start_node one; kill -SEGV $node_pid; wait_for "! kill -0 $node_pid 2>/dev/null" "the end"'
story "answers that are alike" 0 "20 lines as of a BEAM node" <<<'. "$here/differences.sh"; '"$asking"'; extra() { :; }; same_answers "all" 20 driver'
story "one that differs always" 1 "odd" <<<'. "$here/differences.sh"; '"$asking"'; extra() { echo "odd: $1"; }; same_answers "all" 20 driver'
story "one that differs, and has no name" 1 "a line without a name" <<<'. "$here/differences.sh"; '"$asking"'; extra() { echo "odd $1"; }; same_answers "all" 20 driver'
story "one that differs at times" 0 "asking again" <<<'. "$here/differences.sh"; '"$asking"'; extra() { echo "odd$attempt: $1"; }; same_answers "all" 20 driver'
story "too few of them" 1 "saw too little" <<<'. "$here/differences.sh"; '"$asking"'; extra() { :; }; same_answers "all" 21 driver'
story "an asker that dies" 1 "did not ask beam to the end" <<<'. "$here/differences.sh"; '"$asking"'; extra() { [ $1 != beam ]; }; same_answers "all" 20 driver'
story "files of answers that are not there" 1 "cannot be compared" <<<'. "$here/differences.sh"; differences "$work/this" "$work/that" 1'
story "another release that is not there" 1 "not at hand" <<<'. "$here/peers.sh"; at_hand otp26 || fail "not at hand"'
ln -s "$(command -v bash)" "$(command -v dirname)" "$work"
expect "a machine without erl" "$(PATH=$work bash -c '. "$0/lib.sh"; echo on' "$here" 2>&1); $?" \
  "epmd is not here: install erlang-base and elixir, or leave the stories out (ctest -LE story); 1"
expect "stories with an EXIT trap of their own" "$(grep -lE '^ *trap .*EXIT' "$here"/*.sh)" "$here/lib.sh"
