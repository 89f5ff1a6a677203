#include "release/term_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <cnode/protocol/term_text.hpp>

namespace cnode::release {
namespace {

// epp's rule: a comment in the first two lines that says coding: latin-1. Anything else is UTF-8.
bool says_latin1(std::string_view text) {
  for (int line = 0; line < 2 && !text.empty(); ++line) {
    const auto end = text.find('\n');
    const auto first = text.substr(0, end);
    if (const auto at = first.find("coding"); at != std::string_view::npos && first.find('%') < at && at + 7 < first.size()) {
      auto rest = first.substr(at + 7);
      while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
      if (first[at + 6] == ':' || first[at + 6] == '=') return rest.starts_with("latin-1") || rest.starts_with("iso-8859-1");
    }
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return false;
}

std::string from_latin1(std::string_view text) {
  std::string out;
  for (const unsigned char c : text) {
    if (c < 0x80) out += static_cast<char>(c);
    else out += static_cast<char>(0xc0 | c >> 6), out += static_cast<char>(0x80 | (c & 0x3f));
  }
  return out;
}

}  // namespace

bool read_whole(const std::string& file, std::string& out) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  out.clear();
  char buffer[16384];
  ssize_t n;
  while ((n = ::read(fd, buffer, sizeof buffer)) > 0) out.append(buffer, static_cast<std::size_t>(n));
  const int error = errno;
  ::close(fd);
  errno = error;
  return n == 0;
}

bool write_whole(const std::string& file, std::string_view text) {
  const std::string temporary = file + ".new";
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return false;
  bool good = true;
  while (good && !text.empty()) {
    const auto n = ::write(fd, text.data(), text.size());
    good = n > 0;
    if (good) text.remove_prefix(static_cast<std::size_t>(n));
  }
  good = good && ::fsync(fd) == 0;
  const int error = errno;
  good = ::close(fd) == 0 && good && ::rename(temporary.c_str(), file.c_str()) == 0;
  if (!good) ::unlink(temporary.c_str());
  if (!good && error) errno = error;
  return good;
}

term posix_name(int error) {
  switch (error) {
    case ENOENT: return atom("enoent");
    case EACCES: return atom("eacces");
    case EPERM: return atom("eperm");
    case EISDIR: return atom("eisdir");
    case ENOTDIR: return atom("enotdir");
    case EEXIST: return atom("eexist");
    case ENOSPC: return atom("enospc");
    case EROFS: return atom("erofs");
    case EMFILE: return atom("emfile");
    case ENFILE: return atom("enfile");
    case ENAMETOOLONG: return atom("enametoolong");
    case ELOOP: return atom("eloop");
    case EIO: return atom("eio");
    default: return atom("unknown");
  }
}

std::variant<terms, file_problem> read_terms(block& b, const std::string& file) {
  const term name = make_charlist(b, file);
  const auto cannot = [&](std::string_view what) {
    const int error = errno;
    return file_problem{make_tuple_of(b, atom(what), name, posix_name(error)), file + ": " + std::strerror(error), error == ENOENT};
  };
  struct stat info{};
  if (::stat(file.c_str(), &info) != 0) return cannot("open");
  if (S_ISDIR(info.st_mode)) return errno = EISDIR, cannot("open");
  std::string text;
  if (!read_whole(file, text)) return cannot("open");
  if (says_latin1(text)) text = from_latin1(text);
  auto parsed = parse_terms(text);
  if (!parsed) {
    // "line 3, column 7: what was expected"
    const auto& detail = parsed.error().detail;
    const bool placed = detail.starts_with("line ");
    const long line = placed ? std::strtol(detail.c_str() + 5, nullptr, 10) : 1;
    const auto colon = detail.find(": ");
    const std::string what = placed && colon != std::string::npos ? detail.substr(colon + 2) : to_string(parsed.error());
    return file_problem{make_tuple_of(b, atom("parse"), name, make_tuple_of(b, small(line), atom("erl_parse"), make_charlist(b, what))),
                        file + ":" + std::to_string(line) + ": " + what};
  }
  auto out = elements((*parsed)->root);
  b.adopt(std::move(*parsed));
  return out;
}

std::variant<term, file_problem> read_term(block& b, const std::string& file) {
  auto read = read_terms(b, file);
  if (auto* problem = std::get_if<1>(&read)) return std::move(*problem);
  const auto& all = std::get<0>(read);
  if (!all.empty()) return all.front();
  return file_problem{make_tuple_of(b, atom("read"), make_charlist(b, file)), file + ":1: holds no term"};
}

std::string file_text(term t) {
  print_options options;
  options.max_bytes = std::size_t{1} << 30;
  return "%% coding: utf-8\n" + to_text(t, options) + ".\n";
}

}  // namespace cnode::release
