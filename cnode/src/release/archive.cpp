#include "release/archive.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <set>

namespace cnode::release {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t piece = 1 << 16;
constexpr time_t no_time = 946684800;  // 2000-01-01: GNU tar finds older ones implausible

using writer = std::unique_ptr<archive, decltype(&archive_write_free)>;
using reader = std::unique_ptr<archive, decltype(&archive_read_free)>;
using entry_ptr = std::unique_ptr<::archive_entry, decltype(&archive_entry_free)>;

std::string said(archive* a, const std::string& what) {
  const char* text = archive_error_string(a);
  return what + ": " + (text ? text : "cannot be written");
}

class descriptor {
 public:
  explicit descriptor(int fd) : fd_(fd) {}
  ~descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  int get() const { return fd_; }
  bool close() { return ::close(std::exchange(fd_, -1)) == 0; }

 private:
  int fd_;
};

class archive_writer {
 public:
  explicit archive_writer(const std::string& file) : file_(file), a_(archive_write_new(), archive_write_free) {
    const char* epoch = std::getenv("SOURCE_DATE_EPOCH");
    time_ = epoch ? static_cast<time_t>(std::strtoll(epoch, nullptr, 10)) : no_time;
  }

  std::string write(const std::vector<archive_entry>& entries) {
    archive_write_add_filter_gzip(a_.get());
    archive_write_set_filter_option(a_.get(), "gzip", "timestamp", nullptr);  // gzip's header carries no time either
    archive_write_set_format_pax_restricted(a_.get());
    if (archive_write_open_filename(a_.get(), file_.c_str()) != ARCHIVE_OK) return said(a_.get(), file_);
    for (const auto& e : entries) {
      for (auto slash = e.name.find('/'); slash != std::string::npos; slash = e.name.find('/', slash + 1))
        if (folders_.insert(e.name.substr(0, slash)).second)
          if (auto problem = header(e.name.substr(0, slash), AE_IFDIR, 0755, 0); !problem.empty()) return problem;
      if (auto problem = e.file.empty() ? text(e) : copy(e); !problem.empty()) return problem;
    }
    return archive_write_close(a_.get()) == ARCHIVE_OK ? "" : said(a_.get(), file_);
  }

