// cnode_probe FILE MODULE: opens a module file as a node would, in a process that may crash, hang or exit. Writes to standard error a
// mark and then what it found (exit status 0) or the reason for a refusal (1). A small program: it has to start quickly.
#include <csignal>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <thread>

#include <dlfcn.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cnode/protocol/atom_table.hpp>
#include <cnode/protocol/term_order.hpp>
#include <cnode/stamp.hpp>

#include "code/description.hpp"
#include "code/probe.hpp"

namespace {

using namespace cnode;
using namespace cnode::actors;

[[noreturn]] void answer(int status, const std::string& text) {
  const auto all = "\n\x01" "cnode_probe\n" + text;
  for (std::size_t done = 0; done < all.size();) {
    const auto n = ::write(STDERR_FILENO, all.data() + done, all.size() - done);
    if (n <= 0) break;
    done += static_cast<std::size_t>(n);
  }
  ::_exit(status);
}

[[noreturn]] void refuse(const std::string& why) { answer(1, why); }

void no_process() { refuse("its entry or a constructor calls a host function that only a callback may call"); }

// An entry has no env and no heap, so of all functions only those that need neither are there for it.
cnode_host host_for_entries() {
  cnode_host host;
  auto* const bytes = reinterpret_cast<unsigned char*>(&host);
  void (*const stub)() = no_process;
  for (std::size_t at = offsetof(cnode_host, atom); at + sizeof stub <= sizeof host; at += sizeof stub) std::memcpy(bytes + at, &stub, sizeof stub);
  host.size = sizeof host;
  host.abi_major = CNODE_ABI_MAJOR;
  host.abi_minor = CNODE_ABI_MINOR;
  host.atom = [](const char* text, size_t n) { return find_or_make_atom({text, n}).word(); };
  host.atom_text = [](cnode_term a, size_t* n) {
    const auto text = atom_text(term{a});
    if (n) *n = text.size();
    return text.data();
  };
  host.compare = [](cnode_term a, cnode_term b) { return compare(term{a}, term{b}); };
  host.exactly_equal = [](cnode_term a, cnode_term b) { return static_cast<int>(exactly_equal(term{a}, term{b})); };
  host.log = [](int, const char*, size_t) {};
  return host;
}

void limit_resources() {
  const auto limit = [](auto what, rlim_t n) {
    const rlimit r{n, n};
    ::setrlimit(what, &r);
  };
  ::prctl(PR_SET_DUMPABLE, 0);          // no core file, and no crash reporter
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);   // the node's loader thread
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_CPU, 2);
  if (sanitizer_kind() == CNODE_SANITIZE_NONE) limit(RLIMIT_AS, rlim_t{8} << 30);  // sanitizers reserve terabytes
}

std::size_t threads() {
  std::error_code ignored;
  std::size_t n = 0;
  for (std::filesystem::directory_iterator i{"/proc/self/task", ignored}, end; !ignored && i != end; i.increment(ignored)) ++n;
  return n;
}

// A node's stack and heap are full of old values, a new process's are zero, which damaged code may survive.
[[gnu::noinline]] void use_memory() {
  ::mallopt(M_PERTURB, 0x5a);
  volatile unsigned char stack[64 * 1024];
  for (auto& byte : stack) byte = 0xa5;
}

// Walks malloc's lists: what damaged code wrote there shows here.
void use_heap() {
  std::array<void*, 256> blocks{};
  for (std::size_t round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i < blocks.size(); ++i) blocks[i] = std::malloc(16 + 16 * (i % 64));
    for (auto* b : blocks) std::free(b);
  }
}

// As a node does it: on a thread that is not the first. Code of libstdc++ takes other ways in a process with a single thread.
void open_file(const char* path, const char* module) {
  const auto threads_before = threads();
  use_memory();
  std::string why;
  mapped_file file;
  if (!map_file(path, file, why)) refuse(why);
  const auto entry = reinterpret_cast<cnode_module_entry_function>(::dlsym(file.handle, "cnode_module_entry"));
  if (!entry) refuse("does not export cnode_module_entry");
  static const cnode_host host = host_for_entries();
  const auto* d = entry(&host);
  if (!check_description(d, file, module, why)) refuse(why);
  std::string text = std::string{"vsn: "} + (d->vsn && *d->vsn ? d->vsn : "(from the digest)") + "\n";
  if (d->on_load) text += probe_on_load;
  if (d->behaviour) text += std::string{"behaviour: "} + d->behaviour + "\n";
  text += "exports:";
  for (std::uint32_t i = 0; i < d->export_count; ++i) text += std::string{" "} + d->exports[i].name + "/" + std::to_string(d->exports[i].arity);
  text += "\n";
  if (threads() > threads_before) refuse("starts a thread while it is opened, which would outlive its code: start it from a callback");
  use_heap();
  ::dlclose(file.handle);
  use_heap();
  if (is_mapped(file.base, file.link_name)) refuse("cannot be unloaded: it stays mapped after dlclose");
  answer(0, text);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "cnode_probe FILE MODULE: cnode starts this to open a module file\n");
    return 2;
  }
  limit_resources();
  std::thread{open_file, argv[1], argv[2]}.join();
}
