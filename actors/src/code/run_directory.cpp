#include "code/run_directory.hpp"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

namespace cnode::actors {

namespace fs = std::filesystem;

namespace {

std::string prefix() { return "cnode-" + std::to_string(::getuid()) + "-"; }

constexpr const char* disk = "/tmp";

bool takes_executables(const char* directory) {
  struct statvfs info {};
  return *directory == '/' && ::access(directory, W_OK | X_OK) == 0 && ::statvfs(directory, &info) == 0 && !(info.f_flag & ST_NOEXEC);
}

// In memory a copy is made and removed in a fifth of the time.
std::string base_directory() {
  const char* xdg = std::getenv("XDG_RUNTIME_DIR");
  if (xdg && takes_executables(xdg)) return xdg;
  struct statfs info {};
  constexpr const char* memory = "/dev/shm";
  if (takes_executables(memory) && ::statfs(memory, &info) == 0 && info.f_type == TMPFS_MAGIC) return memory;
  return disk;
}

// cnode-<uid>-<pid>-<random>: the pid tells whether anybody still needs it.
void remove_stale_under(const std::string& base) {
  std::error_code ignored;
  const auto mine = prefix();
  for (fs::directory_iterator i{base, ignored}, end; !ignored && i != end; i.increment(ignored)) {
    const auto name = i->path().filename().string();
    if (!name.starts_with(mine)) continue;
    const auto pid = std::strtol(name.c_str() + mine.size(), nullptr, 10);
    struct stat info {};
    if (pid <= 0 || ::kill(static_cast<pid_t>(pid), 0) == 0 || errno != ESRCH) continue;
    if (::lstat(i->path().c_str(), &info) != 0 || info.st_uid != ::getuid() || !S_ISDIR(info.st_mode)) continue;
    remove_run_directory(i->path());
  }
}

}  // namespace

void remove_stale_run_directories() {
  remove_stale_under(disk);
  if (const auto base = base_directory(); base != disk) remove_stale_under(base);
}

std::string make_run_directory(std::string& error, run_place where) {
  const std::string base = where == run_place::disk ? disk : base_directory();
  auto path = base + "/" + prefix() + std::to_string(::getpid()) + "-XXXXXX";
  if (::mkdtemp(path.data())) return path;  // mode 0700
  error = "no directory for private copies under " + base + ": " + std::strerror(errno);
  return {};
}

bool is_on_disk(const std::string& run_directory) { return run_directory.starts_with(std::string{disk} + "/" + prefix()); }

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
