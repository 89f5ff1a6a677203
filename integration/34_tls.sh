#!/bin/bash
# Connections over TLS: with BEAM nodes of OTP 25, 27 and 29 in both directions, of either version, while keys change; and what is refused, with
# the line in the log that says why. The certificates are made here.
. "$(dirname "$0")/lib.sh"
. "$here/peers.sh"
needs_modules mirror
command -v openssl >/dev/null || skip "openssl is not installed"
erl -noshell -eval 'halt(case code:which(ssl) of non_existing -> 1; _ -> 0 end).' || skip "erl has no ssl (Debian: erlang-ssl)"
erlang "$work" tls
mb=${SANITIZED:+4}; : "${mb:=64}"  # a build with sanitizers takes its time

certs=$work/certs  # also in the other releases' folders: the files name each other by whole paths
mkdir "$certs"
cd "$certs" || exit 1

authority() { openssl req -x509 -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.pem" -days 2 -subj "/CN=$1" 2>/dev/null || fail "openssl req"; }
# certificate NAME AUTHORITY [HOST [DAYS]]
certificate() {
  openssl req -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=$1" 2>/dev/null &&
    openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -CAcreateserial -out "$1.pem" -extfile <(echo "subjectAltName=DNS:${3:-localhost}") \
      -days "${4:-2}" 2>/dev/null || fail "openssl x509 for $1"
}
# optfile NAME CERTIFICATE AUTHORITY [more options of both sides]
optfile() {
  local own="{certfile, \"$certs/$2.pem\"}, {keyfile, \"$certs/$2.key\"}, " more=${4:+, $4}
  echo "[{server, [${own}{cacertfile, \"$certs/$3.pem\"}, {verify, verify_peer}, {fail_if_no_peer_cert, true}$more]},
 {client, [${2:+$own}{cacertfile, \"$certs/$3.pem\"}, {verify, verify_peer}$more]}]." >"$1.conf"
}
authority ca; authority other
certificate node ca
certificate stranger other
certificate elsewhere ca elsewhere
certificate expired ca localhost 0    # over by the time it is shown
optfile good node ca "{secure_renegotiate, true}"
optfile wrong_ca stranger ca          # shows a certificate that the others do not know
optfile late expired ca
optfile elsewhere elsewhere ca
optfile mistrusts node other          # does not know the others' authority
optfile mismatch node ca
sed -i 's/node.key/other.key/' mismatch.conf
optfile old node ca "{versions, ['tlsv1.2']}, {renegotiate_at, 50}"      # for BEAM nodes: an option that is OTP's own
optfile new node ca "{versions, ['tlsv1.3']}, {key_update_at, 1000000}"
echo "[{server, [{certfile, \"$certs/node.pem\"}, {keyfile, \"$certs/node.key\"}]}, {client, [{verify, verify_none}]}]." >bare.conf

tls=(--proto-dist inet_tls --ssl-dist-optfile)
# tls_beam FILE NAME: a BEAM node behind TLS. tls_eval FILE EXPRESSIONS: erl_eval behind TLS, hidden.
beam_options() { echo -connect_all false -proto_dist inet_tls -ssl_dist_optfile "$certs/$1.conf"; }  # to be alone with whom it is told to call
tls_beam() { start_beam "$2" $(beam_options "$1"); }
tls_eval() {
  timeout 120 erl -noshell -hidden -proto_dist inet_tls -ssl_dist_optfile "$certs/$1.conf" -sname "eval$$_$RANDOM@localhost" -setcookie "$cookie" \
    -kernel logger_level critical -eval "$2, halt(0)." 2>&1
}
has() { wait_for "grep -qF -- '$2' '$work/$1.log'" "in the log of $1: $2"; echo "ok: $1 says: $2"; }

start_node cpp "${tls[@]}" "$certs/good.conf" --pa "$STORY_MODULES" --load mirror
cpp=$node_pid
# exchange NAME FILE: a BEAM node and this one find each other from either side.
exchange() {
  local name=$1 file=$2
  # A BEAM node that has only just registered may not have its ssl yet.
  wait_for "[ \"\$(tls_eval good \"io:write(rpc:call('cpp@localhost', net_kernel, connect_node, ['$name@localhost']))\")\" = true ]" "$name to be called"
  echo "ok: $name: this node calls"
  got=$(tls_eval "$file" "{ok, Code} = file:read_file(\"$work/tls.beam\"), {module, tls} = rpc:call('$name@localhost', code, load_binary, [tls, \"tls.beam\", Code]),
    true = lists:member('cpp@localhost', rpc:call('$name@localhost', erlang, nodes, [])),
    io:write([rpc:call('$name@localhost', tls, run, ['cpp@localhost', $mb]),
      rpc:call('$name@localhost', erlang, disconnect_node, ['cpp@localhost']), rpc:call('$name@localhost', tls, run, ['cpp@localhost', 1])])")
  expect "$name: terms, $mb MB and many calls, whoever called" "$got" '[ok,true,ok]'
}
tls_beam good otp25; exchange otp25 good
tls_beam old otp25_old; exchange otp25_old good
tls_beam new otp25_new; exchange otp25_new new
for release in "${releases[@]:1}"; do
  take_along "$release" "$certs"
  start_peer "$release" "$release" $(beam_options good)
  exchange "$release" good
  start_peer "$release" "${release}_new" $(beam_options new)
  exchange "${release}_new" new
done
# Two of ours, keys of TLS 1.3 changed at every megabyte.
optfile often node ca "{key_update_at, 1000000}"
start_node cpp2 "${tls[@]}" "$certs/often.conf"
expect "this node calls one of its kind" "$(tls_eval good "io:write(rpc:call('cpp2@localhost', net_kernel, connect_node, ['cpp@localhost']))")" true
expect "which says so" "$(tls_eval good "io:write(lists:member('cpp2@localhost', rpc:call('cpp@localhost', erlang, nodes, [])))")" true

# ---- the program's own verbs
verb() { "$CNODE" "$1" cpp2@localhost --cookie "$cookie" "${@:2}" 2>"$work/verb.err"; }
expect "cnode ping" "$(verb ping "${tls[@]}" "$certs/good.conf")" pong
expect "cnode call" "$(verb call "${tls[@]}" "$certs/good.conf" lists reverse '[[1, "two", {3}]]')" '[{3},"two",1]'
expect "cnode ping without TLS" "$(verb ping)" pang
expect "cnode ping of a node that is not trusted" "$(verb ping "${tls[@]}" "$certs/mistrusts.conf")" pang
grep -qF "TLS: the certificate /CN=node is not accepted" "$work/verb.err" || fail "cnode ping says: $(cat "$work/verb.err")"
verb stop "${tls[@]}" "$certs/good.conf" || fail "cnode stop: $(cat "$work/verb.err")"

# ---- refused at the door
expect "a certificate of another authority" "$(tls_eval wrong_ca "io:write(net_adm:ping('cpp@localhost'))")" pang
has cpp "rejected: TLS: the certificate /CN=stranger is not accepted: unable to get local issuer certificate"
expect "an expired certificate" "$(tls_eval late "io:write(net_adm:ping('cpp@localhost'))")" pang
has cpp "rejected: TLS: the certificate /CN=expired is not accepted: certificate has expired"
expect "no certificate at all" "$(tls_eval bare "io:write(net_adm:ping('cpp@localhost'))")" pang
has cpp "rejected: TLS: the peer shows no certificate, which {fail_if_no_peer_cert, true} demands"
expect "a peer that mistrusts ours" "$(tls_eval mistrusts "io:write(net_adm:ping('cpp@localhost'))")" pang
has cpp "rejected: TLS: the peer refuses the handshake with the alert \"unknown CA\""
expect "plain TCP" "$(erl_eval "io:write(net_adm:ping('cpp@localhost'))")" pang
has cpp "rejected: TLS: the peer does not speak TLS (erl needs -proto_dist inet_tls)"
start_node plain
expect "TLS at a plain door" "$(tls_eval good "io:write(net_adm:ping('plain@localhost'))")" pang
has plain "rejected: TLS: the peer speaks it, this node does not (--proto-dist inet_tls)"
# ---- refused when we call
call_from() { expect "$1 refuses $2" "$(tls_eval bare "io:write(rpc:call('$1@localhost', net_kernel, connect_node, ['$2@localhost']))")" false; }
optfile_open() {  # lets anybody in, is particular about whom it calls
  echo "[{server, [{certfile, \"$certs/node.pem\"}, {keyfile, \"$certs/node.key\"}]}, {client, [{cacertfile, \"$certs/$2.pem\"}]}]." >"$1.conf"
}
optfile_open caller ca
start_node caller "${tls[@]}" "$certs/caller.conf"
tls_beam wrong_ca beam_stranger; call_from caller beam_stranger
has caller "no connection to node beam_stranger@localhost: TLS: the certificate /CN=stranger is not accepted"
tls_beam late beam_late; call_from caller beam_late
has caller "no connection to node beam_late@localhost: TLS: the certificate /CN=expired is not accepted: certificate has expired"
tls_beam elsewhere beam_elsewhere; call_from caller beam_elsewhere
has caller "TLS: the certificate /CN=elsewhere is not accepted: it is not for the host localhost"
call_from caller otp25
has caller "no connection to node otp25@localhost: TLS: the peer refuses"
start_beam beam_plain; call_from caller beam_plain
has caller "no connection to node beam_plain@localhost: TLS: no answer within 7000 ms; does the peer speak TLS?"
call_from caller plain
has caller "no connection to node plain@localhost: TLS: the peer ended the connection without a word of TLS"
expect "everybody else is served all the while" "$(tls_eval good "io:write(net_adm:ping('cpp@localhost'))")" pong

# ---- refused at the start
refused() { expect "$1" "$("$CNODE" start --sname "refused@localhost" --cookie "$cookie" "${@:3}" 2>&1; echo "status $?")" "cnode: $2
status 1"; }
refused "a key that is not the certificate's" "--ssl-dist-optfile: $certs/mismatch.conf: server: keyfile $certs/other.key: the key does not match the certificate in $certs/node.pem" \
  "${tls[@]}" "$certs/mismatch.conf"
refused "no file" "--ssl-dist-optfile: $certs/none.conf: No such file or directory" "${tls[@]}" "$certs/none.conf"
refused "an option that is not known" "--ssl-dist-optfile: $certs/old.conf: server: the option renegotiate_at is not supported here" "${tls[@]}" "$certs/old.conf"
refused "TLS without a file" "--proto-dist inet_tls needs --ssl-dist-optfile FILE: where the certificates are" --proto-dist inet_tls
kill -0 "$cpp" || fail "the node has died"
