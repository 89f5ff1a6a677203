%% What a process does towards other nodes, step by step. The twin in C++ is outward.cpp: both run the same steps, which differ_outward.erl
%% writes, and the answers are compared.
-module(outward).
-export([run/1, whereis_name/1, send/2, give/1, waits/0]).
-export([call/2, call/3, cast/2, send_request/2, receive_response/2, wait_response/2, check_response/2, multi_call/4, abcast/3, stop/3]).
-export([rpc_call/5, rpc_block_call/5, rpc_multicall/5, rpc_cast/4, async_call/4, yield/1, nb_yield/2]).
-export([erpc_call/5, erpc_multicall/5, erpc_cast/4, erpc_multicast/4, erpc_send_request/4, erpc_receive_response/2, erpc_wait_response/2, erpc_check_response/2]).
-export([node_list/0, node_list/1, watch_node/2, watch_nodes/2, spawn_at/4, spawn_link_at/4, spawn_monitor_at/4, request/5, abandon/1, connect/1, ping_node/1]).
-export([send_with/3, later/3, timer/3, timer_left/1, watch/1, watch/2, unwatch/1, new_alias/1, end_it/2]).

%% A step is {M, F, Args}, {next, Ms} (the next message), {sorted, N, Ms} (N messages, order apart) {take, Tag, Ms} (a message whose first
%% element is Tag) or {about, Tag, Node, Ms} (one whose second is Node). {'$', I} in Args is the I-th answer, {'$', I, J} element J of it. The answers, in order.
run(Steps) -> run(Steps, []).
run([], Done) -> lists:reverse(Done);
run([{next, Ms} | Rest], Done) -> run(Rest, [receive M -> M after Ms -> nothing end | Done]);
run([{take, Tag, Ms} | Rest], Done) -> run(Rest, [receive M when element(1, M) =:= Tag -> M after Ms -> nothing end | Done]);
run([{about, Tag, N, Ms} | Rest], Done) -> run(Rest, [receive M when element(1, M) =:= Tag, element(2, M) =:= N -> M after Ms -> nothing end | Done]);
run([{sorted, N, Ms} | Rest], Done) -> run(Rest, [{set, [receive M -> M after Ms -> nothing end || _ <- lists:seq(1, N)]} | Done]);
run([{M, F, A} | Rest], Done) ->
    Answer = try apply(M, F, fill(A, Done)) of V -> V catch C:R -> {raised, C, R} end,
    run(Rest, [Answer | Done]).

fill({'$', I}, Done) -> lists:nth(length(Done) - I + 1, Done);
fill({'$', I, J}, Done) -> element(J, lists:nth(length(Done) - I + 1, Done));
fill(T, Done) when is_tuple(T) -> list_to_tuple(fill(tuple_to_list(T), Done));
fill([H | T], Done) -> [fill(H, Done) | fill(T, Done)];
fill(T, _) -> T.

%% A registry for {via, outward, Name}: {pid, P} is P, {name, N} whoever is registered so, anything else nobody.
whereis_name({pid, P}) -> P;
whereis_name({name, N}) -> whereis(N);
whereis_name({bad, R}) -> error(R);
whereis_name(_) -> undefined.
send(Name, Message) ->
    case whereis_name(Name) of
        P when is_pid(P) -> P ! Message, P;
        undefined -> exit({badarg, {Name, Message}})
    end.
give(X) -> X.
waits() -> receive never -> ok end.

call(S, R) -> gen_server:call(S, R).
call(S, R, T) -> gen_server:call(S, R, T).
cast(S, R) -> gen_server:cast(S, R).
send_request(S, R) -> gen_server:send_request(S, R).
receive_response(R, T) -> gen_server:receive_response(R, T).
wait_response(R, T) -> gen_server:wait_response(R, T).
check_response(M, R) -> gen_server:check_response(M, R).
multi_call(Ns, N, R, T) -> gen_server:multi_call(Ns, N, R, T).
abcast(Ns, N, R) -> gen_server:abcast(Ns, N, R), ok.
stop(S, R, T) -> gen_server:stop(S, R, T).

rpc_call(N, M, F, A, T) -> rpc:call(N, M, F, A, T).
rpc_block_call(N, M, F, A, T) -> rpc:block_call(N, M, F, A, T).
rpc_multicall(Ns, M, F, A, T) -> rpc:multicall(Ns, M, F, A, T).
rpc_cast(N, M, F, A) -> rpc:cast(N, M, F, A), ok.
async_call(N, M, F, A) -> rpc:async_call(N, M, F, A).
yield(K) -> rpc:yield(K).
nb_yield(K, T) -> rpc:nb_yield(K, T).

erpc_call(N, M, F, A, T) -> erpc:call(N, M, F, A, T).
erpc_multicall(Ns, M, F, A, T) -> erpc:multicall(Ns, M, F, A, T).
erpc_cast(N, M, F, A) -> erpc:cast(N, M, F, A).
erpc_multicast(Ns, M, F, A) -> erpc:multicast(Ns, M, F, A).
erpc_send_request(N, M, F, A) -> erpc:send_request(N, M, F, A).
erpc_receive_response(R, T) -> erpc:receive_response(R, T).
erpc_wait_response(R, T) -> erpc:wait_response(R, T).
erpc_check_response(M, R) -> erpc:check_response(M, R).

node_list() -> nodes().
node_list(K) -> nodes(K).
watch_node(N, B) -> monitor_node(N, B), ok.
watch_nodes(B, O) -> net_kernel:monitor_nodes(B, O).
spawn_at(N, M, F, A) -> spawn(N, M, F, A).
spawn_link_at(N, M, F, A) -> spawn_link(N, M, F, A).
spawn_monitor_at(N, M, F, A) -> spawn_monitor(N, M, F, A).
request(N, M, F, A, O) -> spawn_request(N, M, F, A, O).
abandon(R) -> spawn_request_abandon(R).
connect(N) -> net_kernel:connect_node(N).
ping_node(N) -> net_adm:ping(N) =:= pong.
send_with(P, M, O) -> erlang:send(P, M, O).
later(T, P, M) -> erlang:send_after(T, P, M).
timer(T, P, M) -> erlang:start_timer(T, P, M).
timer_left(R) -> case erlang:read_timer(R) of false -> nil; T -> T end.
watch(P) -> monitor(process, P).
watch(P, O) -> monitor(process, P, O).
unwatch(R) -> demonitor(R, [flush, info]).
new_alias(O) -> alias(O).
end_it(P, R) -> exit(P, R), ok.
