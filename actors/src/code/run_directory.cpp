#include "code/run_directory.hpp"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace cnode::actors {

namespace fs = std::filesystem;

namespace {

std::string prefix() { return "cnode-" + std::to_string(::getuid()) + "-"; }

// Where files can be mapped executable.
std::string base_directory() {
  const char* xdg = std::getenv("XDG_RUNTIME_DIR");
  struct statvfs info {};
  if (xdg && *xdg == '/' && ::access(xdg, W_OK | X_OK) == 0 && ::statvfs(xdg, &info) == 0 && !(info.f_flag & ST_NOEXEC)) return xdg;
  return "/tmp";
}

}  // namespace

// cnode-<uid>-<pid>-<random>: the pid tells whether anybody still needs it.
void remove_stale_run_directories() {
  std::error_code ignored;
  const auto mine = prefix();
  for (fs::directory_iterator i{base_directory(), ignored}, end; !ignored && i != end; i.increment(ignored)) {
    const auto name = i->path().filename().string();
    if (!name.starts_with(mine)) continue;
    const auto pid = std::strtol(name.c_str() + mine.size(), nullptr, 10);
    struct stat info {};
    if (pid <= 0 || ::kill(static_cast<pid_t>(pid), 0) == 0 || errno != ESRCH) continue;
    if (::lstat(i->path().c_str(), &info) != 0 || info.st_uid != ::getuid() || !S_ISDIR(info.st_mode)) continue;
    remove_run_directory(i->path());
  }
}

std::string make_run_directory(std::string& error) {
  const auto base = base_directory();
  auto path = base + "/" + prefix() + std::to_string(::getpid()) + "-XXXXXX";
  if (::mkdtemp(path.data())) return path;  // mode 0700
  error = "no directory for private copies under " + base + ": " + std::strerror(errno);
  return {};
}

// Only plain files and the directory itself: nothing of ours lies deeper.
void remove_run_directory(const std::string& directory) {
  if (directory.empty()) return;
  std::error_code ignored;
  for (fs::directory_iterator i{directory, ignored}, end; !ignored && i != end; i.increment(ignored)) ::unlink(i->path().c_str());
  ::rmdir(directory.c_str());
}

bool write_private_copy(const std::string& path, const std::string& bytes, std::size_t size, std::string& error) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0500);
  if (fd < 0) {
    error = "cannot create the private copy " + path + ": " + std::strerror(errno);
    return false;
  }
  std::size_t done = 0;
  while (done < size) {
    const auto n = ::write(fd, bytes.data() + done, size - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    done += static_cast<std::size_t>(n);
  }
  const int failed = done < size ? errno : 0;
  if (::close(fd) != 0 || done < size) {
    error = "cannot write the private copy " + path + ": " + std::strerror(failed ? failed : errno);
    ::unlink(path.c_str());
    return false;
  }
  return true;
}

}  // namespace cnode::actors
