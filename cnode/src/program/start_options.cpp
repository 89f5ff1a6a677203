#include "start_options.hpp"

#include <filesystem>

#include <cnode/actors/applications.hpp>
#include <cnode/protocol/term_text.hpp>

#include "cookie.hpp"
#include "start_applications.hpp"

namespace cnode::program {
namespace {

std::string parse_server(const std::string& text, start_server& out) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
    return "--start " + text + ": write NAME=Module or 'NAME=Module:TERM'";
  }
  out.name = text.substr(0, equals);
  const auto colon = text.find(':', equals);
  out.module = text.substr(equals + 1, colon == std::string::npos ? colon : colon - equals - 1);
  if (out.module.empty()) return "--start " + text + ": there is no module after the =";
  if (colon == std::string::npos) {
    out.argument = immediate_block(nil);
    return {};
  }
  auto term = parse_term(text.substr(colon + 1));
  if (!term) return "--start " + text + ": the argument is no term: " + to_string(term.error());
  out.argument = std::move(*term);
  return {};
}

std::string say(const node::start_error& e) { return e.option.empty() || e.text.find(e.option) != std::string::npos ? e.text : e.option + ": " + e.text; }

}  // namespace

checked_options check(const start_options& o) {
  checked_options out;
  const auto refuse = [&out](std::string text) {
    out.error = std::move(text);
    return std::move(out);
  };
  if (o.sname.empty() == o.name.empty()) {
    return refuse(o.sname.empty() ? "a node needs a name: --sname NAME or --name NAME@HOST.DOMAIN" : "--sname and --name exclude each other");
  }
  if (o.dist_listen_max != 0 && o.dist_listen_min > o.dist_listen_max) return refuse("--dist-listen-min is greater than --dist-listen-max");
  auto& n = out.node;
  n.name = o.sname.empty() ? o.name : o.sname;
  n.long_names = o.sname.empty();
  n.hidden = o.hidden;
  n.schedulers = o.schedulers;
  n.net_ticktime = std::chrono::seconds(o.net_ticktime);
  n.handle_signals = true;
  if (auto e = node::read_environment(n)) return refuse(say(*e));
  if (o.dist_listen_min) n.listen_min = o.dist_listen_min, n.listen_max = o.dist_listen_max ? o.dist_listen_max : 65535;
  else if (o.dist_listen_max) n.listen_min = 1024, n.listen_max = o.dist_listen_max;
  if (o.epmd_port) n.epmd_port = o.epmd_port;
  if (o.no_epmd) n.no_epmd = true;
  if (o.dist_port) n.dist_port = o.dist_port;
  n.proto_dist = node::proto_dist_named(o.proto_dist).value_or(node::proto_dist::inet_tcp);
  n.ssl_dist_optfile = o.ssl_dist_optfile;
  if (over_tls(n.proto_dist) == o.ssl_dist_optfile.empty())
    return refuse(o.ssl_dist_optfile.empty() ? "--proto-dist " + o.proto_dist + " needs --ssl-dist-optfile FILE: where the certificates are"
                                             : "--ssl-dist-optfile has no effect without --proto-dist inet_tls");
  n.address = o.address;
  n.limits.busy_limit = std::size_t{o.dist_busy_limit} << 10;
  n.limits.max_frame = o.max_frame << 20;
  n.limits.max_queued_output = std::size_t{o.max_queued} << 20;
  n.limits.max_pending_messages = o.max_pending;
  n.limits.max_strangers = o.max_strangers;
  if (n.no_epmd && n.dist_port == 0) return refuse("--no-epmd needs --dist-port PORT: without epmd others must know the port");
  if (auto e = node::complete_name(n)) return refuse(say(*e));
  for (const auto& dir : o.code_path) {
    std::error_code e;
    if (!std::filesystem::is_directory(dir, e)) return refuse("--pa " + dir + ": " + (e ? e.message() : "is no folder"));
  }
  for (const auto& text : o.start) {
    start_server s;
    if (auto error = parse_server(text, s); !error.empty()) return refuse(error);
    out.servers.push_back(std::move(s));
  }
  for (const auto& text : o.apps)
    if (auto error = check_application(text); !error.empty()) return refuse(error);
  if (!o.config.empty()) {
    if (std::string why; !actors::read_config(o.config, out.config, why)) return refuse("--config " + why);
  }
  auto cookie = find_cookie(o.cookie, o.cookie_file);
  if (!cookie.error.empty()) return refuse(cookie.error);
  n.cookie = std::move(cookie.cookie);
  return out;
}

}  // namespace cnode::program
