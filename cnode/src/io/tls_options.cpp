#include "tls_options.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string_view>

#include <cnode/protocol/atom_table.hpp>
#include <cnode/protocol/block.hpp>
#include <cnode/protocol/term_text.hpp>

namespace cnode::node {
namespace {

using text = std::string_view;
constexpr std::size_t shown = 60;  // of a value, in an error

// Each reads one value into the role; what it returns says what the value must be, and is empty when it is well.
using reader = std::string (*)(tls_role&, term);
enum class section { both, server, client };
struct known_option {
  text name;
  section where;
  reader read;
};

bool boolean(term value, bool& out) {
  out = value.same(atom("true"));
  return out || value.same(atom("false"));
}

template <bool tls_role::*Member>
std::string flag(tls_role& role, term value) {
  return boolean(value, role.*Member) ? "" : "must be true or false";
}

std::string read_string(term value, std::string& out) {
  out.clear();
  const bool is_string = (value.is_binary() || list_length(value) >= 0) && chardata_to_string(value, out);
  if (!is_string) return "must be a string";
  return out.find('\0') == out.npos ? "" : "must not hold the character 0";
}

template <std::string tls_role::*Member>
std::string string(tls_role& role, term value) {
  return read_string(value, role.*Member);
}

template <std::string tls_key_pair::*Member>
std::string of_first_key(tls_role& role, term value) {
  if (role.keys.empty()) role.keys.emplace_back();
  return read_string(value, role.keys.front().*Member);
}

template <std::uint64_t Least, std::uint64_t Most, class Number, Number tls_role::*Member>
std::string number(tls_role& role, term value) {
  std::uint64_t n = 0;
  if (!to_uint64(value, n) || n < Least || n > Most)
    return "must be a number from " + std::to_string(Least) + " to " + std::to_string(Most);
  role.*Member = static_cast<Number>(n);
  return {};
}

std::string verify(tls_role& role, term value) {
  role.verify_peer = value.same(atom("verify_peer"));
  return role.verify_peer || value.same(atom("verify_none")) ? "" : "must be verify_peer or verify_none";
}

std::string certs_keys(tls_role& role, term value) {
  constexpr text must = "must be a list of maps like #{certfile => \"cert.pem\", keyfile => \"key.pem\"}";
  if (list_length(value) < 1) return std::string(must);
  for (; value.is_cons(); value = value.tail()) {
    if (!value.head().is_map()) return std::string(must);
    tls_key_pair pair;
    std::size_t taken = 0;
    for (const auto& [key, member] : {std::pair{text("certfile"), &tls_key_pair::certfile}, std::pair{text("keyfile"), &tls_key_pair::keyfile},
                                      std::pair{text("password"), &tls_key_pair::password}}) {
      const term given = map_get(value.head(), atom(key));
      if (!given) continue;
      ++taken;
      if (auto wrong = read_string(given, pair.*member); !wrong.empty()) return std::string(key) + " " + wrong;
    }
    if (taken != value.head().size() || pair.certfile.empty()) return std::string(must);
    role.keys.push_back(std::move(pair));
  }
  return {};
}

std::string versions(tls_role& role, term value) {
  role.tls12 = role.tls13 = false;
  if (list_length(value) < 1) return "must be a list of 'tlsv1.3' and 'tlsv1.2'";
  for (; value.is_cons(); value = value.tail()) {
    if (value.head().same(atom("tlsv1.2"))) role.tls12 = true;
    else if (value.head().same(atom("tlsv1.3"))) role.tls13 = true;
    else return "may name 'tlsv1.3' and 'tlsv1.2' only; older versions are not spoken here";
  }
  return {};
}

// "A:B", ["A", "B"]; a map names a suite by its parts, which only OTP can put together.
std::string ciphers(tls_role& role, term value) {
  constexpr text must = "must be a list of names like \"ECDHE-RSA-AES256-GCM-SHA384\" or \"TLS_AES_256_GCM_SHA384\"";
  std::vector<std::string> names;
  std::string one;
  if (value.is_cons() && !value.head().is_small()) {
    for (; value.is_cons(); value = value.tail()) {
      if (!read_string(value.head(), one).empty()) return std::string(must);
      names.push_back(one);
    }
    if (!value.is_nil()) return std::string(must);
  } else {
    if (!read_string(value, one).empty()) return std::string(must);
    std::istringstream parts(one);
    while (std::getline(parts, one, ':')) names.push_back(one);
  }
  if (names.empty()) return {};  // the default ones, as in OTP
  role.ciphers = std::move(names);
  return {};
}

std::string groups(tls_role& role, term value) {
  constexpr std::array<std::pair<text, text>, 5> names{
      {{"x25519", "X25519"}, {"x448", "X448"}, {"secp256r1", "P-256"}, {"secp384r1", "P-384"}, {"secp521r1", "P-521"}}};
  if (list_length(value) < 1) return "must be a list of x25519, x448, secp256r1, secp384r1 and secp521r1";
  role.groups.clear();
  for (; value.is_cons(); value = value.tail()) {
    const auto name = value.head().is_atom() ? atom_text(value.head()) : text();
    const auto known = std::find_if(names.begin(), names.end(), [&](const auto& n) { return n.first == name; });
    if (known == names.end()) return "may name x25519, x448, secp256r1, secp384r1 and secp521r1 only";
    role.groups.emplace_back(known->second);
  }
  return {};
}

// rsa_pss_rsae_sha256, or {sha256, rsa} of older files; OpenSSL writes the latter RSA+SHA256.
std::string signature_algs(tls_role& role, term value) {
  if (list_length(value) < 1) return "must be a list like [ecdsa_secp256r1_sha256, rsa_pss_rsae_sha256, {sha256, rsa}]";
  role.signature_algs.clear();
  for (; value.is_cons(); value = value.tail()) {
    const term one = value.head();
    std::string name;
    if (one.is_atom()) name = atom_text(one);
    else if (one.is_tuple(2) && one[0].is_atom() && one[1].is_atom())
      name = std::string(atom_text(one[1])) + "+" + std::string(atom_text(one[0]));
    else return "must hold names like rsa_pss_rsae_sha256 or {sha256, rsa}";
    if (one.is_tuple(2)) std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::toupper(c); });
    role.signature_algs.push_back(std::move(name));
  }
  return {};
}

