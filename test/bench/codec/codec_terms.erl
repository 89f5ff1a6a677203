%% The terms of the codec's benchmarks: written as files for everybody, and timed on the BEAM.
-module(codec_terms).
-export([write/1, time/1]).

terms() ->
    Self = self(),
    [{gen_call, {'$gen_call', {Self, [alias | make_ref()]}, {add, 42, <<"some text">>}}},
     {nested_map, nested()},
     {tuples, [{I, ok, I * 3, <<"abcd">>} || I <- lists:seq(1, 50000)]},
     {deep, lists:foldl(fun(_, Acc) -> {node, [Acc]} end, leaf, lists:seq(1, 5000))},
     {ints, [I * 1000 || I <- lists:seq(1, 210000)]},
     {big_map, maps:from_list([{I, I * 2} || I <- lists:seq(1, 100000)])},
     {binary, binary:copy(<<"0123456789abcdef">>, 1 bsl 20)}].

nested() ->
    maps:from_list([{list_to_atom("section_" ++ integer_to_list(S)),
                     #{name => <<"section ", (integer_to_binary(S))/binary>>, size => S * 1000, ratio => S / 3, open => S rem 2 =:= 0,
                       tags => [red, green, blue, S], origin => #{x => S, y => -S, label => <<"point">>}}} || S <- lists:seq(1, 16)]).

write([Dir]) ->
    [ok = file:write_file(filename:join(Dir, atom_to_list(Name) ++ ".term"), term_to_binary(T)) || {Name, T} <- terms()],
    halt(0).

%% One line of JSON: {"decode/NAME": microseconds, ...}. Each is timed in a process of its own, whose heap does not grow from run to run.
time([Dir, Ms0]) ->
    Ms = list_to_integer(Ms0),
    Rows = [begin
                {ok, Bin} = file:read_file(filename:join(Dir, atom_to_list(Name) ++ ".term")),
                T = binary_to_term(Bin),
                Bin = term_to_binary(T),
                [{"decode", Name, best(fun() -> binary_to_term(Bin) end, Ms)}, {"encode", Name, best(fun() -> term_to_binary(T) end, Ms)}]
            end || {Name, _} <- terms()],
    io:format("{~s}~n", [lists:join(", ", [io_lib:format("\"~s/~s\": ~.4f", [W, N, T]) || {W, N, T} <- lists:append(Rows)])]),
    halt(0).

best(F, Ms) ->
    Once = lists:min([timed(F, 1) || _ <- [1, 2, 3]]),
    N = max(1, round(Ms * 1000 / 5 / max(Once, 0.05))),
    lists:min([timed(F, N) || _ <- lists:seq(1, 5)]).
timed(F, N) ->
    Self = self(),
    spawn_link(fun() ->
        T = erlang:monotonic_time(nanosecond),
        loop(F, N),
        Self ! {took, (erlang:monotonic_time(nanosecond) - T) / N / 1000}
    end),
    receive {took, Us} -> Us end.
loop(_, 0) -> ok;
loop(F, N) -> F(), loop(F, N - 1).
