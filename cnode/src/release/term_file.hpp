// Files of Erlang terms: .rel, .app, .appup, relup, RELEASES, sys.config. One place that opens, decodes and parses them, so that each
// mistake is named the same way: FILE:LINE, and what was expected.
#pragma once

#include <string>
#include <vector>

#include "release/terms.hpp"

namespace cnode::release {

// Why a file gave no terms. `reason` is systools_lib:read_term/1's: {open, File, Posix}, {read, File} or {parse, File, {Line, erl_parse, Text}}.
struct file_problem {
  term reason;
  std::string text;  // "hotcode.rel:3: ..."
  bool missing = false;
};

// All terms of the file, each ended by a full stop; a "coding: latin-1" comment counts. The terms lie in b.
std::variant<terms, file_problem> read_terms(block& b, const std::string& file);
// The first of them, as systools_lib:read_term/1 reads; a file without any is a problem.
std::variant<term, file_problem> read_term(block& b, const std::string& file);

// The file as it is. False, and errno, when it cannot be read.
bool read_whole(const std::string& file, std::string& out);
// Through a temporary file beside it and rename, so that nobody sees half of it. False, and errno.
bool write_whole(const std::string& file, std::string_view text);
// enoent, eacces, ... as file:open/2 returns them.
term posix_name(int error);

// "%% coding: utf-8", the term as ~tp prints it and a full stop: what file:consult/1 reads again.
std::string file_text(term t);

}  // namespace cnode::release
