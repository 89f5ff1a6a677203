#include "code/digest_trailer.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include <cnode/actors/code_server.hpp>

#include "code/module_file.hpp"
#include "code/sha256.hpp"

namespace cnode::actors {

namespace {

constexpr std::string_view magic = "CNODE-SHA256 ";
constexpr std::size_t size_digits = 16, digest_digits = 64, trailer_size = magic.size() + size_digits + 1 + digest_digits + 1;

std::string hex(std::uint64_t number) {
  std::string text(size_digits, '0');
  for (auto i = size_digits; number != 0; number >>= 4) text[--i] = "0123456789abcdef"[number & 15];
  return text;
}

std::string hex(const std::array<std::uint8_t, 32>& bytes) {
  std::string text;
  for (const auto b : bytes) {
    text += "0123456789abcdef"[b >> 4];
    text += "0123456789abcdef"[b & 15];
  }
  return text;
}

std::string trailer_of(std::size_t size, const std::array<std::uint8_t, 32>& digest) {
  return std::string{magic} + hex(size) + " " + hex(digest) + "\n";
}

bool has_trailer(std::string_view bytes) {
  return bytes.size() >= trailer_size && bytes.substr(bytes.size() - trailer_size).starts_with(magic);
}

}  // namespace

digest_trailer read_digest_trailer(std::string_view bytes, std::size_t image_end) {
  digest_trailer t;
  t.image = has_trailer(bytes) ? bytes.substr(0, bytes.size() - trailer_size) : bytes;
  t.digest = sha256(t.image);
  if (t.image.size() != bytes.size()) t.kind = bytes.substr(t.image.size()) == trailer_of(t.image.size(), t.digest) ? t.right : t.wrong;
  // A whole trailer was cut short or overwritten, or somebody appended to the file.
  else if (image_end < bytes.size()) t.kind = t.damaged;
  return t;
}

std::string make_digest_trailer(std::string_view image) { return trailer_of(image.size(), sha256(image)); }

bool sign_module_file(const std::string& path, std::string& why) {
  std::string bytes;
  if (read_module_file(path, bytes, why) != file_error::none) return false;
  if (has_trailer(bytes)) bytes.resize(bytes.size() - trailer_size);
  const auto trailer = make_digest_trailer(bytes);
  // A digest under a file that is damaged already would only hide that.
  module_file signed_file;
  signed_file.bytes = bytes + trailer;
  if (!check_module_file(signed_file, {}, why)) return why = path + ": " + why, false;
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  bool ok = fd >= 0 && ::ftruncate(fd, static_cast<off_t>(bytes.size())) == 0 && ::lseek(fd, 0, SEEK_END) >= 0 &&
            ::write(fd, trailer.data(), trailer.size()) == static_cast<ssize_t>(trailer.size());
  const int error = errno;
  if (fd >= 0 && ::close(fd) != 0) ok = false;
  if (!ok) why = "cannot append the digest to " + path + ": " + std::strerror(error);
  return ok;
}

}  // namespace cnode::actors