std::string server_name(tls_role& role, term value) {
  role.check_host = !value.same(atom("disable"));
  if (!role.check_host) return {};
  return read_string(value, role.server_name).empty() && !role.server_name.empty() ? "" : "must be a host name or disable";
}

// The one function a file can name that is at home here: it refuses nodes that net_kernel:allow/1 does not name, which we do anyway.
std::string verify_fun(tls_role&, term value) {
  const bool ours = to_text(value).starts_with("{fun inet_tls_dist:verify_client/3,");
  return ours ? "" : "cannot call Erlang functions: only fun inet_tls_dist:verify_client/3 is known here";
}

std::string nothing(tls_role&, term) { return {}; }

// Options with one value that is ours already.
template <const char* const& Only>
std::string only(tls_role&, term value) {
  return to_text(value) == Only ? "" : std::string("can be ") + Only + " only, which is what this node does";
}
constexpr const char *yes = "true", *no = "false", *tls = "tls", *disabled = "disabled", *full = "full", *no_staple = "no_staple", *none = "[]";

constexpr known_option known[] = {
    {"certfile", section::both, of_first_key<&tls_key_pair::certfile>},
    {"keyfile", section::both, of_first_key<&tls_key_pair::keyfile>},
    {"password", section::both, of_first_key<&tls_key_pair::password>},
    {"certs_keys", section::both, certs_keys},
    {"cacertfile", section::both, string<&tls_role::cacertfile>},
    {"certificate_authorities", section::both, flag<&tls_role::certificate_authorities>},
    {"verify", section::both, verify},
    {"verify_fun", section::both, verify_fun},
    {"fail_if_no_peer_cert", section::server, flag<&tls_role::fail_if_no_peer_cert>},
    {"depth", section::both, number<0, 255, unsigned, &tls_role::depth>},
    {"versions", section::both, versions},
    {"ciphers", section::both, ciphers},
    {"eccs", section::both, groups},
    {"supported_groups", section::both, groups},
    {"signature_algs", section::both, signature_algs},
    {"honor_cipher_order", section::server, flag<&tls_role::honor_cipher_order>},
    {"client_renegotiation", section::server, flag<&tls_role::client_renegotiation>},
    {"dhfile", section::server, string<&tls_role::dhfile>},
    {"server_name_indication", section::client, server_name},
    {"key_update_at", section::both, number<1, UINT64_MAX, std::uint64_t, &tls_role::key_update_at>},
    {"max_handshake_size", section::both, number<1, 8'388'607, std::uint32_t, &tls_role::max_handshake_size>},
    {"secure_renegotiate", section::both, only<yes>},
    {"crl_check", section::both, only<no>},
    {"fallback", section::client, only<no>},
    {"ocsp_stapling", section::client, only<no>},
    {"stapling", section::client, only<no_staple>},
    {"early_data", section::both, only<disabled>},
    {"handshake", section::both, only<full>},
    {"protocol", section::both, only<tls>},
    {"customize_hostname_check", section::client, only<none>},
    // Sessions are not resumed, alerts are logged, and the rest is about OTP's own processes and sockets.
    {"reuse_sessions", section::both, nothing},
    {"reuse_session", section::client, nothing},
    {"session_tickets", section::both, nothing},
    {"use_ticket", section::client, nothing},
    {"anti_replay", section::server, nothing},
    {"cookie", section::server, nothing},
    {"crl_cache", section::both, nothing},
    {"honor_ecc_order", section::server, nothing},
    {"middlebox_comp_mode", section::both, nothing},
    {"beast_mitigation", section::both, nothing},
    {"padding_check", section::both, nothing},
    {"hibernate_after", section::both, nothing},
    {"log_level", section::both, nothing},
    {"log_alert", section::both, nothing},
    {"keep_secrets", section::both, nothing},
    {"ktls", section::both, nothing},
    {"nodelay", section::both, nothing},
    {"sender_spawn_opts", section::both, nothing},
    {"receiver_spawn_opts", section::both, nothing},
};

