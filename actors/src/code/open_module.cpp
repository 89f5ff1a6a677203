// From checked bytes to a version: private copy, dlopen, the entry, the description. And back.
#include <algorithm>
#include <cstring>
#include <utility>

#include <dlfcn.h>
#include <unistd.h>

#include <cnode/protocol/term_text.hpp>

#include "code/code_impl.hpp"
#include "crash_report.hpp"
#include "code/description.hpp"
#include "code/run_directory.hpp"

namespace cnode::actors {

namespace {

// Readable in /proc/PID/maps, short enough for any name, never used twice.
std::string copy_name(term module, std::uint64_t number) {
  std::string name;
  for (const char c : atom_text(module).substr(0, 100)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
    name += plain ? c : '_';
  }
  return name + "-" + std::to_string(::getpid()) + "-" + std::to_string(number) + ".so";
}

// `vsn` of the source, or the file's digest as a number, as the compiler does for .beam files without -vsn.
term vsn_of(block& b, const cnode_module& d, const std::uint8_t* digest, bool& ok) {
  ok = true;
  if (d.vsn && *d.vsn) {
    auto parsed = parse_term(d.vsn);
    ok = static_cast<bool>(parsed);
    return ok ? copy(b, (*parsed)->root) : term{};
  }
  std::uint64_t limbs[2] = {};
  for (int i = 0; i < 16; ++i) limbs[i < 8 ? 1 : 0] = limbs[i < 8 ? 1 : 0] << 8 | digest[i];
  return make_big(b, false, limbs, 2);
}

term behaviour_name(term module, const char* name) {
  const bool elixir = atom_text(module).starts_with("Elixir.");
  const std::string_view n{name};
  if (elixir && n == "gen_server") return atom("Elixir.GenServer");
  if (elixir && n == "supervisor") return atom("Elixir.Supervisor");
  return find_or_make_atom(n);
}

}  // namespace

// Before anything is purged: a full disk must cost no process its code.
bool code_server_impl::write_copy(candidate& c, std::string& why) {
  for (const auto where : {run_place::memory_or_disk, run_place::disk}) {
    if (where == run_place::disk && is_on_disk(run_directory)) break;
    // The directory may have been cleaned away under a node that runs for months; what is in memory may be full.
    auto& directory = where == run_place::disk ? spare_directory : run_directory;
    if (directory.empty() || ::access(directory.c_str(), W_OK | X_OK) != 0) directory = make_run_directory(why, where);
    if (directory.empty()) continue;
    const auto copy = directory + "/" + copy_name(c.module, ++next_copy);
    if (!write_private_copy(copy, c.file.bytes, c.file.bytes.size(), why)) {
      if (where == run_place::disk && ::rmdir(directory.c_str()) == 0) directory.clear();
      continue;
    }
    c.copy = copy;
    std::string{}.swap(c.file.bytes);
    return true;
  }
  return false;
}

bool code_server_impl::open_module(candidate& c, std::string& why) {
  auto* v = new_version(c.module);
  c.version = v;
  auto& f = file(*v);
  f.path = c.path;
  f.path_is_atom = c.path_is_atom;
  f.private_path = std::exchange(c.copy, {});
  std::memcpy(f.digest, c.file.digest, sizeof f.digest);
  timed_step step{*this, c.module, "opening it (dlopen with its constructors, then its entry)"};
  crash_note note{{}, c.module, "while it is opened"};
  mapped_file mapped;
  bool ok = map_file(f.private_path, mapped, why);
  f.handle = mapped.handle;
  f.base = mapped.base;
  f.link_name = mapped.link_name;
  for (const auto& s : mapped.segments) f.ranges.emplace_back(s.begin, s.end);
  {
    std::unique_lock guard{ranges_lock};
    for (const auto& [begin, end] : f.ranges) ranges[begin] = {end, v};
  }
  ok = ok && read_description(c, mapped, why);
  if (ok && !f.ranges.empty()) {
    auto [begin, end] = f.ranges.front();
    for (const auto& r : f.ranges) begin = std::min(begin, r.first), end = std::max(end, r.second);
    remember_mapped(begin, end, atom_text(c.module), vsn_of_version(*v), f.private_path);
  }
  if (!ok) std::exchange(c.version, nullptr)->release();
  return ok;
}

bool code_server_impl::read_description(candidate& c, const mapped_file& mapped, std::string& why) {
  auto& v = *c.version;
  auto& f = file(v);
  auto entry = reinterpret_cast<cnode_module_entry_function>(::dlsym(f.handle, "cnode_module_entry"));
  if (!entry) return why = "does not export cnode_module_entry", false;
  const auto* d = entry(&host_functions());
  if (!check_description(d, mapped, atom_text(c.module), why)) return false;
  for (std::uint32_t i = 0; i < d->export_count; ++i) {
    const auto& e = d->exports[i];
    const auto name = find_or_make_atom(e.name);
    if (!name) return why = "export number " + std::to_string(i + 1) + " has no legal name, arity or function", false;
    if (!f.exports.add(name, e.arity, e.flags & CNODE_EXPORT_DIRTY, e.function))
      return why = "exports " + std::string{e.name} + "/" + std::to_string(e.arity) + " twice", false;
  }
  add_generated_exports(f.exports, atom_text(c.module));
  auto b = block::make(24);
  bool vsn_ok = false;
  const auto vsn = vsn_of(*b, *d, f.digest, vsn_ok);
  if (!vsn_ok) return why = "its vsn is no Erlang term: " + std::string{d->vsn}, false;
  auto attributes = nil;
  if (d->behaviour)
    if (const auto name = behaviour_name(c.module, d->behaviour))
      attributes = make_cons(*b, make_tuple_of(*b, atom("behaviour"), make_list_of(*b, name)), attributes);
  b->root = make_cons(*b, make_tuple_of(*b, atom("vsn"), make_list_of(*b, vsn)), attributes);
  f.attributes = std::move(b);
  b = block::make(24);
  const std::string compiler{c.file.stamp.compiler, strnlen(c.file.stamp.compiler, sizeof c.file.stamp.compiler)};
  const auto options = d->options ? parse_term(d->options) : result<block_ptr>{immediate_block(nil)};
  if (!options) return why = "its options are no Erlang term: " + std::string{d->options}, false;
  b->root = make_list_of(*b, make_tuple_of(*b, atom("version"), make_charlist(*b, compiler)),
                         make_tuple_of(*b, atom("options"), copy(*b, (*options)->root)),
                         make_tuple_of(*b, atom("source"), make_charlist(*b, d->source ? d->source : f.path.c_str())));
  f.compile = std::move(b);
  describe(v, d);
  return true;
}

void code_server_impl::close_module(module_version& v) {
  auto& f = file(v);
  {
    std::unique_lock guard{ranges_lock};
    for (const auto& r : f.ranges)
      if (auto i = ranges.find(r.first); i != ranges.end() && i->second.second == &v) ranges.erase(i);
  }
  if (f.handle) {
    {
      timed_step step{*this, v.name(), "closing it (dlclose with its destructors)"};
      crash_note note{{}, v.name(), "while it is closed"};
      ::dlclose(f.handle);  // its result says nothing: it is 0 for a file that stays
    }
    if (is_mapped(f.base, f.link_name)) {
      stuck.fetch_add(1, std::memory_order_relaxed);
      node.log(log_level::warning, "module " + std::string{atom_text(v.name())} + " from " + f.path +
                                       " stays mapped after its purge: a thread_local with a destructor is alive on some thread, or a library of it is not unloadable");
      return;  // the copy stays, too: debuggers read it
    }
    auto begin = f.ranges.empty() ? 0 : f.ranges.front().first;
    for (const auto& r : f.ranges) begin = std::min(begin, r.first);
    remember_unmapped(begin);
    unmapped.fetch_add(1, std::memory_order_relaxed);
  }
  dispose_of_copy(v);
}

}  // namespace cnode::actors
