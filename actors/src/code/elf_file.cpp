#include "code/elf_file.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include <elf.h>

#include <cnode/module.h>

namespace cnode::actors {

namespace {

constexpr std::int64_t dt_relr = 36;  // not yet in older elf.h
constexpr std::size_t max_name = 64 * 1024;
constexpr std::size_t max_headers = 256, max_dynamic = 1024, max_symbols = 4u << 20;

#if defined(__x86_64__)
constexpr auto our_machine = EM_X86_64;
constexpr std::uint32_t relocation_irelative = R_X86_64_IRELATIVE;
#elif defined(__aarch64__)
constexpr auto our_machine = EM_AARCH64;
constexpr std::uint32_t relocation_irelative = R_AARCH64_IRELATIVE;
#else
#error "which machine the modules must be for"
#endif

struct refusal {
  std::string why;
};

[[noreturn]] void refuse(std::string why) { throw refusal{std::move(why)}; }
void require(bool ok, const char* why) {
  if (!ok) refuse(why);
}

class elf_reader {
 public:
  explicit elf_reader(std::string_view bytes) : bytes_{bytes} {}

  elf_report read() {
    header();
    segments();
    dynamic();
    strings();
    symbols();
    relocations();
    arrays();
    policy();
    report_.ok = true;
    return std::move(report_);
  }
  elf_report& report() { return report_; }

 private:
  // `count` objects of type T at a file offset; copied out, as files align nothing for us.
  template <class T>
  T at(std::uint64_t offset, const char* what) const {
    T t;
    if (offset > bytes_.size() || bytes_.size() - offset < sizeof t) refuse(std::string{what} + " lies outside the file");
    std::memcpy(&t, bytes_.data() + offset, sizeof t);
    return t;
  }

  void header() {
    require(!bytes_.empty(), "the file is empty");
    require(bytes_.size() >= 4 && std::memcmp(bytes_.data(), ELFMAG, SELFMAG) == 0, "not an ELF file");
    require(bytes_.size() >= sizeof(Elf64_Ehdr), "the file ends within the ELF header");
    eh_ = at<Elf64_Ehdr>(0, "the ELF header");
    require(eh_.e_ident[EI_CLASS] == ELFCLASS64, "not a 64-bit ELF file");
    require(eh_.e_ident[EI_DATA] == ELFDATA2LSB, "not a little-endian ELF file");
    require(eh_.e_ident[EI_VERSION] == EV_CURRENT && eh_.e_version == EV_CURRENT, "unknown ELF version");
    require(eh_.e_ident[EI_OSABI] == ELFOSABI_SYSV || eh_.e_ident[EI_OSABI] == ELFOSABI_GNU, "made for another operating system");
    require(eh_.e_ident[EI_ABIVERSION] == 0, "unknown ELF ABI version");
    if (eh_.e_machine != our_machine) refuse("made for another machine (ELF machine " + std::to_string(eh_.e_machine) + ")");
    require(eh_.e_type == ET_DYN, "not a shared object (link it with -shared)");
    require(eh_.e_phentsize == sizeof(Elf64_Phdr), "program headers of unexpected size");
    require(eh_.e_phnum > 0 && eh_.e_phnum <= max_headers, "no program headers, or too many");
    require(eh_.e_phoff <= bytes_.size() && (bytes_.size() - eh_.e_phoff) / sizeof(Elf64_Phdr) >= eh_.e_phnum,
            "the program headers lie outside the file");
    require(eh_.e_phoff % 8 == 0, "misaligned program headers");
    // Sections are not loaded, but a file cut before them is not the file that was built. They also tell where the image ends.
    report_.image_end = sizeof eh_;
    if (eh_.e_shoff != 0 && eh_.e_shnum != 0) {
      require(eh_.e_shentsize == sizeof(Elf64_Shdr), "section headers of a wrong size");
      require(eh_.e_shoff <= bytes_.size() && (bytes_.size() - eh_.e_shoff) / sizeof(Elf64_Shdr) >= eh_.e_shnum,
              "the section headers lie outside the file (truncated?)");
      report_.image_end = std::max<std::size_t>(report_.image_end, eh_.e_shoff + eh_.e_shnum * sizeof(Elf64_Shdr));
    }
  }

