#!/bin/bash
# From C++ outward: the same steps towards other nodes taken by a module in Erlang on a BEAM node and by its twin in C++ on a node of ours,
# towards a BEAM node, a second node of ours, newer BEAM nodes and themselves. Their answers must be the same, term by
# term, also when the other node is killed in the middle.
. "$(dirname "$0")/lib.sh"
. "$here/peers.sh"
needs_modules twin outward
erlang "$work/beam" twin outward
erlang "$work/driver" differ_outward
load="[{module, _} = code:load_file(M) || M <- [twin, outward]]."
# Nodes are killed here, which the others notice one after another: global would then part some that are left, and the cases of whoever is
# still being asked would find connections gone.
together=(-kernel prevent_overlapping_partitions false)
echo '[{kernel,[{prevent_overlapping_partitions,false}]}].' >"$work/together.config"
ours=(--pa "$STORY_MODULES" --load twin --load outward --config "$work/together.config")

start_beam abeam "${together[@]}" -pa "$work/beam" -eval "$load"
start_node acpp "${ours[@]}"
start_beam far "${together[@]}" -pa "$work/beam" -eval "$load"
start_node second "${ours[@]}"
targets="'far@localhost','second@localhost'"
declare -A victims
for asker in abeam acpp; do
  start_beam "vbeam_of_$asker" "${together[@]}" -pa "$work/beam" -eval "$load"
  victims[$asker]="{'vbeam_of_$asker@localhost', \"$node_pid\"}"
  start_node "vcpp_of_$asker" "${ours[@]}"
  victims[$asker]+=", {'vcpp_of_$asker@localhost', \"$node_pid\"}"
done
for release in "${releases[@]:1}"; do
  take_along "$release" "$work/beam"
  start_peer "$release" "$release" "${together[@]}" -pa "$work/beam" -eval "$load"
  targets+=",'$release@localhost'"
done

ask() { # NODE
  timeout 240 erl -noshell -hidden -sname "ask_$1@localhost" -setcookie "$cookie" -pa "$work/driver" \
    -eval "differ_outward:run('$1@localhost', [$targets], [${victims[$1]}])." >"$work/$1.txt" 2>"$work/ask_$1.log"
}
ask abeam & beam_asker=$!
ask acpp & cpp_asker=$!
wait $beam_asker || { tail -5 "$work/abeam.txt"; cat "$work/ask_abeam.log"; fail "the BEAM node was not asked to the end"; }
wait $cpp_asker || { tail -5 "$work/acpp.txt"; cat "$work/ask_acpp.log"; fail "the node was not asked to the end"; }
for asker in abeam acpp; do
  timeout 120 erl -noshell -hidden -sname "alone_$asker@localhost" -setcookie "$cookie" -pa "$work/driver" \
    -eval "differ_outward:run_alone('$asker@localhost', 'far@localhost')." >>"$work/$asker.txt" 2>"$work/alone_$asker.log" || fail "$asker alone"
done
[ -z "${KEEP:-}" ] || cp "$work"/*.txt "$KEEP/"
[ "$(wc -l <"$work/abeam.txt")" -gt 400 ] || fail "too few cases: $(wc -l <"$work/abeam.txt")"
diff "$work/abeam.txt" "$work/acpp.txt" || fail "a module in C++ (>) is answered otherwise than one in Erlang (<)"
echo "ok: $(wc -l <"$work/acpp.txt") cases answered as on a BEAM node"

# What a plain function cannot do ends with an error that says so.
said=$(erl_eval "io:format(\"~0p\", [[try erpc:call('acpp@localhost', outward, F, ['far@localhost']) catch error:{exception, R, _} -> R end || F <- [plain_call, plain_spawn]]])")
expect "plain functions are told that they cannot wait" "$said" \
  '[{cannot_wait,{rpc,call,4},<<"a plain function cannot wait: make it a coroutine, task<> f(...), and co_await apply(...)">>},{cannot_wait,{erlang,spawn,4},<<"a plain function cannot wait: make it a coroutine, task<> f(...), and co_await apply(...)">>}]'
