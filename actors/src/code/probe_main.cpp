// cnode_probe FILE MODULE: opens a module file as a node would, in a process that may crash, hang or exit. Writes to standard error a
// mark and then what it found (exit status 0) or the reason for a refusal (1). A small program: it has to start quickly.
#include <chrono>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <string>

#include <dlfcn.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cnode/protocol/atom_table.hpp>
#include <cnode/protocol/term_order.hpp>
#include <cnode/stamp.hpp>

#include "code/description.hpp"
#include "code/probe_call.hpp"
#include "code/probe_memory.hpp"
#include "code/probe.hpp"

#if defined(__SANITIZE_THREAD__)
// ThreadSanitizer waits a second for late races when a process with two threads ends: longer than a file may take.
extern "C" const char* __tsan_default_options() { return "atexit_sleep_ms=0"; }
#endif

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
  void (*const refused)() = no_process;
  for (std::size_t at = offsetof(cnode_host, atom); at + sizeof refused <= sizeof host; at += sizeof refused)
    std::memcpy(bytes + at, &refused, sizeof refused);
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
  if (sanitizer_kind() == CNODE_SANITIZE_NONE) limit(RLIMIT_AS, rlim_t{24} << 30);  // most of it never used; sanitizers reserve terabytes
}

std::size_t threads() {
  struct stat info {};
  return ::stat("/proc/self/task", &info) == 0 ? info.st_nlink : 0;
}

// All of it is the file's code, so all of it is called in this way.
template <class R, class... A>
R call(std::uint64_t pattern, R (*function)(A...), std::type_identity_t<A>... arguments) {
  probe::checked_call c{reinterpret_cast<void*>(function), {(std::uintptr_t)arguments...}, pattern, 0, 0};
  probe::guard_new_blocks(true, static_cast<std::uint8_t>(pattern));
  probe::run(c);
  probe::guard_new_blocks(false, 0);
  if (c.damage) refuse("opening it changes registers or the stack of its caller");
  probe::check_blocks();
  return (R)c.result;
}

// A node's stack is full of old values, a new process's of zeros, which damaged code may survive.
[[gnu::noinline]] void use_stack(std::uint64_t pattern) {
  volatile std::uint64_t stack[8 * 1024];
  for (auto& word : stack) word = pattern;
}

// What a node does with the libraries that damaged code can reach, too.
void use_libraries() {
  try {
    std::ostringstream out;
    out << 1.5 << std::string(100, 'x') << out.tellp();
    throw out.str();
  } catch (const std::string&) {
  }
  std::fflush(nullptr);
  std::setlocale(LC_ALL, nullptr);
  std::free(std::malloc(100));
}

const char* path = nullptr;
const char* module = nullptr;
std::uint64_t pattern = 0;
std::string found;     // text of an answer, and where in the file all of it lies
std::string places;

// As a node opens and closes it.
void open_file() {
  const auto threads_before = threads();
  static const auto host = host_for_entries();
  static const auto* const table = static_cast<const cnode_host*>(probe::read_only(&host, sizeof host));
  if (!table) refuse("no memory to open it");
  probe::isolate_next(path);
  use_stack(pattern);
  std::string why;
  mapped_file file;
  if (!map_file(path, file, why, [](const char* name, int flags) { return call(pattern, ::dlopen, name, flags); })) refuse(why);
  const auto entry = reinterpret_cast<cnode_module_entry_function>(::dlsym(file.handle, "cnode_module_entry"));
  if (!entry) refuse("does not export cnode_module_entry");
  use_stack(pattern);
  const auto* d = call(pattern, entry, table);
  if (!check_description(d, file, module, why)) refuse(why);
  found = std::string{"vsn: "} + (d->vsn && *d->vsn ? d->vsn : "(from the digest)") + "\n";
  if (d->on_load) found += probe_on_load;
  if (d->behaviour) found += std::string{"behaviour: "} + d->behaviour + "\n";
  found += "exports:";
  places.clear();
  for (std::uint32_t i = 0; i < d->export_count; ++i) {
    const auto& e = d->exports[i];
    found += std::string{" "} + e.name + "/" + std::to_string(e.arity);
    places += std::to_string(reinterpret_cast<std::uintptr_t>(e.function) - file.base) + "/" + std::to_string(e.flags) + " ";
  }
  found += "\n";
  if (threads() > threads_before) refuse("starts a thread while it is opened, which would outlive its code: start it from a callback");
  use_libraries();
  use_stack(pattern);
  call(pattern, ::dlclose, file.handle);
  if (is_mapped(file.base, file.link_name)) refuse("cannot be unloaded: it stays mapped after dlclose");
  use_libraries();
}

// With different old values everywhere and at different addresses: who gets the same from both does not depend on them.
void open_twice() {
  const auto begin = std::chrono::steady_clock::now();
  pattern = 0xa5a5'a5a5'a5a5'a5a5;
  open_file();
  if (std::chrono::steady_clock::now() - begin > std::chrono::milliseconds{300}) return;  // a constructor may take its time, once
  const auto first = found + places;
  pattern = 0;
  open_file();
  if (found + places != first) refuse("describes itself differently each time it is opened");
}

bool finished = false;

// Last of all: what the file left to be done at the end of the process has been done.
void answer_at_exit() {
  if (finished) answer(0, found);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "cnode_probe FILE MODULE: cnode starts this to open a module file\n");
    return 2;
  }
  path = argv[1];
  module = argv[2];
  limit_resources();
  ::mallopt(M_ARENA_MAX, 1);  // a second one would be mapped near the file
  std::atexit(answer_at_exit);
  if (!probe::run_on_far_stack(open_twice)) refuse("no thread to open it");
  finished = true;
  std::exit(0);
}