  void segments() {
    std::uint64_t last_end = 0;
    bool loads = false;
    for (unsigned i = 0; i < eh_.e_phnum; ++i) {
      const auto p = at<Elf64_Phdr>(eh_.e_phoff + i * sizeof(Elf64_Phdr), "a program header");
      if (p.p_type == PT_INTERP) refuse("an executable, not a module (link it with -shared, not -pie)");
      if (p.p_type == PT_GNU_STACK) {
        require(!(p.p_flags & PF_X), "wants an executable stack (link it with -Wl,-z,noexecstack)");
        continue;
      }
      if (p.p_type != PT_LOAD && p.p_type != PT_DYNAMIC && p.p_type != PT_NOTE && p.p_type != PT_TLS && p.p_type != PT_GNU_RELRO &&
          p.p_type != PT_GNU_EH_FRAME && p.p_type != PT_GNU_PROPERTY)
        continue;
      require(p.p_offset <= bytes_.size() && p.p_filesz <= bytes_.size() - p.p_offset, "a segment lies outside the file (truncated?)");
      require(p.p_memsz >= p.p_filesz, "a segment is larger in the file than in memory");
      require(p.p_vaddr <= max_address && p.p_memsz <= max_address - p.p_vaddr, "a segment's address overflows");
      require(p.p_align == 0 || (p.p_align & (p.p_align - 1)) == 0, "a segment's alignment is no power of two");
      report_.image_end = std::max<std::size_t>(report_.image_end, p.p_offset + p.p_filesz);
      if (p.p_type == PT_LOAD) {
        require(p.p_vaddr >= last_end || !loads, "segments overlap or are out of order");
        require((p.p_vaddr - p.p_offset) % 4096 == 0, "a segment's address and offset disagree");
        require(p.p_align <= (1u << 24), "a segment's alignment is too large");
        require(!((p.p_flags & PF_W) && (p.p_flags & PF_X)), "a segment is both writable and executable (W+X)");
        last_end = p.p_vaddr + p.p_memsz;
        loads = true;
        loads_.push_back(p);
      } else if (p.p_type == PT_DYNAMIC) {
        require(!has_dynamic_, "two dynamic segments");
        dynamic_ = p;
        has_dynamic_ = true;
      } else if (p.p_type == PT_NOTE) {
        notes(p);
      } else if (p.p_type == PT_TLS) {
        require(p.p_align <= 4096, "thread-local storage of too large an alignment");
        require(p.p_memsz <= (64u << 20), "too much thread-local storage");
      }
      if (p.p_type == PT_TLS || p.p_type == PT_GNU_RELRO || p.p_type == PT_DYNAMIC || p.p_type == PT_GNU_EH_FRAME) others_.push_back(p);
    }
    require(loads, "nothing to load");
    require(has_dynamic_, "no dynamic segment");
    require(last_end - loads_.front().p_vaddr <= (std::uint64_t{4} << 30), "too large in memory");
    for (const auto& p : others_) require(inside_a_load(p.p_vaddr, p.p_type == PT_TLS ? p.p_filesz : p.p_memsz, false), "a segment lies in no loaded one");
  }

  void notes(const Elf64_Phdr& p) {
    const std::uint64_t align = p.p_align == 8 ? 8 : 4, end = p.p_offset + p.p_filesz;
    for (auto at_ = p.p_offset; end - at_ >= sizeof(Elf64_Nhdr);) {
      const auto n = at<Elf64_Nhdr>(at_, "a note");
      const auto name = at_ + sizeof n;
      const auto descriptor = name + (n.n_namesz + align - 1) / align * align;
      const auto next = descriptor + (n.n_descsz + align - 1) / align * align;
      require(descriptor <= end && n.n_descsz <= end - descriptor, "a note lies outside its segment");
      constexpr std::string_view owner{CNODE_NOTE_OWNER, sizeof CNODE_NOTE_OWNER};  // with its NUL
      if (n.n_type == CNODE_NOTE_TYPE && bytes_.substr(name, n.n_namesz) == owner) {
        report_.note = bytes_.substr(descriptor, n.n_descsz);
        return;
      }
      if (next >= end) break;
      at_ = next;
    }
  }

