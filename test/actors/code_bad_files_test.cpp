// Every file here must be refused with a reason while the current version goes on serving.
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include <elf.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "code/elf_file.hpp"
#include "code_node.hpp"

namespace cnode::test {
namespace {

class BadFiles : public ::testing::Test {
 protected:
  BadFiles() {
    n.put("v1");
    EXPECT_TRUE(n.load_file().ok);
  }
  // The text names the rule.
  void refused(const std::string& bytes, const std::string& rule, const std::string& what = {}) {
    if (std::exchange(nothing_to_damage, false)) return;
    const auto r = n.load(bytes);
    EXPECT_FALSE(r.ok) << what;
    EXPECT_TRUE(r.error.same(atom("badfile"))) << what;
    EXPECT_NE(r.text.find(rule), std::string::npos) << what << ": " << r.text;
    EXPECT_EQ(n.call("tiny", "version"), "1") << what;
  }
  void variant_refused(const std::string& variant, const std::string& rule) { refused(contents(built(variant)), rule, variant); }
  void file_refused(const std::string& error, const std::string& rule) {
    const auto r = n.load_file();
    EXPECT_FALSE(r.ok);
    EXPECT_EQ(to_text(r.error), error);
    EXPECT_NE(r.text.find(rule), std::string::npos) << r.text;
    EXPECT_EQ(n.call("tiny", "version"), "1");
  }

  // Edits of a good file.
  template <class T>
  static T& at(std::string& bytes, std::size_t offset) {
    return *reinterpret_cast<T*>(bytes.data() + offset);
  }
  static Elf64_Ehdr& header(std::string& b) { return at<Elf64_Ehdr>(b, 0); }
  static Elf64_Phdr& segment(std::string& b, std::uint32_t type, unsigned skip = 0) {
    for (unsigned i = 0;; ++i) {
      auto& p = at<Elf64_Phdr>(b, header(b).e_phoff + i * sizeof(Elf64_Phdr));
      if (p.p_type == type && skip-- == 0) return p;
    }
  }
  static Elf64_Dyn& dynamic(std::string& b, std::int64_t tag) {
    auto* d = &at<Elf64_Dyn>(b, segment(b, PT_DYNAMIC).p_offset);
    while (d->d_tag != tag && d->d_tag != DT_NULL) ++d;
    // Compilers and sanitizers differ in what a small file needs: without the entry there is nothing to damage.
    static Elf64_Dyn nowhere;
    nothing_to_damage = d->d_tag != tag;
    return nothing_to_damage ? nowhere : *d;
  }
  template <class F>
  static std::string edited(F f) {
    auto b = contents(built("v2"));
    f(b);
    return b;
  }

