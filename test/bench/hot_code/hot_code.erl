%% Puts the same work to a cnode and to a BEAM node, from a third node, and prints both times and their ratio.
%% Loads, purges, changes and stalls are timed on the node itself, by upgrader; the rows "by erpc" are what a user at another node waits,
%% one round trip included, which alone is the first line.
-module(hot_code).
-export([main/1]).

%% What: all, quick (a tenth of the rounds), or one row's name, for our node alone: to be looked at with a profiler.
main([Ours, Theirs, Dir, What]) ->
    All = [{cnode, list_to_atom(Ours)}, {beam, list_to_atom(Theirs)}],
    [pong = net_adm:ping(N) || {_, N} <- All],
    put(quick, What =:= "quick"),
    Names = [N || {N, _} <- all_rows()],
    {Chosen, Nodes} = case lists:member(What, Names) of
                          true -> {[What], [hd(All)]};
                          false when What =:= "all"; What =:= "quick" -> {Names, All}
                      end,
    io:format("~-52s ~11s ~11s ~9s~n", ["", "cnode", "BEAM " ++ erlang:system_info(otp_release), "ratio"]),
    [Row(Nodes, Dir) || {Name, Row} <- all_rows(), lists:member(Name, Chosen)],
    halt(0).

all_rows() ->
    [{"round_trip", fun(Nodes, Dir) -> row("round trip (erpc), p50", "us", fun round_trip/2, Nodes, Dir) end},
     {"loads", fun(Nodes, Dir) -> rows(["load_file, all checks, p50", "load_file, all checks, p99", "purge, nobody in old code, p50"], "us", fun loads/2, Nodes, Dir) end},
     {"loads_by_erpc", fun(Nodes, Dir) -> rows(["load_file by erpc, p50", "purge by erpc, p50"], "us", fun loads_by_erpc/2, Nodes, Dir) end},
     {"unsigned", fun(Nodes, Dir) -> row("load_file of an unsigned file (probe first), p50", "us", fun unsigned/2, [hd(Nodes)], Dir) end},
     {"purge_idle", fun(Nodes, Dir) -> row("purge, 1,000 idle processes of the module, p50", "us", fun purge_idle/2, Nodes, Dir) end},
     {"upgrades", fun(Nodes, Dir) ->
         [rows(["change_code, state of " ++ Name ++ ", p50", "resume and first call after it, p50"], "us", fun(W, D) -> upgrades(W, D, Bytes) end, Nodes, Dir)
          || {Name, Bytes} <- [{"1 KiB", 1024}, {"1 MiB", 1 bsl 20}, {"1 GiB", 1 bsl 30}]] end}] ++
    [{fmt("stall_~b", [N]), fun(Nodes, Dir) -> row(fmt("longest stall of a caller, ~b upgraded by hand", [N]), "us", fun(W, D) -> stall(W, D, N) end, Nodes, Dir) end}
     || N <- [1, 10000]] ++
    [{fmt("release_~b", [N]), fun(Nodes, Dir) -> row(fmt("longest stall of a caller, release with ~b", [N]), "us", fun(W, D) -> release_stall(W, D, N) end, Nodes, Dir) end}
     || N <- [1, 10000]] ++
    [{"under_load", fun(Nodes, Dir) ->
         rows([fmt("~b reloads under load: failed calls", [many(1000)]), "... calls per second", "... call p50", "... call p99.9", "... reload p50"],
              {"", "", "us", "us", "us"}, fun under_load/2, Nodes, Dir) end},
     {"growth", fun(Nodes, Dir) ->
         rows([fmt("growth over ~b reloads: mappings", [reloads()]), "... open files", "... files in the run directory", "... resident KiB"], "", fun growth/2, Nodes, Dir) end},
     {"edit", fun(Nodes, Dir) -> rows(["edit to live: c:c, first time", "edit to live: c:c, p50 of the next"], "ms", fun edit/2, Nodes, Dir) end}].

%% ---- the table
row(Name, Unit, F, Nodes, Dir) -> rows([Name], Unit, F, Nodes, Dir).
rows(Names, Unit, F, Nodes, Dir) ->
    Figures = [F(N, filename:join(Dir, Kind)) || {Kind, N} <- Nodes],
    Lists = [case X of L when is_list(L) -> L; _ -> [X] end || X <- Figures],
    lists:foreach(fun({I, Name}) -> print(Name, if is_tuple(Unit) -> element(I, Unit); true -> Unit end, [lists:nth(I, L) || L <- Lists]) end, lists:enumerate(Names)).
