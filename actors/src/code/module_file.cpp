#include "code/module_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cnode/stamp.hpp>

#include "code/digest_trailer.hpp"
#include "code/elf_file.hpp"

namespace cnode::actors {

namespace {

constexpr std::size_t max_size = std::size_t{256} << 20;

std::string_view text_of(const char* field, std::size_t size) { return {field, strnlen(field, size)}; }

const char* sanitizer_name(std::uint32_t kind) {
  switch (kind) {
    case CNODE_SANITIZE_NONE: return "no sanitizer";
    case CNODE_SANITIZE_ADDRESS: return "-fsanitize=address";
    case CNODE_SANITIZE_THREAD: return "-fsanitize=thread";
    default: return "an unknown sanitizer";
  }
}

bool check_stamp(const cnode_stamp& s, std::string_view wanted, std::string& why) {
  const auto number = [](auto n) { return std::to_string(n); };
  if (s.size != sizeof(cnode_stamp)) why = "stamp of another size (" + number(s.size) + " bytes, not " + number(sizeof s) + "): rebuild it with this node's headers";
  else if (s.abi_major != CNODE_ABI_MAJOR || s.abi_minor > CNODE_ABI_MINOR)
    why = "made for module ABI " + number(s.abi_major) + "." + number(s.abi_minor) + ", this node has " + number(CNODE_ABI_MAJOR) + "." +
          number(CNODE_ABI_MINOR) + ": rebuild it with this node's headers";
  else if (s.pointer_size != sizeof(void*)) why = "made for pointers of " + number(s.pointer_size) + " bytes";
  else if (s.header_hash != abi_header_hash()) why = "compiled with other headers than this node (header hash differs): rebuild it with this node's headers";
  else if (s.sanitizer != sanitizer_kind())
    why = std::string{"compiled with "} + sanitizer_name(s.sanitizer) + ", this node with " + sanitizer_name(sanitizer_kind()) + ": compile both alike";
  else if (s.debug_mode != debug_mode())
    why = std::string{"compiled "} + (s.debug_mode ? "with" : "without") + " -D_GLIBCXX_DEBUG, this node " + (s.debug_mode ? "without" : "with") +
          ": compile both alike";
  else if (s.cxx11_abi != CNODE_CXX11_ABI_NONE && cxx11_abi() != CNODE_CXX11_ABI_NONE && s.cxx11_abi != cxx11_abi())
    why = "compiled with -D_GLIBCXX_USE_CXX11_ABI=" + number(s.cxx11_abi) + ", this node with " + number(cxx11_abi()) + ": compile both alike";
  else if (text_of(s.module_name, sizeof s.module_name).empty()) why = "its stamp names no module";
  else if (!wanted.empty() && text_of(s.module_name, sizeof s.module_name) != wanted)
    why = "holds module " + std::string{text_of(s.module_name, sizeof s.module_name)} + ", not " + std::string{wanted};
  else return true;
  return false;
}

}  // namespace

file_error read_module_file(const std::string& path, std::string& bytes, std::string& why) {
  // O_NONBLOCK: a FIFO without a writer must not stop the loader.
  const int fd = path.find('\0') == std::string::npos ? ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY) : (errno = EINVAL, -1);
  if (fd < 0) {
    const int e = errno;
    why = path + ": " + std::strerror(e);
    return e == ENOENT || e == ENOTDIR ? file_error::missing : file_error::bad;
  }
  struct stat info {};
  if (::fstat(fd, &info) != 0) why = path + ": " + std::strerror(errno);
  else if (!S_ISREG(info.st_mode)) why = path + ": not a plain file";
  else if (static_cast<std::uint64_t>(info.st_size) > max_size) why = path + ": larger than " + std::to_string(max_size >> 20) + " MiB";
  if (!why.empty()) {
    ::close(fd);
    return file_error::bad;
  }
  // One byte more than there should be: a file that grows or shrinks meanwhile is seen and refused.
  try {
    bytes.resize(static_cast<std::size_t>(info.st_size) + 1);
  } catch (const std::bad_alloc&) {
    why = path + ": no memory for its " + std::to_string(info.st_size) + " bytes";
    ::close(fd);
    return file_error::bad;
  }
  std::size_t done = 0;
  ssize_t n = 0;
  while (done < bytes.size()) {
    n = ::read(fd, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    done += static_cast<std::size_t>(n);
  }
  if (n < 0) why = path + ": " + std::strerror(errno);
  else if (done != static_cast<std::size_t>(info.st_size)) why = path + ": changed while it was read";
  ::close(fd);
  if (!why.empty()) return file_error::bad;
  bytes.resize(done);
  return file_error::none;
}

std::string stamped_name(const cnode_stamp& stamp) { return std::string{text_of(stamp.module_name, sizeof stamp.module_name)}; }

bool check_module_file(module_file& file, std::string_view wanted, std::string& why) {
  const auto elf = inspect_elf(file.bytes);
  const auto digest = read_digest_trailer(file.bytes, elf.image_end);
  if (!elf.ok) {
    // Either may be the cause of the other.
    why = elf.why + (digest.kind == digest.wrong ? "; its digest does not match either: it was damaged, or changed after it was signed" : "");
    return false;
  }
  if (elf.note.empty()) {
    why = "carries no stamp (section " CNODE_NOTE_SECTION "): build it with cnode_add_module";
    return false;
  }
  std::memcpy(&file.stamp, elf.note.data(), sizeof file.stamp);
  if (!check_stamp(file.stamp, wanted, why)) return false;
  if (digest.kind == digest.wrong) {
    why = "digest mismatch: the file was damaged, or changed after it was signed (strip or edit first, sign last; or build it again)";
    return false;
  }
  if (digest.kind == digest.damaged) {
    why = std::to_string(file.bytes.size() - elf.image_end) + " bytes follow the ELF image that are no digest: the file was damaged or appended to (build it again)";
    return false;
  }
  file.is_signed = digest.kind == digest.right;
  std::memcpy(file.digest, digest.digest.data(), sizeof file.digest);
  file.needed = elf.needed;
  file.run_path = elf.run_path;
  file.warnings = elf.warnings;
  for (const auto& d : file.run_path)
    if (d.find("$ORIGIN") != std::string::npos || d.find("${ORIGIN}") != std::string::npos)
      file.warnings.push_back("its run path names $ORIGIN, but it is loaded from a private copy elsewhere: give the run path as an absolute directory");
  return true;
}

bool check_needed_libraries(const module_file& file, const std::vector<std::string>& directories,
                            const std::function<bool(const std::string& module)>& is_loaded, std::string& why) {
  const auto is_module = [](const std::string& path) {
    std::string bytes, ignored;
    return read_module_file(path, bytes, ignored) == file_error::none && !inspect_elf(bytes).note.empty();
  };
  for (const auto& library : file.needed) {
    const auto slash = library.rfind('/');
    const auto name = slash == std::string::npos ? library : library.substr(slash + 1);
    struct stat info {};
    if (slash != std::string::npos && ::stat(library.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) {
      why = "needs " + library + ", which is not a plain file";
      return false;
    }
    if (!name.ends_with(".so")) continue;  // a library proper has its version behind; modules are <Module>.so
    bool module = is_loaded(name.substr(0, name.size() - 3)) || (slash != std::string::npos && is_module(library));
    for (const auto* where : {&directories, &file.run_path})
      module = module || std::any_of(where->begin(), where->end(), [&](const auto& d) { return is_module(d + "/" + name); });
    if (module) {
      why = "is linked against the module " + library + ", which then could never be replaced: call its functions (apply, call) and do not link it";
      return false;
    }
  }
  return true;
}

}  // namespace cnode::actors
