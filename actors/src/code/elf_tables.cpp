// Strings, hash tables, symbols and symbol versions of a shared object.
#include <algorithm>

#include "code/elf_reader.hpp"

namespace cnode::actors::detail {

std::string_view elf_reader::string(std::uint64_t offset, const char* what) const {
  if (offset >= strings_.size()) refuse(std::string{what} + " has its name outside the string table");
  const auto n = strnlen(strings_.data() + offset, std::min(strings_.size() - offset, max_name));  // the table ends with NUL
  if (n == max_name) refuse(std::string{what} + " has a name that is too long");
  return strings_.substr(offset, n);
}

void elf_reader::strings() {
  require(bool{dt(DT_STRTAB)} && bool{dt(DT_STRSZ)} && bool{dt(DT_SYMTAB)}, "no string or symbol table");
  require(dt(DT_STRSZ).v > 0, "the string table is empty");
  require(!dt(DT_SYMENT) || dt(DT_SYMENT).v == sizeof(Elf64_Sym), "symbols of unexpected size");
  // Relocations write, so what the dynamic linker reads meanwhile must not lie where they can.
  for (const auto& [table, what] : {std::pair{dt(DT_STRTAB), "the string table"}, {dt(DT_SYMTAB), "the symbol table"}, {gnu_hash_, "the hash table"},
                                    {dt(DT_HASH), "the hash table"}, {dt(DT_RELA), "the relocation table"}, {dt(DT_JMPREL), "the PLT's relocation table"},
                                    {versym_, "the table of symbol versions"}, {verneed_, "the table of needed versions"}})
    if (table && inside_a_load(table.v, 1, place::memory, PF_W)) refuse(std::string{what} + " is writable");
  strings_ = bytes_.substr(offset_of(dt(DT_STRTAB).v, dt(DT_STRSZ).v, "the string table"), dt(DT_STRSZ).v);
  require(strings_.back() == '\0', "the string table has no end");
  for (const auto n : needed_) {
    const auto name = string(n, "a needed library");
    require(!name.empty(), "a needed library without a name");
    report_.needed.emplace_back(name);
  }
  if (dt(DT_SONAME)) (void)string(dt(DT_SONAME).v, "the soname");
  for (const int tag : {DT_RPATH, DT_RUNPATH}) {
    if (!dt(tag)) continue;
    auto path = string(dt(tag).v, "a path");
    for (std::size_t colon = 0; !path.empty(); path.remove_prefix(std::min(path.size(), colon + 1))) {
      colon = std::min(path.find(':'), path.size());
      report_.run_path.emplace_back(path.substr(0, colon));
    }
  }
}

// ld.so takes a table's length from its hash table.
std::uint64_t elf_reader::count_by_gnu_hash() const {
  const auto start = offset_of(gnu_hash_.v, 16, "the hash table");
  const auto buckets = at<std::uint32_t>(start, "the hash table"), first = at<std::uint32_t>(start + 4, "the hash table"),
             words = at<std::uint32_t>(start + 8, "the hash table"), shift = at<std::uint32_t>(start + 12, "the hash table");
  require(buckets > 0 && words > 0 && (words & (words - 1)) == 0 && shift < 64, "a hash table with impossible sizes");
  require(buckets <= max_symbols && words <= max_symbols && first <= max_symbols, "a hash table that is too large");
  const auto bucket_address = gnu_hash_.v + 16 + std::uint64_t{words} * 8, chain_address = bucket_address + std::uint64_t{buckets} * 4;
  const auto bucket_at = offset_of(bucket_address, std::uint64_t{buckets} * 4, "the hash table");
  (void)offset_of(gnu_hash_.v, 16 + std::uint64_t{words} * 8, "the hash table");
  std::uint64_t count = first;
  for (std::uint32_t i = 0; i < buckets; ++i) {
    std::uint64_t s = at<std::uint32_t>(bucket_at + std::uint64_t{i} * 4, "the hash table");
    if (s == 0) continue;
    require(s >= first && s <= max_symbols, "a hash bucket that names no symbol");
    // Buckets are in order in what linkers write; a shared or backward chain is damage.
    require(s >= count, "hash chains out of order");
    for (;; ++s) {
      require(s <= max_symbols, "a hash chain without an end");
      const auto h = at<std::uint32_t>(offset_of(chain_address + (s - first) * 4, 4, "a hash chain"), "a hash chain");
      if (h & 1) break;
    }
    count = std::max(count, s + 1);
  }
  return count;
}

std::uint64_t elf_reader::count_by_hash() const {
  const auto start = offset_of(dt(DT_HASH).v, 8, "the hash table");
  const std::uint64_t buckets = at<std::uint32_t>(start, "the hash table"), count = at<std::uint32_t>(start + 4, "the hash table");
  require(buckets > 0 && buckets <= max_symbols && count <= max_symbols, "a hash table with impossible sizes");
  const auto table = offset_of(dt(DT_HASH).v, 8 + (buckets + count) * 4, "the hash table");
  for (std::uint64_t i = 0; i < buckets + count; ++i)
    require(at<std::uint32_t>(table + 8 + i * 4, "the hash table") < std::max<std::uint64_t>(count, 1), "a hash entry that names no symbol");
  // Each symbol is in one chain; so all chains together are no longer than the table.
  std::uint64_t steps = 0;
  for (std::uint64_t b = 0; b < buckets; ++b)
    for (std::uint64_t s = at<std::uint32_t>(table + 8 + b * 4, ""); s; s = at<std::uint32_t>(table + 8 + (buckets + s) * 4, ""))
      require(++steps <= count, "a hash chain that runs in a circle");
  return count;
}

void elf_reader::symbols() {
  require(bool{gnu_hash_} || bool{dt(DT_HASH)}, "no symbol hash table");
  std::uint64_t count = gnu_hash_ ? count_by_gnu_hash() : 0;
  if (dt(DT_HASH)) count = std::max(count, count_by_hash());
  symbol_count_ = count;
  versions();
  const std::uint64_t offset = count ? offset_of(dt(DT_SYMTAB).v, count * sizeof(Elf64_Sym), "the symbol table") : 0;
  for (std::uint64_t i = 0; i < count; ++i) symbol(offset + i * sizeof(Elf64_Sym), i, true);
}

void elf_reader::symbol(std::uint64_t offset, std::uint64_t index, bool listed) {
  const auto s = at<Elf64_Sym>(offset, "the symbol table");
  const auto name = string(s.st_name, "a symbol");
  const auto type = s.st_info & 0xf, bind = s.st_info >> 4;
  if (versym_) {
    const auto version = at<std::uint16_t>(offset_of(versym_.v + index * 2, 2, "the symbol versions"), "the symbol versions");
    require((version & 0x7fff) < versions_, "a symbol of a version that nobody defines");
  }
  if (bind == STB_GNU_UNIQUE)
    refuse("symbol " + std::string{name.substr(0, 200)} + " is unique (STB_GNU_UNIQUE), which pins the file in memory for ever (compile with -fno-gnu-unique)");
  if (s.st_shndx == SHN_UNDEF) {
    // The C library keeps the file until each thread that used such a variable has ended: with scheduler threads, for ever.
    if (name == "__cxa_thread_atexit" || name == "__cxa_thread_atexit_impl")
      refuse("has a thread_local variable with a destructor (" + std::string{name} +
             "), which pins the file in memory while any thread lives that used it (make it plain data, or keep it in the state or the process dictionary)");
    static constexpr std::array tied{"pthread_create", "thrd_create", "signal", "sigaction", "pthread_key_create", "_ZSt13set_terminatePFvvE"};
    for (const auto* t : tied)
      if (name == t) report_.warnings.push_back("uses " + std::string{name} + ", and what it makes must end before the module is unloaded");
    if (name.starts_with("_ZNSt6thread15_M_start_thread")) report_.warnings.emplace_back("starts threads, which must end before the module is unloaded");
    return;
  }
  if (type == STT_GNU_IFUNC)
    refuse("symbol " + std::string{name.substr(0, 200)} + " is an indirect function (IFUNC), whose resolver would run within dlopen (no target_clones or ifunc attributes)");
  if (type == STT_TLS) require(has_tls_ && s.st_value <= tls_.p_memsz && s.st_size <= tls_.p_memsz - s.st_value, "a thread-local symbol outside the thread-local storage");
  else if (s.st_shndx != SHN_ABS) require(inside_a_load(s.st_value, 0, place::memory), "a symbol's address lies outside the file");
  if (listed && bind != STB_LOCAL && (s.st_other & 3) == STV_DEFAULT && type != STT_SECTION && s.st_shndx != SHN_ABS) {
    if (name == "cnode_module_entry") {
      require(type == STT_FUNC, "cnode_module_entry is no function");
      require(inside_a_load(s.st_value, 1, place::file, PF_X), "cnode_module_entry points to no code");
    }
    report_.exports.emplace_back(name);
  }
}

void elf_reader::versions() {
  require(!versym_ || bool{verneed_} || bool{verdef_}, "symbol versions without a table of versions");
  if (versym_) (void)offset_of(versym_.v, symbol_count_ * 2, "the symbol versions");
  if (verneed_) needed_versions();
  if (verdef_) defined_versions();
}

void elf_reader::needed_versions() {
  require(bool{verneednum_} && verneednum_.v <= 4096, "too many needed versions");
  auto address = verneed_.v;
  for (std::uint64_t i = 0; i < verneednum_.v; ++i) {
    const auto n = at<Elf64_Verneed>(offset_of(address, sizeof(Elf64_Verneed), "a needed version"), "a needed version");
    require(n.vn_version == 1 && n.vn_cnt > 0, "a needed version of unknown form");
    // ld.so asserts that it has loaded the library.
    const auto library = string(n.vn_file, "a needed version");
    require(std::find(report_.needed.begin(), report_.needed.end(), library) != report_.needed.end(), "a needed version of a library that is not needed");
    auto aux = address + n.vn_aux;
    for (unsigned k = 0; k < n.vn_cnt; ++k) {
      const auto a = at<Elf64_Vernaux>(offset_of(aux, sizeof(Elf64_Vernaux), "a needed version"), "a needed version");
      (void)string(a.vna_name, "a needed version");
      versions_ = std::max<std::uint64_t>(versions_, (a.vna_other & 0x7fff) + 1u);
      require((a.vna_next != 0) == (k + 1u < n.vn_cnt), "needed versions end early");
      aux += a.vna_next;
    }
    require((n.vn_next != 0) == (i + 1 < verneednum_.v), "needed versions end early");
    address += n.vn_next;
  }
}

void elf_reader::defined_versions() {
  require(bool{verdefnum_} && verdefnum_.v <= 4096, "too many defined versions");
  auto address = verdef_.v;
  for (std::uint64_t i = 0; i < verdefnum_.v; ++i) {
    const auto d = at<Elf64_Verdef>(offset_of(address, sizeof(Elf64_Verdef), "a defined version"), "a defined version");
    require(d.vd_version == 1 && d.vd_cnt > 0, "a defined version of unknown form");
    const auto a = at<Elf64_Verdaux>(offset_of(address + d.vd_aux, sizeof(Elf64_Verdaux), "a defined version"), "a defined version");
    (void)string(a.vda_name, "a defined version");
    versions_ = std::max<std::uint64_t>(versions_, (d.vd_ndx & 0x7fff) + 1u);
    require((d.vd_next != 0) == (i + 1 < verdefnum_.v), "defined versions end early");
    address += d.vd_next;
  }
}

}  // namespace cnode::actors::detail
