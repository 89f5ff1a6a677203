#!/bin/bash
# A BEAM node stops reading: the C++ processes that send to it are suspended with little unsent, still die by a signal and hurt nobody
# else; when it reads again they go on, in order and without a loss.
. "$(dirname "$0")/lib.sh"
needs_modules mirror
erlang "$work" pressure
start_node cpp --pa "$STORY_MODULES" --load mirror
start_beam slow -pa "$work"
# 50 MB: more than the sockets hold.
got=$(timeout 120 erl -noshell -sname "ask$$@localhost" -setcookie "$cookie" -pa "$work" -eval "pressure:run(5000, 'slow@localhost', \"$node_pid\"), halt(0)." 2>&1)
expect "what became of the senders" "$got" "suspended true
others answer true
killed with messages left true killed
collected 5000
left 0"