  // Whether [address, +size) is loaded; in the part that comes from the file when `from_file`.
  bool inside_a_load(std::uint64_t address, std::uint64_t size, bool from_file, unsigned flags = 0) const {
    for (const auto& l : loads_) {
      const auto n = from_file ? l.p_filesz : l.p_memsz;
      if (address >= l.p_vaddr && address - l.p_vaddr <= n && size <= n - (address - l.p_vaddr)) return (l.p_flags & flags) == flags;
    }
    return false;
  }

  std::uint64_t offset_of(std::uint64_t address, std::uint64_t size, const char* what) const {
    for (const auto& l : loads_)
      if (address >= l.p_vaddr && address - l.p_vaddr <= l.p_filesz && size <= l.p_filesz - (address - l.p_vaddr))
        return l.p_offset + (address - l.p_vaddr);
    refuse(std::string{what} + " lies outside the loaded file");
  }

  void dynamic() {
    require(dynamic_.p_filesz <= max_dynamic * sizeof(Elf64_Dyn), "the dynamic section is too large");
    require(offset_of(dynamic_.p_vaddr, dynamic_.p_filesz, "the dynamic section") == dynamic_.p_offset, "the dynamic segment's address and offset disagree");
    require(dynamic_.p_vaddr % 8 == 0, "misaligned dynamic section");
    bool ended = false;
    for (std::uint64_t i = 0; !ended && (i + 1) * sizeof(Elf64_Dyn) <= dynamic_.p_filesz; ++i) {
      const auto d = at<Elf64_Dyn>(dynamic_.p_offset + i * sizeof(Elf64_Dyn), "the dynamic section");
      const auto value = d.d_un.d_val;
      if (d.d_tag == DT_NULL) ended = true;
      else if (d.d_tag == DT_NEEDED) needed_.push_back(value);
      else if (d.d_tag >= 0 && d.d_tag < static_cast<std::int64_t>(values_.size())) set(values_[static_cast<std::size_t>(d.d_tag)], value);
      else if (d.d_tag == dt_relr) refuse("packed relocations (link with -Wl,-z,nopack-relative-relocs)");
      else if (d.d_tag == DT_GNU_HASH) set(gnu_hash_, value);
      else if (d.d_tag == DT_VERSYM) set(versym_, value);
      else if (d.d_tag == DT_VERNEED) set(verneed_, value);
      else if (d.d_tag == DT_VERNEEDNUM) set(verneednum_, value);
      else if (d.d_tag == DT_VERDEF) set(verdef_, value);
      else if (d.d_tag == DT_VERDEFNUM) set(verdefnum_, value);
      else if (d.d_tag == DT_FLAGS_1) set(flags_1_, value);
      else if (d.d_tag == DT_AUDIT || d.d_tag == DT_DEPAUDIT || d.d_tag == DT_FILTER || d.d_tag == DT_AUXILIARY) refuse("asks for audit or filter libraries");
    }
    require(ended, "the dynamic section has no end");
  }

  struct value {
    std::uint64_t v = 0;
    bool there = false;
    explicit operator bool() const { return there; }
  };
  static void set(value& to, std::uint64_t v) {
    require(!to, "the dynamic section names one thing twice");
    to = {v, true};
  }
  const value& dt(int tag) const { return values_[static_cast<std::size_t>(tag)]; }

  std::string_view string(std::uint64_t offset, const char* what) const {
    if (offset >= strings_.size()) refuse(std::string{what} + " has its name outside the string table");
    const auto n = strnlen(strings_.data() + offset, std::min(strings_.size() - offset, max_name));  // the table ends with NUL
    if (n == max_name) refuse(std::string{what} + " has a name that is too long");
    return strings_.substr(offset, n);
  }

