#include "logging.hpp"

#include <cnode/protocol/term_text.hpp>

#include "modules.hpp"
#include "service.hpp"

namespace cnode::services {

namespace {

constexpr std::size_t longest_line = 64 * 1024;  // of one event; the rest is cut

bool level_of(term t, actors::log_level& level) {
  if (!t.is_atom()) return false;
  const auto name = atom_text(t);
  if (name == "debug") level = actors::log_level::debug;
  else if (name == "info") level = actors::log_level::info;
  else if (name == "notice") level = actors::log_level::notice;
  else if (name == "warning") level = actors::log_level::warning;
  else if (name == "error" || name == "critical" || name == "alert" || name == "emergency") level = actors::log_level::error;
  else return false;
  return true;
}

std::string printed(term t) {
  print_options limited;
  limited.max_bytes = longest_line;
  return to_text(t, limited);
}

std::string formatted(term format, term args) {
  std::string text;
  if (to_string(format, text)) {
    if (auto r = io_lib_format(text, args)) return std::move(*r);
  }
  return "FORMAT ERROR: " + printed(format) + " - " + printed(args);
}

// A report: #{key => value}, [{key, value}], or any term; chardata is text.
std::string report(term r) {
  if (r.is_tuple(2) && is(r[0], "string")) {
    std::string text;
    return to_string(r[1], text) ? text : printed(r[1]);
  }
  if (r.is_tuple(2) && is(r[0], "report")) return report(r[1]);
  // {error_logger, ...} wrappers keep format and arguments in the report.
  if (r.is_map() && map_get(r, atom("format")) && map_get(r, atom("args")) && list_length(map_get(r, atom("args"))) >= 0)
    return formatted(map_get(r, atom("format")), map_get(r, atom("args")));
  return printed(r);
}

void log(actors::runtime& node, actors::log_level level, std::string text, term meta) {
  if (text.size() > longest_line) text.resize(longest_line);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  if (const term pid = meta && meta.is_map() ? map_get(meta, atom("pid")) : term{}; pid && pid.is_pid() && !pid.is_local_pid())
    text = "from " + to_text(pid) + ": " + text;
  node.log(level, text);
}

class logger_proxy final : public service {
 public:
  logger_proxy() : service("logger_proxy") {}

 private:
  bool handle_call(actors::process&, term, term, term&) override { return false; }
  void handle_info(actors::process& self, term m) override {
    actors::log_level level;
    if (!(m.is_tuple(4) || m.is_tuple(5)) || !is(m[0], "log") || !level_of(m[1], level)) return;
    log(self.node(), level, m.is_tuple(5) ? formatted(m[2], m[3]) : report(m[2]), m[m.arity() - 1]);
  }
};

// ---- logger:log/2,3,4 and logger:error/1,2,3 and so on
term log_event(call& c, term level, const term* rest, std::size_t n) {
  actors::log_level l;
  if (!level_of(level, l)) return c.badarg();
  // (StringOrReport), (StringOrReport, Meta), (Format, Args), (Format, Args, Meta)
  const bool format = n >= 2 && rest[1].is_list();
  const term meta = n == 3 ? rest[2] : n == 2 && !format ? rest[1] : term{};
  std::string text;
  if (format) text = formatted(rest[0], rest[1]);
  else if (!((rest[0].is_list() || rest[0].is_binary()) && to_string(rest[0], text))) text = report(rest[0]);
  log(c.node(), l, std::move(text), meta);
  return ok();
}
template <std::size_t N>
term log_with_level(call& c) {
  term rest[3];
  for (std::size_t i = 0; i < N; ++i) rest[i] = c[i + 1];
  return log_event(c, c[0], rest, N);
}
enum level_name { debug, info, notice, warning, error, critical, alert, emergency };
constexpr const char* names[] = {"debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"};
template <level_name L, std::size_t N>
term log_as(call& c) {
  term rest[3];
  for (std::size_t i = 0; i < N; ++i) rest[i] = c[i];
  return log_event(c, atom(names[L]), rest, N);
}

#define CNODE_LOG_LEVEL(level) \
  {#level, 1, bif<log_as<level, 1>>}, {#level, 2, bif<log_as<level, 2>>}, {#level, 3, bif<log_as<level, 3>>}
constexpr actors::builtin_function logger_table[] = {
    {"log", 2, bif<log_with_level<1>>}, {"log", 3, bif<log_with_level<2>>}, {"log", 4, bif<log_with_level<3>>},
    CNODE_LOG_LEVEL(debug), CNODE_LOG_LEVEL(info), CNODE_LOG_LEVEL(notice), CNODE_LOG_LEVEL(warning),
    CNODE_LOG_LEVEL(error), CNODE_LOG_LEVEL(critical), CNODE_LOG_LEVEL(alert), CNODE_LOG_LEVEL(emergency),
};
#undef CNODE_LOG_LEVEL

constexpr actors::builtin_function error_logger_table[] = {
    {"error_msg", 1, bif<log_as<error, 1>>}, {"error_msg", 2, bif<log_as<error, 2>>}, {"format", 2, bif<log_as<error, 2>>},
    {"warning_msg", 1, bif<log_as<warning, 1>>}, {"warning_msg", 2, bif<log_as<warning, 2>>}, {"info_msg", 1, bif<log_as<info, 1>>},
    {"info_msg", 2, bif<log_as<info, 2>>}, {"error_report", 1, bif<log_as<error, 1>>}, {"warning_report", 1, bif<log_as<warning, 1>>},
    {"info_report", 1, bif<log_as<info, 1>>},
};

}  // namespace

void start_logger_proxy(node_host& host) { spawn_service(host.runtime(), "logger_proxy", std::make_unique<logger_proxy>()); }

void add_logger_functions(actors::code_server& code) {
  code.add_builtin("logger", logger_table);
  code.add_builtin("error_logger", error_logger_table);
}

}  // namespace cnode::services
