// Whatever arrives: a term or an errc. What decodes also validates to the same length, encodes to something that decodes
// to an equal term, and can be copied, compared, hashed and printed.
#include <cstdlib>

#include <cnode/protocol/etf.hpp>
#include <cnode/protocol/term_order.hpp>
#include <cnode/protocol/term_text.hpp>

using namespace cnode;

namespace {
void hold(bool invariant) {
  if (!invariant) std::abort();
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::uint8_t> bytes{data, size};
  const auto length = etf::validate(bytes);
  auto b = block::make(0);
  const auto d = etf::decode(*b, bytes);
  if (d) {
    hold(length && *length == d->used);
    const auto again = etf::term_to_binary(d->value);
    const auto back = etf::binary_to_term({reinterpret_cast<const std::uint8_t*>(again.data()), again.size()});
    hold(static_cast<bool>(back));
    hold(exactly_equal(d->value, (*back)->root));
    hold(hash(d->value) == hash((*back)->root));
    hold(compare(d->value, copy_to_block(d->value)->root) == 0);
    print_options o;
    o.max_bytes = 1 << 16;
    hold(to_text(d->value, o) == to_text((*back)->root, o));
    inspect(d->value);
  }
  if (size > 0 && data[0] == 131) static_cast<void>(etf::binary_to_term(bytes));
  return 0;
}
