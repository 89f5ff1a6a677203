#!/bin/bash
# The same gen_servers in C++ and in Erlang (modules/*.cpp, modules/*.erl), asked the same by the same driver: some four hundred cases of
# starting, calling, stopping, failing, system messages, supervision, spawning and rpc. What both nodes answer is compared line by line.
. "$(dirname "$0")/lib.sh"
. "$here/differences.sh"
modules=(twin bare shown shown_before)
needs_modules "${modules[@]}"
erlang "$work/beam" "${modules[@]}" held
erlang "$work/driver" differ alike

start_node cpp --pa "$STORY_MODULES" $(printf -- '--load %s ' "${modules[@]}") --start 'held=twin:{return,{ok,held_state}}'
start_beam beam -pa "$work/beam" -eval "{ok, _} = application:ensure_all_started(elixir), [{module, _} = code:load_file(M) || M <- [$(IFS=,; echo "${modules[*]}")]], held:start()."
ask() { # differ NODE
  timeout 280 erl -noshell -sname "ask_$2@localhost" -setcookie "$cookie" -pa "$work/driver" -eval "differ:run('$2@localhost'), halt(0)."
}
same_answers "gen_servers" 350 differ
