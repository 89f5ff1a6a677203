%% Usage: code_differ:run(Node, Stock, Live, Ext). Asks a node the same about code: of every function of `code` and its neighbours, with good, wrong and odd
%% arguments, and what becomes of processes whose code is replaced. Prints one line per case. Stock holds the built modules (hc_1/hc.Ext, ...), Live
%% is a folder on the node's code path. Folder names and the extension are made alike, so two nodes that behave alike print alike.
%%
%% What is by nature another value on a node whose modules are native, and is not asked or only asked for its shape: where OTP's own modules lie
%% (they are preloaded here), lists of all modules (asked for ours only), md5 and file contents, exported functions a compiler adds, the text of
%% compile options, and what code:load_binary purges before a garbage
%% binary (OTP 25 kills first, 27 checks first, so do we). Some odd arguments are not asked because they end the code server, and with it a BEAM node.
-module(code_differ).
-export([run/4, run/5]).

run(Node, Stock, Live, Ext) -> run(Node, Stock, Live, Ext, all).
run(Node, Stock, Live, Ext, Only) ->
    true = net_kernel:connect_node(Node),
    logger:set_primary_config(level, none),
    put(node, Node), put(stock, Stock), put(live, Live), put(ext, Ext),
    rpc:call(Node, logger, set_primary_config, [level, none]),
    Old = [D || D <- ask(code, get_path, []), is_list(D)],
    [case Only =:= all orelse Only =:= Group orelse Only =:= Name of
         true -> one(Group, Name, F, Old);
         false -> ok
     end || {Group, Cases} <- groups(), {Name, F} <- Cases],
    ok.

groups() ->
    [{load, load_cases()}, {binary, binary_cases()}, {abs, abs_cases()}, {bad, bad_cases()}, {purge, purge_cases()}, {server, server_cases()},
     {delete, delete_cases()}, {on_load, on_load_cases()}, {together, together_cases()}, {path, path_cases()}, {files, file_cases()},
     {sticky, sticky_cases()}, {info, info_cases()}, {erlang, erlang_cases()}, {shell, shell_cases()}, {elixir, elixir_cases()}, {odd, odd_cases()}].

%% Each case begins with nothing of ours loaded, an empty folder, and that folder first on the path.
one(Group, Name, F, Path) ->
    [begin ask(code, unstick_mod, [M]), ask(code, purge, [M]), ask(code, delete, [M]), ask(code, purge, [M]) end || M <- modules()],
    os:cmd("rm -rf '" ++ get(live) ++ "'/*"),
    true = ask(code, set_path, [Path]),
    true = ask(code, add_patha, [get(live)]),
    {Got, Out} = alike:under_leader(F, 20000),
    Printed = case Out of [] -> []; _ -> io_lib:format(" printing ~0p", [tidy(Out)]) end,
    io:format("~s ~ts: ~0tp~ts~n", [Group, Name, tidy(Got), Printed]).

modules() -> [hc, hd, hl, wrong, nothing].