  void strings() {
    require(bool{dt(DT_STRTAB)} && bool{dt(DT_STRSZ)} && bool{dt(DT_SYMTAB)}, "no string or symbol table");
    require(dt(DT_STRSZ).v > 0, "the string table is empty");
    require(!dt(DT_SYMENT) || dt(DT_SYMENT).v == sizeof(Elf64_Sym), "symbols of unexpected size");
    strings_ = bytes_.substr(offset_of(dt(DT_STRTAB).v, dt(DT_STRSZ).v, "the string table"), dt(DT_STRSZ).v);
    require(strings_.back() == '\0', "the string table has no end");
    for (const auto n : needed_) report_.needed.emplace_back(string(n, "a needed library"));
    for (const int tag : {DT_SONAME, DT_RPATH, DT_RUNPATH})
      if (dt(tag)) (void)string(dt(tag).v, "a path");
  }

  // ld.so takes a table's length from its hash table.
  std::uint64_t count_by_gnu_hash() const {
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
      if (s < count) {
        // Buckets are in order in what linkers write; a shared or backward chain is damage.
        refuse("hash chains out of order");
      }
      for (;; ++s) {
        require(s <= max_symbols, "a hash chain without an end");
        const auto h = at<std::uint32_t>(offset_of(chain_address + (s - first) * 4, 4, "a hash chain"), "a hash chain");
        if (h & 1) break;
      }
      count = std::max(count, s + 1);
    }
    return count;
  }

  std::uint64_t count_by_hash() const {
    const auto start = offset_of(dt(DT_HASH).v, 8, "the hash table");
    const std::uint64_t buckets = at<std::uint32_t>(start, "the hash table"), count = at<std::uint32_t>(start + 4, "the hash table");
    require(buckets > 0 && buckets <= max_symbols && count <= max_symbols, "a hash table with impossible sizes");
    const auto table = offset_of(dt(DT_HASH).v, 8 + (buckets + count) * 4, "the hash table");
    for (std::uint64_t i = 0; i < buckets + count; ++i)
      require(at<std::uint32_t>(table + 8 + i * 4, "the hash table") < std::max<std::uint64_t>(count, 1), "a hash entry that names no symbol");
    for (std::uint64_t b = 0; b < buckets; ++b) {
      std::uint64_t steps = 0;
      for (std::uint64_t s = at<std::uint32_t>(table + 8 + b * 4, ""); s; s = at<std::uint32_t>(table + 8 + (buckets + s) * 4, ""))
        require(++steps <= count, "a hash chain that runs in a circle");
    }
    return count;
  }

  void symbols() {
    require(bool{gnu_hash_} || bool{dt(DT_HASH)}, "no symbol hash table");
    std::uint64_t count = gnu_hash_ ? count_by_gnu_hash() : 0;
    if (dt(DT_HASH)) count = std::max(count, count_by_hash());
    symbol_count_ = count;
    versions();
    std::uint64_t offset = count ? offset_of(dt(DT_SYMTAB).v, count * sizeof(Elf64_Sym), "the symbol table") : 0;
    for (std::uint64_t i = 0; i < count; ++i) symbol(offset + i * sizeof(Elf64_Sym), true);
  }

  void symbol(std::uint64_t offset, bool listed) {
    const auto s = at<Elf64_Sym>(offset, "the symbol table");
    const auto name = string(s.st_name, "a symbol");
    const auto type = s.st_info & 0xf, bind = s.st_info >> 4;
    if (bind == STB_GNU_UNIQUE)
      refuse("symbol " + std::string{name.substr(0, 200)} + " is unique (STB_GNU_UNIQUE), which pins the file in memory for ever (compile with -fno-gnu-unique)");
    if (s.st_shndx == SHN_UNDEF) {
      static constexpr std::array tied{"pthread_create", "signal", "sigaction", "pthread_key_create", "__cxa_thread_atexit",
                                       "_ZSt13set_terminatePFvvE"};
      for (const auto* t : tied)
        if (name == t) report_.warnings.push_back("uses " + std::string{name});
      if (name.starts_with("_ZNSt6thread15_M_start_thread")) report_.warnings.push_back("starts threads");
      return;
    }
    if (type == STT_GNU_IFUNC)
      refuse("symbol " + std::string{name.substr(0, 200)} + " is an indirect function (IFUNC), whose resolver would run within dlopen (no target_clones or ifunc attributes)");
    if (s.st_shndx != SHN_ABS && type != STT_TLS) require(inside_a_load(s.st_value, 0, false), "a symbol's address lies outside the file");
    if (listed && bind != STB_LOCAL && (s.st_other & 3) == STV_DEFAULT && type != STT_SECTION && s.st_shndx != SHN_ABS) {
      if (name == "cnode_module_entry") {
        require(type == STT_FUNC, "cnode_module_entry is no function");
        require(inside_a_load(s.st_value, 1, true, PF_X), "cnode_module_entry points to no code");
      }
      report_.exports.emplace_back(name);
    }
  }

