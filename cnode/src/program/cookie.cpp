#include "cookie.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <random>

namespace cnode::program {
namespace {

// auth:check_cookie/2: printable ASCII, then nothing but line ends and blanks.
std::string check_cookie(std::string text, const std::string& where, std::string& error) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  for (unsigned char c : text) {
    if (c < ' ' || c > '~') {
      error = "bad characters in the cookie from " + where;
      return {};
    }
  }
  if (text.empty()) error = "the cookie from " + where + " is empty";
  if (text.size() > 255) error = "the cookie from " + where + " is longer than 255 characters";
  return text;
}

enum class read_status { ok, absent, failed };

read_status read_file(const std::string& name, cookie_result& out) {
  const int fd = ::open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    if (errno == ENOENT || errno == ENOTDIR) return read_status::absent;
    out.error = "cookie file " + name + ": " + std::strerror(errno);
    return read_status::failed;
  }
  struct stat st {};
  std::string text;
  if (::fstat(fd, &st) != 0) {
    out.error = "cookie file " + name + ": " + std::strerror(errno);
  } else if (!S_ISREG(st.st_mode)) {
    out.error = "cookie file " + name + " is not a regular file";
  } else if ((st.st_mode & 077) != 0) {
    out.error = "cookie file " + name + " must be accessible by owner only (chmod 400 " + name + ")";
  } else {
    char buffer[1024];
    const auto n = ::read(fd, buffer, sizeof buffer);
    if (n < 0) {
      out.error = "cookie file " + name + ": " + std::strerror(errno);
    } else {
      out.cookie = check_cookie(std::string(buffer, static_cast<std::size_t>(n)), name, out.error);
    }
  }
  ::close(fd);
  return out.error.empty() ? read_status::ok : read_status::failed;
}

// Twenty random capitals, readable by the owner only, as auth:create_cookie/1. Never over an existing file.
bool create_file(const std::string& name, cookie_result& out) {
  std::random_device random;
  std::string text;
  for (int i = 0; i < 20; ++i) text.push_back(static_cast<char>('A' + random() % 26));
  const int fd = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
  if (fd < 0) {
    out.error = "cannot create cookie file " + name + ": " + std::strerror(errno);
    return false;
  }
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int error = errno;
  ::close(fd);
  if (!written) {
    ::unlink(name.c_str());
    out.error = "cannot write cookie file " + name + ": " + std::strerror(error);
    return false;
  }
  out.cookie = text;
  return true;
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

}  // namespace

cookie_result find_cookie(const std::string& given, const std::string& file) {
  cookie_result out;
  if (!given.empty()) {
    out.cookie = check_cookie(given, "--cookie", out.error);
    return out;
  }
  if (!file.empty()) {
    if (read_file(file, out) == read_status::absent) out.error = "--cookie-file " + file + ": no such file";
    return out;
  }
  const std::string home = environment("HOME");
  std::string config = environment("XDG_CONFIG_HOME");
  if (config.empty() && !home.empty()) config = home + "/.config";
  if (home.empty() && config.empty()) {
    out.error = "no cookie: neither HOME nor XDG_CONFIG_HOME is set; give one with --cookie or --cookie-file";
    return out;
  }
  if (!home.empty() && read_file(home + "/.erlang.cookie", out) != read_status::absent) return out;
  if (!config.empty() && read_file(config + "/erlang/.erlang.cookie", out) != read_status::absent) return out;
  create_file(home.empty() ? config + "/erlang/.erlang.cookie" : home + "/.erlang.cookie", out);
  return out;
}

}  // namespace cnode::program
