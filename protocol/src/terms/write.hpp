// Writing terms in Erlang syntax, as io_lib:write/2 (~w) and io_lib_pretty without line breaks (~p) do.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <cnode/term.hpp>

namespace cnode {

struct write_style {
  bool strings = true;   // ~p: lists and binaries of printable characters as text
  bool pretty = true;    // ~p rather than ~w where the two differ in what depth cuts off
  bool unicode = true;   // with the t modifier; otherwise characters over 255 in atoms are escaped
  std::int64_t depth = -1;  // of ~P and ~W; negative: no bound
  std::size_t max_bytes = static_cast<std::size_t>(-1);
};

void write_term(std::string& out, term t, const write_style& style);

// Parts the other writers use.
void write_atom(std::string& out, std::string_view text, bool unicode = true);
// With quotes around it; the text is UTF-8, or latin1 bytes.
void write_quoted(std::string& out, std::string_view text, char quote, bool unicode, bool latin1_bytes = false);
void write_integer(std::string& out, term t);
// The shortest text that reads back the same, as float_to_list(F, [short]).
void write_float(std::string& out, double d);
void write_pid(std::string& out, term t);        // <0.1.2>
void write_ref(std::string& out, term t, std::string_view prefix = "#Ref");
void write_port(std::string& out, term t);
bool reserved_word(std::string_view text);
// io_lib:printable_latin1_list/1 for one character.
bool printable_latin1(std::uint32_t c);

}  // namespace cnode
