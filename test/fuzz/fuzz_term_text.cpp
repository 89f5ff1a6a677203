// Whatever text comes: a term or errc::syntax with a place. What parses prints to text that parses to an equal term.
// The text is also tried as a format.
#include <cstdlib>

#include <cnode/protocol/term_order.hpp>
#include <cnode/protocol/term_text.hpp>

using namespace cnode;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const auto b = parse_term(text);
  if (b) {
    const auto printed = to_text((*b)->root, {.pretty_strings = false, .max_bytes = std::size_t{1} << 30});
    const auto back = parse_term(printed);
    if (!back || !exactly_equal((*b)->root, (*back)->root)) std::abort();
  } else if (b.error().code != errc::syntax) {
    std::abort();
  }
  static_cast<void>(parse_terms(text));
  const auto args = parse_term("[abc,\"text\",<<\"bin\">>,[1,2|3],1.5,12]");
  static_cast<void>(io_lib_format(text.substr(0, 64), (*args)->root));
  return 0;
}
