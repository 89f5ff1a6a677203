#!/bin/bash
# Native records of OTP 29 come through this node unchanged, sort and print as there; sent on to an older node they end the
# connection, as OTP 29 ends its own.
. "$(dirname "$0")/lib.sh"
. "$here/peers.sh"
at_hand otp29 || skip "OTP 29 is not at hand"
start_node cpp
start_beam otp25 -hidden
on_otp29() {
  timeout 60 ${inside[otp29]} erl -noinput -hidden -sname "r29_$RANDOM@localhost" -setcookie "$cookie" -eval "
    E = fun(T) -> <<131, B/binary>> = term_to_binary(T), B end,
    R = fun(M, N, F, Names, Values) -> binary_to_term(iolist_to_binary([131, 67, <<(length(Names)):32, F>>, [E(T) || T <- [M, N | Names] ++ Values]])) end,
    One = R(m, n, 0, [z, a], [1, \"text\"]),
    All = [One, R(m, n, 1, [z, a], [1, \"text\"]), R(m, n, 0, [a, z], [One, 1.5]), R(a, 'b c', 1, [], []), R(m, n, 0, [a], [#{One => [One]}]), {}, {One}, #{}, [One], []],
    Call = fun(M, F, A) -> rpc:call('cpp@localhost', M, F, A) end,
    $1, halt(0)." 2>&1
}
expect "they come back as they went" "$(on_otp29 'io:format("~p", [[Call(erlang, hd, [[T]]) =:= T || T <- [R(m, n, 0, [p], [self()]) | All]]])')" "[$(yes true | head -11 | paste -sd,)]"
expect "in all frames: one of 3 MB" "$(on_otp29 'Big = lists:duplicate(100000, One), io:format("~p", [Call(erlang, hd, [[Big]]) =:= Big])')" true
expect "sorted" "$(on_otp29 'io:format("~p", [Call(lists, sort, [All]) =:= lists:sort(All)])')" true
expect "compared" "$(on_otp29 'io:format("~p", [[{A, B} || A <- All, B <- All, {Call(erlang, '"'<'"', [A, B]), Call(erlang, '"'=:='"', [A, B])} =/= {A < B, A =:= B}]])')" "[]"
expect "encoded" "$(on_otp29 'io:format("~p", [[T || T <- All, Call(erlang, term_to_binary, [T]) =/= term_to_binary(T), not is_map(T), T =/= lists:nth(5, All)]])')" "[]"
expect "printed" "$(on_otp29 'S = fun(C) -> unicode:characters_to_list(C) end, io:format("~p", [[T || T <- All, F <- ["~p", "~w"], S(Call(io_lib, format, [F, [T]])) =/= S(io_lib:format(F, [T]))]])')" "[]"
expect "what OTP 29 gets that sends one to OTP 25" "$(on_otp29 'io:format("~p", [rpc:call('"'otp25@localhost'"', erlang, hd, [[One]])])')" "{badrpc,nodedown}"
expect "this node gets the same" "$(on_otp29 'io:format("~p", [Call(rpc, call, ['"'otp25@localhost'"', erlang, hd, [[One]]])])')" "{badrpc,nodedown}"
expect "and finds OTP 25 again" "$(on_otp29 'io:format("~p", [Call(rpc, call, ['"'otp25@localhost'"', erlang, node, []])])')" "otp25@localhost"
expect "nothing was malformed" "$(grep -c 'invalid distribution message' "$work/cpp.log")" 0
