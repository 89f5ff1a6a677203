// Behind inspect_elf: one pass over the file, each step on what the steps before have found to be sound. A broken rule ends it.
#pragma once

#include <array>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <elf.h>

#include "code/elf_file.hpp"

namespace cnode::actors::detail {

struct refusal {
  std::string why;
};

[[noreturn]] inline void refuse(std::string why) { throw refusal{std::move(why)}; }
inline void require(bool ok, const char* why) {
  if (!ok) refuse(why);
}

class elf_reader {
 public:
  explicit elf_reader(std::string_view bytes) : bytes_{bytes} {}

  elf_report read();
  elf_report& report() { return report_; }

 private:
  // An entry of the dynamic section.
  struct value {
    std::uint64_t v = 0;
    bool there = false;
    explicit operator bool() const { return there; }
  };
  enum class place { file, memory };  // whether bytes must come from the file, or zeroed memory will do

  // elf_file.cpp
  void header();
  void segments();
  void segment(const Elf64_Phdr& p);
  void notes(const Elf64_Phdr& p);
  void dynamic();
  void policy();
  // elf_tables.cpp
  void strings();
  std::uint64_t count_by_gnu_hash() const;
  std::uint64_t count_by_hash() const;
  void symbols();
  void symbol(std::uint64_t offset, std::uint64_t index, bool listed);
  void versions();
  void needed_versions();
  void defined_versions();
  // elf_relocations.cpp
  void relocations();
  void table(const value& address, const value& size, const char* what);
  void relocation(const Elf64_Rela& r);
  void arrays();

  // A T at a file offset; copied out, as files align nothing for us.
  template <class T>
  T at(std::uint64_t offset, const char* what) const {
    T t;
    if (offset > bytes_.size() || bytes_.size() - offset < sizeof t) refuse(std::string{what} + " lies outside the file");
    std::memcpy(&t, bytes_.data() + offset, sizeof t);
    return t;
  }
  // The loaded segment that holds [address, +size); null: none does.
  const Elf64_Phdr* load_of(std::uint64_t address, std::uint64_t size, place where) const;
  bool inside_a_load(std::uint64_t address, std::uint64_t size, place where, unsigned flags = 0) const;
  // Where in the file what will be read at this address lies.
  std::uint64_t offset_of(std::uint64_t address, std::uint64_t size, const char* what) const;
  std::string_view string(std::uint64_t offset, const char* what) const;

  static void set(value& to, std::uint64_t v) {
    require(!to, "the dynamic section names one thing twice");
    to = {v, true};
  }
  const value& dt(int tag) const { return values_[static_cast<std::size_t>(tag)]; }

  static constexpr std::uint64_t max_address = std::uint64_t{1} << 46;
  static constexpr std::size_t max_name = 64 * 1024, max_symbols = 4u << 20;

  std::string_view bytes_;
  Elf64_Ehdr eh_{};
  std::vector<Elf64_Phdr> loads_, others_;
  Elf64_Phdr dynamic_{}, tls_{};
  bool has_dynamic_ = false, has_tls_ = false, has_stack_ = false;
  std::uint64_t last_end_ = 0;
  std::array<value, 35> values_{};  // DT_NULL .. DT_PREINIT_ARRAYSZ and a few more
  value gnu_hash_, versym_, verneed_, verneednum_, verdef_, verdefnum_, flags_1_, relative_count_;
  std::vector<std::uint64_t> needed_;
  std::string_view strings_;
  std::uint64_t symbol_count_ = 0, versions_ = 2;  // version numbers below this one are defined; 0 and 1 always are
  // DT_INIT_ARRAY and DT_FINI_ARRAY: which entries a relocation fills.
  struct code_array {
    std::uint64_t address = 0;
    std::vector<bool> filled;
  };
  std::array<code_array, 2> arrays_;
  elf_report report_;
};

}  // namespace cnode::actors::detail
