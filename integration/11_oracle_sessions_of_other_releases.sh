#!/bin/bash
# The same sessions from the iex of OTP 27 and OTP 29, each compared with a BEAM node of that release playing the same lines.
. "$(dirname "$0")/lib.sh"
. "$here/peers.sh"
sessions=(s0_inc s1_purge s2_demo_server s3_calculator)
[ ${#releases[@]} -gt 1 ] || skip "neither OTP 27 nor OTP 29 is at hand"
cp -r "$here/oracle/beam" "$work/src"
mkdir -p "$work/beam"/{v1,v2,live}

for release in "${releases[@]:1}"; do
  there=${folders[$release]}$work   # $work, as that release sees it
  take_along "$release" "$work/src" "$work/beam"
  for v in v1 v2; do ${inside[$release]} /bin/sh -c "elixirc -o $work/beam/$v $work/src/$v/*.ex" >/dev/null 2>&1 || fail "elixirc $v of $release"; done
  for s in "${sessions[@]}"; do
    lay_examples "$there/$s"
    start_node "${release}_$s" --pa "$there/$s/live" $(printf -- '--load %s ' "${all_modules[@]}")
    "$here/oracle/play.sh" "${release}_$s@localhost" "$cookie" "$work/$s" .so "$here/oracle/$s.iex" "${inside[$release]} iex" >"$work/$release.$s.got"

    cp "$there"/beam/v1/* "$there/beam/live/"
    beam=${release}_beam_$s
    start_peer "$release" "$beam" -pa "$work/beam/live" -eval "{ok,_} = application:ensure_all_started(elixir),
      [{module,_} = code:load_file(list_to_atom(filename:basename(F, \".beam\"))) || F <- filelib:wildcard(\"$work/beam/v1/*.beam\")]."
    "$here/oracle/play.sh" "$beam@localhost" "$cookie" "$work/beam" .beam "$here/oracle/$s.iex" "${inside[$release]} iex" >"$work/$release.$s.beam"
    sed -i "s/${release}_beam_/${release}_/g" "$work/$release.$s.beam"
    [ "$(wc -l <"$work/$release.$s.beam")" -ge 5 ] || fail "$s was not played on $beam: $(cat "$work/$release.$s.beam")"
    diff -u "$work/$release.$s.beam" "$work/$release.$s.got" || fail "$s from the iex of $release differs from its own node"
    echo "ok: $s from the iex of $release"
  done
done
