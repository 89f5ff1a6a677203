# Sourced after lib.sh: shells and nodes of other OTP releases, in folders made by debootstrap.
#   peer_dir trixie|sid    prints the folder (OTP 27 / Elixir 1.18, OTP 29 / Elixir 1.20), makes it when that is possible; fails otherwise
peers_root=${CNODE_PEERS:-/var/cache/cnode/peers}

peer_dir() {
  local suite=$1 dir=$peers_root/$1
  if [ ! -e "$dir/.complete" ]; then
    [ "$(id -u)" -eq 0 ] && command -v debootstrap >/dev/null 2>&1 || return 1
    mkdir -p "$peers_root" || return 1
    exec 9>"$peers_root/.lock"
    flock 9
    if [ ! -e "$dir/.complete" ]; then
      rm -rf "$dir"
      debootstrap --variant=minbase --include=erlang-base,elixir "$suite" "$dir" >"$peers_root/$suite.log" 2>&1 || { exec 9>&-; return 1; }
      rm -rf "$dir"/var/cache/apt/archives/*.deb
      touch "$dir/.complete"
    fi
    exec 9>&-
  fi
  chroot "$dir" /bin/sh -c 'command -v erl && command -v iex' >/dev/null 2>&1 || return 1
  # The folders share the loopback and epmd; they need a locale and the name localhost.
  grep -q localhost "$dir/etc/hosts" 2>/dev/null || echo "127.0.0.1 localhost" >>"$dir/etc/hosts"
  echo "$dir"
}

# start_peer DIR NAME [erl arguments]: a BEAM node NAME@localhost of that folder's release.
start_peer() {
  local dir=$1 name=$2; shift 2
  env HOME=/tmp chroot "$dir" erl -noinput -sname "$name@localhost" -setcookie "$cookie" "$@" >"$work/$name.log" 2>&1 &
  pids+=($!)
  wait_for "epmd -port $ERL_EPMD_PORT -names | grep -q 'name $name '" "BEAM node $name"
}
