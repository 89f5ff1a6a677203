#include <cnode/node/node_config.hpp>

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>

namespace cnode::node {
namespace {

std::optional<start_error> read_port(const char* variable, std::uint16_t& port, bool& present) {
  const char* text = std::getenv(variable);
  present = text != nullptr && *text != '\0';
  if (!present) return {};
  const char* end = text + std::strlen(text);
  const auto [stop, error] = std::from_chars(text, end, port);
  if (error == std::errc{} && stop == end && port != 0) return {};
  return start_error{variable, std::string(variable) + " is \"" + std::string(text).substr(0, 40) +
                                   "\", which is no port (1 to 65535)"};
}

std::string own_host() {
  char text[256] = {};
  if (::gethostname(text, sizeof text - 1) != 0) return {};
  return text;
}

std::string canonical_host(const std::string& host) {
  addrinfo hints{};
  hints.ai_flags = AI_CANONNAME;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return {};
  const std::string name = found->ai_canonname ? found->ai_canonname : "";
  ::freeaddrinfo(found);
  return name;
}

// net_kernel:valid_name_head/1
bool valid_name(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '-';
  });
}

bool valid_host(const std::string& host) {
  return !host.empty() && std::all_of(host.begin(), host.end(), [](unsigned char c) { return c > ' ' && c < 127 && c != '@'; });
}

}  // namespace

std::optional<proto_dist> proto_dist_named(std::string_view name) {
  if (name == "inet_tcp") return proto_dist::inet_tcp;
  if (name == "inet6_tcp") return proto_dist::inet6_tcp;
  if (name == "inet_tls") return proto_dist::inet_tls;
  if (name == "inet6_tls") return proto_dist::inet6_tls;
  return {};
}

std::optional<start_error> read_environment(node_config& config) {
  bool present = false;
  if (auto e = read_port("ERL_EPMD_PORT", config.epmd_port, present)) return e;
  if (const char* address = std::getenv("ERL_EPMD_ADDRESS")) config.epmd_address = address;
  std::uint16_t dist_port = 0;
  if (auto e = read_port("ERL_DIST_PORT", dist_port, present)) return e;
  if (present) {
    config.dist_port = dist_port;
    config.no_epmd = true;
  }
  return {};
}

std::optional<start_error> complete_name(node_config& config) {
  const std::string option = config.long_names ? "--name" : "--sname";
  const auto at = config.name.find('@');
  const auto name = config.name.substr(0, at);
  // The longest an atom may be, and what epmd takes.
  constexpr std::size_t longest = 255;
  if (!valid_name(name) || config.name.size() > longest)
    return start_error{option, "the name \"" + config.name.substr(0, longest) +
                                   "\" may consist of letters, digits, _ and -, at most 255 in all with the host"};
  auto host = at == std::string::npos ? std::string{} : config.name.substr(at + 1);
  if (at != std::string::npos) {
    if (!valid_host(host)) return start_error{option, "the host in \"" + config.name + "\" is no host name"};
  } else if (config.long_names) {
    host = own_host();
    if (host.find('.') == host.npos) host = canonical_host(host);
    if (host.find('.') == host.npos)
      return start_error{option, "can't set long node name: this host has no fully qualified name; "
                                 "give one with --name " + name + "@HOST.DOMAIN, or use --sname"};
  } else {
    host = own_host();
    host = host.substr(0, host.find('.'));
    if (!valid_host(host))
      return start_error{option, "can't set short node name: this host has no name; give one with --sname " + name + "@HOST"};
  }
  if (!config.long_names && host.find('.') != host.npos)
    return start_error{option, "the host \"" + host + "\" in a short name has no dots; use --name for fully qualified names"};
  config.name = name + "@" + host;
  return {};
}

}  // namespace cnode::node
