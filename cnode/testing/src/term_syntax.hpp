// Text of a test -> Erlang syntax, which parse_term reads.
#pragma once

#include <string>
#include <string_view>

namespace cnode::testing {

// Elixir's words become Erlang's (:a, "x", ~c"x", %{}, %Name{}, key: 1, Name.Of.Module, &M.f/1, #PID<...>, ?a); Erlang's stay.
// Never fails: what is neither is left for parse_term to refuse.
std::string to_erlang(std::string_view text);

}  // namespace cnode::testing
