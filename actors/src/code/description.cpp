#include "code/description.hpp"

#include <cstring>

#include <dlfcn.h>
#include <link.h>

namespace cnode::actors {

namespace {

template <class F>
void each_object(F f) {
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* context) {
        (*static_cast<F*>(context))(*info);
        return 0;
      },
      &f);
}

constexpr std::uint32_t max_exports = 100'000, max_natives = 10'000;

// The list that static initialisers of the file have made.
bool check_natives(const cnode_native_type* const* list, const mapped_file& file, std::string& why) {
  const auto refuse = [&](std::string text) { return why = std::move(text), false; };
  if (!list) return true;
  if (!file.holds(list, sizeof *list, PF_R)) return refuse("its list of native types lies outside the file");
  std::uint32_t n = 0;
  for (const auto* t = *list; t; t = t->next) {
    if (++n > max_natives) return refuse("its list of native types has no end");
    if (!file.holds(t, sizeof *t, PF_R) || !file.holds(t->ops, sizeof *t->ops, PF_R) || !file.holds_text(t->ops->type))
      return refuse("native type number " + std::to_string(n) + " lies outside the file");
    if (!file.holds_code(t->ops->to_term) || !file.holds_code(t->ops->destroy))
      return refuse("native type " + std::string{t->ops->type} + " has operations that are no functions of the file");
  }
  return true;
}

}  // namespace

bool mapped_file::holds(const void* address, std::size_t size, std::uint32_t flags) const {
  const auto a = reinterpret_cast<std::uintptr_t>(address);
  for (const auto& s : segments)
    if (a >= s.begin && a < s.end && size <= s.end - a) return (s.flags & flags) == flags;
  return false;
}

bool mapped_file::holds_text(const char* text) const {
  const auto a = reinterpret_cast<std::uintptr_t>(text);
  for (const auto& s : segments)
    if (a >= s.begin && a < s.end) return (s.flags & PF_R) && std::memchr(text, 0, s.end - a) != nullptr;
  return false;
}

bool map_file(const std::string& path, mapped_file& file, std::string& why, open_function open) {
  file.handle = open(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!file.handle) {
    const char* text = ::dlerror();
    why = text ? text : "dlopen failed";
    // The copy's name says nothing to the user.
    if (why.starts_with(path + ": ")) why.erase(0, path.size() + 2);
    return false;
  }
  link_map* map = nullptr;
  if (::dlinfo(file.handle, RTLD_DI_LINKMAP, &map) == 0 && map) {
    file.base = map->l_addr;
    file.link_name = map->l_name;
  }
  each_object([&](const dl_phdr_info& i) {
    if (i.dlpi_addr != file.base || file.link_name != i.dlpi_name) return;
    for (int n = 0; n < i.dlpi_phnum; ++n) {
      const auto& p = i.dlpi_phdr[n];
      if (p.p_type == PT_LOAD) file.segments.push_back({file.base + p.p_vaddr, file.base + p.p_vaddr + p.p_memsz, p.p_flags});
    }
  });
  return true;
}

bool is_mapped(std::uintptr_t base, const std::string& link_name) {
  bool there = false;
  each_object([&](const dl_phdr_info& i) { there |= i.dlpi_addr == base && link_name == i.dlpi_name; });
  return there;
}

bool check_description(const cnode_module* d, const mapped_file& file, std::string_view name, std::string& why) {
  const auto refuse = [&](std::string text) { return why = std::move(text), false; };
  const auto optional_text = [&](const char* text) { return text == nullptr || file.holds_text(text); };
  if (!d) return refuse("its entry refuses this host");
  if (!file.holds(d, sizeof d->size, PF_R)) return refuse("its description lies outside the file");
  if (d->size < sizeof(cnode_module))
    return refuse("its description is too small (" + std::to_string(d->size) + " bytes): rebuild it with this node's headers");
  if (!file.holds(d, sizeof *d, PF_R)) return refuse("its description lies outside the file");
  if (d->abi_major != CNODE_ABI_MAJOR || d->abi_minor > CNODE_ABI_MINOR)
    return refuse("its description is of another ABI: rebuild it with this node's headers");
  if (!optional_text(d->name)) return refuse("its name lies outside the file");
  if (!d->name || name != d->name) return refuse("describes module " + std::string{d->name ? d->name : "(none)"} + ", not " + std::string{name});
  if (!optional_text(d->vsn)) return refuse("its vsn lies outside the file");
  if (!optional_text(d->behaviour)) return refuse("its behaviour lies outside the file");
  if (!optional_text(d->source) || !optional_text(d->options)) return refuse("its source or options lie outside the file");
  if (d->on_load && !file.holds_code(d->on_load)) return refuse("its on_load is no function of the file");
  if (d->export_count > max_exports) return refuse("says that it exports " + std::to_string(d->export_count) + " functions");
  if (d->export_count > 0 && !d->exports) return refuse("its table of exports is missing");
  if (d->export_count > 0 && !file.holds(d->exports, d->export_count * sizeof(cnode_export), PF_R))
    return refuse("its table of exports lies outside the file");
  for (std::uint32_t i = 0; i < d->export_count; ++i) {
    const auto& e = d->exports[i];
    const auto number = "export number " + std::to_string(i + 1);
    if (!e.name || !e.function || e.arity > 255) return refuse(number + " has no legal name, arity or function");
    if (!file.holds_text(e.name)) return refuse(number + " has its name outside the file");
    if (!file.holds_code(e.function)) return refuse(std::string{e.name} + "/" + std::to_string(e.arity) + " is no function of the file");
  }
  return check_natives(d->natives, file, why);
}

}  // namespace cnode::actors