  void versions() {
    if (versym_) (void)offset_of(versym_.v, symbol_count_ * 2, "the symbol versions");
    if (verneed_) {
      require(bool{verneednum_} && verneednum_.v <= 4096, "too many needed versions");
      auto address = verneed_.v;
      for (std::uint64_t i = 0; i < verneednum_.v; ++i) {
        const auto n = at<Elf64_Verneed>(offset_of(address, sizeof(Elf64_Verneed), "a needed version"), "a needed version");
        require(n.vn_version == 1, "a needed version of unknown form");
        (void)string(n.vn_file, "a needed version");
        auto aux = address + n.vn_aux;
        for (unsigned k = 0; k < n.vn_cnt; ++k) {
          const auto a = at<Elf64_Vernaux>(offset_of(aux, sizeof(Elf64_Vernaux), "a needed version"), "a needed version");
          (void)string(a.vna_name, "a needed version");
          require(a.vna_next != 0 || k + 1u == n.vn_cnt, "needed versions end early");
          aux += a.vna_next;
        }
        require((n.vn_next != 0) == (i + 1 < verneednum_.v), "needed versions end early");
        address += n.vn_next;
      }
    }
    if (verdef_) {
      require(bool{verdefnum_} && verdefnum_.v <= 4096, "too many defined versions");
      auto address = verdef_.v;
      for (std::uint64_t i = 0; i < verdefnum_.v; ++i) {
        const auto d = at<Elf64_Verdef>(offset_of(address, sizeof(Elf64_Verdef), "a defined version"), "a defined version");
        require(d.vd_version == 1 && d.vd_cnt > 0, "a defined version of unknown form");
        const auto a = at<Elf64_Verdaux>(offset_of(address + d.vd_aux, sizeof(Elf64_Verdaux), "a defined version"), "a defined version");
        (void)string(a.vda_name, "a defined version");
        require((d.vd_next != 0) == (i + 1 < verdefnum_.v), "defined versions end early");
        address += d.vd_next;
      }
    }
  }

  void table(const value& address, const value& size, const char* what) {
    if (!address && !size) return;
    require(bool{address} && bool{size}, "a relocation table without address or size");
    require(size.v % sizeof(Elf64_Rela) == 0, "a relocation table of odd size");
    const auto start = size.v ? offset_of(address.v, size.v, what) : 0;
    for (std::uint64_t i = 0; i < size.v; i += sizeof(Elf64_Rela)) {
      const auto r = at<Elf64_Rela>(start + i, what);
      const auto kind = static_cast<std::uint32_t>(ELF64_R_TYPE(r.r_info));
      const std::uint64_t s = ELF64_R_SYM(r.r_info);
      require(kind != relocation_irelative, "an indirect function (IFUNC) relocation, whose resolver would run within dlopen (no target_clones or ifunc attributes)");
      if (kind == 0) continue;
      require(inside_a_load(r.r_offset, 8, false, PF_W), "a relocation writes outside the writable segments (DT_TEXTREL: compile with -fPIC)");
      // Symbols beyond the hash table's reach: undefined ones of files without a DT_HASH.
      if (s >= symbol_count_) {
        require(s <= max_symbols, "a relocation names no symbol");
        if (versym_) (void)offset_of(versym_.v + s * 2, 2, "the symbol versions");
        symbol(offset_of(dt(DT_SYMTAB).v + s * sizeof(Elf64_Sym), sizeof(Elf64_Sym), "the symbol table"), false);
      }
    }
  }