 private:
  std::string header(const std::string& name, unsigned type, unsigned mode, std::int64_t size) {
    const entry_ptr e(archive_entry_new(), archive_entry_free);
    archive_entry_set_pathname(e.get(), name.c_str());
    archive_entry_set_filetype(e.get(), type);
    archive_entry_set_perm(e.get(), mode);
    archive_entry_set_size(e.get(), size);
    archive_entry_set_mtime(e.get(), time_, 0);
    archive_entry_set_uname(e.get(), "root");
    archive_entry_set_gname(e.get(), "root");
    return archive_write_header(a_.get(), e.get()) == ARCHIVE_OK ? "" : said(a_.get(), file_);
  }
  std::string text(const archive_entry& e) {
    if (auto problem = header(e.name, AE_IFREG, e.executable ? 0755 : 0644, static_cast<std::int64_t>(e.text.size())); !problem.empty()) return problem;
    return data(e.text.data(), e.text.size());
  }
  std::string copy(const archive_entry& e) {
    const descriptor in(::open(e.file.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat info{};
    if (in.get() < 0 || ::fstat(in.get(), &info) != 0) return e.file + ": " + std::strerror(errno);
    if (!S_ISREG(info.st_mode)) return e.file + ": is no regular file";
    const bool executable = e.executable || (info.st_mode & 0111);
    if (auto problem = header(e.name, AE_IFREG, executable ? 0755 : 0644, info.st_size); !problem.empty()) return problem;
    char buffer[piece];
    for (auto left = info.st_size; left > 0;) {
      const auto n = ::read(in.get(), buffer, static_cast<std::size_t>(std::min<off_t>(left, sizeof buffer)));
      if (n <= 0) return e.file + ": " + (n < 0 ? std::strerror(errno) : "became shorter while it was read");
      if (auto problem = data(buffer, static_cast<std::size_t>(n)); !problem.empty()) return problem;
      left -= n;
    }
    return {};
  }
  std::string data(const char* bytes, std::size_t size) {
    return archive_write_data(a_.get(), bytes, size) == static_cast<la_ssize_t>(size) ? "" : said(a_.get(), file_);
  }

  std::string file_;
  writer a_;
  time_t time_;
  std::set<std::string> folders_;
};

// Relative, without "." and ".." and double slashes; a slash at the end of a folder goes.
bool plain_name(std::string& name) {
  while (name.starts_with("./")) name.erase(0, 2);
  while (name.ends_with('/')) name.pop_back();
  if (name.empty() || name == ".") return name = "", true;
  if (name.starts_with('/') || name.find('\0') != std::string::npos) return false;
  for (const auto& part : fs::path(name))
    if (part == ".." || part == "." || part.empty()) return false;
  return true;
}

}  // namespace

std::string write_archive(const std::string& file, std::vector<archive_entry> entries) {
  std::sort(entries.begin(), entries.end(), [](const auto& x, const auto& y) { return x.name < y.name; });
  const auto twice = std::adjacent_find(entries.begin(), entries.end(), [](const auto& x, const auto& y) { return x.name == y.name; });
  if (twice != entries.end()) return file + ": two files would be called " + twice->name;
  const std::string temporary = file + ".new";
  auto problem = archive_writer(temporary).write(entries);
  if (problem.empty() && ::rename(temporary.c_str(), file.c_str()) != 0) problem = file + ": " + std::strerror(errno);
  if (!problem.empty()) ::unlink(temporary.c_str());
  return problem;
}

std::string unpack_archive(const std::string& file, const std::string& root, const unpack_options& options, int& error) {
  error = 0;
  const reader a(archive_read_new(), archive_read_free);
  archive_read_support_filter_gzip(a.get());
  archive_read_support_format_tar(a.get());
  if (archive_read_open_filename(a.get(), file.c_str(), piece) != ARCHIVE_OK) {
    error = archive_errno(a.get());
    return said(a.get(), file);
  }
  ::archive_entry* e = nullptr;
  for (;;) {
    const int got = archive_read_next_header(a.get(), &e);
    if (got == ARCHIVE_EOF) return {};
    if (got != ARCHIVE_OK) return said(a.get(), file);
    const char* raw = archive_entry_pathname(e);
    std::string name = raw ? raw : "";
    const auto type = archive_entry_filetype(e);
    if (!plain_name(name)) return file + ": refused: the name '" + name.substr(0, 200) + "' leads out of the folder";
    if (archive_entry_hardlink(e) || (type != AE_IFREG && type != AE_IFDIR)) return file + ": refused: " + name.substr(0, 200) + " is neither a file nor a folder";
    if (name.empty() || (options.wanted && !options.wanted(name))) continue;
    const fs::path full = fs::path(root) / name;
    const auto failed = [&](int code) {
      error = code;
      return full.string() + ": " + std::strerror(code);
    };
    std::error_code made;
    fs::create_directories(type == AE_IFDIR ? full : full.parent_path(), made);
    if (made) return failed(made.value());
    if (type == AE_IFDIR || (options.keep_old_files && fs::exists(fs::symlink_status(full, made)))) continue;
    ::unlink(full.c_str());
    descriptor out(::open(full.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, archive_entry_perm(e) & 0111 ? 0755 : 0644));
    if (out.get() < 0) return failed(errno);
    char buffer[piece];
    la_ssize_t n;
    while ((n = archive_read_data(a.get(), buffer, sizeof buffer)) > 0)
      for (la_ssize_t done = 0; done < n;) {
        const auto w = ::write(out.get(), buffer + done, static_cast<std::size_t>(n - done));
        if (w <= 0) return failed(w < 0 ? errno : EIO);
        done += w;
      }
    if (n < 0) return said(a.get(), file);
    if (!out.close()) return failed(errno);
  }
}

}  // namespace cnode::release
