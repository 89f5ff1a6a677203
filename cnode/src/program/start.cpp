#include "start.hpp"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <cstdlib>
#include <future>
#include <memory>

#include <cnode/actors/applications.hpp>
#include <cnode/actors/code_server.hpp>
#include <cnode/actors/compile_module.hpp>
#include <cnode/actors/crash_report.hpp>
#include <cnode/actors/gen.hpp>
#include <cnode/actors/supervisor.hpp>
#include <cnode/node/node.hpp>
#include <cnode/protocol/atom_table.hpp>
#include <cnode/protocol/term_text.hpp>
#include <cnode/protocol/unused_memory.hpp>

#include "file_pages.hpp"
#include "question.hpp"
#include "release_handler/release_handler.hpp"
#include "restart.hpp"
#include "services/services.hpp"
#include "start_applications.hpp"

namespace cnode::program {
namespace {

int complain(const std::string& text) {
  std::fprintf(stderr, "cnode: %s\n", text.c_str());
  return 1;
}

spdlog::level::level_enum level_of(actors::log_level level) {
  switch (level) {
    case actors::log_level::debug: return spdlog::level::debug;
    case actors::log_level::warning: return spdlog::level::warn;
    case actors::log_level::error: return spdlog::level::err;
    default: return spdlog::level::info;
  }
}

actors::log_level level_named(const std::string& name) {
  using enum actors::log_level;
  return name == "debug" ? debug : name == "info" ? info : name == "warning" ? warning : name == "error" ? error : notice;
}

std::shared_ptr<spdlog::logger> make_logger() {
  auto logger = std::make_shared<spdlog::logger>("cnode", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  logger->set_pattern("%H:%M:%S.%e [%^%l%$] %v");
  logger->set_level(spdlog::level::debug);
  logger->flush_on(spdlog::level::debug);
  return logger;
}

// Loads a module and waits for it; an error names the option it came from.
std::string load(actors::code_server& code, const std::string& option, const std::string& module) {
  const term name = find_or_make_atom(module);
  if (!name) return option + ": " + module + " is no legal module name";
  std::promise<std::string> answer;
  code.load_missing(name, [&](const actors::load_result& r) {
    if (r.ok) return answer.set_value({});
    std::string why = r.text.empty() ? to_text(r.error) : r.text;
    if (r.error.same(atom("nofile")) && r.text.empty()) {
      why = "there is no " + module + ".so in the code path (--pa):";
      for (const auto& dir : code.path()) why += " " + dir;
    }
    answer.set_value(option + ": " + why);
  });
  return answer.get_future().get();
}

std::string start_servers(actors::runtime& node, const std::vector<start_server>& servers) {
  if (servers.empty()) return {};
  auto b = block::make(256);
  std::vector<actors::child_spec> children;
  for (const auto& s : servers) {
    const term name = find_or_make_atom(s.name), module = find_or_make_atom(s.module);
    if (!name) return "--start " + s.name + ": no legal name";
    if (auto problem = load(node.code(), "--start " + s.name, s.module); !problem.empty()) return problem;
    actors::child_spec child;
    child.id = name;
    child.module = atom("gen_server");
    child.callback = module;  // release_handler looks for it there
    child.function = atom("start_link");
    child.args = make_list_of(*b, make_tuple_of(*b, atom("local"), name), module, s.argument->root, nil);
    children.push_back(child);
  }
  const term supervisor = actors::start_supervisor(node, atom("cnode_sup"), children);
  // It answers once the children have been started, or is gone because one could not be.
  const auto children_answer = ask(node, atom("supervisor"), atom("which_children"), make_list_of(*b, supervisor));
  if (children_answer.how == answered::stopped) return "--start: the node stopped before the processes were started";
  return children_answer.how == answered::value ? "" : "--start: a process could not be started; the log says which and why";
}

const unused_memory file_pages{unused_memory::kind::shared, release_file_pages};

}  // namespace

int start(const start_options& options, int argc, char** argv) {
  auto checked = check(options);
  if (!checked.error.empty()) return complain(checked.error);
  checked.node.log = [logger = make_logger(), least = level_named(options.log_level)](actors::log_level level, std::string_view text) {
    if (level >= least) logger->log(level_of(level), "{}", text);
  };

  actors::install_crash_report();
  node::node node(checked.node);
  actors::add_behaviour_builtins(node.runtime());
  actors::add_code_builtins(node.runtime());
  std::string problem;
  const auto failed = node.start([&](node::node& n) {
    services::start_options services;
    for (int i = 1; i < argc; ++i) services.arguments.emplace_back(argv[i]);
    services.config = checked.config ? checked.config->root : nil;
    services::start(n, services);

    release_handler::add_builtins(n.runtime());
    if (!options.release_root.empty()) {
      release_handler::options release{options.release_root, options.release_name, options.release_version, options.release_erts, {}};
      release.restart = [&n](const std::string& vsn) {
        restart_as(vsn);
        n.request_stop(0);
      };
      release_handler::start(n.runtime(), std::move(release));
    }

    auto& code = n.runtime().code();
    code.set_remote_code(options.remote_code != "off");
    if (std::string why; !options.keep_objects.empty() && !code.keep_objects(options.keep_objects, why)) problem = "--keep-objects " + why;
    for (auto dir = options.code_path.rbegin(); dir != options.code_path.rend(); ++dir) {
      if (!code.add_path(*dir, true)) problem = "--pa " + *dir + ": not a folder that can be read";
    }
    for (const auto& module : options.load) {
      if (problem.empty()) problem = load(code, "--load", module);
    }
    code.set_embedded(options.mode == "embedded");
  });
  if (failed) return complain(failed->option.empty() || failed->text.find(failed->option) != std::string::npos ? failed->text : failed->option + ": " + failed->text);
  if (problem.empty()) problem = start_servers(node.runtime(), checked.servers);
  if (problem.empty()) problem = start_applications(node.runtime(), options);
  if (!problem.empty()) {
    actors::stop_applications(node.runtime());
    node.stop();
    return complain(problem);
  }
  std::printf("node %s ready\n", std::string(atom_text(node.name())).c_str());
  std::fflush(stdout);
  release_shared_memory();
  const int status = node.wait();
  actors::stop_applications(node.runtime());
  node.stop();
  release_handler::forget(node.runtime());
  if (restart_wanted()) return complain(restart_program(options.release_root, argc, argv));
  // Said in the log: somebody's code never returns. It shall not keep the program from ending.
  if (node.runtime().held_up() > 0) std::_Exit(status);
  return status;
}

int compile(const std::string& source, const std::string& directory) {
  actors::compile_request request;
  request.source = source;
  request.directory = directory;
  const auto result = actors::compile_module(request);
  if (!result.diagnostics.empty()) std::fprintf(stderr, "%s%s", result.diagnostics.c_str(), result.diagnostics.back() == '\n' ? "" : "\n");
  if (!result.ok) return complain(result.error);
  std::printf("%s\n", result.file.c_str());
  return 0;
}

int describe(const std::string& file) {
  int status = 0;
  const auto text = actors::describe_module_file(file, status);
  std::fprintf(status == 0 ? stdout : stderr, "%s%s", text.c_str(), text.empty() || text.back() != '\n' ? "\n" : "");
  return status == 0 ? 0 : 1;
}

int sign(const std::vector<std::string>& files) {
  std::string why;
  for (const auto& file : files)
    if (!actors::sign_module_file(file, why)) return complain(why);
  return 0;
}

}  // namespace cnode::program
