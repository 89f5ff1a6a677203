%% Asks release_handler of a node that runs the release shop 1 below Root, whose version 2 lies beside it, and prints what it answers, what is on
%% disk and what the processes are: from a BEAM node and ours the same.
-module(differ_releases).
-export([run/2]).

run(Node, Root) ->
  put(node, Node),
  put(root, Root),
  pong = net_adm:ping(Node),
  boot("1", "releases/1/start.boot"),
  boot("2", "start.boot"),
  now_is(start),
  unpacked(), files(), creating(), scripts(), applications(), low_level(), installing(), removed().

%% ---- what a release needs to be known
unpacked() ->
  [ask(set_unpacked, [File, Libs]) || {File, Libs} <-
    [{root("releases/none.rel"), []}, {rel("syntax", "{release, "), []}, {rel("two", "a. b."), []}, {rel("other", "{release, x}."), []},
     {root("releases/shop-2.rel"), [{shop, "2", "/nowhere"}]}, {root("releases/shop-2.rel"), [{shop, "2", root("releases/shop-2.rel")}]},
     {root("releases/shop-2.rel"), [{till, "2", "/nowhere"}]}, {"releases/shop-2.rel", []}, {root("releases/shop-1.rel"), []}]],
  on_disk().

files() ->
  [ask(install_file, [V, F]) || {V, F} <- [{"9", root("relup")}, {"2", root("none")}, {"2", root("lib")}, {"2", not_a_string}]],
  say(relup, filelib:is_file(root("releases/2/relup"))),
  ask(install_file, ["2", root("start.boot")]),
  ask(install_file, ["2", root("relup")]),
  {ok, Installed} = file:read_file(root("releases/2/relup")),
  {ok, Given} = file:read_file(root("relup")),
  say(relup, Installed =:= Given),
  ask(install_file, ["2", root("sys.config")]),
  ask(check_install_release, ["2"]),
  ask(check_install_release, ["2", [purge]]),
  ask(check_install_release, ["2", [other]]),
  ask(check_install_release, ["1"]).

removed() ->
  [ask(set_removed, [V]) || V <- ["9", "1", "2", "2"]],
  on_disk(),
  say(files_stay, {filelib:is_dir(root("lib/shop-2")), filelib:is_file(root("releases/2/relup"))}).

creating() ->
  ok = filelib:ensure_dir(root("made/releases/x")),
  ok = filelib:ensure_dir(root("made/other/x")),
  Rel = root("releases/shop-2.rel"),
  Made = root("made"),
  [begin
     ask(create_RELEASES, A),
     [begin say(made, {F, file:consult(root(F))}), file:delete(root(F)) end || F <- ["made/releases/RELEASES", "made/other/RELEASES"], filelib:is_file(root(F))]
   end || A <- [[Made, Rel], [[Made, Rel]], [[Made, Rel, {shop, "2", root("lib")}]], [Made, root("made/other"), Rel, [{shop, "2", root("lib")}]],
                [root("made/other"), Rel, []], [root("made/other"), Rel, [{shop, "2", root("lib")}]],
                [Made, root("none.rel")], [Made, root("made/other"), Rel, [{shop, "2", "/nowhere"}]]]].

%% ---- an application by its appup
scripts() ->
  [ask(upgrade_script, A) || A <- [[nosuch, root("lib/shop-2")], [shop, root("lib/none")], [shop, root("lib/shop-1")], [shop, root("lib/shop-2")]]],
  [ask(downgrade_script, A) || A <- [[nosuch, "1", root("lib/shop-1")], [shop, "1", root("lib/shop-1")]]],
  appup("none", "{\"3\", [{\"0.1\", []}], []}."),
  appup("broken", "{\"3\", "),
  appup("bad", "{\"3\", [{\"1\", [{dance, till}]}], []}."),
  appup("noapp", "{\"3\", [{\"1\", []}], []}."),
  [begin ask(upgrade_script, [shop, root("made/" ++ D)]), ask(upgrade_app, [shop, root("made/" ++ D)]) end || D <- ["none", "bad", "noapp"]],
  say(broken, element(1, rpc:call(get(node), release_handler, upgrade_app, [shop, root("made/broken")]))).

applications() ->
  [ask(upgrade_app, A) || A <- [[nosuch, root("lib/shop-2")], [shop, root("lib/none")]]],
  [ask(downgrade_app, A) || A <- [[shop, root("lib/shop")], [shop, root("lib/shop-1-2")], [nosuch, root("lib/shop-1")], [shop, "0", root("lib/shop-1")]]],
  now_is(before),
  [begin
     ask(upgrade_app, [shop, root("lib/shop-2")]),
     now_is({up, Round}),
     ask(upgrade_app, [shop, root("lib/shop-2")]),
     ask(downgrade_app, Down),
     now_is({down, Round})
   end || {Round, Down} <- [{1, [shop, root("lib/shop-1")]}, {2, [shop, "1", root("lib/shop-1")]}]].

