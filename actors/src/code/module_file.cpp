#include "code/module_file.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cnode/stamp.hpp>

#include "code/elf_file.hpp"
#include "code/sha256.hpp"

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
  bytes.resize(static_cast<std::size_t>(info.st_size) + 1);
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

bool check_module_file(module_file& file, std::string_view wanted, std::string& why) {
  const auto elf = inspect_elf(file.bytes);
  if (!elf.ok) {
    why = elf.why;
    return false;
  }
  if (elf.note.empty()) {
    why = "carries no stamp (section " CNODE_NOTE_SECTION "): build it with cnode_add_module";
    return false;
  }
  if (elf.note.size() < sizeof(cnode_stamp)) {
    why = "its stamp is too short (" + std::to_string(elf.note.size()) + " bytes): rebuild it with this node's headers";
    return false;
  }
  std::memcpy(&file.stamp, elf.note.data(), sizeof file.stamp);
  if (!check_stamp(file.stamp, wanted, why)) return false;
  const auto digest = sha256(std::string_view{file.bytes}.substr(0, elf.image_end));
  std::memcpy(file.digest, digest.data(), sizeof file.digest);
  file.warnings = elf.warnings;
  return true;
}

}  // namespace cnode::actors
