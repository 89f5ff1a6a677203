# Sourced by ./demo and ./check: installs what is missing on a Debian machine.
#   need COMMAND-OR-FILE PACKAGE ...   pairs; installs the packages whose command (or file) is not there

need() {
  local missing=()
  while [ $# -gt 0 ]; do
    case $1 in
      /*) compgen -G "$1" >/dev/null || missing+=("$2") ;;
      *) command -v "$1" >/dev/null 2>&1 || missing+=("$2") ;;
    esac
    shift 2
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 || {
      echo "these packages are missing and you are not root: ${missing[*]}" >&2
      echo "install them, for example: apt-get install ${missing[*]}" >&2
      return 1
    }
    as_root=(sudo)
  fi
  echo "installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  "${as_root[@]}" apt-get update -q >/dev/null || { echo "apt-get update failed" >&2; return 1; }
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" >/dev/null ||
    { echo "apt-get could not install: ${missing[*]}" >&2; return 1; }
}

# What builds and runs the node, and an iex to talk to it.
need_to_build() {
  local boost=libboost1.81-dev
  [ "$(. /etc/os-release && echo "${VERSION_ID:-12}")" = 12 ] || boost=libboost-dev
  need g++ g++ cmake cmake ninja ninja-build make make \
    /usr/include/boost/asio.hpp $boost /usr/include/CLI/CLI.hpp libcli11-dev /usr/include/zlib.h zlib1g-dev /usr/include/openssl/sha.h libssl-dev \
    /usr/include/spdlog/spdlog.h libspdlog-dev /usr/include/archive.h libarchive-dev /usr/include/pcre2.h libpcre2-dev /usr/include/ei.h erlang-dev erl erlang-base iex elixir
}
