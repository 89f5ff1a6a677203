// Shared objects whose tables lie. The dynamic linker believes them, so ours are looked at before; without a digest, which would
// refuse them all alike.
#include <gtest/gtest.h>

#include <random>

#include "bad_files.hpp"

namespace cnode::test {
namespace {

constexpr auto all_ones = ~std::uint64_t{0};
constexpr std::uint64_t far_away = std::uint64_t{1} << 30;

class BadElf : public BadFile {
 protected:
  // To an address that is nowhere, one that wraps around, and one in the last bytes of the file.
  void pointer_refused(std::int64_t tag, const std::string& rule) {
    for (const auto address : {far_away, all_ones - 7})
      dynamic_refused(tag, [&](auto& d, auto&) { d.d_un.d_ptr = address; }, rule);
  }
  void size_refused(std::int64_t tag, const std::string& rule) {
    for (const auto size : {far_away * 8, all_ones - 7})
      dynamic_refused(tag, [&](auto& d, auto&) { d.d_un.d_val = size; }, rule);
  }
  // Turns an entry nobody needs into another.
  void entry_refused(std::int64_t tag, std::uint64_t value, const std::string& rule) {
    dynamic_refused(DT_RELACOUNT, [&](auto& d, auto&) { d.d_tag = tag, d.d_un.d_val = value; }, rule);
  }
  template <class F>
  void table_refused(std::int64_t tag, F f, const std::string& rule) {
    dynamic_refused(tag, [&](auto& d, auto& b) { f(b.data() + file_offset(b, d.d_un.d_ptr)); }, rule);
  }
};

template <class T>
void put(char* where, T value) {
  std::memcpy(where, &value, sizeof value);
}

TEST_F(BadElf, Phnum0And65535) {
  refused(edited([](auto& b) { header(b).e_phnum = 0; }), "program headers");
  refused(edited([](auto& b) { header(b).e_phnum = 65535; }), "program headers");
}

TEST_F(BadElf, PhoffOverflow) {
  refused(edited([](auto& b) { header(b).e_phoff = all_ones - 7; }), "program headers");
  refused(edited([](auto& b) { header(b).e_phoff = b.size() - 8; }), "program headers");
  refused(edited([](auto& b) { header(b).e_phoff += 1; }), "misaligned");
  refused(edited([](auto& b) { header(b).e_phentsize = 1; }), "unexpected size");
  refused(edited([](auto& b) { header(b).e_shoff = all_ones - 63; }), "section headers");
}

TEST_F(BadElf, OffsetFileszAndVaddrOverflow) {
  refused(edited([](auto& b) { segment(b, PT_LOAD, 1).p_offset = all_ones - 4095; }), "outside the file");
  refused(edited([](auto& b) { segment(b, PT_LOAD).p_filesz = all_ones; }), "outside the file");
  refused(edited([](auto& b) { segment(b, PT_LOAD, 1).p_filesz = segment(b, PT_LOAD, 1).p_memsz + 1; }), "larger in the file than in memory");
  refused(edited([](auto& b) { segment(b, PT_LOAD, 1).p_vaddr = all_ones - 4095; }), "overflows");
  refused(edited([](auto& b) { segment(b, PT_LOAD, 1).p_memsz = all_ones; }), "overflows");
  refused(edited([](auto& b) { segment(b, PT_LOAD, 1).p_vaddr += 1; }), "disagree");
  refused(edited([](auto& b) { segment(b, PT_LOAD, 1).p_vaddr = 0; }), "");
  refused(edited([](auto& b) { segment(b, PT_LOAD, 1).p_align = 3; }), "power of two");
  refused(edited([](auto& b) { segment(b, PT_LOAD, 1).p_align = std::uint64_t{1} << 40; }), "too large");
  refused(edited([](auto& b) { segment(b, PT_LOAD, 1).p_memsz = std::uint64_t{1} << 44; }), "");
}

TEST_F(BadElf, WritableAndExecutableSegment) {
  refused(edited([](auto& b) { segment(b, PT_LOAD, 1).p_flags = PF_R | PF_W | PF_X; }), "W+X");
}

TEST_F(BadElf, ExecutableStack) {
  refused(edited([](auto& b) { segment(b, PT_GNU_STACK).p_flags |= PF_X; }), "noexecstack");
  // Without the entry glibc takes the stack to be executable.
  refused(edited([](auto& b) { segment(b, PT_GNU_STACK).p_type = PT_NULL; }), "noexecstack");
}

TEST_F(BadElf, TEXTREL) {
  entry_refused(DT_TEXTREL, 0, "-fPIC");
  entry_refused(DT_FLAGS, DF_TEXTREL, "");
}

TEST_F(BadElf, UnterminatedOrMissingDynamicSection) {
  refused(edited([](auto& b) { segment(b, PT_DYNAMIC).p_filesz = segment(b, PT_DYNAMIC).p_memsz = 32; }), "has no end");
  refused(edited([](auto& b) { segment(b, PT_DYNAMIC).p_type = PT_NULL; }), "no dynamic segment");
  refused(edited([](auto& b) { segment(b, PT_DYNAMIC).p_offset += 16; }), "");
  entry_refused(DT_RELASZ, 24, "twice");
}

TEST_F(BadElf, BadHash) {
  pointer_refused(DT_GNU_HASH, "hash table");
  // buckets, first symbol, bloom words, shift
  table_refused(DT_GNU_HASH, [](char* t) { put<std::uint32_t>(t, 0); }, "impossible sizes");
  table_refused(DT_GNU_HASH, [](char* t) { put<std::uint32_t>(t, 0x7fffffff); }, "too large");
  table_refused(DT_GNU_HASH, [](char* t) { put<std::uint32_t>(t + 8, 3); }, "impossible sizes");
  table_refused(DT_GNU_HASH, [](char* t) { put<std::uint32_t>(t + 12, 64); }, "impossible sizes");
  table_refused(DT_GNU_HASH, [](char* t) {
    std::uint32_t words;
    std::memcpy(&words, t + 8, 4);
    put<std::uint32_t>(t + 16 + words * 8, 0x00ffffff);
  }, "");
  pointer_refused(DT_HASH, "hash table");
}

TEST_F(BadElf, BadStrtab) {
  pointer_refused(DT_STRTAB, "string table");
  size_refused(DT_STRSZ, "string table");
  dynamic_refused(DT_STRSZ, [](auto& d, auto&) { d.d_un.d_val = 0; }, "string table is empty");
  dynamic_refused(DT_STRSZ, [](auto& d, auto&) { d.d_un.d_val -= 2; }, "");
}

TEST_F(BadElf, BadSymtab) {
  pointer_refused(DT_SYMTAB, "symbol table");
  dynamic_refused(DT_SYMENT, [](auto& d, auto&) { d.d_un.d_val = 23; }, "unexpected size");
  table_refused(DT_SYMTAB, [](char* t) { put<std::uint32_t>(t + sizeof(Elf64_Sym), 0x7fffffff); }, "name outside the string table");
}

TEST_F(BadElf, BadRela) {
  pointer_refused(DT_RELA, "relocation table");
  size_refused(DT_RELASZ, "");
  dynamic_refused(DT_RELASZ, [](auto& d, auto&) { d.d_un.d_val -= 1; }, "odd size");
  dynamic_refused(DT_RELAENT, [](auto& d, auto&) { d.d_un.d_val = 16; }, "unexpected size");
  pointer_refused(DT_JMPREL, "relocation table");
  table_refused(DT_RELA, [](char* t) { put<std::uint64_t>(t, 0); }, "outside the writable segments");
  table_refused(DT_RELA, [](char* t) { put<std::uint64_t>(t, all_ones - 3); }, "outside the writable segments");
  table_refused(DT_RELA, [](char* t) { put<std::uint64_t>(t + 8, ELF64_R_INFO(0xffffff, R_X86_64_64)); }, "");
  table_refused(DT_RELA, [](char* t) { put<std::uint64_t>(t + 8, ELF64_R_INFO(0, R_X86_64_IRELATIVE)); }, "IFUNC");
  table_refused(DT_RELA, [](char* t) { put<std::uint64_t>(t + 8, ELF64_R_INFO(1, R_X86_64_COPY)); }, "");
  table_refused(DT_RELA, [](char* t) { put<std::uint64_t>(t + 8, ELF64_R_INFO(0, 0xdead)); }, "");
}

TEST_F(BadElf, BadVerneed) {
  pointer_refused(DT_VERNEED, "needed version");
  dynamic_refused(DT_VERNEEDNUM, [](auto& d, auto&) { d.d_un.d_val = far_away; }, "needed versions");
  table_refused(DT_VERNEED, [](char* t) { put<std::uint16_t>(t, 7); }, "unknown form");
  table_refused(DT_VERNEED, [](char* t) { put<std::uint32_t>(t + 4, 0x7fffffff); }, "needed version");
  table_refused(DT_VERNEED, [](char* t) { put<std::uint32_t>(t + 8, 0x7fffffff); }, "needed version");
  pointer_refused(DT_VERSYM, "symbol versions");
}

TEST_F(BadElf, BadConstructorTables) {
  size_refused(DT_INIT_ARRAYSZ, "constructors");
  pointer_refused(DT_INIT_ARRAY, "constructors");
  pointer_refused(DT_FINI_ARRAY, "constructors");
  pointer_refused(DT_INIT, "points to no code");
  pointer_refused(DT_FINI, "points to no code");
}

TEST_F(BadElf, IFUNCSymbol) {
  table_refused(DT_SYMTAB, [](char* t) {
    // Some defined function: the entry itself.
    for (unsigned i = 1;; ++i)
      if (auto* s = reinterpret_cast<Elf64_Sym*>(t) + i; s->st_shndx != SHN_UNDEF && ELF64_ST_TYPE(s->st_info) == STT_FUNC) {
        s->st_info = ELF64_ST_INFO(STB_GLOBAL, STT_GNU_IFUNC);
        return;
      }
  }, "IFUNC");
}

TEST_F(BadElf, AuditFilterAndSpecialFlags) {
  entry_refused(DT_AUDIT, 1, "audit");
  entry_refused(DT_DEPAUDIT, 1, "audit");
  entry_refused(DT_FILTER, 1, "filter");
  entry_refused(DT_AUXILIARY, 1, "filter");
  dynamic_refused(DT_FLAGS_1, [](auto& d, auto&) { d.d_un.d_val |= DF_1_NODELETE; }, "nodelete");
  dynamic_refused(DT_FLAGS_1, [](auto& d, auto&) { d.d_un.d_val |= DF_1_PIE; }, "-shared");
  dynamic_refused(DT_FLAGS_1, [](auto& d, auto&) { d.d_un.d_val |= DF_1_NOOPEN; }, "nodlopen");
  dynamic_refused(DT_FLAGS_1, [](auto& d, auto&) { d.d_un.d_val |= DF_1_INTERPOSE; }, "special treatment");
}

TEST_F(BadElf, MissingNeededLibrary) {
  dynamic_refused(DT_NEEDED, [](auto& d, auto& b) {
    auto* strings = find_dynamic(b, DT_STRTAB);
    auto* name = b.data() + file_offset(b, strings->d_un.d_ptr) + d.d_un.d_val;
    name[std::strlen(name) - 1] = '~';
  }, "cannot open shared object file");
}

// Whatever the bytes say, the checks answer without reading outside of them. (Run under AddressSanitizer this test says more.)
TEST(ElfFile, MutantsOfAGoodFileAreInspectedWithoutAFault) {
  const auto good = contents(built("v2"));
  std::mt19937 random{4711};
  std::size_t ok = 0;
  for (int i = 0; i < 5000; ++i) {
    auto b = good;
    const auto edits = 1 + random() % 8;
    for (unsigned k = 0; k < edits; ++k) {
      // Half of them where headers and tables lie.
      const auto where = random() % 2 ? random() % 4096 : random() % b.size();
      b[where] = static_cast<char>(random());
    }
    if (random() % 4 == 0) b.resize(random() % b.size());
    const std::unique_ptr<char[]> exact{new char[b.size()]};  // no slack behind the last byte
    std::memcpy(exact.get(), b.data(), b.size());
    ok += actors::inspect_elf({exact.get(), b.size()}).ok;
  }
  EXPECT_LT(ok, 5000u);
}

}  // namespace
}  // namespace cnode::test
