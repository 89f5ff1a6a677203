#!/bin/bash
# Applications in C++ and in Erlang, asked the same by the same driver: loading, environment, starting, failing, processes, ends, phases,
# dependencies, changes. What both nodes answer is compared line by line. Then what a start of the program promises: --app, --config, a
# permanent application's end, an orderly stop.
. "$(dirname "$0")/lib.sh"
. "$here/differences.sh"
apps=$STORY_MODULES/applications
needs_modules applications/app_cb applications/app_worker
erlang "$work/beam" applications/app_cb applications/app_worker
erlang "$work/driver" applications/differ_applications
mkdir "$work/disk"
cp "$here"/modules/applications/*.app "$work/disk"

# ---- as on BEAM
start_node cpp --pa "$apps" --pa "$work/disk"
start_beam beam -pa "$work/beam" -pa "$work/disk" -eval "{ok, _} = application:ensure_all_started(elixir)."
question() { echo "differ_applications:run('$1@localhost')"; }
equal_answers applications 300

# ---- an application that the program starts with
call() { "$CNODE" call "$@" --cookie "$cookie"; }
hot=$EXAMPLES/hotcode/v1
start_node hot --pa "$hot" --app hotcode
expect "--app starts the application and what it needs" "$(call hot@localhost application which_applications | grep -c '{hotcode,"demo","0.1.0"}')" 1
expect "its server answers" "$(call hot@localhost demo_server add_money '[400000]')" '<<"400000 added to blackode">>'
expect "it is permanent" "$(call hot@localhost application info | grep -o '{hotcode,permanent}')" '{hotcode,permanent}'
# OTP's own functions, asked from a BEAM node about this one's supervision tree
expect "OTP finds the supervisor" "$(erl_eval "M = rpc:call('hot@localhost', application_controller, get_master, [hotcode]),
  {Sup, Mod} = application_master:get_child(M), [{demo, P, worker, [demo_server]}] = supervisor:which_children(Sup), io:format(\"~p ~p\", [Mod, lists:sort(maps:to_list(sys:get_state(P)))])")" \
  'hotcode_app [{money,700000},{name,<<"blackode">>}]'

# ---- the end of a permanent application is the end of the node, with erl's words
erl_eval "N = 'hot@localhost', rpc:call(N, erlang, exit, [rpc:call(N, erlang, whereis, [hotcode_sup]), kill])" >/dev/null
wait_for "! kill -0 $node_pid 2>/dev/null" "the node's end"
wait "$node_pid"; expect "its exit status" $? 1
grep -q 'Kernel pid terminated (application_controller) ({application_terminated,hotcode,killed})' "$work/hot.log" || fail "no word about the end: $(tail -5 "$work/hot.log")"
echo "ok: a permanent application's end is the node's"

# ---- a transient one's failure at start, a missing file, a bad option: status and words
says() { # WHAT PATTERN [options]
  local what=$1 pattern=$2; shift 2
  timeout 60 "$CNODE" start --sname "x$RANDOM@localhost" --cookie "$cookie" "$@" >"$work/says.log" 2>&1
  [ $? -eq 1 ] || fail "$what: wrong status"
  grep -qE "$pattern" "$work/says.log" || fail "$what: $(cat "$work/says.log")"
  echo "ok: $what"
}
printf '{application, failing, [{applications, [kernel, stdlib]}, {mod, {app_cb, {return, {error, out_of_luck}}}}]}.\n' >"$work/disk/failing.app"
printf '{application, needing, [{applications, [kernel, stdlib, not_there]}]}.\n' >"$work/disk/needing.app"
says "an application that does not start" '^cnode: --app failing: .*out_of_luck' --pa "$apps" --pa "$work/disk" --app failing
says "an application that is not there" '^cnode: --app nothing: nothing.app: no such file or directory' --app nothing
says "an application that needs one that is not there" '^cnode: --app needing: .*not_there.app' --pa "$work/disk" --app needing
says "a broken .app file" '^cnode: --app broken: broken.app: 1: ' --pa "$work/disk" --app broken
says "a type that there is not" '^cnode: --app one:sometimes: write NAME or NAME:permanent' --app one:sometimes

# ---- sys.config with another file, over the .app file's own
mkdir -p "$work/etc"
printf '{application, configured, [{vsn, "1"}, {applications, [kernel, stdlib]}, {env, [{a, app}, {b, app}, {c, app}]}]}.\n' >"$work/disk/configured.app"
printf '[{configured, [{b, sys}, {c, sys}]}, "more"].\n' >"$work/etc/sys.config"
printf '%% further\n[{configured, [{c, more}]}, {other, [{x, 1}]}].\n' >"$work/etc/more.config"
start_node conf --pa "$work/disk" --config "$work/etc/sys.config" --app configured:temporary
got=''
for k in a b c; do got="$got $(call conf@localhost application get_env "[configured, $k]")"; done
expect "sys.config, and what it includes, comes over the .app file" "${got# }" '{ok,app} {ok,sys} {ok,more}'
beam_conf=$(timeout 60 erl -noshell -pa "$work/disk" -config "$work/etc/sys" -eval 'ok = application:load(configured), [io:format("~p ", [application:get_env(configured, K)]) || K <- [a, b, c]], halt().')
expect "as on BEAM" "${got# }" "${beam_conf% }"
printf '["missing"].\n' >"$work/etc/lacking.config"; mkdir -p "$work/etc2"; printf '["missing"].\n' >"$work/etc2/sys.config"
says "a config file that names one that is not there" 'missing.config: No such file' --config "$work/etc2/sys.config"
printf '[{a, [{k, 1}, {k, 2}]}].\n' >"$work/etc2/twice.config"
says "a parameter twice" 'twice.config: application: a; duplicate parameter: k' --config "$work/etc2/twice.config"

# ---- an orderly stop: the last one started first, each by its supervisor
printf '{application, first, [{applications, [kernel, stdlib]}, {mod, {app_cb, sup}}]}.\n' >"$work/disk/first.app"
start_node order --pa "$hot" --pa "$apps" --pa "$work/disk" --app first --app hotcode
timeout 60 erl -noshell -sname "watch$$@localhost" -setcookie "$cookie" -eval "
  Names = maps:from_list([{monitor(process, {N, 'order@localhost'}), N} || N <- [app_worker, demo_server]]),
  [_, _] = [gen_server:call({N, 'order@localhost'}, Q) || {N, Q} <- [{app_worker, {apply, erlang, node, []}}, {demo_server, {add, 1}}]],
  io:format(\"watching~n\"),
  [receive {'DOWN', R, process, _, Why} -> io:format(\"~p ~p~n\", [maps:get(R, Names), Why]) end || _ <- [1, 2]], halt()." >"$work/watch.log" 2>&1 &
watcher=$!; pids+=("$watcher")
wait_for "grep -q watching '$work/watch.log'" "the watcher" "$watcher"
kill -TERM "$node_pid"
wait "$node_pid"; expect "the status after SIGTERM" $? 0
wait "$watcher"
expect "applications stop with the node, the last one started first" "$(tail -2 "$work/watch.log" | tr '\n' ' ')" 'demo_server shutdown app_worker shutdown '