print(Name, Unit, [A, B]) when is_number(A), is_number(B), B > 0 ->
    io:format("~-52s ~11s ~11s ~9.2f~n", [Name, num(A, Unit), num(B, Unit), A / B]);
print(Name, Unit, [A | Rest]) -> io:format("~-52s ~11s ~11s~n", [Name, num(A, Unit), case Rest of [B] -> num(B, Unit); [] -> "-" end]).
num(X, Unit) when is_float(X) -> fmt("~.1f ~s", [X, Unit]);
num(X, Unit) -> fmt("~b ~s", [X, Unit]).
fmt(F, A) -> lists:flatten(io_lib:format(F, A)).

%% ---- measuring
time(F) -> T = erlang:monotonic_time(nanosecond), R = F(), {(erlang:monotonic_time(nanosecond) - T) / 1000, R}.
p(Q, L) -> S = lists:sort(L), lists:nth(max(1, min(length(S), ceil(Q * length(S)))), S).
call(N, M, F, A) -> erpc:call(N, M, F, A, 120000).
many(N) -> case get(quick) of true -> max(10, N div 10); _ -> N end.
reloads() -> many(10000).

%% ---- files: Dir/v1, Dir/v2, Dir/live; a new version comes by rename, as a build or a copy would bring it.
file() -> fun(Dir, V) -> filename:join([Dir, V, ext(Dir)]) end.
ext(Dir) -> case filename:basename(Dir) of "beam" -> "counter.beam"; _ -> "counter.so" end.
put_version(Dir, V) ->
    New = filename:join([Dir, "live", "new"]),
    {ok, _} = file:copy((file())(Dir, V), New),
    ok = file:rename(New, filename:join([Dir, "live", ext(Dir)])).
version(I) -> case I rem 2 of 0 -> "v2"; 1 -> "v1" end.
load(N) -> call(N, code, purge, [counter]), {module, counter} = call(N, code, load_file, [counter]).

round_trip(N, _) -> p(0.5, [element(1, time(fun() -> call(N, erlang, node, []) end)) || _ <- lists:seq(1, many(2000))]).

loads(N, Dir) ->
    Times = [begin
                 put_version(Dir, version(I)),
                 {{module, counter}, P, L} = call(N, upgrader, reload, []),
                 {L, P}
             end || I <- lists:seq(1, many(2000))],
    {L, P} = lists:unzip(Times),
    [p(0.5, L), p(0.99, L), p(0.5, P)].

loads_by_erpc(N, Dir) ->
    Times = [begin
                 put_version(Dir, version(I)),
                 {P, _} = time(fun() -> call(N, code, purge, [counter]) end),
                 {L, {module, counter}} = time(fun() -> call(N, code, load_file, [counter]) end),
                 {L, P}
             end || I <- lists:seq(1, many(1000))],
    {L, P} = lists:unzip(Times),
    [p(0.5, L), p(0.5, P)].

unsigned(N, Dir) ->
    R = p(0.5, [begin
                    put_version(Dir, "unsigned"),
                    call(N, code, purge, [counter]),
                    {T, {module, counter}} = time(fun() -> call(N, code, load_file, [counter]) end),
                    T
                end || _ <- lists:seq(1, many(200))]),
    put_version(Dir, "v1"), load(N), R.

purge_idle(N, Dir) ->
    Pids = [begin {ok, P} = call(N, gen_server, start, [counter, 0, []]), P end || _ <- lists:seq(1, 1000)],
    R = p(0.5, [begin
                    put_version(Dir, version(I)), load(N),
                    {_, T, _} = call(N, upgrader, reload, []), T
                end || I <- lists:seq(1, many(100))]),
    [gen_server:stop(P) || P <- Pids], R.

upgrades(N, Dir, Bytes) ->
    {ok, P} = call(N, gen_server, start, [counter, Bytes, []]),
    gen_server:call(P, inc),
    Times = [begin
                 put_version(Dir, version(I)),
                 {{module, counter}, C, R} = call(N, upgrader, upgrade, [P]),
                 {C, R}
             end || I <- lists:seq(1, many(100))],
    gen_server:stop(P, normal, infinity),
    {C, R} = lists:unzip(Times),
    [p(0.5, C), p(0.5, R)].

%% All processes suspended, the code loaded, changed, resumed, by a process of the node itself. The best of three.
stall(N, Dir, Count) ->
    lists:min([begin
                   put_version(Dir, version(I)),
                   {{module, counter}, Us} = call(N, upgrader, longest_stall, [Count]), Us
               end || I <- [1, 2, 3]]).

