#!/bin/bash
# The seed articles' sessions, typed into a real iex against a cnode: the transcripts are those of a BEAM node, both the
# recorded ones and those of a BEAM node of the shell's own release that plays the same lines now.
. "$(dirname "$0")/lib.sh"
sessions=(s0_inc s1_purge s2_demo_server s3_calculator)

for s in "${sessions[@]}"; do
  lay_examples "$work/$s"
  start_node "cpp_$s" --pa "$work/$s/live" $(printf -- '--load %s ' "${all_modules[@]}")
  "$here/oracle/play.sh" "cpp_$s@localhost" "$cookie" "$work/$s" .so "$here/oracle/$s.iex" >"$work/$s.got"
  diff -u "$here/oracle/golden/$s.txt" "$work/$s.got" || fail "$s differs from the recorded transcript"
  echo "ok: $s equals the recorded transcript"
done

# The live oracle.
mkdir -p "$work/beam"/{v1,v2,live}
for v in v1 v2; do elixirc -o "$work/beam/$v" "$here"/oracle/beam/$v/*.ex >/dev/null 2>&1 || fail "elixirc $v"; done
for s in "${sessions[@]}"; do
  cp "$work"/beam/v1/* "$work/beam/live/"
  start_beam "beam_$s" -pa "$work/beam/live" -eval '{ok,_} = application:ensure_all_started(elixir),
    [{module,_} = code:load_file(M) || M <- ['"'Elixir.Inc','Elixir.CodePurge','Elixir.CodePurge.Pi','Elixir.CodePurge.PiGs','Elixir.DemoServer','Elixir.Calculator'"']].'
  "$here/oracle/play.sh" "beam_$s@localhost" "$cookie" "$work/beam" .beam "$here/oracle/$s.iex" >"$work/$s.beam"
  diff -u "$work/$s.beam" "$work/$s.got" || fail "$s: the BEAM node beside it answers otherwise"
  echo "ok: $s equals the BEAM node beside it"
done