  void relocations() {
    require(!dt(DT_REL) && !dt(DT_RELSZ), "relocations without addends");
    require(!dt(DT_RELAENT) || dt(DT_RELAENT).v == sizeof(Elf64_Rela), "relocations of unexpected size");
    require(!dt(DT_PLTREL) || dt(DT_PLTREL).v == DT_RELA, "relocations of unexpected form");
    table(dt(DT_RELA), dt(DT_RELASZ), "the relocation table");
    table(dt(DT_JMPREL), dt(DT_PLTRELSZ), "the PLT's relocation table");
    if (dt(DT_PLTGOT)) require(inside_a_load(dt(DT_PLTGOT).v, 24, false), "the global offset table lies outside the file");
  }

  void arrays() {
    for (const auto& [address, size] : {std::pair{DT_INIT_ARRAY, DT_INIT_ARRAYSZ}, std::pair{DT_FINI_ARRAY, DT_FINI_ARRAYSZ}}) {
      if (!dt(address) && !dt(size)) continue;
      require(bool{dt(address)} && bool{dt(size)} && dt(size).v % 8 == 0, "a table of constructors of odd size");
      require(inside_a_load(dt(address).v, dt(size).v, true), "a table of constructors lies outside the file");
    }
    for (const int tag : {DT_INIT, DT_FINI})
      if (dt(tag)) require(inside_a_load(dt(tag).v, 1, true, PF_X), "DT_INIT or DT_FINI points to no code");
    require(!dt(DT_PREINIT_ARRAY) && !dt(DT_PREINIT_ARRAYSZ), "a pre-initialisation table, which only programs may have");
  }

  void policy() {
    require(!dt(DT_TEXTREL) && !(dt(DT_FLAGS).v & DF_TEXTREL), "relocations in its code (DT_TEXTREL: compile with -fPIC)");
    require(!(dt(DT_FLAGS).v & DF_STATIC_TLS), "uses static thread-local storage (DF_STATIC_TLS), of which reloads run out (compile with -ftls-model=global-dynamic)");
    require(!(flags_1_.v & DF_1_NODELETE), "can never be unloaded (DF_1_NODELETE: link without -Wl,-z,nodelete)");
    require(!(flags_1_.v & DF_1_PIE), "an executable, not a module (link it with -shared, not -pie)");
    require(!(flags_1_.v & DF_1_NOOPEN), "must not be opened with dlopen (DF_1_NOOPEN: link without -Wl,-z,nodlopen)");
    require(!(flags_1_.v & (DF_1_INITFIRST | DF_1_GLOBAL | DF_1_INTERPOSE | DF_1_LOADFLTR)), "asks the dynamic linker for special treatment (DT_FLAGS_1)");
    if (std::find(report_.exports.begin(), report_.exports.end(), "cnode_module_entry") == report_.exports.end())
      refuse("does not export cnode_module_entry (build it with cnode_add_module)");
    for (const auto& e : report_.exports)
      if (e != "cnode_module_entry")
        refuse("exports " + e.substr(0, 200) + " besides cnode_module_entry (link it with a version script { global: cnode_module_entry; local: *; })");
  }

  static constexpr std::uint64_t max_address = std::uint64_t{1} << 46;
  std::string_view bytes_;
  Elf64_Ehdr eh_{};
  std::vector<Elf64_Phdr> loads_, others_;
  Elf64_Phdr dynamic_{};
  bool has_dynamic_ = false;
  std::array<value, 35> values_{};  // DT_NULL .. DT_PREINIT_ARRAYSZ and a few more
  value gnu_hash_, versym_, verneed_, verneednum_, verdef_, verdefnum_, flags_1_;
  std::vector<std::uint64_t> needed_;
  std::string_view strings_;
  std::uint64_t symbol_count_ = 0;
  elf_report report_;
};

}  // namespace

elf_report inspect_elf(std::string_view bytes) {
  elf_reader reader{bytes};
  try {
    return reader.read();
  } catch (const refusal& r) {
    auto report = std::move(reader.report());
    report.ok = false;
    report.why = r.why;
    return report;
  }
}

}  // namespace cnode::actors