tidy(T) ->
    alike:tidy(#{node => get(node), texts => [{get(live), "LIVE"}, {get(stock), "STOCK"}, {get(ext), ".EXT"}], own => fun own/1}, T).
own(B) when is_binary(B), byte_size(B) > 1000 -> {is, '<<a file>>'};
%% Of a stack only where it was raised: code.erl calls its own helpers.
own({'EXIT', {Reason, [{M, F, A, _} | _]}}) when is_atom(M) -> {first, {'EXIT', {Reason, {M, F, A}}}};
own(_) -> no.

%% ---- asking

ask(M, F, A) -> rpc:call(get(node), M, F, A, 8000).
code(F, A) -> ask(code, F, A).
file(Name) -> get(live) ++ "/" ++ Name.
%% hc_1 -> the bytes of Stock/hc_1/hc.Ext
bytes(Built) -> {ok, B} = file:read_file(stock(Built) ++ get(ext)), B.
stock(Built) -> get(stock) ++ "/" ++ atom_to_list(Built) ++ "/" ++ atom_to_list(module(Built)).
module(Built) -> list_to_atom(hd(string:split(atom_to_list(Built), "_"))).
%% A new file in the folder, as a compiler writes one.
lay(Built) -> lay(Built, file(atom_to_list(module(Built)) ++ get(ext))).
lay(Built, To) -> write(To, bytes(Built)).
write(To, Bytes) ->
    ok = filelib:ensure_dir(To),
    ok = file:write_file(To ++ ".new", Bytes),
    ok = file:rename(To ++ ".new", To).
remove(Module) -> ok = file:delete(file(atom_to_list(Module) ++ get(ext))).
load(Built) -> lay(Built), code(load_file, [module(Built)]).
binary(Built) -> code(load_binary, [module(Built), file("from_elsewhere"), bytes(Built)]).
version(M) -> ask(M, version, []).
state() -> [{M, code(is_loaded, [M]), ask(erlang, check_old_code, [M]), code(which, [M])} || M <- [hc]].

%% A process there that waits in M:wait, and what became of it.
waiting(M) -> waiting(M, wait).
waiting(M, F) ->
    {P, R} = spawn_monitor(get(node), M, F, [self()]),
    receive waiting -> ok after 5000 -> exit(not_waiting) end,
    {P, R}.
go({P, _}) -> P ! go.
%% What is heard of it within the time it needs to be heard.
heard({P, R}) ->
    receive {'DOWN', R, process, P, Why} -> {down, Why, rest()} after 300 -> {alive, rest()} end.
ended({P, R}) ->
    receive {'DOWN', R, process, P, Why} -> {down, Why, rest()} after 5000 -> {alive, rest()} end.
died({P, R}) -> receive {'DOWN', R, process, P, Why} -> Why after 5000 -> alive end.
rest() -> receive M -> [M | rest()] after 0 -> [] end.
stop({P, _}) -> exit(P, kill), rest().
answers({P, _}) -> P ! version, receive {serving, V} -> V after 2000 -> none end.
until(F) -> until(F, 200).
until(_, 0) -> never;
until(F, N) -> case F() of true -> ok; _ -> timer:sleep(20), until(F, N - 1) end.
%% Asks from another process, so that this one can go on.
later(F) ->
    Self = self(), Dictionary = get(),
    spawn_monitor(fun() -> [put(K, V) || {K, V} <- Dictionary], Self ! {later, self(), F()} end).
answer({P, R}) -> receive {later, P, X} -> demonitor(R, [flush]), X after 8000 -> no_answer end.
no_answer_yet({P, _}) -> receive {later, P, X} -> {early, X} after 150 -> none_yet end.

%% ---- loading

load_cases() ->
    [{"nothing on the path", fun() -> {code(load_file, [nothing]), code(ensure_loaded, [nothing]), state()} end},
     {"load_file", fun() -> {load(hc_1), version(hc), state()} end},
     {"load_file twice", fun() -> {load(hc_1), load(hc_2), version(hc), state()} end},
     {"load_file three times", fun() -> {load(hc_1), load(hc_2), load(hc_3), version(hc), state()} end},
     {"load_file four times with purge", fun() -> {load(hc_1), load(hc_2), load(hc_3), code(purge, [hc]), load(hc_3), version(hc)} end},
     {"load_file after soft_purge", fun() -> {load(hc_1), load(hc_2), code(soft_purge, [hc]), load(hc_3), version(hc), state()} end},
     {"the same file again", fun() -> {load(hc_1), code(load_file, [hc]), version(hc), code(load_file, [hc]), state()} end},
     {"autoload by a call", fun() -> lay(hc_1), {code(is_loaded, [hc]), version(hc), state()} end},
     {"autoload of nothing", fun() -> {version(nothing), code(is_loaded, [nothing])} end},
     {"a function that is not there", fun() -> lay(hc_1), {ask(hc, nothing, [1, a]), code(is_loaded, [hc])} end},
     {"a function with another arity", fun() -> load(hc_1), {ask(hc, version, [1]), ask(hc, version, [])} end},
     {"what it raises", fun() -> load(hc_1), {'EXIT', {R, _}} = element(2, ask(hc, boom, [])), R end},
     {"ensure_loaded", fun() -> lay(hc_1), {code(ensure_loaded, [hc]), code(ensure_loaded, [hc]), lay(hc_2), code(ensure_loaded, [hc]), version(hc)} end},
     {"ensure_loaded of part of the node", fun() -> {code(ensure_loaded, [lists]), code(ensure_loaded, [erlang]), code(ensure_loaded, [code])} end},
     {"many callers at once", fun() -> lay(hc_1), L = [later(fun() -> version(hc) end) || _ <- lists:seq(1, 30)], {lists:usort([answer(P) || P <- L]), state()} end},
     {"many ensure_loaded at once", fun() -> lay(hc_1), L = [later(fun() -> code(ensure_loaded, [hc]) end) || _ <- lists:seq(1, 30)], {lists:usort([answer(P) || P <- L]), state()} end},
     {"a file that is deleted goes on serving", fun() -> load(hc_1), remove(hc), {version(hc), state(), code(load_file, [hc]), version(hc), code(which, [hc])} end},
     {"a file that is replaced goes on serving", fun() -> load(hc_1), lay(hc_2), {version(hc), state(), code(load_file, [hc]), version(hc)} end},
     {"two modules", fun() -> lay(hd_1), {load(hc_1), version(hd), code(is_loaded, [hd])} end},
     {"ensure_modules_loaded", fun() -> lay(hc_1), lay(hd_2), {code(ensure_modules_loaded, [[hc, hd, lists]]), version(hc), version(hd), code(ensure_modules_loaded, [[hc]])} end},
     {"ensure_modules_loaded of nothing", fun() -> lay(hc_1), {code(ensure_modules_loaded, [[hc, nothing]]), version(hc), code(ensure_modules_loaded, [[]]), code(ensure_modules_loaded, [[nothing, nothing]])} end},
     {"ensure_modules_loaded of garbage", fun() -> write(file("hc" ++ get(ext)), <<"no module">>), lay(hd_1), {code(ensure_modules_loaded, [[hc, hd]]), version(hd), code(is_loaded, [hc])} end},
     {"ensure_modules_loaded with on_load", fun() -> lay(hl_ok), lay(hc_1), {code(ensure_modules_loaded, [[hl, hc]]), version(hl), version(hc)} end},
     {"ensure_modules_loaded with on_load that fails", fun() -> lay(hl_no), lay(hc_1), {code(ensure_modules_loaded, [[hl, hc]]), code(is_loaded, [hl]), version(hc)} end}].

binary_cases() ->
    [{"load_binary", fun() -> {binary(hc_1), version(hc), state()} end},
     {"load_binary five times", fun() -> {[binary(B) || B <- [hc_1, hc_2, hc_3, hc_1, hc_2]], version(hc), state()} end},
     {"load_binary kills who waits in old code", fun() -> binary(hc_1), W = waiting(hc), {binary(hc_2), heard(W), binary(hc_3), ended(W), version(hc)} end},
     {"load_binary spares who waits in current code", fun() -> binary(hc_1), W = waiting(hc), R = binary(hc_2), H = heard(W), go(W), {R, H, ended(W)} end},
     {"load_binary of garbage", fun() -> binary(hc_1), {code(load_binary, [hc, "f", <<"garbage">>]), version(hc), state()} end},
     {"load_binary of nothing", fun() -> {code(load_binary, [hc, "f", <<>>]), state()} end},
     {"load_binary under another name", fun() -> {code(load_binary, [wrong, "wrong", bytes(hc_1)]), code(is_loaded, [wrong]), code(is_loaded, [hc])} end},
     {"load_binary cut short", fun() -> B = bytes(hc_1), binary(hc_2), {[code(load_binary, [hc, "f", binary:part(B, 0, N)]) || N <- [1, 4, 16, 63, 64, 100, 1000, byte_size(B) div 2]], version(hc)} end},
     {"the name given is kept", fun() -> {code(load_binary, [hc, "a name", bytes(hc_1)]), code(is_loaded, [hc]), code(which, [hc])} end},
     {"an atom as the name", fun() -> {code(load_binary, [hc, a_name, bytes(hc_1)]), code(is_loaded, [hc]), code(which, [hc])} end},
     {"no name", fun() -> {code(load_binary, [hc, [], bytes(hc_1)]), code(is_loaded, [hc]), code(which, [hc]), code(module_status, [hc])} end},
     {"a name in another alphabet", fun() -> {code(load_binary, [hc, [1087, 1091, 1090, 1100], bytes(hc_1)]), code(is_loaded, [hc])} end},
     {"a list of no characters as the name", fun() -> {code(load_binary, [hc, [a], bytes(hc_1)]), code(load_binary, [hc, ["a", "b"], bytes(hc_1)]), code(is_loaded, [hc])} end},
     {"load_binary of part of the node", fun() -> code(load_binary, [lists, "lists", bytes(hc_1)]) end},
     {"get_object_code and load_binary", fun() -> lay(hc_1), {hc, B, F} = code(get_object_code, [hc]), {B =:= bytes(hc_1), F, code(is_loaded, [hc]), code(load_binary, [hc, F, B]), version(hc)} end},
     {"get_object_code", fun() -> {code(get_object_code, [nothing]), load(hc_1), remove(hc), code(get_object_code, [hc])} end},
     {"get_object_code of the file on the path", fun() -> load(hc_1), lay(hc_2), {hc, B, F} = code(get_object_code, [hc]), {B =:= bytes(hc_2), F, version(hc)} end},
     {"a load_binary module is loaded from the path again", fun() -> binary(hc_1), lay(hc_2), {version(hc), code(load_file, [hc]), version(hc), code(is_loaded, [hc])} end}].

abs_cases() ->
    [{"load_abs", fun() -> {code(load_abs, [stock(hc_1)]), version(hc), state()} end},
     {"load_abs three times", fun() -> {[code(load_abs, [stock(B)]) || B <- [hc_1, hc_2, hc_3]], version(hc), state()} end},
     {"load_abs by an atom", fun() -> {code(load_abs, [list_to_atom(stock(hc_1))]), version(hc), state()} end},
     {"load_abs of nothing", fun() -> {code(load_abs, ["/nowhere/hc"]), code(load_abs, [""]), code(load_abs, ["/"])} end},
     {"load_abs with the extension", fun() -> code(load_abs, [stock(hc_1) ++ get(ext)]) end},
     {"load_abs of a file with another name", fun() -> lay(hc_1, file("other" ++ get(ext))), {code(load_abs, [file("other")]), code(is_loaded, [hc]), code(is_loaded, [other])} end},
     {"load_abs of garbage", fun() -> write(file("hc" ++ get(ext)), <<"garbage">>), {code(load_abs, [file("hc")]), state()} end},
     {"load_abs/2", fun() -> lay(hc_1, file("other" ++ get(ext))), {code(load_abs, [file("other"), hc]), version(hc), code(is_loaded, [hc])} end},
     {"load_abs/2 with the wrong module", fun() -> {code(load_abs, [stock(hc_1), wrong]), code(is_loaded, [hc]), code(is_loaded, [wrong])} end},
     {"load_abs of a list of no characters", fun() -> {code(load_abs, [[a]]), code(load_abs, [["a", "b"]])} end}].

bad_cases() ->
    Files = [{"garbage", fun(F) -> write(F, <<"garbage">>) end}, {"empty", fun(F) -> write(F, <<>>) end},
             {"half a file", fun(F) -> B = bytes(hc_1), write(F, binary:part(B, 0, byte_size(B) div 2)) end},
             {"another module", fun(F) -> lay(hd_1, F) end}, {"a directory", fun(F) -> ok = file:make_dir(F) end},
             {"a link to nothing", fun(F) -> ok = file:make_symlink("/nowhere", F) end},
             {"a link to itself", fun(F) -> ok = file:make_symlink(F, F) end},
             {"a link to a module", fun(F) -> ok = file:make_symlink(stock(hc_3) ++ get(ext), F) end},
             {"zeros", fun(F) -> write(F, <<0:80000>>) end}],
    [{Name ++ " by " ++ By, fun() -> Lay(file("hc" ++ get(ext))), {Load(), version(hc), state(), code(which, [hc]), code(module_status, [hc])} end}
     || {Name, Lay} <- Files, {By, Load} <- [{"load_file", fun() -> code(load_file, [hc]) end}, {"ensure_loaded", fun() -> code(ensure_loaded, [hc]) end},
                                             {"a call", fun() -> version(hc) end}]] ++
    [{Name ++ " over a loaded module", fun() -> load(hc_1), load(hc_2), remove(hc), Lay(file("hc" ++ get(ext))),
         {code(load_file, [hc]), version(hc), code(purge, [hc]), code(load_file, [hc]), version(hc), code(module_status, [hc])} end} || {Name, Lay} <- Files] ++
    [{"garbage first on the path", fun() -> write(file("a/hc" ++ get(ext)), <<"garbage">>), lay(hc_1), code(add_patha, [file("a")]), {code(load_file, [hc]), code(which, [hc])} end},
     {"a directory first on the path", fun() -> ok = filelib:ensure_dir(file("a/hc" ++ get(ext)) ++ "/x"), lay(hc_1), code(add_patha, [file("a")]), {code(load_file, [hc]), code(which, [hc]), version(hc)} end}].

%% ---- what becomes of processes

purge_cases() ->
    [{"purge without old code", fun() -> {code(purge, [hc]), load(hc_1), code(purge, [hc]), code(soft_purge, [hc]), code(soft_purge, [nothing]), state()} end},
     {"purge that kills nobody", fun() -> load(hc_1), load(hc_2), {state(), code(purge, [hc]), state()} end},
     {"soft_purge that finds nobody", fun() -> load(hc_1), load(hc_2), {code(soft_purge, [hc]), state()} end},
     {"purge kills who waits in old code", fun() -> load(hc_1), W = waiting(hc), load(hc_2), {code(purge, [hc]), ended(W), state()} end},
     {"soft_purge does not", fun() -> load(hc_1), W = waiting(hc), load(hc_2), S = code(soft_purge, [hc]), H = heard(W), St = state(), go(W), {S, H, St, ended(W), code(soft_purge, [hc])} end},
     {"purge spares who waits in current code", fun() -> load(hc_1), load(hc_2), W = waiting(hc), P = code(purge, [hc]), H = heard(W), go(W), {P, H, ended(W)} end},
     {"purge kills all of them", fun() -> load(hc_1), L = [waiting(hc) || _ <- lists:seq(1, 25)], load(hc_2), C = waiting(hc), P = code(purge, [hc]), {P, lists:usort([died(W) || W <- L]), heard(C), stop(C)} end},
     {"purge twice", fun() -> load(hc_1), W = waiting(hc), load(hc_2), {code(purge, [hc]), code(purge, [hc]), ended(W)} end},
     {"old code goes on when its message comes", fun() -> load(hc_1), W = waiting(hc), load(hc_2), go(W), {ended(W), version(hc)} end},
     {"a loop takes the new code at its next turn", fun() -> load(hc_1), W = spawn_monitor(get(node), hc, serve, [self()]), A = answers(W), load(hc_2),
         B = answers(W), C = answers(W), {A, B, C, code(purge, [hc]), answers(W), stop(W)} end},
     {"a loop that has not turned is killed", fun() -> load(hc_1), W = spawn_monitor(get(node), hc, serve, [self()]), A = answers(W), load(hc_2), {A, code(soft_purge, [hc]), code(purge, [hc]), ended(W)} end},
     {"a caller that waits in another module", fun() -> load(hc_1), load(hd_1), W = waiting(hc, calls), load(hc_2), {code(soft_purge, [hc]), code(soft_purge, [hd]), code(purge, [hd]), code(purge, [hc]), ended(W)} end},
     {"the called module is purged", fun() -> load(hc_1), load(hd_1), W = waiting(hc, calls), load(hd_2), {code(soft_purge, [hd]), code(soft_purge, [hc]), code(purge, [hd]), ended(W), version(hc)} end},
     {"the caller comes back to old code", fun() -> load(hc_1), load(hd_1), W = waiting(hc, calls), load(hd_2), load(hc_2), go(W), {ended(W), code(purge, [hc]), code(purge, [hd])} end},
     {"links hear killed", fun() -> load(hc_1), process_flag(trap_exit, true), P = spawn_link(get(node), hc, wait, [self()]), receive waiting -> ok end, load(hc_2),
         {code(purge, [hc]), receive {'EXIT', P, Why} -> Why after 3000 -> none end} end},
     {"check_process_code", fun() -> load(hc_1), {P, _} = W = waiting(hc), A = ask(erlang, check_process_code, [P, hc]), load(hc_2), B = ask(erlang, check_process_code, [P, hc]),
         C = ask(erlang, check_process_code, [P, hd]), code(purge, [hc]), ended(W), {A, B, C, ask(erlang, check_process_code, [P, hc])} end},
     {"a call during the purge", fun() -> load(hc_1), load(hc_2), L = [later(fun() -> version(hc) end) || _ <- lists:seq(1, 20)], code(purge, [hc]), lists:usort([answer(W) || W <- L]) end}].

server(State) -> {ok, P} = ask(gen_server, start, [hc, State, []]), P.
call(P, M) -> try gen_server:call(P, M, 3000) catch C:R -> {C, R} end.
watch(P) -> {P, monitor(process, P)}.
waiting_call(P) ->
    Self = self(),
    W = later(fun() -> call(P, {wait, Self}) end),
    receive waiting -> ok after 3000 -> exit(not_waiting) end,
    W.

server_cases() ->
    [{"the next call runs the new code with the old state", fun() -> load(hc_1), P = server(10), A = call(P, next), load(hc_2), {A, call(P, version), call(P, next), call(P, state)} end},
     {"an idle server survives purge", fun() -> load(hc_1), P = server(10), call(P, next), load(hc_2), {code(purge, [hc]), call(P, version), call(P, state)} end},
     {"an idle server does not hinder soft_purge", fun() -> load(hc_1), P = server(10), load(hc_2), {code(soft_purge, [hc]), call(P, version)} end},
     {"an idle server and load_binary", fun() -> load(hc_1), P = server(10), [{binary(B), call(P, next)} || B <- [hc_2, hc_3, hc_1]] end},
     {"a server that waits in an old callback is killed", fun() -> load(hc_1), P = server(10), W = watch(P), C = waiting_call(P), load(hc_2), {code(soft_purge, [hc]), code(purge, [hc]), answer(C), ended(W)} end},
     {"a server that waits in a callback ends it in old code", fun() -> load(hc_1), P = server(10), C = waiting_call(P), load(hc_2), P ! go, A = answer(C), {A, rest(), call(P, version)} end},
     {"a cast that waits", fun() -> load(hc_1), P = server(10), W = watch(P), gen_server:cast(P, {wait, self()}), receive waiting -> ok end, load(hc_2), {code(purge, [hc]), ended(W)} end},
     {"code_change", fun() -> load(hc_1), P = server(10), A = ask(sys, suspend, [P]), load(hc_2), {A, ask(sys, change_code, [P, hc, 1, extra]), ask(sys, resume, [P]), call(P, state)} end},
     {"code_change of a running server", fun() -> load(hc_1), P = server(10), {ask(sys, change_code, [P, hc, 1, extra]), call(P, state)} end},
     {"code_change of a suspended server after purge", fun() -> load(hc_1), P = server(10), ask(sys, suspend, [P]), load(hc_2), {code(purge, [hc]), ask(sys, change_code, [P, hc, 1, extra]), ask(sys, resume, [P]), call(P, state)} end},
     {"code_change without a new version", fun() -> load(hc_1), P = server(10), ask(sys, suspend, [P]), {ask(sys, change_code, [P, hc, undefined, []]), ask(sys, resume, [P]), call(P, state)} end},
     {"a server whose module is deleted and purged", fun() -> load(hc_1), P = server(10), W = watch(P), remove(hc), code(delete, [hc]), code(purge, [hc]), {element(1, call(P, version)), death(ended(W))} end},
     {"a server whose module is deleted, with a file on the path", fun() -> load(hc_1), P = server(10), lay(hc_2), code(delete, [hc]), code(purge, [hc]), {call(P, version), call(P, state), state()} end},
     {"a server whose module is deleted, not purged", fun() -> load(hc_1), P = server(10), lay(hc_2), code(delete, [hc]), {call(P, version), state()} end},
     {"a server is started by autoload", fun() -> lay(hc_1), P = server(10), {call(P, version), code(is_loaded, [hc])} end},
     {"a start without the module", fun() -> {error, {undef, [First | _]}} = ask(gen_server, start, [hc, 1, []]), tidy(First) end}].
%% Between the load and the call of one the other may delete.
is_undef({badrpc, {'EXIT', {undef, _}}}) -> true;
is_undef(_) -> false.
death({down, {Why, [First | _]}, _}) -> {Why, tidy(First)};
death(X) -> X.

delete_cases() ->
    [{"delete", fun() -> load(hc_1), {code(delete, [hc]), state(), version(hc), state()} end},
     {"delete twice", fun() -> load(hc_1), {code(delete, [hc]), code(delete, [hc]), state()} end},
     {"delete with old code", fun() -> load(hc_1), load(hc_2), {code(delete, [hc]), state(), version(hc)} end},
     {"delete of nothing", fun() -> {code(delete, [nothing]), code(delete, [hc])} end},
     {"delete and purge without a file", fun() -> load(hc_1), remove(hc), {code(delete, [hc]), code(purge, [hc]), version(hc), state()} end},
     {"delete and purge with a file", fun() -> load(hc_1), {code(delete, [hc]), code(purge, [hc]), version(hc), state()} end},
     {"delete without purge and without a file", fun() -> load(hc_1), remove(hc), {code(delete, [hc]), version(hc), state(), code(which, [hc])} end},
     {"delete, load, load", fun() -> load(hc_1), {code(delete, [hc]), load(hc_2), load(hc_3), version(hc), state()} end},
     {"delete, load, delete", fun() -> load(hc_1), {code(delete, [hc]), load(hc_2), code(delete, [hc]), state()} end},
     {"delete, ensure_loaded", fun() -> load(hc_1), {code(delete, [hc]), code(ensure_loaded, [hc]), code(purge, [hc])} end},
     {"who waits in deleted code", fun() -> load(hc_1), W = waiting(hc), D = code(delete, [hc]), H = heard(W), S = code(soft_purge, [hc]), {D, H, S, code(purge, [hc]), ended(W)} end},
     {"who goes on in deleted code", fun() -> load(hc_1), W = waiting(hc), code(delete, [hc]), go(W), ended(W) end},
     {"a loop in deleted code dies undef", fun() -> load(hc_1), W = spawn_monitor(get(node), hc, serve, [self()]), A = answers(W), remove(hc), code(delete, [hc]), B = answers(W), {A, B, death(ended(W))} end},
     {"a loop in deleted code loads the file", fun() -> load(hc_1), W = spawn_monitor(get(node), hc, serve, [self()]), A = answers(W), lay(hc_2), code(delete, [hc]), B = answers(W), C = answers(W), {A, B, C, stop(W), state()} end},
     {"delete while others call", fun() -> load(hc_1), L = [later(fun() -> [version(hc) || _ <- lists:seq(1, 20)] end) || _ <- lists:seq(1, 5)], [begin code(delete, [hc]), code(purge, [hc]) end || _ <- lists:seq(1, 10)], [V || V <- lists:usort(lists:append([answer(W) || W <- L])), V =/= 1, not is_undef(V)] end},
     {"spawn after delete", fun() -> load(hc_1), remove(hc), code(delete, [hc]), death(ended(spawn_monitor(get(node), hc, wait, [self()]))) end}].

%% ---- on_load

loading() -> until(fun() -> is_pid(ask(erlang, whereis, [loading])) end).
tell(Answer) -> loading(), ask(erlang, send, [loading, {answer, Answer}]), until(fun() -> ask(erlang, whereis, [loading]) =:= undefined end).

on_load_cases() ->
    [{"on_load " ++ atom_to_list(B), fun() -> {load(B), version(hl), code(is_loaded, [hl]), code(which, [hl]) =/= non_existing} end} || B <- [hl_ok, hl_no, hl_error_tuple, hl_raise, hl_exit, hl_throw, hl_own, hl_own_raises]] ++
    [{"on_load over a loaded module " ++ atom_to_list(B), fun() -> {load(hl_ok), load(B), version(hl) =:= 1, ask(erlang, check_old_code, [hl])} end} || B <- [hl_no, hl_raise, hl_exit, hl_own, hl_own_raises]] ++
    [{"load_binary, on_load " ++ atom_to_list(B), fun() -> {binary(hl_ok), binary(B), version(hl) =:= 1, ask(erlang, check_old_code, [hl]), code(is_loaded, [hl])} end} || B <- [hl_ok, hl_no, hl_raise]] ++
    [{"a call runs on_load " ++ atom_to_list(B), fun() -> lay(B), {version(hl), code(is_loaded, [hl])} end} || B <- [hl_ok, hl_no, hl_raise]] ++
    [{"ensure_loaded runs on_load " ++ atom_to_list(B), fun() -> lay(B), {code(ensure_loaded, [hl]), code(ensure_loaded, [hl])} end} || B <- [hl_ok, hl_no]] ++
    [{"on_load that calls another module", fun() -> lay(hc_1), {load(hl_other), code(is_loaded, [hc])} end},
     {"on_load that calls a missing module", fun() -> {load(hl_other), code(is_loaded, [hl])} end},
     {"on_load that waits", fun() -> lay(hl_ask), L = later(fun() -> code(load_file, [hl]) end), loading(), N = no_answer_yet(L), {N, code(is_loaded, [hl]), tell(ok), answer(L), version(hl)} end},
     {"on_load that waits and fails", fun() -> lay(hl_ask), L = later(fun() -> code(load_file, [hl]) end), {tell(no), answer(L), code(is_loaded, [hl])} end},
     {"others load meanwhile", fun() -> lay(hl_ask), lay(hc_1), L = later(fun() -> code(load_file, [hl]) end), loading(), {code(load_file, [hc]), version(hc), tell(ok), answer(L)} end},
     {"callers wait for on_load", fun() -> lay(hl_ask), L = [later(fun() -> version(hl) end) || _ <- lists:seq(1, 5)], loading(), N = no_answer_yet(hd(L)), {N, tell(ok), lists:usort([answer(X) || X <- L])} end},
     {"callers wait for an on_load that fails", fun() -> lay(hl_ask), L = later(fun() -> version(hl) end), {tell(no), answer(L)} end},
     {"ensure_loaded waits for on_load", fun() -> lay(hl_ask), L = [later(fun() -> code(ensure_loaded, [hl]) end) || _ <- lists:seq(1, 3)], loading(), N = [no_answer_yet(X) || X <- L], {N, tell(ok), [answer(X) || X <- L]} end},
     {"the former version serves meanwhile", fun() -> load(hl_ok), lay(hl_ask), L = later(fun() -> code(load_file, [hl]) end), loading(), V = version(hl), {V, ask(erlang, check_old_code, [hl]), tell(ok), answer(L), version(hl) =/= V, ask(erlang, check_old_code, [hl])} end},
     {"the former version serves after a failure", fun() -> load(hl_ok), lay(hl_ask), L = later(fun() -> code(load_file, [hl]) end), {tell(no), answer(L), version(hl), ask(erlang, check_old_code, [hl])} end},
     {"on_load is killed", fun() -> lay(hl_ask), L = later(fun() -> code(load_file, [hl]) end), loading(), ask(erlang, exit, [ask(erlang, whereis, [loading]), kill]), {answer(L), code(is_loaded, [hl])} end},
     {"atomic_load meanwhile", fun() -> lay(hl_ask), L = later(fun() -> code(load_file, [hl]) end), loading(), {code(atomic_load, [[{hl, "f", bytes(hl_ok)}]]), tell(ok), answer(L)} end},
     {"who waits in code with on_load", fun() -> load(hl_ok), W = waiting(hl), load(hl_own), {code(purge, [hl]), ended(W)} end}].

%% ---- several at once

together_cases() ->
    A = fun(L) -> code(atomic_load, [L]) end,
    B = fun(Built) -> {module(Built), file("given"), bytes(Built)} end,
    [{"atomic_load of files", fun() -> lay(hc_1), lay(hd_2), {A([hc, hd]), version(hc), version(hd), state()} end},
     {"atomic_load of binaries", fun() -> {A([B(hc_1), B(hd_2)]), version(hc), version(hd), state()} end},
     {"atomic_load of both", fun() -> lay(hd_1), {A([B(hc_1), hd]), version(hc), version(hd)} end},
     {"atomic_load of none", fun() -> A([]) end},
     {"atomic_load over loaded modules", fun() -> load(hc_1), load(hd_1), {A([B(hc_2), B(hd_2)]), version(hc), version(hd), state()} end},
     {"atomic_load with old code", fun() -> load(hc_1), load(hc_2), {A([B(hc_3), B(hd_2)]), version(hc), code(is_loaded, [hd])} end},
     {"atomic_load of a missing one", fun() -> {A([B(hc_1), nothing]), code(is_loaded, [hc])} end},
     {"atomic_load of garbage", fun() -> {A([B(hc_1), {hd, "f", <<"garbage">>}]), code(is_loaded, [hc])} end},
     {"atomic_load of a garbage file", fun() -> write(file("hd" ++ get(ext)), <<"garbage">>), {A([B(hc_1), hd]), code(is_loaded, [hc])} end},
     {"atomic_load under another name", fun() -> {A([{wrong, "f", bytes(hc_1)}]), code(is_loaded, [wrong])} end},
     {"atomic_load of one twice", fun() -> {A([B(hc_1), B(hc_2)]), A([hc, hc]), A([B(hc_1), hc, hc, hd, hd]), code(is_loaded, [hc])} end},
     {"atomic_load with on_load", fun() -> {A([B(hl_ok), B(hc_1)]), code(is_loaded, [hl]), code(is_loaded, [hc])} end},
     {"atomic_load of part of the node", fun() -> {A([{lists, "f", bytes(hc_1)}]), A([lists])} end},
     {"atomic_load of odd things", fun() -> [A(X) || X <- [[1], [{hc, f, <<>>}], [{hc, "f", "f"}], [{hc, "f"}], [{"hc", "f", <<>>}], ["hc"]]] end},
     {"atomic_load does not purge", fun() -> load(hc_1), W = waiting(hc), R = A([B(hc_2)]), {R, heard(W), A([B(hc_3)]), code(purge, [hc]), ended(W)} end},
     {"prepare_loading", fun() -> R = code(prepare_loading, [[B(hc_1)]]), {element(1, R), element(1, element(2, R)), code(is_loaded, [hc])} end},
     {"prepare_loading of nothing", fun() -> {code(prepare_loading, [[nothing]]), code(prepare_loading, [[hc, hc]]), code(prepare_loading, [[{hc, "f", <<"garbage">>}]]), code(prepare_loading, [[B(hl_ok)]])} end},
     {"prepare_loading of odd things", fun() -> [code(prepare_loading, [X]) || X <- [[1], [{hc}]]] end},
     {"finish_loading of odd things", fun() -> [code(finish_loading, [X]) || X <- [1, {a, []}, {'$prepared$', 1}, {'$prepared$', [1]}, {'$prepared$', [{hc, {make_ref(), "f", undefined}}]}]] end}].

%% ---- the code path

ours() -> [D || D <- code(get_path, []), lists:prefix(get(live), D)].
dir(Name) -> D = file(Name), ok = filelib:ensure_dir(D ++ "/x"), D.

path_cases() ->
    Forms = [add_path, add_pathz, add_patha],
    [{atom_to_list(F), fun() -> D = dir("a"), {code(F, [D]), ours(), code(F, [D]), ours()} end} || F <- Forms] ++
    [{atom_to_list(F) ++ " of one that is there", fun() -> code(add_pathz, [dir("a")]), code(add_pathz, [dir("b")]), {code(F, [file("a")]), code(F, [file("b")]), ours()} end} || F <- Forms] ++
    [{atom_to_list(F) ++ " of no directory", fun() -> write(file("plain"), <<>>), {code(F, ["/nowhere"]), code(F, [file("plain")]), code(F, [""]), code(F, [[a]]), ours()} end} || F <- Forms] ++
    [{atom_to_list(F) ++ " with slashes", fun() -> dir("a"), {code(F, [file("a") ++ "/"]), code(F, [file("") ++ "/a//"]), code(F, [file("./a")]), ours()} end} || F <- Forms] ++
    [{atom_to_list(F) ++ " by " ++ W, fun() -> dir("a"), {code(F, [X(file("a"))]), ours()} end} || F <- Forms, {W, X} <- [{"a binary", fun list_to_binary/1}, {"an atom", fun list_to_atom/1}, {"a deep list", fun(D) -> [D] end}]] ++
    [{atom_to_list(F), fun() -> {code(F, [[dir("a"), dir("b"), "/nowhere", dir("c")]]), ours()} end} || F <- [add_paths, add_pathsz, add_pathsa]] ++
    [{atom_to_list(F) ++ " of odd things", fun() -> dir("a"), {code(F, [[]]), code(F, [[1, file("a"), {b}]]), code(F, [file("a")]), ours()} end} || F <- [add_paths, add_pathsz, add_pathsa]] ++
    [{"del_path", fun() -> code(add_pathz, [dir("a")]), {code(del_path, [file("a")]), ours(), code(del_path, [file("a")]), code(del_path, ["/nowhere"])} end},
     {"del_path by name", fun() -> code(add_pathz, [dir("lib/foo-1.2/ebin")]), code(add_pathz, [dir("bar")]), {code(del_path, [foo]), code(del_path, [bar]), ours(), code(del_path, [foo])} end},
     {"del_path by name in a list", fun() -> code(add_pathz, [dir("lib/foo-1.2/ebin")]), {code(del_path, ["foo"]), ours()} end},
     {"del_path with a slash", fun() -> code(add_pathz, [dir("a")]), {code(del_path, [file("a/")]), ours()} end},
     {"del_path of odd things", fun() -> [code(del_path, [X]) || X <- [[[]], ""]] end},
     {"set_path", fun() -> P = code(get_path, []), R = code(set_path, [[dir("x"), dir("y") | P]]), {R, ours(), code(set_path, [P]), ours()} end},
     {"set_path of no directory", fun() -> P = code(get_path, []), {code(set_path, [["/nowhere" | P]]), code(set_path, [[1 | P]]), code(set_path, [[[a] | P]]), ours()} end},
     {"set_path with atoms", fun() -> P = code(get_path, []), {code(set_path, [[list_to_atom(dir("x")), dir("y") ++ "/" | P]]), ours()} end},
     {"replace_path", fun() -> code(add_pathz, [dir("lib/foo-1/ebin")]), code(add_pathz, [dir("z")]), {code(replace_path, [foo, dir("lib/foo-2/ebin")]), ours()} end},
     {"replace_path of none", fun() -> {code(replace_path, [foo, dir("lib/foo-2/ebin")]), ours()} end},
     {"replace_path by another name", fun() -> code(add_pathz, [dir("lib/foo-1/ebin")]), {code(replace_path, [foo, dir("lib/bar-2/ebin")]), code(replace_path, ["foo", dir("lib/foo-3/ebin")]), ours()} end},
     {"replace_path of odd things", fun() -> [code(replace_path, [N, D]) || {N, D} <- [{foo, "/nowhere/foo-1/ebin"}, {foo, ""}, {"", "/tmp"}, {foo, 'foo'}]] end},
     {"lib_dir of a name", fun() -> code(add_pathz, [dir("lib/foo-1.2/ebin")]), {code(lib_dir, [foo]), code(lib_dir, ["foo"]), code(lib_dir, [foo, src]), code(priv_dir, [foo]), code(lib_dir, [nothing]), code(priv_dir, [nothing]), code(lib_dir, [nothing, src])} end},
     {"lib_dir of a folder without ebin", fun() -> code(add_pathz, [dir("bar")]), {code(lib_dir, [bar]), code(priv_dir, [bar])} end},
     {"lib_dir of two versions", fun() -> code(add_pathz, [dir("lib/foo-1/ebin")]), code(add_patha, [dir("lib/foo-2/ebin")]), A = code(lib_dir, [foo]), {A, code(del_path, [file("lib/foo-2/ebin")]), code(lib_dir, [foo])} end},
     {"lib_dir and root_dir", fun() -> {is_list(code(root_dir, [])), is_list(code(lib_dir, [])), code(lib_dir, []) =:= code(root_dir, []) ++ "/lib", is_list(code(compiler_dir, []))} end},
     {"the first on the path wins", fun() -> lay(hc_1), lay(hc_2, dir("a") ++ "/hc" ++ get(ext)), A = code(which, [hc]), code(add_patha, [file("a")]), {A, code(which, [hc]), version(hc), state()} end},
     {"the last on the path", fun() -> lay(hc_2, dir("a") ++ "/hc" ++ get(ext)), {version(hc), code(add_pathz, [file("a")]), version(hc)} end},
     {"a directory is taken away", fun() -> load(hc_1), code(del_path, [get(live)]), {version(hc), state(), code(load_file, [hc]), code(module_status, [hc]), code(get_object_code, [hc]), code(delete, [hc]), version(hc), code(which, [hc])} end},
     {"a directory vanishes", fun() -> lay(hc_1, dir("a") ++ "/hc" ++ get(ext)), code(add_patha, [file("a")]), A = version(hc), os:cmd("rm -r " ++ file("a")), {A, ours(), code(load_file, [hc]), version(hc), code(module_status, [hc]), lay(hc_2), code(load_file, [hc]), version(hc)} end},
     {"a directory comes back", fun() -> code(add_patha, [dir("a")]), os:cmd("rm -r " ++ file("a")), A = version(hc), lay(hc_1, dir("a") ++ "/hc" ++ get(ext)), {A, version(hc)} end},
     {"a file is added", fun() -> A = version(hc), lay(hc_1), {A, version(hc)} end}].

file_cases() ->
    [{"which", fun() -> lay(hc_1), {code(which, [hc]), code(which, [nothing]), load(hc_1), code(which, [hc]), code(which, [erlang])} end},
     {"where_is_file", fun() -> lay(hc_1), write(file("readme.txt"), <<"x">>), {code(where_is_file, ["hc" ++ get(ext)]), code(where_is_file, ["readme.txt"]), code(where_is_file, ["nothing"]), code(where_is_file, [""]), code(where_is_file, ["../" ++ filename:basename(get(live))])} end},
     {"where_is_file of a path", fun() -> lay(hc_1), {code(where_is_file, [[dir("a"), get(live)], "hc" ++ get(ext)]), code(where_is_file, [[], "hc"]), code(where_is_file, [["/nowhere"], "hc"]), code(where_is_file, [[{"/d", ["hc"]}], "hc"])} end},
     {"module_status", fun() -> S = fun() -> code(module_status, [hc]) end, A = S(), lay(hc_1), B = S(), load(hc_1), C = S(), lay(hc_2), D = S(), remove(hc), E = S(), write(file("hc" ++ get(ext)), <<"garbage">>), {A, B, C, D, E, S()} end},
     {"module_status after cp of the same", fun() -> load(hc_1), lay(hc_1), code(module_status, [hc]) end},
     {"module_status of several", fun() -> load(hc_1), {code(module_status, [[hc, hd]]), code(module_status, [[]]), lists:member({hc, loaded}, code(module_status, []))} end},
     {"module_status of part of the node", fun() -> {code(module_status, [erlang]), code(module_status, [nothing])} end},
     {"module_status after load_binary", fun() -> binary(hc_1), A = code(module_status, [hc]), lay(hc_1), B = code(module_status, [hc]), lay(hc_2), {A, B, code(module_status, [hc])} end},
     {"module_status after load_abs", fun() -> code(load_abs, [stock(hc_1)]), code(module_status, [hc]) end},
     {"module_status of a copy earlier on the path", fun() -> load(hc_1), lay(hc_2, dir("a") ++ "/hc" ++ get(ext)), code(add_patha, [file("a")]), code(module_status, [hc]) end},
     {"modified_modules", fun() -> M = fun() -> [X || X <- code(modified_modules, []), lists:member(X, modules())] end, load(hc_1), load(hd_1), A = M(), lay(hc_2), B = M(), lay(hd_2), C = lists:sort(M()), code(load_file, [hc]), D = M(), remove(hd), {A, B, C, D, M()} end},
     {"all_loaded", fun() -> L = fun() -> lists:sort([X || {M, _} = X <- code(all_loaded, []), lists:member(M, modules())]) end, A = L(), load(hc_1), load(hd_1), B = L(), code(delete, [hd]), {A, B, L()} end},
     {"all_available", fun() -> L = fun() -> [X || {M, _, _} = X <- code(all_available, []), lists:member(list_to_atom(M), modules())] end, A = L(), load(hc_1), lay(hd_1), write(file("hl.txt"), <<>>), B = L(), remove(hd), {A, B, L()} end},
     {"all_available is sorted", fun() -> L = code(all_available, []), [M || {M, _, _} <- L] =:= lists:sort([M || {M, _, _} <- L]) end},
     {"clash", fun() -> lay(hc_1), lay(hc_2, dir("a") ++ "/hc" ++ get(ext)), code(set_path, [[get(live), file("a")]]), code(clash, []) end},
     {"clash without one", fun() -> lay(hc_1), code(set_path, [[get(live)]]), code(clash, []) end},
     {"clash with a directory gone", fun() -> dir("a"), code(set_path, [[get(live), file("a")]]), os:cmd("rm -r " ++ file("a")), code(clash, []) end},
     {"module_md5", fun() -> B = bytes(hc_1), A = code(module_md5, [B]), load(hc_1), {byte_size(A), A =:= ask(hc, module_info, [md5]), code(module_md5, [<<"garbage">>]), code(module_md5, [<<>>])} end},
     {"objfile_extension", fun() -> code(objfile_extension, []) =:= get(ext) end},
     {"get_mode", fun() -> code(get_mode, []) end},
     {"get_doc and get_chunk", fun() -> load(hc_1), {code(get_doc, [nothing]), code(get_doc, [hc])} end}].

sticky_cases() ->
    [{"part of the node", fun() -> {code(load_file, [lists]), code(is_sticky, [lists]), code(is_sticky, [nothing])} end},
     {"stick_mod", fun() -> load(hc_1), {code(is_sticky, [hc]), code(stick_mod, [hc]), code(is_sticky, [hc]), load(hc_2), binary(hc_2), version(hc), code(unstick_mod, [hc]), code(is_sticky, [hc]), load(hc_2), version(hc)} end},
     {"stick_mod of what is not loaded", fun() -> {code(stick_mod, [hc]), code(is_sticky, [hc]), load(hc_1), code(is_sticky, [hc]), load(hc_2), code(unstick_mod, [hc]), code(unstick_mod, [hc])} end},
     {"stick_mod and delete", fun() -> load(hc_1), code(stick_mod, [hc]), {code(delete, [hc]), code(is_sticky, [hc]), load(hc_2), version(hc)} end},
     {"stick_mod and atomic_load", fun() -> load(hc_1), code(stick_mod, [hc]), {code(atomic_load, [[{hc, "f", bytes(hc_2)}, {hd, "f", bytes(hd_1)}]]), code(is_loaded, [hd])} end},
     {"stick_dir", fun() -> load(hc_1), lay(hd_1), {code(stick_dir, [get(live)]), code(is_sticky, [hc]), code(is_sticky, [hd]), load(hd_1), code(is_sticky, [hd]), load(hc_2), code(unstick_dir, [get(live)]), code(is_sticky, [hc]), load(hc_2)} end},
     {"stick_dir of nothing", fun() -> {code(stick_dir, ["/nowhere"]), code(unstick_dir, ["/nowhere"]), code(stick_dir, [""])} end}].

%% ---- what modules say about themselves

info_cases() ->
    I = fun(K) -> ask(hc, module_info, [K]) end,
    Keys = fun(L) -> [K || {K, _} <- L] end,
    Ours = fun(L) -> lists:sort([X || {F, _} = X <- L, lists:member(F, [version, wait, serve, calls, boom, init, handle_call, handle_cast, code_change, module_info])]) end,
    [{"module_info/1", fun() -> load(hc_1), {I(module), I(attributes), Ours(I(exports)), Keys(I(compile)), byte_size(I(md5)), I(nifs), is_list(I(functions))} end},
     {"module_info/0", fun() -> load(hc_1), L = ask(hc, module_info, []), {Keys(L), [X || {K, _} = X <- L, K =:= module orelse K =:= attributes]} end},
     {"module_info of odd keys", fun() -> load(hc_1), [I(K) || K <- [nothing, 1, "module", {a}, imports]] end},
     {"module_info native", fun() -> load(hc_1), I(native) end},
     {"module_info loads", fun() -> lay(hc_2), {I(attributes), state()} end},
     {"module_info of the new version", fun() -> load(hc_1), A = I(attributes), load(hc_2), {A, I(attributes)} end},
     {"module_info of nothing", fun() -> ask(nothing, module_info, [exports]) end},
     {"the source is a file", fun() -> load(hc_1), {source, S} = lists:keyfind(source, 1, I(compile)), {filename:basename(filename:rootname(S)), is_list(element(2, lists:keyfind(version, 1, I(compile)))), is_list(element(2, lists:keyfind(options, 1, I(compile))))} end},
     {"get_module_info", fun() -> load(hc_1), {ask(erlang, get_module_info, [hc, attributes]), ask(erlang, get_module_info, [hc, module]), Keys(ask(erlang, get_module_info, [hc])), ask(erlang, get_module_info, [nothing]), ask(erlang, get_module_info, [nothing, module]), ask(erlang, get_module_info, [hc, nothing]), ask(erlang, get_module_info, ["hc"])} end},
     {"many ask at once", fun() -> load(hc_1), load(hd_2), L = [later(fun() -> [{ask(M, module_info, [module]), ask(M, module_info, [attributes])} || _ <- lists:seq(1, 20)] end) || M <- [hc, hd, hc, hd]], [lists:usort(answer(X)) || X <- L] end}].

erlang_cases() ->
    E = fun(F, A) -> ask(erlang, F, A) end,
    [{"module_loaded", fun() -> A = E(module_loaded, [hc]), load(hc_1), B = E(module_loaded, [hc]), code(delete, [hc]), {A, B, E(module_loaded, [hc]), E(module_loaded, [erlang]), E(module_loaded, ["hc"])} end},
     {"function_exported", fun() -> lay(hc_1), A = E(function_exported, [hc, version, 0]), load(hc_1), {A, [E(function_exported, [hc, F, N]) || {F, N} <- [{version, 0}, {version, 1}, {nothing, 0}, {module_info, 0}, {module_info, 1}]], E(function_exported, [hc, version, -1]), E(function_exported, [hc, version, a]), E(function_exported, [hc, version, 256])} end},
     {"check_old_code", fun() -> A = E(check_old_code, [hc]), load(hc_1), B = E(check_old_code, [hc]), load(hc_2), C = E(check_old_code, [hc]), code(purge, [hc]), {A, B, C, E(check_old_code, [hc]), E(check_old_code, ["hc"])} end},
     {"delete_module", fun() -> A = E(delete_module, [hc]), load(hc_1), B = E(delete_module, [hc]), C = E(delete_module, [hc]), load(hc_2), {A, B, C, E(delete_module, [hc]), E(delete_module, ["hc"])} end},
     {"purge_module", fun() -> A = E(purge_module, [hc]), load(hc_1), B = E(purge_module, [hc]), load(hc_2), {A, B, E(purge_module, [hc]), E(purge_module, [hc]), E(purge_module, ["hc"])} end},
     {"purge_module kills", fun() -> load(hc_1), W = waiting(hc), load(hc_2), {E(purge_module, [hc]), ended(W)} end},
     {"loaded", fun() -> A = lists:member(hc, E(loaded, [])), load(hc_1), B = lists:member(hc, E(loaded, [])), code(delete, [hc]), {A, B, lists:member(hc, E(loaded, []))} end},
     {"pre_loaded", fun() -> load(hc_1), L = E(pre_loaded, []), {lists:member(erlang, L), lists:member(hc, L)} end},
     {"check_process_code with options", fun() -> load(hc_1), {P, _} = W = waiting(hc), load(hc_2), {E(check_process_code, [P, hc, []]), E(check_process_code, [P, hc, [{allow_gc, false}]]), E(check_process_code, [P, hc, [{allow_gc, true}]]), E(check_process_code, [P, hc, [{async, x}]]), stop(W)} end},
     {"check_process_code of odd things", fun() -> {P, _} = W = begin load(hc_1), waiting(hc) end, {[E(check_process_code, A) || A <- [[self(), hc], [1, hc], [P, "hc"], [P, hc, x], [P, hc, [x]], [P, hc, [{allow_gc, 1}]], [P, hc, [{async}]], [P, hc, [{x, y}]]]], stop(W)} end}].

%% ---- the shells' commands

shell_cases() ->
    C = fun(F, A) -> ask(c, F, A) end,
    [{"l", fun() -> lay(hc_1), A = C(l, [hc]), lay(hc_2), B = C(l, [hc]), lay(hc_3), {A, B, C(l, [hc]), C(l, [hc]), version(hc), C(l, [nothing]), C(l, [lists]), C(l, ["hc"])} end},
     {"l kills who waits in old code", fun() -> load(hc_1), W = waiting(hc), lay(hc_2), A = C(l, [hc]), H = heard(W), {A, H, C(l, [hc]), ended(W)} end},
     {"l of garbage", fun() -> load(hc_1), write(file("hc" ++ get(ext)), <<"garbage">>), {C(l, [hc]), version(hc)} end},
     {"mm and lm", fun() -> load(hc_1), load(hd_1), lay(hc_2), {[M || M <- C(mm, []), lists:member(M, modules())], C(lm, []), version(hc), version(hd), C(lm, [])} end},
     {"nl", fun() -> lay(hc_1), R = C(nl, [hc]), {R, until(fun() -> code(is_loaded, [hc]) =/= false end), version(hc), code(is_loaded, [hc])} end},
     {"nl of nothing", fun() -> C(nl, [nothing]) end},
     {"m/1", fun() -> load(hc_1), {lines(fun() -> C(m, [hc]) end, ["Module:", "Object file:", "Exports:", "  "]), C(m, [nothing]), C(m, ["hc"])} end},
     {"m/0", fun() -> load(hc_1), lines(fun() -> C(m, []) end, ["Module", "hc"]) end}].

%% What F answers, and of what it prints the lines that begin so.
lines(F, Starts) ->
    {R, Text} = alike:under_leader(F, 8000),
    {R, [L || L <- string:split(Text, "\n", all), lists:any(fun(S) -> lists:prefix(S, L) end, Starts)]}.

%% As IEx.Helpers does it from its own node: the code and the file come from there.
elixir_cases() ->
    X = fun(F, A) -> ask('Elixir.Code', F, A) end,
    [{"IEx.Helpers.nl", fun() -> N = get(node), {[erpc:call(N, code, load_binary, [hc, stock(B), bytes(B)]) || B <- [hc_1, hc_2, hc_3]], version(hc), code(is_loaded, [hc])} end},
     {"ensure_loaded", fun() -> lay(hc_1), {X('ensure_loaded', [hc]), X('ensure_loaded', [nothing]), X('ensure_loaded?', [hc]), X('ensure_loaded?', [nothing]), X('ensure_loaded!', [hc])} end},
     {"ensure_loaded!", fun() -> X('ensure_loaded!', [nothing]) end},
     {"ensure_compiled", fun() -> lay(hc_1), {X('ensure_compiled', [hc]), X('ensure_compiled', [nothing]), X('ensure_compiled!', [hc])} end},
     {"ensure_compiled!", fun() -> X('ensure_compiled!', [nothing]) end},
     {"append_path", fun() -> {X(append_path, [dir("a")]), X(append_path, [list_to_binary(dir("b"))]), ours(), X(append_path, [<<"/nowhere">>])} end},
     {"prepend_path", fun() -> {X(prepend_path, [dir("a")]), X(prepend_path, [list_to_binary(dir("b"))]), ours(), X(prepend_path, [<<"/nowhere">>])} end},
     {"delete_path", fun() -> X(append_path, [dir("a")]), {X(delete_path, [list_to_binary(file("a"))]), ours(), X(delete_path, [<<"/nowhere">>])} end},
     {"paths are made absolute", fun() -> {X(append_path, [list_to_binary(dir("a/b") ++ "/../../a")]), ours(), X(delete_path, [list_to_binary(file("a/../a/"))]), ours()} end},
     {"purge_compiler_modules", fun() -> X(purge_compiler_modules, []) end},
     {"can_await_module_compilation?", fun() -> X('can_await_module_compilation?', []) end}].

%% ---- each function with what it is not made for

odd_cases() ->
    Odd = [{"an integer", 1}, {"a list", "abc"}, {"a binary", <<"abc">>}, {"a tuple", {abc}}, {"a float", 1.5}, {"a pid", self()}, {"an atom", nothing}, {"a map", #{}}],
    Bin = <<"garbage">>,
    Functions = [{load_file, [nothing]}, {load_abs, [nothing]}, {load_abs, [nothing, nothing]}, {load_binary, [nothing, "f", Bin]}, {delete, [nothing]}, {purge, [nothing]}, {soft_purge, [nothing]},
                 {is_loaded, [nothing]}, {which, [nothing]}, {ensure_loaded, [nothing]}, {ensure_modules_loaded, [[]]}, {get_object_code, [nothing]},
                 {is_sticky, [nothing]}, {stick_mod, [nothing]}, {unstick_mod, [nothing]}, {stick_dir, ["/nowhere"]}, {unstick_dir, ["/nowhere"]}, {module_md5, [Bin]},
                 {add_path, ["/nowhere"]}, {add_patha, ["/nowhere"]}, {add_pathz, ["/nowhere"]}, {add_paths, [[]]}, {add_pathsa, [[]]}, {add_pathsz, [[]]},
                 {del_path, ["/nowhere"]}, {replace_path, [nothing, "/nowhere"]}, {lib_dir, [nothing]}, {lib_dir, [nothing, nothing]}, {priv_dir, [nothing]},
                 {where_is_file, ["nothing"]}, {finish_loading, [nothing]}, {get_doc, [nothing]}, {prepare_loading, [[]]}, {atomic_load, [[]]}, {nothing, [1]}, {load_file, []}, {load_file, [nothing, nothing]}],
    [{io_lib:format("~s/~w with ~s as argument ~w", [F, length(Good), What, I]), fun() -> code(F, replaced(I, X, Good)) end}
     || {F, Good} <- Functions, I <- lists:seq(1, length(Good)), {What, X} <- Odd, not lists:member({F, What}, [{prepare_loading, "an atom"}])].
replaced(1, X, [_ | T]) -> [X | T];
replaced(N, X, [H | T]) -> [H | replaced(N - 1, X, T)].
