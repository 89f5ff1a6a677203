// From checked bytes to a version: private copy, dlopen, the entry, the description. And back.
#include <cstring>
#include <utility>

#include <dlfcn.h>
#include <link.h>
#include <unistd.h>

#include <cnode/protocol/term_text.hpp>

#include "code/code_impl.hpp"
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

template <class F>
void each_object(F f) {
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* context) {
        (*static_cast<F*>(context))(*info);
        return 0;
      },
      &f);
}

bool is_mapped(std::uintptr_t base, const std::string& name) {
  bool there = false;
  each_object([&](const dl_phdr_info& i) { there |= i.dlpi_addr == base && name == i.dlpi_name; });
  return there;
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

bool code_server_impl::open_module(candidate& c, std::string& why) {
  auto* v = new_version(c.module);
  c.version = v;
  auto& f = file(*v);
  f.path = c.path;
  std::memcpy(f.digest, c.file.digest, sizeof f.digest);
  const auto give_up = [&] {
    std::exchange(c.version, nullptr)->release();
    return false;
  };
  // The directory may have been cleaned away under a node that runs for months.
  if (run_directory.empty() || ::access(run_directory.c_str(), W_OK | X_OK) != 0) run_directory = make_run_directory(why);
  if (run_directory.empty()) return give_up();
  const auto copy = run_directory + "/" + copy_name(c.module, ++next_copy);
  if (!write_private_copy(copy, c.file.bytes, c.file.bytes.size(), why)) return give_up();
  f.private_path = copy;
  std::string{}.swap(c.file.bytes);

  f.handle = ::dlopen(copy.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!f.handle) {
    const char* text = ::dlerror();
    why = text ? text : "dlopen failed";
    // The copy's name says nothing to the user.
    if (why.starts_with(copy + ": ")) why.erase(0, copy.size() + 2);
    return give_up();
  }
  link_map* map = nullptr;
  if (::dlinfo(f.handle, RTLD_DI_LINKMAP, &map) == 0 && map) {
    f.base = map->l_addr;
    f.link_name = map->l_name;
  }
  each_object([&](const dl_phdr_info& i) {
    if (i.dlpi_addr != f.base || f.link_name != i.dlpi_name) return;
    for (int n = 0; n < i.dlpi_phnum; ++n)
      if (i.dlpi_phdr[n].p_type == PT_LOAD)
        f.ranges.emplace_back(f.base + i.dlpi_phdr[n].p_vaddr, f.base + i.dlpi_phdr[n].p_vaddr + i.dlpi_phdr[n].p_memsz);
  });
  {
    std::unique_lock guard{ranges_lock};
    for (const auto& [begin, end] : f.ranges) ranges[begin] = {end, v};
  }
  if (!read_description(c, why)) return give_up();
  return true;
}

bool code_server_impl::read_description(candidate& c, std::string& why) {
  auto& v = *c.version;
  auto& f = file(v);
  auto entry = reinterpret_cast<cnode_module_entry_function>(::dlsym(f.handle, "cnode_module_entry"));
  if (!entry) return why = "does not export cnode_module_entry", false;
  const auto* d = entry(&host_functions());
  if (!d) return why = "its entry refuses this host", false;
  if (d->size < sizeof(cnode_module)) return why = "its description is too small (" + std::to_string(d->size) + " bytes): rebuild it with this node's headers", false;
  if (d->abi_major != CNODE_ABI_MAJOR || d->abi_minor > CNODE_ABI_MINOR) return why = "its description is of another ABI: rebuild it with this node's headers", false;
  if (!d->name || atom_text(c.module) != d->name) return why = "describes module " + std::string{d->name ? d->name : "(none)"} + ", not " + std::string{atom_text(c.module)}, false;
  if (d->export_count > 0 && !d->exports) return why = "its table of exports is missing", false;
  for (std::uint32_t i = 0; i < d->export_count; ++i) {
    const auto& e = d->exports[i];
    const auto name = e.name ? find_or_make_atom(e.name) : term{};
    if (!name || !e.function || e.arity > 255) return why = "export number " + std::to_string(i + 1) + " has no legal name, arity or function", false;
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
  b->root = make_list_of(*b, make_tuple_of(*b, atom("version"), make_charlist(*b, compiler)), make_tuple_of(*b, atom("options"), nil),
                         make_tuple_of(*b, atom("source"), make_charlist(*b, f.path)));
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
    ::dlclose(f.handle);  // its result says nothing: it is 0 for a file that stays
    if (is_mapped(f.base, f.link_name)) {
      stuck.fetch_add(1, std::memory_order_relaxed);
      node.log(log_level::warning, "module " + std::string{atom_text(v.name())} + " from " + f.path +
                                       " stays mapped after its purge: a thread_local with a destructor is alive on some thread, or a library of it is not unloadable");
      return;  // the copy stays, too: debuggers read it
    }
    unmapped.fetch_add(1, std::memory_order_relaxed);
  }
  if (!f.private_path.empty()) ::unlink(f.private_path.c_str());
}

}  // namespace cnode::actors
