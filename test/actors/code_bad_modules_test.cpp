// Well-formed shared objects that are no modules for this node: pinned in memory, without our stamp or with another's, or that
// describe themselves wrongly.
#include <gtest/gtest.h>

#include "bad_files.hpp"

namespace cnode::test {
namespace {

class BadModules : public BadFile {};

TEST_F(BadModules, Unique) {
  // Only g++ makes such symbols.
  if (actors::inspect_elf(contents(built("UNIQUE"))).why.find("UNIQUE") != std::string::npos) variant_refused("UNIQUE", "-fno-gnu-unique");
}
TEST_F(BadModules, StaticTLS) { variant_refused("STATIC_TLS", "-ftls-model=global-dynamic"); }
TEST_F(BadModules, Nodelete) { variant_refused("NODELETE", "nodelete"); }
TEST_F(BadModules, IFUNC) { variant_refused("IFUNC", "IFUNC"); }

TEST_F(BadModules, NoStamp) { variant_refused("NO_STAMP", "cnode_add_module"); }
TEST_F(BadModules, StampTooShort) {
  refused(edited([](auto& b) {
            for (unsigned i = 0;; ++i) {
              auto& p = segment(b, PT_NOTE, i);
              const auto owner = b.find(std::string{"cnode\0\0", 7}, p.p_offset);
              if (owner >= p.p_offset + p.p_filesz) continue;
              // What was the rest of the stamp becomes a note of nobody.
              auto& note = at<Elf64_Nhdr>(b, owner - sizeof(Elf64_Nhdr));
              const auto rest = note.n_descsz - 16;
              note.n_descsz = 16;
              at<Elf64_Nhdr>(b, owner + 8 + 16) = {0, static_cast<Elf64_Word>(rest - sizeof(Elf64_Nhdr)), 0};
              return;
            }
          }),
          "stamp is too short");
}
TEST_F(BadModules, OtherABI) { variant_refused("ABI", "module ABI 9.0"); }
TEST_F(BadModules, OtherHeaders) { variant_refused("HEADERS", "header hash"); }
TEST_F(BadModules, OtherSanitizer) { variant_refused("SANITIZER", "sanitize"); }
TEST_F(BadModules, OtherModuleName) { variant_refused("other", "holds module other, not tiny"); }

TEST_F(BadModules, MissingOrWrongEntrySymbol) {
  variant_refused("ENTRY_NAME", "does not export cnode_module_entry");
  variant_refused("TWO_EXPORTS", "exports exported_too");
}
TEST_F(BadModules, EntryReturnsNull) { variant_refused("NULL", "refuses this host"); }
TEST_F(BadModules, DescriptorTooSmall) { variant_refused("SIZE", "too small"); }
TEST_F(BadModules, DescriptorOfAnotherModule) { variant_refused("DESCRIBED_NAME", "describes module other"); }
TEST_F(BadModules, VsnThatIsNoTerm) { variant_refused("VSN", "vsn is no Erlang term"); }
TEST_F(BadModules, DuplicateExports) { variant_refused("DUPLICATE", "odd/0 twice"); }
TEST_F(BadModules, UnresolvedSymbol) { variant_refused("UNDEFINED", "undefined symbol: nobody_has_this"); }
TEST_F(BadModules, OnLoadThatRefuses) { check_refused(n.load(contents(built("ON_LOAD"))), "on_load_failure", "on_load returned no", "ON_LOAD"); }

}  // namespace
}  // namespace cnode::test
