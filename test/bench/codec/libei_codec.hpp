// The same terms through libei: read into C variables of the right type, each by its own function; written with the ei_x_ functions from a
// term of ours. libei has no form for a whole term, so reading is the least that any program with it does: every value goes by and
// none is kept. Building keeps them, as whoever wants the term has to.
#pragma once

#include <string>

#include <cnode/protocol/block.hpp>

namespace cnode::bench {

bool libei_skip(const std::string& bytes);          // ei_skip_term
std::size_t libei_decode(const std::string& bytes);  // how many terms there were
void libei_build(const std::string& bytes);          // a tree of all terms, freed again
std::size_t libei_encode(term t);                    // how many bytes it became

}  // namespace cnode::bench
