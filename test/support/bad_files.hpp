// A node that serves version 1 of module tiny, and what must hold whenever it is given a file it must not load: an error term and a text
// that names the rule, version 1 goes on, no file and no descriptor stays behind.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <utility>

#include <elf.h>
#include <sys/resource.h>

#include "code/elf_file.hpp"
#include "code_node.hpp"

namespace cnode::test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#elif defined(__has_feature)
constexpr bool sanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool sanitized = false;
#endif

inline std::size_t entries(const std::string& directory) {
  std::error_code ignored;
  std::size_t n = 0;
  for (fs::directory_iterator i{directory, ignored}, end; !ignored && i != end; i.increment(ignored)) ++n;
  return n;
}
inline std::size_t open_descriptors() { return entries("/proc/self/fd"); }

// The directory of private copies of this process's node; only one node lives at a time here.
inline std::string run_directory() {
  const char* xdg = std::getenv("XDG_RUNTIME_DIR");
  const auto mine = "cnode-" + std::to_string(::getuid()) + "-" + std::to_string(::getpid()) + "-";
  for (const std::string base : {xdg && *xdg ? xdg : "/dev/shm", "/dev/shm", "/tmp"}) {
    std::error_code ignored;
    for (fs::directory_iterator i{base, ignored}, end; !ignored && i != end; i.increment(ignored))
      if (i->path().filename().string().starts_with(mine)) return i->path();
  }
  return {};
}
inline std::size_t private_copies() {
  const auto dir = run_directory();
  return dir.empty() ? 0 : entries(dir);
}

inline void limit(__rlimit_resource what, rlim_t most) {
  rlimit l{};
  ::getrlimit(what, &l);
  l.rlim_cur = std::min<rlim_t>(most, l.rlim_max);
  ::setrlimit(what, &l);
}

// The file without its digest: what a compiler alone writes, or strip leaves.
inline std::string without_digest(std::string bytes) {
  const auto elf = actors::inspect_elf(bytes);
  if (elf.ok) bytes.resize(elf.image_end);
  return bytes;
}

// ---- edits of a good file
template <class T>
T& at(std::string& bytes, std::size_t offset) {
  return *reinterpret_cast<T*>(bytes.data() + offset);
}
inline Elf64_Ehdr& header(std::string& b) { return at<Elf64_Ehdr>(b, 0); }
inline Elf64_Phdr* find_segment(std::string& b, std::uint32_t type, unsigned skip = 0) {
  for (unsigned i = 0; i < header(b).e_phnum; ++i) {
    auto& p = at<Elf64_Phdr>(b, header(b).e_phoff + i * sizeof(Elf64_Phdr));
    if (p.p_type == type && skip-- == 0) return &p;
  }
  return nullptr;
}
inline Elf64_Phdr& segment(std::string& b, std::uint32_t type, unsigned skip = 0) {
  auto* p = find_segment(b, type, skip);
  if (!p) throw std::runtime_error{"the module has no such segment"};
  return *p;
}
// Null: the file has no such entry.
inline Elf64_Dyn* find_dynamic(std::string& b, std::int64_t tag) {
  auto* d = &at<Elf64_Dyn>(b, segment(b, PT_DYNAMIC).p_offset);
  while (d->d_tag != tag && d->d_tag != DT_NULL) ++d;
  return d->d_tag == tag ? d : nullptr;
}
inline std::size_t file_offset(std::string& b, std::uint64_t address) {
  for (unsigned i = 0;; ++i)
    if (const auto& p = segment(b, PT_LOAD, i); address >= p.p_vaddr && address < p.p_vaddr + p.p_filesz) return address - p.p_vaddr + p.p_offset;
}

class BadFile : public ::testing::Test {
 protected:
  BadFile() {
    n.put("v1");
    const auto r = n.load_file();
    EXPECT_TRUE(r.ok) << r.text;
    descriptors_ = open_descriptors();
    copies_ = private_copies();
    EXPECT_EQ(copies_, 1u);
  }

  void serves_on(const std::string& what) {
    EXPECT_EQ(n.call("tiny", "version"), "1") << what;
    EXPECT_TRUE(eventually([&] { return private_copies() == copies_; })) << what << ": " << private_copies() << " private copies, not " << copies_;
    EXPECT_TRUE(eventually([&] { return open_descriptors() == descriptors_; })) << what << ": " << open_descriptors() << " descriptors, not " << descriptors_;
  }
  void check_refused(const load_result& r, const std::string& error, const std::string& rule, const std::string& what) {
    EXPECT_FALSE(r.ok) << what;
    EXPECT_EQ(to_text(r.error), error) << what;
    EXPECT_NE(r.text.find(rule), std::string::npos) << what << ": " << r.text;
    serves_on(what);
  }
  // As bytes, by load_binary. The text names the rule.
  void refused(const std::string& bytes, const std::string& rule, const std::string& what = {}) {
    check_refused(n.load(bytes), "badfile", rule, what.empty() ? rule : what);
  }
  void variant_refused(const std::string& variant, const std::string& rule) { refused(contents(built(variant)), rule, variant); }
  // What lies where the code path leads to, by load_file.
  void file_refused(const std::string& error, const std::string& rule) { check_refused(n.load_file(), error, rule, rule); }

  // Version 2 without its digest, changed by f.
  template <class F>
  static std::string edited(F f) {
    auto b = without_digest(contents(built("v2")));
    f(b);
    return b;
  }
  // Changes one entry of the dynamic section; false: compilers and sanitizers differ in what a small file needs, this one has it not.
  template <class F>
  void dynamic_refused(std::int64_t tag, F f, const std::string& rule) {
    auto b = without_digest(contents(built("v2")));
    auto* d = find_dynamic(b, tag);
    if (!d) return;
    f(*d, b);
    refused(b, rule, "dynamic entry " + std::to_string(tag) + ", " + rule);
  }

  code_node n;

 private:
  std::size_t descriptors_ = 0, copies_ = 0;
};

}  // namespace cnode::test
