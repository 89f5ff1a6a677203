#include <cnode/protocol/errc.hpp>
#include <cnode/protocol/result.hpp>

namespace cnode {

std::string_view message(errc e) {
  switch (e) {
    case errc::ok: return "no error";
    case errc::truncated: return "the bytes end before the term does";
    case errc::bad_version: return "a stand-alone term must begin with 131";
    case errc::bad_tag: return "a tag that does not exist or may not stand here";
    case errc::bad_atom: return "an atom must be UTF-8 of at most 255 characters";
    case errc::atom_table_full: return "the node's bound on atoms is reached";
    case errc::bad_float: return "a float must be finite";
    case errc::bad_bit_count: return "the last byte of a bit string must hold 1 to 8 bits";
    case errc::bad_pid: return "a pid, port or reference with an impossible field";
    case errc::bad_fun: return "a fun whose size and fields disagree";
    case errc::duplicate_key: return "a map names a key twice";
    case errc::compressed: return "a compressed term where none is allowed, or a damaged one";
    case errc::too_large: return "over a limit";
    case errc::trailing_bytes: return "bytes behind a stand-alone term";
    case errc::cache_miss: return "an atom cache reference to an empty slot";
    case errc::syntax: return "not a term in Erlang syntax";
    case errc::bad_handshake_message: return "a handshake message that is unknown, truncated or out of order";
    case errc::bad_name: return "a node name must be name@host";
    case errc::bad_status: return "a handshake status that is unknown or says no";
    case errc::not_allowed: return "the connection is not allowed";
    case errc::bad_cookie: return "the cookies differ";
    case errc::bad_control: return "a control message with an unknown operation or a wrong field";
    case errc::bad_frame: return "a frame whose type or header cannot be";
    case errc::bad_epmd_message: return "an epmd message that is unknown or malformed";
    case errc::unsupported: return "the peer cannot take this";
  }
  return "an unknown error";
}

namespace {
std::string_view name(errc e) {
  switch (e) {
    case errc::ok: return "ok";
    case errc::truncated: return "truncated";
    case errc::bad_version: return "bad_version";
    case errc::bad_tag: return "bad_tag";
    case errc::bad_atom: return "bad_atom";
    case errc::atom_table_full: return "atom_table_full";
    case errc::bad_float: return "bad_float";
    case errc::bad_bit_count: return "bad_bit_count";
    case errc::bad_pid: return "bad_pid";
    case errc::bad_fun: return "bad_fun";
    case errc::duplicate_key: return "duplicate_key";
    case errc::compressed: return "compressed";
    case errc::too_large: return "too_large";
    case errc::trailing_bytes: return "trailing_bytes";
    case errc::cache_miss: return "cache_miss";
    case errc::syntax: return "syntax";
    case errc::bad_handshake_message: return "bad_handshake_message";
    case errc::bad_name: return "bad_name";
    case errc::bad_status: return "bad_status";
    case errc::not_allowed: return "not_allowed";
    case errc::bad_cookie: return "bad_cookie";
    case errc::bad_control: return "bad_control";
    case errc::bad_frame: return "bad_frame";
    case errc::bad_epmd_message: return "bad_epmd_message";
    case errc::unsupported: return "unsupported";
  }
  return "unknown";
}
}  // namespace

std::string to_string(const failure& f) {
  std::string s{name(f.code)};
  s += ": ";
  s += message(f.code);
  if (!f.detail.empty()) {
    s += ", ";
    s += f.detail;
  }
  return s;
}

}  // namespace cnode
