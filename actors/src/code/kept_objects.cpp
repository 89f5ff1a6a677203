#include "code/kept_objects.hpp"

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <elf.h>
#include <link.h>

#include <cnode/protocol/term_text.hpp>

#include "code/code_impl.hpp"

namespace cnode::actors {

namespace fs = std::filesystem;

namespace {

// What may stand in a file's name; anything else becomes _.
std::string plain(std::string_view text) {
  std::string name;
  for (const char c : text.substr(0, 100)) {
    const bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
    if (good) name += c;
    else if (!name.empty() && name.back() != '_') name += '_';
  }
  while (!name.empty() && (name.back() == '_' || name.back() == '.')) name.pop_back();
  while (!name.empty() && (name.front() == '_' || name.front() == '.')) name.erase(0, 1);
  return name;
}

template <class T>
bool read_at(std::ifstream& in, std::uint64_t offset, T& out) {
  in.clear();
  in.seekg(static_cast<std::streamoff>(offset));
  return static_cast<bool>(in.read(reinterpret_cast<char*>(&out), sizeof out));
}

constexpr std::uint64_t padded(std::uint64_t n) { return (n + 3) & ~std::uint64_t{3}; }

}  // namespace

std::string build_id_of(const std::string& file) {
  std::ifstream in{file, std::ios::binary};
  ElfW(Ehdr) header;
  if (!read_at(in, 0, header) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_phentsize != sizeof(ElfW(Phdr))) return {};
  for (unsigned i = 0; i < header.e_phnum && i < 64; ++i) {
    ElfW(Phdr) segment;
    if (!read_at(in, header.e_phoff + i * sizeof segment, segment)) return {};
    if (segment.p_type != PT_NOTE) continue;
    for (std::uint64_t at = 0; at + sizeof(ElfW(Nhdr)) <= segment.p_filesz;) {
      ElfW(Nhdr) note;
      if (!read_at(in, segment.p_offset + at, note)) return {};
      char owner[4] = {};
      if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && note.n_descsz >= 8 && note.n_descsz <= 64 &&
          read_at(in, segment.p_offset + at + sizeof note, owner) && std::memcmp(owner, "GNU", 4) == 0) {
        std::string id;
        for (std::uint32_t n = 0; n < note.n_descsz; ++n) {
          unsigned char byte;
          if (!read_at(in, segment.p_offset + at + sizeof note + 4 + n, byte)) return {};
          id += "0123456789abcdef"[byte >> 4];
          id += "0123456789abcdef"[byte & 15];
        }
        return id;
      }
      at += sizeof note + padded(note.n_namesz) + padded(note.n_descsz);
    }
  }
  return {};
}

bool keep_object(const std::string& file, const std::string& directory, const std::string& prefix, std::string& error) {
  const auto id = build_id_of(file);
  const auto target = directory + "/" + prefix + (id.empty() ? "" : "-" + id) + ".so";
  std::error_code e;
  fs::rename(file, target, e);
  if (!e) return true;
  e.clear();
  fs::copy_file(file, target, fs::copy_options::overwrite_existing, e);
  if (e) {
    error = "cannot keep " + target + ": " + e.message();
    return false;
  }
  fs::remove(file, e);
  return true;
}

bool code_server::keep_objects(const std::string& directory, std::string& error) {
  std::error_code e;
  fs::create_directories(directory, e);
  const auto absolute = fs::absolute(directory, e).lexically_normal().string();
  if (e || !fs::is_directory(absolute, e)) {
    error = directory + ": " + (e ? e.message() : "is no directory");
    return false;
  }
  const auto probe = absolute + "/.cnode-" + std::to_string(::getpid());
  if (!(std::ofstream{probe} << "")) {
    error = directory + ": cannot be written";
    return false;
  }
  fs::remove(probe, e);
  on_loader_thread([this, absolute] { impl_->kept_directory = absolute; });
  return true;
}

// The copy of a version that is not mapped any more.
void code_server_impl::dispose_of_copy(module_version& v) {
  auto& f = file(v);
  if (f.private_path.empty()) return;
  std::error_code ignored;
  std::string error;
  if (!kept_directory.empty() && f.handle) {
    const auto vsn = plain(vsn_of_version(v));
    if (keep_object(f.private_path, kept_directory, plain(atom_text(v.name())) + "-" + (vsn.empty() ? "novsn" : vsn), error)) return;
    node.log(log_level::warning, error);
  }
  fs::remove(f.private_path, ignored);
}

// The version is held.
std::string code_server_impl::vsn_of_version(const module_version& v) {
  if (v.builtin()) return {};
  const auto& attributes = file(v).attributes;
  if (!attributes) return {};
  for (auto l = attributes->root; l.is_cons(); l = l.tail())
    if (l.head().is_tuple(2) && l.head()[0].same(atom("vsn")) && l.head()[1].is_cons()) return to_text(l.head()[1].head());
  return {};
}

std::string code_server::vsn_text(module_version& v) const {
  if (v.builtin() || !code_server_impl::try_retain(v)) return {};
  auto text = code_server_impl::vsn_of_version(v);
  v.release();
  return text;
}

void code_server::on_loader_thread(std::function<void()> job) { impl_->post(std::move(job)); }

}  // namespace cnode::actors
