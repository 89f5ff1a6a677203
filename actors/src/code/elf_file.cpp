// Headers, segments, notes and the dynamic section; and what we do not take although ld.so would.
#include <algorithm>

#include <cnode/module.h>

#include "code/elf_reader.hpp"

namespace cnode::actors {

namespace detail {

namespace {

constexpr std::int64_t dt_relr = 36;  // not yet in older elf.h
constexpr std::size_t max_headers = 256, max_dynamic = 1024;
constexpr std::uint64_t page = 4096;

#if defined(__x86_64__)
constexpr auto our_machine = EM_X86_64;
#elif defined(__aarch64__)
constexpr auto our_machine = EM_AARCH64;
#else
#error "which machine the modules must be for"
#endif

}  // namespace

elf_report elf_reader::read() {
  header();
  segments();
  dynamic();
  strings();
  symbols();
  arrays();
  relocations();
  policy();
  report_.ok = true;
  return std::move(report_);
}

void elf_reader::header() {
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
  report_.image_end = std::max<std::size_t>(sizeof eh_, eh_.e_phoff + eh_.e_phnum * sizeof(Elf64_Phdr));
  if (eh_.e_shoff == 0 || eh_.e_shnum == 0) return;
  require(eh_.e_shentsize == sizeof(Elf64_Shdr), "section headers of a wrong size");
  require(eh_.e_shoff <= bytes_.size() && (bytes_.size() - eh_.e_shoff) / sizeof(Elf64_Shdr) >= eh_.e_shnum,
          "the section headers lie outside the file (truncated?)");
  report_.image_end = std::max<std::size_t>(report_.image_end, eh_.e_shoff + eh_.e_shnum * sizeof(Elf64_Shdr));
  for (unsigned i = 0; i < eh_.e_shnum; ++i) {
    const auto s = at<Elf64_Shdr>(eh_.e_shoff + i * sizeof(Elf64_Shdr), "a section header");
    if (s.sh_type == SHT_NULL || s.sh_type == SHT_NOBITS) continue;
    require(s.sh_offset <= bytes_.size() && s.sh_size <= bytes_.size() - s.sh_offset, "a section lies outside the file (truncated?)");
    report_.image_end = std::max<std::size_t>(report_.image_end, s.sh_offset + s.sh_size);
  }
}

void elf_reader::segments() {
  for (unsigned i = 0; i < eh_.e_phnum; ++i) segment(at<Elf64_Phdr>(eh_.e_phoff + i * sizeof(Elf64_Phdr), "a program header"));
  require(!loads_.empty(), "nothing to load");
  require(has_dynamic_, "no dynamic segment");
  // Without this header the dynamic linker makes all stacks of the node executable.
  require(has_stack_, "does not say that it needs no executable stack (link it with -Wl,-z,noexecstack)");
  require(last_end_ - loads_.front().p_vaddr <= (std::uint64_t{4} << 30), "too large in memory");
  for (const auto& p : others_) {
    // lld lets what becomes read-only after the relocations end with its last page.
    const auto behind = p.p_type == PT_GNU_RELRO && (p.p_vaddr + p.p_memsz) % page == 0 ? std::min(p.p_memsz, page - 1) : 0;
    const auto size = p.p_type == PT_TLS ? p.p_filesz : p.p_memsz - behind;
    const auto* l = load_of(p.p_vaddr, size, place::memory);
    if (!l) refuse("a segment lies in no loaded one");
    require((l->p_flags & PF_R) || size == 0, "a segment lies in memory that cannot be read");
    // mold gives what becomes read-only no offset; nobody asks for it.
    require(p.p_filesz == 0 || p.p_type == PT_GNU_RELRO || p.p_vaddr - l->p_vaddr == p.p_offset - l->p_offset, "a segment's address and offset disagree");
    if (p.p_type == PT_GNU_RELRO || p.p_type == PT_DYNAMIC)
      require(l->p_flags & PF_W, "relocated data lies in memory that cannot be written");
    // dl_iterate_phdr shows the table there to everybody, the unwinder among them.
    if (p.p_type == PT_PHDR) require(p.p_offset == eh_.e_phoff && p.p_filesz == eh_.e_phnum * sizeof(Elf64_Phdr), "a header table elsewhere than the ELF header says");
  }
}

void elf_reader::segment(const Elf64_Phdr& p) {
  if (p.p_type == PT_INTERP) refuse("an executable, not a module (link it with -shared, not -pie)");
  if (p.p_type == PT_GNU_STACK) {
    require(!(p.p_flags & PF_X), "wants an executable stack (link it with -Wl,-z,noexecstack)");
    has_stack_ = true;
    return;
  }
  static constexpr std::array followed{PT_LOAD, PT_DYNAMIC, PT_NOTE, PT_TLS, PT_GNU_RELRO, PT_GNU_EH_FRAME, PT_GNU_PROPERTY, PT_PHDR};
  if (std::find(followed.begin(), followed.end(), static_cast<int>(p.p_type)) == followed.end()) return;
  require(p.p_offset <= bytes_.size() && p.p_filesz <= bytes_.size() - p.p_offset, "a segment lies outside the file (truncated?)");
  require(p.p_memsz >= p.p_filesz, "a segment is larger in the file than in memory");
  require(p.p_vaddr <= max_address && p.p_memsz <= max_address - p.p_vaddr, "a segment's address overflows");
  require((p.p_align & (p.p_align - 1)) == 0, "a segment's alignment is no power of two");
  report_.image_end = std::max<std::size_t>(report_.image_end, p.p_offset + p.p_filesz);
  if (p.p_type == PT_LOAD) {
    require(loads_.empty() || p.p_vaddr >= last_end_, "segments overlap or are out of order");
    require(loads_.empty() || p.p_vaddr / page >= (last_end_ + page - 1) / page, "two segments share a page");
    require((p.p_vaddr - p.p_offset) % page == 0, "a segment's address and offset disagree");
    require(p.p_align <= (1u << 24), "a segment's alignment is too large");
    require(p.p_align % page == 0, "a segment's alignment is smaller than a page");
    require(!((p.p_flags & PF_W) && (p.p_flags & PF_X)), "a segment is both writable and executable (W+X)");
    last_end_ = p.p_vaddr + p.p_memsz;
    loads_.push_back(p);
    return;
  }
  others_.push_back(p);
  if (p.p_type == PT_DYNAMIC) {
    require(!has_dynamic_, "two dynamic segments");
    dynamic_ = p;
    has_dynamic_ = true;
  } else if (p.p_type == PT_NOTE || p.p_type == PT_GNU_PROPERTY) {
    require(p.p_memsz == p.p_filesz, "a note is larger in memory than in the file");
    notes(p);
  } else if (p.p_type == PT_TLS) {
    require(!has_tls_, "two segments of thread-local storage");
    require(p.p_align >= 1 && p.p_align <= page, "thread-local storage of an impossible alignment");
    require(p.p_memsz <= (16u << 20), "more than 16 MiB of thread-local storage");
    tls_ = p;
    has_tls_ = true;
  }
}

// glibc reads them, too (ABI tag, properties), so all must be whole.
void elf_reader::notes(const Elf64_Phdr& p) {
  const std::uint64_t align = p.p_align == 8 ? 8 : 4, end = p.p_offset + p.p_filesz;
  for (auto at_ = p.p_offset; at_ < end && end - at_ >= sizeof(Elf64_Nhdr);) {
    const auto n = at<Elf64_Nhdr>(at_, "a note");
    const auto name = at_ + sizeof n;
    const auto descriptor = name + (n.n_namesz + align - 1) / align * align;
    require(descriptor <= end && n.n_descsz <= end - descriptor, "a note lies outside its segment");
    constexpr std::string_view owner{CNODE_NOTE_OWNER, sizeof CNODE_NOTE_OWNER};  // with its NUL
    if (p.p_type == PT_NOTE && n.n_type == CNODE_NOTE_TYPE && bytes_.substr(name, n.n_namesz) == owner) {
      require(report_.note.empty(), "carries two stamps (CNODE_MODULE or CNODE_GEN_SERVER in two of its sources)");
      if (n.n_descsz < sizeof(cnode_stamp)) refuse("its stamp is too short (" + std::to_string(n.n_descsz) + " bytes): rebuild it with this node's headers");
      report_.note = bytes_.substr(descriptor, n.n_descsz);
    }
    at_ = descriptor + (n.n_descsz + align - 1) / align * align;
  }
}

const Elf64_Phdr* elf_reader::load_of(std::uint64_t address, std::uint64_t size, place where) const {
  for (const auto& l : loads_) {
    const auto n = where == place::file ? l.p_filesz : l.p_memsz;
    if (address >= l.p_vaddr && address - l.p_vaddr <= n && size <= n - (address - l.p_vaddr)) return &l;
  }
  return nullptr;
}

bool elf_reader::inside_a_load(std::uint64_t address, std::uint64_t size, place where, unsigned flags) const {
  const auto* l = load_of(address, size, where);
  return l && (l->p_flags & flags) == flags;
}

std::uint64_t elf_reader::offset_of(std::uint64_t address, std::uint64_t size, const char* what) const {
  const auto* l = load_of(address, size, place::file);
  if (!l) refuse(std::string{what} + " lies outside the loaded file");
  if (!(l->p_flags & PF_R)) refuse(std::string{what} + " lies in memory that cannot be read");
  return l->p_offset + (address - l->p_vaddr);
}

void elf_reader::dynamic() {
  require(dynamic_.p_filesz <= max_dynamic * sizeof(Elf64_Dyn), "the dynamic section is too large");
  require(offset_of(dynamic_.p_vaddr, dynamic_.p_filesz, "the dynamic section") == dynamic_.p_offset, "the dynamic segment's address and offset disagree");
  require(dynamic_.p_vaddr % 8 == 0, "misaligned dynamic section");
  bool ended = false;
  for (std::uint64_t i = 0; !ended && (i + 1) * sizeof(Elf64_Dyn) <= dynamic_.p_filesz; ++i) {
    const auto d = at<Elf64_Dyn>(dynamic_.p_offset + i * sizeof(Elf64_Dyn), "the dynamic section");
    const auto v = d.d_un.d_val;
    if (d.d_tag == DT_NULL) ended = true;
    else if (d.d_tag == DT_NEEDED) needed_.push_back(v);
    else if (d.d_tag >= 0 && d.d_tag < static_cast<std::int64_t>(values_.size())) set(values_[static_cast<std::size_t>(d.d_tag)], v);
    else if (d.d_tag == dt_relr) refuse("packed relocations (link with -Wl,-z,nopack-relative-relocs)");
    else if (d.d_tag == DT_GNU_HASH) set(gnu_hash_, v);
    else if (d.d_tag == DT_VERSYM) set(versym_, v);
    else if (d.d_tag == DT_VERNEED) set(verneed_, v);
    else if (d.d_tag == DT_VERNEEDNUM) set(verneednum_, v);
    else if (d.d_tag == DT_VERDEF) set(verdef_, v);
    else if (d.d_tag == DT_VERDEFNUM) set(verdefnum_, v);
    else if (d.d_tag == DT_FLAGS_1) set(flags_1_, v);
    else if (d.d_tag == DT_RELACOUNT) set(relative_count_, v);
    else if (d.d_tag == DT_AUDIT || d.d_tag == DT_DEPAUDIT || d.d_tag == DT_FILTER || d.d_tag == DT_AUXILIARY) refuse("asks for audit or filter libraries");
  }
  require(ended, "the dynamic section has no end");
}

void elf_reader::policy() {
  require(!dt(DT_TEXTREL) && !(dt(DT_FLAGS).v & DF_TEXTREL), "relocations in its code (DT_TEXTREL: compile with -fPIC)");
  require(!(dt(DT_FLAGS).v & DF_STATIC_TLS), "uses static thread-local storage (DF_STATIC_TLS), of which reloads run out (compile with -ftls-model=global-dynamic)");
  require(!(flags_1_.v & DF_1_NODELETE), "can never be unloaded (DF_1_NODELETE: link without -Wl,-z,nodelete)");
  require(!(flags_1_.v & DF_1_PIE), "an executable, not a module (link it with -shared, not -pie)");
  require(!(flags_1_.v & DF_1_NOOPEN), "must not be opened with dlopen (DF_1_NOOPEN: link without -Wl,-z,nodlopen)");
  require(!(flags_1_.v & (DF_1_INITFIRST | DF_1_GLOBAL | DF_1_INTERPOSE | DF_1_LOADFLTR)), "asks the dynamic linker for special treatment (DT_FLAGS_1)");
  if (dt(DT_SONAME)) report_.warnings.emplace_back("has a soname, by which a library would find one of its versions for ever: link it without -Wl,-soname");
  if (std::find(report_.exports.begin(), report_.exports.end(), "cnode_module_entry") == report_.exports.end())
    refuse("does not export cnode_module_entry (build it with cnode_add_module)");
  for (const auto& e : report_.exports)
    if (e != "cnode_module_entry")
      refuse("exports " + e.substr(0, 200) + " besides cnode_module_entry (link it with a version script { global: cnode_module_entry; local: *; })");
}

}  // namespace detail

elf_report inspect_elf(std::string_view bytes) {
  detail::elf_reader reader{bytes};
  try {
    return reader.read();
  } catch (const detail::refusal& r) {
    auto report = std::move(reader.report());
    report.ok = false;
    report.why = r.why;
    return report;
  }
}

}  // namespace cnode::actors
