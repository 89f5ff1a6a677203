// The cnode program: its verbs and their options.
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "program/client.hpp"
#include "program/cookie.hpp"
#include "program/release.hpp"
#include "program/start.hpp"
#include "program/start_options.hpp"

namespace {

using namespace cnode::program;

struct client_arguments {
  client_options options;
  std::string cookie_file, vm_args;
  unsigned epmd_port = 0;
  double timeout = 10;
  std::string proto_dist = "inet_tcp";
};

void add_client_options(CLI::App& verb, client_arguments& a) {
  verb.add_option("node", a.options.node, "The node: name@host, or - for the one of --vm-args")->required();
  verb.add_option("--cookie", a.options.cookie, "The cookie");
  verb.add_option("--cookie-file", a.cookie_file, "A file with the cookie (default: ~/.erlang.cookie, then the XDG place)");
  verb.add_option("--epmd-port", a.epmd_port, "epmd's port (default: ERL_EPMD_PORT, then 4369)")->check(CLI::Range(1, 65535));
  verb.add_option("--dist-port", a.options.dist_port, "Connect to this port, without asking epmd")->check(CLI::Range(1, 65535));
  verb.add_option("--vm-args", a.vm_args, "A release's vm.args: its -sname or -name is the node -, its -setcookie the cookie");
  verb.add_option("--proto-dist", a.proto_dist, "What carries the connection (default inet_tcp)")->check(CLI::IsMember({"inet_tcp", "inet_tls"}));
  verb.add_option("--ssl-dist-optfile", a.options.ssl_dist_optfile, "TLS options, as erl's -ssl_dist_optfile; for --proto-dist inet_tls");
  verb.add_option("--timeout", a.timeout, "Seconds to wait (default 10)")->check(CLI::Range(0.001, 1e6));
}

// False, after a sentence, when there is no cookie.
bool ready(client_arguments& a) {
  if ((a.proto_dist == "inet_tls") == a.options.ssl_dist_optfile.empty()) {
    std::fputs(a.options.ssl_dist_optfile.empty() ? "cnode: --proto-dist inet_tls needs --ssl-dist-optfile FILE: where the certificates are\n"
                                                  : "cnode: --ssl-dist-optfile has no effect without --proto-dist inet_tls\n", stderr);
    return false;
  }
  if (!a.vm_args.empty() || a.options.node == "-") {
    node_of_vm_args node;
    if (a.vm_args.empty()) node.error = "the node - needs --vm-args FILE";
    else node = read_node(a.vm_args);
    if (!node.error.empty()) {
      std::fprintf(stderr, "cnode: %s\n", node.error.c_str());
      return false;
    }
    if (a.options.node == "-") a.options.node = node.name;
    if (!a.options.dist_port) a.options.dist_port = node.dist_port;
    if (a.options.cookie.empty() && a.cookie_file.empty()) a.options.cookie = node.cookie;
  }
  auto cookie = find_cookie(a.options.cookie, a.cookie_file);
  if (!cookie.error.empty()) {
    std::fprintf(stderr, "cnode: %s\n", cookie.error.c_str());
    return false;
  }
  a.options.cookie = cookie.cookie;
  a.options.timeout_ms = static_cast<int>(a.timeout * 1000);
  if (a.epmd_port) ::setenv("ERL_EPMD_PORT", std::to_string(a.epmd_port).c_str(), 1);
  return true;
}

void add_start_options(CLI::App& verb, start_options& o) {
  verb.add_option("--sname", o.sname, "Short node name: cpp or cpp@host");
  verb.add_option("--name", o.name, "Long node name: cpp@host.domain");
  verb.add_option("--cookie", o.cookie, "The cookie of the cluster");
  verb.add_option("--cookie-file", o.cookie_file, "A file with the cookie (default: ~/.erlang.cookie, then the XDG place)");
  verb.add_flag("--hidden", o.hidden, "Be a hidden node");
  verb.add_option("--pa", o.code_path, "Look for modules in this folder first; may be repeated");
  verb.add_option("--load", o.load, "Load this module at start; may be repeated");
  verb.add_option("--start", o.start, "NAME=Module or 'NAME=Module:TERM': a supervised, registered process started with TERM; may be repeated");
  verb.add_option("--app", o.apps, "Start this application and those it needs: NAME, or NAME:transient, NAME:temporary (default permanent); may be repeated");
  verb.add_option("--config", o.config, "Application environment, as sys.config");
  verb.add_option("--schedulers", o.schedulers, "Scheduler threads (default: one per core)")->check(CLI::Range(1, 1024));
  verb.add_option("--dist-listen-min", o.dist_listen_min, "Lowest port to listen on")->check(CLI::Range(1, 65535));
  verb.add_option("--dist-listen-max", o.dist_listen_max, "Highest port to listen on")->check(CLI::Range(1, 65535));
  verb.add_option("--epmd-port", o.epmd_port, "epmd's port (default: ERL_EPMD_PORT, then 4369)")->check(CLI::Range(1, 65535));
  verb.add_option("--net-ticktime", o.net_ticktime, "Seconds after which a silent node is given up (default 60)")->check(CLI::Range(1, 1000000));
  verb.add_option("--proto-dist", o.proto_dist, "What carries connections, as erl's -proto_dist (default inet_tcp)")
      ->check(CLI::IsMember({"inet_tcp", "inet6_tcp", "inet_tls", "inet6_tls"}));
  verb.add_option("--ssl-dist-optfile", o.ssl_dist_optfile, "TLS options, as erl's -ssl_dist_optfile; for --proto-dist inet_tls");
  verb.add_option("--address", o.address, "IP address of the interface to listen on (default: all)");
  verb.add_option("--dist-busy-limit", o.dist_busy_limit, "KiB of unsent output from which on senders to that node wait (default 1024, as erl's +zdbbl)")
      ->check(CLI::Range(1, 2097151));
  verb.add_option("--max-frame", o.max_frame, "MiB a node may announce for one frame (default 256)")->check(CLI::Range(1, 4095));
  verb.add_option("--max-queued", o.max_queued, "MiB that may wait for a node that does not read, before it is given up (default 1024)")
      ->check(CLI::Range(1, 1 << 20));
  verb.add_option("--max-pending", o.max_pending, "Messages that may wait for a connection being made, before it is given up (default 100000)")
      ->check(CLI::Range(1, 1'000'000'000));
  verb.add_option("--max-strangers", o.max_strangers, "Connections that may be in the handshake at once (default 256)")->check(CLI::Range(1, 1'000'000));
  verb.add_flag("--no-epmd", o.no_epmd, "Do without epmd; needs --dist-port");
  verb.add_option("--dist-port", o.dist_port, "Listen on this port, and look for other nodes there")->check(CLI::Range(1, 65535));
  verb.add_option("--keep-objects", o.keep_objects, "Keep the files of purged versions in this folder, for debuggers and profilers");
  verb.add_option("--remote-code", o.remote_code, "off: refuse to load code for anybody outside")->check(CLI::IsMember({"on", "off"}));
  verb.add_option("--mode", o.mode, "embedded: calls load no modules, only --load and the functions of code do (default interactive, as erl's -mode)")
      ->check(CLI::IsMember({"embedded", "interactive"}));
  verb.add_option("--release-root", o.release_root, "Run the release installed in this folder: its vm.args, sys.config, modules and applications");
  verb.add_option("--release", o.release_version, "The version of it (default: as its releases/start_erl.data says)")->needs("--release-root");
  verb.add_option("--log-level", o.log_level, "debug, info, notice, warning or error (default notice, as erl's logger)")
      ->check(CLI::IsMember({"debug", "info", "notice", "warning", "error"}));
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"cnode: an Erlang node whose GenServers are C++ modules, upgraded live"};
  app.name("cnode");
  app.set_version_flag("--version", std::string("cnode ") + CNODE_VERSION);
  app.require_subcommand(1);
  app.failure_message([](const CLI::App*, const CLI::Error& e) { return std::string("cnode: ") + e.what() + "\n(cnode --help lists verbs and options)\n"; });

  start_options start;
  auto* start_verb = app.add_subcommand("start", "Run a node in the foreground; prints 'node NAME ready' once calls are answered");
  add_start_options(*start_verb, start);

  client_arguments client;
  std::string module, function, args = "[]";
  auto* ping_verb = app.add_subcommand("ping", "pong if the node answers, else pang");
  add_client_options(*ping_verb, client);
  auto* call_verb = app.add_subcommand("call", "Call a function on a node and print what it returns");
  add_client_options(*call_verb, client);
  call_verb->add_option("module", module, "The module")->required();
  call_verb->add_option("function", function, "The function")->required();
  call_verb->add_option("args", args, "The argument list, in Erlang syntax: '[1, {a, <<\"b\">>}]'");
  auto* stop_verb = app.add_subcommand("stop", "Stop a node in order (init:stop/0)");
  add_client_options(*stop_verb, client);

  std::string source, directory = ".", file;
  auto* compile_verb = app.add_subcommand("compile", "Compile a module; writes DIR/<Module>.so");
  compile_verb->add_option("file", source, "The C++ source")->required();
  compile_verb->add_option("-o", directory, "Where to write it (default: here)");
  auto* describe_verb = app.add_subcommand("describe", "Print what a module file holds, or why it would be refused");
  describe_verb->add_option("file", file, "The module file")->required();

  std::vector<std::string> files;
  auto* sign_verb = app.add_subcommand("sign", "Give module files their digest again, after strip or an edit");
  sign_verb->add_option("files", files, "The module files")->required();

  release_options release;
  auto* release_verb = app.add_subcommand("release", "Make NAME-VSN.tar.gz, a release that runs and upgrades, from FILE.rel");
  release_verb->add_option("file", release.rel, "The release resource file (.rel)")->required();
  release_verb->add_option("--path", release.path, "Look for .app, .appup and module files in this folder (default: here); may be repeated, may have *");
  release_verb->add_option("--output", release.output, "Where to write the archive (default: here)");
  release_verb->add_option("--upgrade-from", release.upgrade_from, "An older release, as archive, installed folder or .rel: computes the relup; may be repeated");
  release_verb->add_option("--sys-config", release.sys_config, "The release's sys.config (default: the one beside FILE.rel)");
  release_verb->add_option("--vm-args", release.vm_args, "The release's vm.args (default: the one beside FILE.rel)");
  std::string vm_args;
  bool show_cookie = false;
  auto* name_verb = app.add_subcommand("name", "Print the node name that a vm.args gives");
  name_verb->add_option("--vm-args", vm_args, "The file")->required();
  name_verb->add_flag("--show-cookie", show_cookie, "Print the cookie instead");

  if (argc == 1) {
    std::fprintf(stderr, "cnode: say what to do: start, ping, call, stop, compile, describe, sign, release or name (cnode --help)\n");
    return 1;
  }
  const auto verbs = app.get_subcommands([](CLI::App*) { return true; });
  if (argv[1][0] != '-' && std::none_of(verbs.begin(), verbs.end(), [&](const CLI::App* verb) { return verb->get_name() == argv[1]; })) {
    std::fprintf(stderr, "cnode: there is no verb '%.64s': start, ping, call, stop, compile, describe, sign, release or name (cnode --help)\n", argv[1]);
    return 1;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    // --help and --version end here too, with 0; everything else is a mistake of the caller's.
    return app.exit(e) == 0 ? 0 : 1;
  }
  if (start_verb->parsed()) {
    if (const auto problem = apply_release(start); !problem.empty()) {
      std::fprintf(stderr, "cnode: %s\n", problem.c_str());
      return 1;
    }
    return cnode::program::start(start, argc, argv);
  }
  if (compile_verb->parsed()) return cnode::program::compile(source, directory);
  if (describe_verb->parsed()) return cnode::program::describe(file);
  if (sign_verb->parsed()) return cnode::program::sign(files);
  if (release_verb->parsed()) return make_release(release);
  if (name_verb->parsed()) return print_node(vm_args, show_cookie);
  if (!ready(client)) return 1;
  if (ping_verb->parsed()) return ping(client.options);
  if (call_verb->parsed()) return call(client.options, module, function, args);
  return stop(client.options);
}