%% An application of so many processes, upgraded and downgraded by release_handler. The best of four.
release_stall(N, Dir, Count) ->
    {ok, _} = call(N, application, ensure_all_started, [crowd]),
    ok = call(N, crowd_sup, more, [Count]),
    Ebin = fun(V) -> filename:join(Dir, "crowd-" ++ V) end,
    Us = lists:min([begin
                        {{ok, []}, T} = call(N, upgrader, release_stall, [F, A]), T
                    end || {F, A} <- lists:append(lists:duplicate(2, [{upgrade_app, [crowd, Ebin("2")]}, {downgrade_app, [crowd, "1", Ebin("1")]}]))]),
    ok = call(N, application, stop, [crowd]),
    Us.

%% Four callers without a pause while the module is reloaded by c:l as fast as it goes.
under_load(N, Dir) ->
    {ok, P} = call(N, gen_server, start, [counter, 1 bsl 20, []]),
    Self = self(),
    Callers = [spawn_link(fun() -> caller(Self, P, [], 0) end) || _ <- [1, 2, 3, 4]],
    {Us, Reloads} = time(fun() ->
        [begin put_version(Dir, version(I)), {T, {module, counter}} = time(fun() -> call(N, c, l, [counter]) end), T end
         || I <- lists:seq(1, many(1000))] end),
    [C ! stop || C <- Callers],
    Results = [receive {C, Times, Failed} -> {Times, Failed} end || C <- Callers],
    gen_server:stop(P),
    All = lists:append([T || {T, _} <- Results]),
    [lists:sum([F || {_, F} <- Results]), round(length(All) / Us * 1.0e6), p(0.5, All), p(0.999, All), p(0.5, Reloads)].
caller(To, P, Times, Failed) ->
    receive stop -> To ! {self(), Times, Failed}
    after 0 ->
        {T, R} = time(fun() -> catch gen_server:call(P, inc) end),
        caller(To, P, [T | Times], Failed + case R of X when is_integer(X) -> 0; _ -> 1 end)
    end.

growth(N, Dir) ->
    Pid = call(N, os, getpid, []),
    [begin put_version(Dir, version(I)), load(N) end || I <- lists:seq(1, many(500))],
    {M, F, R, K} = footprint(Pid),
    [begin put_version(Dir, version(I)), load(N) end || I <- lists:seq(1, reloads())],
    call(N, code, purge, [counter]),
    timer:sleep(1000),
    load(N),
    {M2, F2, R2, K2} = footprint(Pid),
    [M2 - M, F2 - F, R2 - R, K2 - K].
footprint(Pid) ->
    Proc = "/proc/" ++ Pid,
    {ok, Maps} = read(Proc ++ "/maps"),
    Lines = binary:split(Maps, <<"\n">>, [global]),
    {ok, Fds} = file:list_dir(Proc ++ "/fd"),
    Run = lists:usort([filename:dirname(L) || L0 <- Lines, [_, L] <- [binary:split(L0, <<" /">>)], binary:match(L, <<"counter-">>) =/= nomatch]),
    Files = lists:sum([case file:list_dir("/" ++ binary_to_list(D)) of {ok, Fs} -> length(Fs); _ -> 0 end || D <- Run]),
    {ok, Status} = read(Proc ++ "/status"),
    {match, [Kib]} = re:run(Status, "VmRSS:\\s+(\\d+)", [{capture, [1], list}]),
    {length([L || L <- Lines, binary:match(L, <<".so">>) =/= nomatch]), length(Fds), Files, list_to_integer(Kib)}.
read(F) -> {ok, D} = file:open(F, [read, raw, binary]), R = read_all(D, <<>>), file:close(D), {ok, R}.
read_all(D, Acc) -> case file:read(D, 65536) of {ok, B} -> read_all(D, <<Acc/binary, B/binary>>); eof -> Acc end.

%% A changed source each time, compiled and loaded by c:c on the node.
edit(N, Dir) ->
    Source = filename:join([Dir, "edit", case filename:basename(Dir) of "beam" -> "counter.erl"; _ -> "counter.cpp" end]),
    {ok, Text} = file:read_file(Source),
    Times = [begin
                 New = re:replace(Text, "VERSION", integer_to_list(1000 + I), [global, {return, binary}]),
                 Erl = binary:replace(New, <<"?">>, <<>>, [global]),
                 ok = file:write_file(Source, case filename:extension(Source) of ".erl" -> Erl; _ -> New end),
                 {T, {ok, counter}} = time(fun() -> call(N, c, c, [Source, [{outdir, filename:join(Dir, "edit")}]]) end),
                 T / 1000
             end || I <- lists:seq(1, case get(quick) of true -> 3; _ -> 10 end)],
    [hd(Times), p(0.5, tl(Times))].
