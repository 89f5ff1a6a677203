// The same terms through libei: read into C variables of the right type, each by its own function; written with the ei_x_ functions from a
// term of ours. libei has no form for a whole term, so its reading is the least that any program with it does.
#pragma once

#include <string>

#include <cnode/protocol/block.hpp>

namespace cnode::bench {

bool libei_skip(const std::string& bytes);          // ei_skip_term
std::size_t libei_decode(const std::string& bytes);  // how many terms there were
std::size_t libei_encode(term t);                    // how many bytes it became

}  // namespace cnode::bench
