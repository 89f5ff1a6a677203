#!/bin/bash
# Everybody's calls to all nodes (rpc:multicall, gen_server:multi_call, abcast, eval_everywhere, global:trans, nl, ...) from nodes of OTP 25, 27
# and 29, and such calls made on the node itself: a cluster with a C++ node among its nodes shows what one of BEAM nodes shows.
. "$(dirname "$0")/lib.sh"
. "$here/peers.sh"
. "$here/differences.sh"
needs_modules mirror
erlang "$work/driver" sweeps
erlang "$work/modules" mirror
[ -z "${SANITIZED:-}" ] || releases=(otp25)
export SLOW=1
[ -z "${SANITIZED:-}" ] || SLOW=4

# Clusters of their own, each with its cookie: the asker, a BEAM node, and as the third either a BEAM node or a C++ node.
common=$cookie
cookie_of() { cookie=$common.$1.$2; }
start_cluster() { # RELEASE THIRD
  cookie_of "$1" "$2"
  start_beam "b$1$2" -pa "$work/modules" -kernel logger_level none
  if [ "$2" = cpp ]; then start_node "t$1$2" --pa "$STORY_MODULES" --load mirror --log-level error
  else start_beam "t$1$2" -pa "$work/modules" -kernel logger_level none; fi
}
ask() { # RELEASE THIRD
  cookie_of "$1" "$2"
  ${inside[$1]} erl -noinput -sname "a$1$2@localhost" -setcookie "$cookie" -pa "$work/driver" "$work/modules" -eval "sweeps:run('b$1$2@localhost', 't$1$2@localhost'), halt(0)."
}
for r in "${releases[@]}"; do
  take_along "$r" "$work/driver" "$work/modules"
  for third in beam cpp; do start_cluster "$r" $third; done
done
same_answers "calls to all nodes in a cluster with a C++ node" 60 "${releases[@]}"