low_level() ->
  Eval = fun(Script) -> ask(eval_appup_script, [shop, "2", root("lib/shop-2"), Script]) end,
  Load = {load_object_code, {shop, "2", [till]}},
  [Eval(S) || S <- [[{load_object_code, {shop, "9", [till]}}, point_of_no_return],
                    [{load_object_code, {shop, "2", [none]}}, point_of_no_return], [Load, point_of_no_return, {dance, till}]]],
  now_is(refused),
  ask(eval_appup_script, [shop, "2", root("lib/none"), []]),
  Eval([]),
  now_is(nothing),
  Eval([Load, point_of_no_return, {suspend, [till]}, {load, {till, brutal_purge, soft_purge}}, {code_change, up, [{till, low}]}, {resume, [till]}]),
  now_is(one_module),
  ask(eval_appup_script, [shop, "1", root("lib/shop-1"), [{load_object_code, {shop, "1", [till]}}, point_of_no_return, {suspend, [{till, infinity}]},
    {code_change, down, [{till, low}]}, {load, {till, brutal_purge, brutal_purge}}, {resume, [till]}]]),
  now_is(and_back),
  Eval([{stop, [till]}, {start, [till]}]),
  now_is(stopped_and_started).

%% ---- the whole release
installing() ->
  ask(install_release, ["2", [{suspend_timeout, 4000}]]),
  now_is(installed),
  on_disk(),
  ask(install_release, ["2"]),
  ask(set_removed, ["1"]),
  ask(make_permanent, ["2"]),
  on_disk(),
  ask(install_release, ["1"]),
  now_is(back),
  ask(make_permanent, ["1"]),
  on_disk().

%% ---- what there is
now_is(When) ->
  Pids = pids(),
  say(When, {processes, changed(Pids)}),
  say(When, {applications, lists:keyfind(shop, 1, at(application, which_applications, [])), lists:sort(at(application, get_all_env, [shop]))}),
  say(When, {children, [setelement(2, C, is_pid(element(2, C))) || C <- at(supervisor, which_children, [shop_sup])]}),
  say(When, {specifications, [at(supervisor, get_childspec, [shop_sup, Id]) || {Id, _} <- Pids]}),
  Flags = sys:get_state({shop_sup, get(node)}),
  say(When, {flags, [element(I, Flags) || I <- [3, 6, 7, 10, 11]]}),
  say(When, {states, [{Id, sys:get_state(P)} || {Id, P} <- Pids]}),
  say(When, {told, [proplists:get_value(told, element(2, at(erlang, process_info, [P, dictionary]))) || {_, P} <- Pids]}),
  Door = proplists:get_value(door, Pids),
  say(When, {answers, [gen_server:call(P, version) || {Id, P} <- Pids, Id =:= till orelse Id =:= till2], gen_server:call({till, get(node)}, {pay, 5}),
             gen_statem:call(Door, knock), gen_statem:cast(Door, shut), gen_statem:call(Door, visits),
             gen_event:sync_notify({bells, get(node)}, rung), gen_event:call({bells, get(node)}, tally, seen)}),
  say(When, {files, [filename:rootname(at(code, which, [M])) || M <- [shop, till, door, tally]], at(code, lib_dir, [shop])}).

pids() -> [{Id, P} || {Id, P, _, _} <- lists:reverse(at(supervisor, which_children, [shop_sup])), is_pid(P)].

%% Who is not the process he was.
changed(Pids) ->
  Before = case get(pids) of undefined -> Pids; B -> B end,
  put(pids, Pids),
  {[Id || {Id, P} <- Pids, proplists:get_value(Id, Before) =/= P], [Id || {Id, _} <- Before, not lists:keymember(Id, 1, Pids)]}.

on_disk() ->
  say(releases, at(release_handler, which_releases, [])),
  say(on_disk, file:consult(root("releases/RELEASES"))),
  {ok, Start} = file:read_file(root("releases/start_erl.data")),
  say(on_disk, string:trim(Start)),
  say(on_disk, lists:sort(filelib:wildcard("*", root("releases")))).

%% ---- how it is asked and said
ask(F, A) -> say({F, A}, at(release_handler, F, A)).
%% A stack trace and a pid are of the node.
at(M, F, A) ->
  case rpc:call(get(node), M, F, A) of
    {badrpc, {'EXIT', {Why, [_ | _]}}} -> {raised, Why};
    Other -> Other
  end.
say(What, Value) ->
  Line = string:replace(io_lib:format("~0tp: ~0tp", [What, Value]), get(root), "ROOT", all),
  io:put_chars([string:replace(Line, ".beam\"", ".so\"", all), "\n"]).
root(File) -> filename:join(get(root), File).
%% What a BEAM node reads the applications of a release from.
boot(Vsn, File) ->
  {ok, [App]} = file:consult(root("lib/shop-" ++ Vsn ++ "/ebin/shop.app")),
  write(File, term_to_binary({script, {"shop", Vsn}, [{apply, {application, load, [App]}}]})).
rel(Name, Text) -> write("made/" ++ Name ++ ".rel", Text).
appup(Name, Text) -> write("made/" ++ Name ++ "/ebin/shop.appup", Text).
write(Name, Text) ->
  ok = filelib:ensure_dir(root(Name)),
  ok = file:write_file(root(Name), Text),
  root(Name).
