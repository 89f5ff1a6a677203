// Whatever the bytes of a module file: a reason or a report whose parts lie inside the file, nothing is read outside of it, and what
// the checks let pass exports its entry alone. No code of the file runs.
//
// An input is either a file (it begins as ELF does) or edits of a good one: three bytes of place, one of value, again and again; an
// odd rest cuts the file short.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "code/elf_file.hpp"
#include "code/module_file.hpp"

using namespace cnode::actors;

namespace {

void hold(bool invariant) {
  if (!invariant) std::abort();
}

const std::string& good_module() {
  static const std::string bytes = [] {
    std::ifstream in{FUZZ_MODULE, std::ios::binary};
    std::string b{std::istreambuf_iterator<char>{in}, {}};
    hold(inspect_elf(b).ok);
    return b;
  }();
  return bytes;
}

std::string file_of(const std::uint8_t* data, std::size_t size) {
  if (size >= 4 && std::memcmp(data, "\177ELF", 4) == 0) return {reinterpret_cast<const char*>(data), size};
  auto b = good_module();
  for (; size >= 4; data += 4, size -= 4) b[(data[0] << 16 | data[1] << 8 | data[2]) % b.size()] = static_cast<char>(data[3]);
  if (size == 3) b.resize((data[0] << 16 | data[1] << 8 | data[2]) % b.size());
  return b;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  module_file file;
  file.bytes = file_of(data, size);
  const std::unique_ptr<char[]> exact{new char[file.bytes.size()]};  // no slack behind the last byte
  std::memcpy(exact.get(), file.bytes.data(), file.bytes.size());
  const std::string_view bytes{exact.get(), file.bytes.size()};
  const auto report = inspect_elf(bytes);
  hold(report.ok == report.why.empty());
  if (report.ok) {
    hold(report.image_end <= bytes.size());
    hold(report.exports.size() == 1 && report.exports[0] == "cnode_module_entry");
    hold(report.note.empty() || (report.note.data() >= bytes.data() && report.note.data() + report.note.size() <= bytes.data() + bytes.size()));
  }
  std::string why;
  hold(check_module_file(file, "tiny", why) == why.empty());
  return 0;
}
