#!/bin/bash
# BEAM nodes and shells of other releases: OTP 27 with Elixir 1.18 and OTP 29 with Elixir 1.20, in folders made from Debian trixie and sid,
# which share this machine's loopback and epmd.
#
# Run, as ./check does before all tests, it makes the folders in $CNODE_PEERS (/var/cache/cnode/peers); a line with SKIPPED says what could
# not be made, and why. Sourced after lib.sh, by stories, it only uses what is there; a line with SKIPPED says what is not.
#   releases                    otp25, which is this machine's own, and those at hand
#   inside[RELEASE]             what stands before a command that is that release's: ${inside[otp27]} erl ...
#   take_along RELEASE PATH...  puts files of $work under the same path there, until the story ends
#   start_peer RELEASE NAME [erl arguments]    a BEAM node NAME@localhost, as start_beam of lib.sh
peers_root=${CNODE_PEERS:-/var/cache/cnode/peers}
declare -A folders=([otp27]=$peers_root/trixie [otp29]=$peers_root/sid) inside=([otp25]="")

# make_folder RELEASE: prints why not, when it fails.
make_folder() {
  local dir=${folders[$1]}
  local suite=${dir##*/}
  [ ! -e "$dir/.complete" ] || return 0
  [ "$(id -u)" -eq 0 ] || { echo "its folder $dir takes root"; return 1; }
  command -v debootstrap >/dev/null 2>&1 || { echo "debootstrap is not installed"; return 1; }
  rm -rf "$dir"
  timeout 900 debootstrap --variant=minbase --include=erlang-base,elixir "$suite" "$dir" >"$dir.log" 2>&1 ||
    { echo "debootstrap $suite fails ($dir.log): $(tail -n 1 "$dir.log")"; return 1; }
  rm -rf "$dir"/var/cache/apt/archives/*.deb
  chroot "$dir" /bin/sh -c 'command -v erl && command -v iex' >/dev/null 2>&1 || { echo "no erl and iex in $dir"; return 1; }
  grep -qs localhost "$dir/etc/hosts" || echo "127.0.0.1 localhost" >>"$dir/etc/hosts"
  touch "$dir/.complete"
}
if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  if mkdir -p "$peers_root" 2>/dev/null && exec 9>"$peers_root/.lock" 2>/dev/null; then flock 9; fi  # two checks at once make them once
  for release in otp27 otp29; do
    why=$(make_folder "$release") || echo "SKIPPED: ${release^^} and what is tested with it: $why"
  done
  exit 0
fi

releases=(otp25)
for release in otp27 otp29; do
  if [ "$(id -u)" -eq 0 ] && [ -e "${folders[$release]}/.complete" ]; then
    releases+=("$release")
    inside[$release]="env HOME=/tmp chroot ${folders[$release]}"
  else
    echo "SKIPPED: ${release^^}: root, and a folder ${folders[$release]} made by integration/peers.sh, are not here"
  fi
done
unset release
at_hand() { [ -n "${inside[$1]+it is}" ]; }

take_along() {
  local dir=${folders[$1]:-} path; shift
  [ -n "$dir" ] || return 0
  for path; do mkdir -p "$dir$(dirname "$path")" && cp -r "$path" "$dir$path" || fail "$path does not come along into $dir"; done
}
at_end 'for p in "${releases[@]:1}"; do rm -rf "${folders[$p]}$work"; done'

start_peer() { within=${inside[$1]} start_beam "${@:2}"; }
