#include "services.hpp"

#include <map>
#include <mutex>
#include <shared_mutex>

#include <cnode/actors/applications.hpp>

#include "application.hpp"
#include "global.hpp"
#include "kernel_sup.hpp"
#include "logging.hpp"
#include "modules.hpp"
#include "net_kernel.hpp"
#include "pg.hpp"
#include "rex.hpp"

namespace cnode::services {

namespace {

// Builtin functions get nothing but the calling process; this leads from its runtime to the host.
struct host_table {
  std::shared_mutex lock;
  std::map<const actors::runtime*, node_host*> hosts;
};
host_table& hosts() {
  static host_table t;
  return t;
}

}  // namespace

node_host* host_of(const actors::runtime& node) {
  auto& t = hosts();
  std::shared_lock guard(t.lock);
  const auto i = t.hosts.find(&node);
  return i == t.hosts.end() ? nullptr : i->second;
}

void add_node_builtins(node_host& host) {
  {
    auto& t = hosts();
    std::unique_lock guard(t.lock);
    t.hosts[&host.runtime()] = &host;
  }
  auto& code = host.runtime().code();
  add_term_functions(code);
  add_number_functions(code);
  add_process_functions(code);
  add_system_functions(code);
  add_node_functions(code);
  add_list_functions(code);
  add_io_functions(code);
  add_elixir_functions(code);
  add_os_functions(code);
  add_observer_functions(code);
  add_appmon_functions(code);
  add_application_functions(code);
  add_logger_functions(code);
  add_rpc_functions(code);
  add_spawn_request_functions(code);
  add_pg_functions(code);
  add_global_functions(code);
}

std::future<void> start_services(node_host& host) {
  start_applications(host);
  start_net_kernel(host);
  start_rex(host);
  start_logger_proxy(host);
  start_pg(host.runtime());
  start_global(host.runtime());
  return start_kernel_sup(host);
}

void forget_host(node_host& host) {
  forget_subscribers(host.runtime());
  actors::forget_applications(host.runtime());
  auto& t = hosts();
  std::unique_lock guard(t.lock);
  t.hosts.erase(&host.runtime());
}

}  // namespace cnode::services
