#!/bin/bash
# The same sessions from the iex of OTP 27 and OTP 29, each compared with a BEAM node of that release playing the same lines.
. "$(dirname "$0")/lib.sh"
. "$here/peers.sh"
sessions=(s0_inc s1_purge s2_demo_server s3_calculator)
played=0

for suite in trixie sid; do
  dir=$(peer_dir "$suite") || { echo "SKIPPED: no $suite folder (needs root, debootstrap and a package mirror)"; continue; }
  inside=/tmp/$(basename "$work")   # the same folder, as the shell inside sees it
  mkdir -p "$dir$inside"
  trap 'status=$?; rm -rf "$dir$inside"; (exit $status); finish' EXIT
  cp -r "$here/oracle/beam" "$dir$inside/src"
  mkdir -p "$dir$inside/beam"/{v1,v2,live}
  for v in v1 v2; do chroot "$dir" /bin/sh -c "elixirc -o $inside/beam/$v $inside/src/$v/*.ex" >/dev/null 2>&1 || fail "elixirc $v in $suite"; done
  for s in "${sessions[@]}"; do
    lay_examples "$dir$inside/$s"
    start_node "${suite}_$s" --pa "$dir$inside/$s/live" $(printf -- '--load %s ' "${all_modules[@]}")
    "$here/oracle/play.sh" "${suite}_$s@localhost" "$cookie" "$inside/$s" .so "$here/oracle/$s.iex" "env HOME=/tmp chroot $dir iex" >"$work/$suite.$s.got"

    cp "$dir$inside"/beam/v1/* "$dir$inside/beam/live/"
    HOME=/tmp chroot "$dir" /bin/sh -c "exec erl -noinput -sname ${suite}_beam_$s@localhost -setcookie $cookie -pa $inside/beam/live -pa /usr/lib/elixir/lib/*/ebin -eval '{ok,_} = application:ensure_all_started(elixir), [{module,_} = code:load_file(M) || M <- [list_to_atom(filename:basename(F, \".beam\")) || F <- filelib:wildcard(\"$inside/beam/v1/*.beam\")]].'" >"$work/$suite.beam.log" 2>&1 &
    pids+=($!)
    wait_for "epmd -port $ERL_EPMD_PORT -names | grep -q 'name ${suite}_beam_$s '" "BEAM node of $suite"
    sleep 1
    "$here/oracle/play.sh" "${suite}_beam_$s@localhost" "$cookie" "$inside/beam" .beam "$here/oracle/$s.iex" "env HOME=/tmp chroot $dir iex" >"$work/$suite.$s.beam"
    sed -i "s/${suite}_beam_/${suite}_/g" "$work/$suite.$s.beam"
    diff -u "$work/$suite.$s.beam" "$work/$suite.$s.got" || fail "$s from $suite's iex differs from $suite's own node"
    played=$((played + 1))
    echo "ok: $s from the iex of $suite"
  done
  rm -rf "$dir$inside"
done
[ $played -gt 0 ] || skip "neither OTP 27 nor OTP 29 is at hand"
