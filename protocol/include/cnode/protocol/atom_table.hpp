// Atoms: one bounded table for the whole OS process, as on a BEAM node. Atoms are never removed.
// Every function may be called from any thread.
#pragma once

#include <cstdint>
#include <string_view>

#include <cnode/term.hpp>

namespace cnode {

// The atom with this text (UTF-8, at most 255 characters). None when the text is no legal atom or the
// table is full. Empty text is legal.
term find_or_make_atom(std::string_view utf8);
// None when no such atom exists yet: for input that must not create atoms.
term find_atom(std::string_view utf8);
// Valid for the life of the OS process.
std::string_view atom_text(term atom);
// For atoms the program itself names; aborts when that is impossible.
term atom(std::string_view utf8);

std::uint32_t atom_count();
// erl's +t. Default 1,048,576. Only before the node starts.
void set_atom_limit(std::uint32_t limit);

}  // namespace cnode