  static inline bool nothing_to_damage = false;
  code_node n;
};

TEST_F(BadFiles, EmptyShortAndTextFiles) {
  refused("", "the file is empty");
  refused("\x7f", "not an ELF file");
  refused(contents(built("v2")).substr(0, 63), "within the ELF header");
  refused("#!/bin/sh\nexit 0\n", "not an ELF file");
  refused("!<arch>\n", "not an ELF file");
  refused("FOR1....BEAM", "not an ELF file");
}

TEST_F(BadFiles, EveryTruncation) {
  const auto whole = contents(built("v2"));
  auto needed = actors::inspect_elf(whole);
  ASSERT_TRUE(needed.ok) << needed.why;
  std::vector<std::size_t> cuts;
  for (std::size_t c = 64; c < whole.size(); c += 4096) cuts.push_back(c);
  auto copy = whole;
  for (unsigned i = 0; i < header(copy).e_phnum; ++i) {
    const auto& p = at<Elf64_Phdr>(copy, header(copy).e_phoff + i * sizeof(Elf64_Phdr));
    if (p.p_filesz > 1) cuts.push_back(p.p_offset + p.p_filesz / 2);
  }
  std::size_t loaded_end = 0;
  for (unsigned i = 0; i < 4; ++i) loaded_end = std::max<std::size_t>(loaded_end, segment(copy, PT_LOAD, i).p_offset + segment(copy, PT_LOAD, i).p_filesz);
  for (const auto c : cuts) {
    if (c < loaded_end) {
      EXPECT_FALSE(actors::inspect_elf(whole.substr(0, c)).ok) << c;
    }
  }
  refused(whole.substr(0, loaded_end / 2), "truncated");
}

TEST_F(BadFiles, OtherKindsOfElf) {
  refused(edited([](auto& b) { header(b).e_ident[EI_CLASS] = ELFCLASS32; }), "64-bit");
  refused(edited([](auto& b) { header(b).e_ident[EI_DATA] = ELFDATA2MSB; }), "little-endian");
  refused(edited([](auto& b) { header(b).e_machine = header(b).e_machine == EM_AARCH64 ? EM_X86_64 : EM_AARCH64; }), "another machine");
  refused(edited([](auto& b) { header(b).e_type = ET_REL; }), "-shared");
  refused(edited([](auto& b) { header(b).e_type = ET_EXEC; }), "-shared");
  refused(edited([](auto& b) { header(b).e_type = ET_CORE; }), "-shared");
  refused(contents(built("PROGRAM") + ""), "-shared");
}

TEST_F(BadFiles, ProgramHeadersThatCannotBe) {
  refused(edited([](auto& b) { header(b).e_phnum = 0; }), "program headers");
  refused(edited([](auto& b) { header(b).e_phnum = 65535; }), "program headers");
  refused(edited([](auto& b) { header(b).e_phoff = ~std::uint64_t{0} - 7; }), "program headers");
  refused(edited([](auto& b) { segment(b, PT_LOAD, 1).p_offset = ~std::uint64_t{0} - 4095; }), "outside the file");
  refused(edited([](auto& b) { segment(b, PT_LOAD).p_filesz = ~std::uint64_t{0}; }), "outside the file");
  refused(edited([](auto& b) { segment(b, PT_LOAD, 1).p_vaddr = ~std::uint64_t{0} - 4095; }), "overflows");
  refused(edited([](auto& b) { segment(b, PT_LOAD, 1).p_memsz = ~std::uint64_t{0}; }), "overflows");
  refused(edited([](auto& b) { segment(b, PT_LOAD, 1).p_align = 3; }), "power of two");
  refused(edited([](auto& b) { segment(b, PT_LOAD, 1).p_flags = PF_R | PF_W | PF_X; }), "W+X");
  refused(edited([](auto& b) { segment(b, PT_GNU_STACK).p_flags |= PF_X; }), "noexecstack");
  refused(edited([](auto& b) { segment(b, PT_DYNAMIC).p_type = PT_NULL; }), "no dynamic segment");
}

TEST_F(BadFiles, DynamicSectionsThatCannotBe) {
  refused(edited([](auto& b) { segment(b, PT_DYNAMIC).p_filesz = 32; }), "has no end");
  refused(edited([](auto& b) { dynamic(b, DT_STRTAB).d_un.d_ptr = 1 << 30; }), "string table");
  refused(edited([](auto& b) { dynamic(b, DT_STRSZ).d_un.d_val = 1 << 30; }), "string table");
  refused(edited([](auto& b) { dynamic(b, DT_SYMTAB).d_un.d_ptr = 1 << 30; }), "symbol table");
  refused(edited([](auto& b) { dynamic(b, DT_GNU_HASH).d_un.d_ptr = 1 << 30; }), "hash table");
  refused(edited([](auto& b) { dynamic(b, DT_RELA).d_un.d_ptr = 1 << 30; }), "relocation table");
  refused(edited([](auto& b) { dynamic(b, DT_RELASZ).d_un.d_val = 1 << 30; }), "relocation table");
  refused(edited([](auto& b) { dynamic(b, DT_RELASZ).d_un.d_val -= 1; }), "odd size");
  refused(edited([](auto& b) { dynamic(b, DT_INIT_ARRAYSZ).d_un.d_val = 1 << 30; }), "constructors");
  refused(edited([](auto& b) { dynamic(b, DT_VERNEED).d_un.d_ptr = 1 << 30; }), "needed version");
  refused(edited([](auto& b) { dynamic(b, DT_NEEDED).d_un.d_val = 1 << 30; }), "needed library");
  refused(edited([](auto& b) { dynamic(b, DT_RELACOUNT).d_tag = DT_TEXTREL; }), "-fPIC");
  refused(edited([](auto& b) { dynamic(b, DT_RELACOUNT).d_tag = DT_AUDIT; }), "audit");
  refused(edited([](auto& b) { dynamic(b, DT_RELACOUNT).d_tag = DT_RELASZ; }), "twice");
}

TEST_F(BadFiles, WhatPinsAFileInMemoryOrRunsWithinDlopen) {
  if (actors::inspect_elf(contents(built("UNIQUE"))).why.find("UNIQUE") != std::string::npos) variant_refused("UNIQUE", "-fno-gnu-unique");
  variant_refused("STATIC_TLS", "-ftls-model=global-dynamic");
  variant_refused("NODELETE", "nodelete");
  variant_refused("IFUNC", "IFUNC");
}

TEST_F(BadFiles, StampsThatDoNotFit) {
  variant_refused("NO_STAMP", "cnode_add_module");
  variant_refused("ABI", "module ABI 9.0");
  variant_refused("HEADERS", "header hash");
  variant_refused("SANITIZER", "sanitize");
  variant_refused("other", "holds module other, not tiny");
  refused(edited([](auto& b) {
            for (unsigned i = 0;; ++i) {
              auto& p = segment(b, PT_NOTE, i);
              const auto owner = b.find(std::string{"cnode\0\0", 7}, p.p_offset);
              if (owner >= p.p_offset + p.p_filesz) continue;
              at<Elf64_Nhdr>(b, owner - sizeof(Elf64_Nhdr)).n_descsz = 16;
              return;
            }
          }),
          "stamp is too short");
}

TEST_F(BadFiles, EntriesAndDescriptionsThatDoNotFit) {
  variant_refused("ENTRY_NAME", "does not export cnode_module_entry");
  variant_refused("TWO_EXPORTS", "exports exported_too");
  variant_refused("NULL", "refuses this host");
  variant_refused("SIZE", "too small");
  variant_refused("DESCRIBED_NAME", "describes module other");
  variant_refused("VSN", "vsn is no Erlang term");
  variant_refused("DUPLICATE", "odd/0 twice");
  variant_refused("UNDEFINED", "undefined symbol: nobody_has_this");
}

TEST_F(BadFiles, WhatIsNoPlainFile) {
  fs::remove(n.file());
  fs::create_directory(n.file());
  file_refused("badfile", "not a plain file");
  fs::remove(n.file());
  ASSERT_EQ(::mkfifo(n.file().c_str(), 0600), 0);
  file_refused("badfile", "not a plain file");
  fs::remove(n.file());
  fs::create_symlink("/dev/zero", n.file());
  file_refused("badfile", "not a plain file");
  fs::remove(n.file());
  fs::create_symlink("/nowhere/at/all", n.file());
  file_refused("nofile", "");
  fs::remove(n.file());
  const int s = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un a{};
  a.sun_family = AF_UNIX;
  std::strncpy(a.sun_path, n.file().c_str(), sizeof a.sun_path - 1);
  ASSERT_EQ(::bind(s, reinterpret_cast<sockaddr*>(&a), sizeof a), 0);
  file_refused("badfile", "");
  ::close(s);
  fs::remove(n.file());
  fs::create_symlink(n.file(), n.file());
  file_refused("nofile", "");
  fs::remove(n.file());
  ::truncate((write(n.file(), ""), n.file()).c_str(), std::int64_t{300} << 20);
  file_refused("badfile", "larger than");
}

TEST_F(BadFiles, TheReasonIsLogged) {
  n.load("garbage");
  std::lock_guard guard{n.log_lock};
  EXPECT_NE(n.log.find("module tiny not loaded: from test: not an ELF file"), std::string::npos) << n.log;
}

TEST_F(BadFiles, ARemovedRunDirectoryIsMadeAgain) {
  std::ifstream maps{"/proc/self/maps"};
  std::string run;
  for (std::string line; std::getline(maps, line);)
    if (const auto at = line.find('/'); at != std::string::npos && line.find("/tiny-") != std::string::npos) run = line.substr(at, line.rfind('/') - at);
  ASSERT_NE(run.find("/cnode-"), std::string::npos);
  fs::remove_all(run);
  EXPECT_TRUE(n.load(contents(built("v2"))).ok);
  EXPECT_EQ(n.call("tiny", "version"), "2");
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
