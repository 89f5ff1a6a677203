// Relocations, and the tables of constructors and destructors they fill.
#include <algorithm>

#include "code/elf_reader.hpp"

namespace cnode::actors::detail {

namespace {

// The relocations that shared objects of this machine have. What else there is (copies, 32-bit ones) is damage or not -fPIC.
enum class kind { none, relative, irelative, symbol, tls, tls_descriptor, static_tls, unknown };

#if defined(__x86_64__)
kind kind_of(std::uint32_t type) {
  switch (type) {
    case R_X86_64_NONE: return kind::none;
    case R_X86_64_RELATIVE: return kind::relative;
    case R_X86_64_IRELATIVE: return kind::irelative;
    case R_X86_64_64: case R_X86_64_GLOB_DAT: case R_X86_64_JUMP_SLOT: return kind::symbol;
    case R_X86_64_DTPMOD64: case R_X86_64_DTPOFF64: return kind::tls;
    case R_X86_64_TLSDESC: return kind::tls_descriptor;
    case R_X86_64_TPOFF64: return kind::static_tls;
    default: return kind::unknown;
  }
}
#else
kind kind_of(std::uint32_t type) {
  switch (type) {
    case R_AARCH64_NONE: return kind::none;
    case R_AARCH64_RELATIVE: return kind::relative;
    case R_AARCH64_IRELATIVE: return kind::irelative;
    case R_AARCH64_ABS64: case R_AARCH64_GLOB_DAT: case R_AARCH64_JUMP_SLOT: return kind::symbol;
    case R_AARCH64_TLS_DTPMOD: case R_AARCH64_TLS_DTPREL: return kind::tls;
    case R_AARCH64_TLSDESC: return kind::tls_descriptor;
    case R_AARCH64_TLS_TPREL: return kind::static_tls;
    default: return kind::unknown;
  }
}
#endif

}  // namespace

void elf_reader::relocations() {
  require(!dt(DT_REL) && !dt(DT_RELSZ), "relocations without addends");
  // ld.so reads these without asking whether they are there.
  require(!dt(DT_RELA) || (bool{dt(DT_RELASZ)} && dt(DT_RELAENT).v == sizeof(Elf64_Rela)), "relocations of unexpected size");
  require(!dt(DT_RELAENT) || dt(DT_RELAENT).v == sizeof(Elf64_Rela), "relocations of unexpected size");
  require(!dt(DT_PLTREL) || dt(DT_PLTREL).v == DT_RELA, "relocations of unexpected form");
  require(bool{dt(DT_PLTREL)} == bool{dt(DT_JMPREL)} && bool{dt(DT_JMPREL)} == bool{dt(DT_PLTRELSZ)}, "a PLT without all of its relocation table");
  table(dt(DT_RELA), dt(DT_RELASZ), "the relocation table");
  table(dt(DT_JMPREL), dt(DT_PLTRELSZ), "the PLT's relocation table");
  const auto start = dt(DT_RELA).v, end = start + dt(DT_RELASZ).v, plt = dt(DT_JMPREL).v, plt_end = plt + dt(DT_PLTRELSZ).v;
  const bool apart = plt >= end || plt_end <= start, tail = plt >= start && plt_end == end;
  require(!dt(DT_RELA) || !dt(DT_JMPREL) || apart || tail, "relocation tables overlap");
  if (relative_count_) {
    // These many ld.so takes for relative ones without a look at their kind.
    require(relative_count_.v <= dt(DT_RELASZ).v / sizeof(Elf64_Rela), "more relative relocations than relocations");
    const auto first = relative_count_.v ? offset_of(start, relative_count_.v * sizeof(Elf64_Rela), "the relocation table") : 0;
    for (std::uint64_t i = 0; i < relative_count_.v; ++i)
      require(kind_of(static_cast<std::uint32_t>(ELF64_R_TYPE(at<Elf64_Rela>(first + i * sizeof(Elf64_Rela), "a relocation").r_info))) == kind::relative,
              "fewer relative relocations than it says");
  }
  if (dt(DT_PLTGOT)) require(inside_a_load(dt(DT_PLTGOT).v, 24, place::memory), "the global offset table lies outside the file");
  for (const auto& a : arrays_)
    require(std::find(a.filled.begin(), a.filled.end(), false) == a.filled.end(), "a table of constructors with an entry that points nowhere");
}

void elf_reader::table(const value& address, const value& size, const char* what) {
  if (!address && !size) return;
  require(bool{address} && bool{size}, "a relocation table without address or size");
  require(size.v % sizeof(Elf64_Rela) == 0, "a relocation table of odd size");
  const auto start = size.v ? offset_of(address.v, size.v, what) : 0;
  for (std::uint64_t i = 0; i < size.v; i += sizeof(Elf64_Rela)) relocation(at<Elf64_Rela>(start + i, what));
}

void elf_reader::relocation(const Elf64_Rela& r) {
  const auto what = kind_of(static_cast<std::uint32_t>(ELF64_R_TYPE(r.r_info)));
  const std::uint64_t s = ELF64_R_SYM(r.r_info);
  switch (what) {
    case kind::none: return;
    case kind::irelative: refuse("an indirect function (IFUNC) relocation, whose resolver would run within dlopen (no target_clones or ifunc attributes)");
    case kind::static_tls: refuse("uses static thread-local storage, of which reloads run out (compile with -ftls-model=global-dynamic)");
    case kind::unknown: refuse("a relocation of kind " + std::to_string(ELF64_R_TYPE(r.r_info)) + ", which modules do not have (compile with -fPIC)");
    default: break;
  }
  require(inside_a_load(r.r_offset, what == kind::tls_descriptor ? 16 : 8, place::memory, PF_W),
          "a relocation writes outside the writable segments (DT_TEXTREL: compile with -fPIC)");
  require(r.r_offset + (what == kind::tls_descriptor ? 16 : 8) <= dynamic_.p_vaddr || r.r_offset >= dynamic_.p_vaddr + dynamic_.p_memsz, "a relocation writes into the dynamic section");
  if (what == kind::relative) {
    const auto target = static_cast<std::uint64_t>(r.r_addend);
    require(target >= loads_.front().p_vaddr && target <= last_end_, "a relocation points outside the file");
  }
  if ((what == kind::tls || what == kind::tls_descriptor) && s == 0) require(has_tls_, "a thread-local relocation without thread-local storage");
  // Symbols beyond the hash table's reach: undefined ones of files without a DT_HASH.
  if (s >= symbol_count_ && what != kind::relative) {
    require(s <= max_symbols, "a relocation names no symbol");
    symbol(offset_of(dt(DT_SYMTAB).v + s * sizeof(Elf64_Sym), sizeof(Elf64_Sym), "the symbol table"), s, false);
  }
  for (auto& a : arrays_) {
    const std::uint64_t size = what == kind::tls_descriptor ? 16 : 8, behind = r.r_offset - a.address;
    if (r.r_offset + size <= a.address || r.r_offset >= a.address + 8 * a.filled.size()) continue;
    require(r.r_offset >= a.address && behind % 8 == 0 && (what == kind::symbol || what == kind::relative), "a table of constructors that is filled crookedly");
    if (what == kind::relative)
      require(inside_a_load(static_cast<std::uint64_t>(r.r_addend), 1, place::file, PF_X), "a constructor or destructor that is no code");
    require(!a.filled[behind / 8], "a constructor that is named twice");
    a.filled[behind / 8] = true;
  }
}

void elf_reader::arrays() {
  std::size_t i = 0;
  for (const auto& [address, size] : {std::pair{DT_INIT_ARRAY, DT_INIT_ARRAYSZ}, std::pair{DT_FINI_ARRAY, DT_FINI_ARRAYSZ}}) {
    auto& a = arrays_[i++];
    if (!dt(address) && !dt(size)) continue;
    require(bool{dt(address)} && bool{dt(size)} && dt(size).v % 8 == 0 && dt(address).v % 8 == 0, "a table of constructors of odd size");
    require(inside_a_load(dt(address).v, dt(size).v, place::file, PF_W), "a table of constructors lies outside the file");
    a.address = dt(address).v;
    a.filled.assign(dt(size).v / 8, false);
  }
  for (const int tag : {DT_INIT, DT_FINI})
    if (dt(tag)) require(inside_a_load(dt(tag).v, 1, place::file, PF_X), "DT_INIT or DT_FINI points to no code");
  require(!dt(DT_PREINIT_ARRAY) && !dt(DT_PREINIT_ARRAYSZ), "a pre-initialisation table, which only programs may have");
}

}  // namespace cnode::actors::detail