std::string read_section(bool server, term list, tls_role& role) {
  const std::string where = server ? "server: " : "client: ";
  if (list_length(list) < 0) return where + "must be a list of options, as in {server, [{certfile, \"cert.pem\"}]}";
  std::set<text> seen;
  term of_keys;
  for (; list.is_cons(); list = list.tail()) {
    const term option = list.head();
    const auto whole = to_text(option).substr(0, shown);
    if (!option.is_tuple(2) || !option[0].is_atom()) return where + whole + " is no {Option, Value}";
    const auto name = atom_text(option[0]);
    const auto* end = std::end(known);
    const auto* found = std::find_if(std::begin(known), end, [&](const known_option& k) { return k.name == name; });
    if (found == end) return where + "the option " + std::string(name) + " is not supported here";
    if (found->where != section::both && (found->where == section::server) != server)
      return where + "the option " + std::string(name) + " is for the " + (server ? "client" : "server") + " only";
    if (!seen.insert(name).second) continue;  // the first one counts, as in OTP
    if (name == "certs_keys") {
      of_keys = option[1];
      continue;
    }
    if (auto wrong = found->read(role, option[1]); !wrong.empty())
      return where + (name == "password" ? "password" : whole) + ": " + wrong;
  }
  // It overrides certfile, keyfile and password, wherever it stands.
  if (seen.contains("certs_keys")) {
    role.keys.clear();
    if (auto wrong = certs_keys(role, of_keys); !wrong.empty()) return where + "certs_keys: " + wrong;
  }
  if (server && !seen.contains("fail_if_no_peer_cert")) role.fail_if_no_peer_cert = role.verify_peer;
  if (role.fail_if_no_peer_cert && !role.verify_peer)
    return where + "{fail_if_no_peer_cert, true} needs {verify, verify_peer}";
  if (role.verify_peer && role.cacertfile.empty())
    return where + (seen.contains("verify") ? "{verify, verify_peer}" : "{verify, verify_peer}, the default,") +
           " needs {cacertfile, File}: without it no certificate can be verified";
  if (!role.keys.empty() && role.keys.front().certfile.empty()) return where + "keyfile and password need a certfile";
  if (server && role.keys.empty()) return where + "a server needs a certificate: {certfile, File}";
  return {};
}

std::string read_sections(term list, tls_options& out) {
  bool seen[2] = {false, false};
  for (; list.is_cons(); list = list.tail()) {
    const term entry = list.head();
    const bool server = entry.is_tuple(2) && entry[0].same(atom("server"));
    if (!server && !(entry.is_tuple(2) && entry[0].same(atom("client"))))
      return to_text(entry).substr(0, shown) + " is neither {server, Options} nor {client, Options}";
    if (std::exchange(seen[server], true)) return std::string(server ? "server" : "client") + ": given twice";
    if (auto wrong = read_section(server, entry[1], server ? out.server : out.client); !wrong.empty()) return wrong;
  }
  if (!seen[true]) return "there is no {server, Options}";
  if (!seen[false]) return "there is no {client, Options}: with {client, [{verify, verify_none}]} we call others without a look at their certificates";
  return {};
}

}  // namespace

std::optional<start_error> read_tls_options(const std::string& file, tls_options& out) {
  const auto refuse = [&](const std::string& why) { return start_error{"--ssl-dist-optfile", file + ": " + why}; };
  if (file.empty()) return start_error{"--ssl-dist-optfile", "TLS needs a file with [{server, Options}, {client, Options}]"};
  std::ifstream in(file, std::ios::binary);
  if (!in) return refuse(std::strerror(errno));
  std::ostringstream content;
  content << in.rdbuf();
  if (std::error_code ignored; std::filesystem::is_directory(file, ignored)) return refuse("is a folder");
  const auto terms = parse_terms(content.str());
  if (!terms) return refuse(to_string(terms.error()));
  const term root = (*terms)->root;
  if (!root.is_cons() || !root.tail().is_nil() || list_length(root.head()) < 0)
    return refuse("must hold one list, [{server, Options}, {client, Options}], and a full stop");
  out = {};
  out.file = file;
  out.client.verify_peer = true;
  out.server.certificate_authorities = true;
  if (const auto wrong = read_sections(root.head(), out); !wrong.empty()) return refuse(wrong);
  return {};
}

}  // namespace cnode::node
