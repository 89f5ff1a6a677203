#!/bin/bash
# Everybody's calls to all nodes (rpc:multicall, gen_server:multi_call, abcast, eval_everywhere, global:trans, nl, ...) from nodes of OTP 25, 27
# and 29, and such calls made on the node itself: a cluster with a C++ node among its nodes shows what one of BEAM nodes shows.
. "$(dirname "$0")/lib.sh"
. "$here/peers.sh"
. "$here/differences.sh"
: "${STORY_MODULES:=$here/../build/release/story_modules}"
[ -f "$STORY_MODULES/mirror.so" ] || fail "no modules at $STORY_MODULES: build first"
mkdir "$work/driver" "$work/modules"
erlc -o "$work/driver" "$here/modules/sweeps.erl" && erlc -o "$work/modules" "$here/modules/mirror.erl" || fail "the story's Erlang does not compile"
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
  local name="a$1$2" dir=
  cookie_of "$1" "$2"
  if [ "$1" = 25 ]; then
    erl -noinput -sname "$name@localhost" -setcookie "$cookie" -pa "$work/driver" "$work/modules" -eval "sweeps:run('b$1$2@localhost', 't$1$2@localhost'), halt(0)."
  else
    dir=$(mktemp -d "${folders[$1]}/tmp/cnode-story.XXXXXX") && cp "$work"/{driver,modules}/*.beam "$dir" || return 1
    env HOME=/tmp chroot "${folders[$1]}" erl -noinput -sname "$name@localhost" -setcookie "$cookie" -pa "/tmp/${dir##*/}" \
      -eval "sweeps:run('b$1$2@localhost', 't$1$2@localhost'), halt(0)."
    rm -rf "$dir"
  fi
}
declare -A folders=()
releases=25
for suite in trixie:27 sid:29; do
  [ -z "${SANITIZED:-}" ] || break
  if folders[${suite#*:}]=$(peer_dir "${suite%:*}"); then releases+=" ${suite#*:}"
  else echo "SKIPPED: no calls from OTP ${suite#*:} (needs root, debootstrap and a package mirror)"; fi
done

for r in $releases; do
  for third in beam cpp; do start_cluster $r $third; done
done
for attempt in 1 2 3; do
  askers=()
  for r in $releases; do
    for third in beam cpp; do
      ask $r $third >"$work/$r.$third.txt" 2>"$work/asker.$r.$third.log" & askers+=($!)
    done
  done
  wait "${askers[@]}"
  differ=
  for r in $releases; do
    for third in beam cpp; do grep -q '^all$' "$work/$r.$third.txt" || { tail -3 "$work/$r.$third.txt"; fail "OTP $r did not ask to the end, with $third"; }; done
    ! differences "$work/$r.beam.txt" "$work/$r.cpp.txt" $attempt || differ+=" $r"
  done
  [ -n "$differ" ] || break
  [ $attempt -lt 3 ] || fail "a cluster with a C++ node (>) answers otherwise than one without (<), as seen by OTP$differ"
  echo "asking again:$differ"
done
for r in $releases; do echo "ok: $(wc -l <"$work/$r.cpp.txt") kinds of calls to all nodes answered in a cluster with a C++ node as in one without, seen by OTP $r"; done
