#include "code/compile_diagnostics.hpp"

#include <array>
#include <charconv>
#include <utility>

namespace cnode::actors {

namespace {

enum class kind { none, error, warning, note };

struct heading {
  enum kind kind = kind::none;
  std::string_view file;
  int line = 0, column = 0;
  std::string_view text;
};

// "...:17" -> 17, and the number is cut off. -1: no number there.
int cut_number(std::string_view& place) {
  const auto colon = place.rfind(':');
  if (colon == std::string_view::npos || colon + 1 == place.size()) return -1;
  int number = 0;
  const auto* end = place.data() + place.size();
  const auto [rest, failure] = std::from_chars(place.data() + colon + 1, end, number);
  if (failure != std::errc{} || rest != end || number < 0) return -1;
  place = place.substr(0, colon);
  return number;
}

bool starts_message(std::string_view line) { return !line.empty() && line[0] != ' ' && line[0] != '\t'; }

// "FILE:LINE:COLUMN: KIND: TEXT", "FILE:LINE: KIND: TEXT", "PROGRAM: KIND: TEXT".
heading read_heading(std::string_view line) {
  static constexpr std::array<std::pair<std::string_view, kind>, 6> words{{{": error: ", kind::error},
                                                                          {": fatal error: ", kind::error},
                                                                          {": internal compiler error: ", kind::error},
                                                                          {": sorry, unimplemented: ", kind::error},
                                                                          {": warning: ", kind::warning},
                                                                          {": note: ", kind::note}}};
  heading h;
  if (!starts_message(line)) return h;
  auto place = std::string_view::npos;
  for (const auto& [word, k] : words) {
    const auto at = line.find(word);
    if (at == std::string_view::npos || at >= place) continue;
    place = at;
    h.kind = k;
    h.text = line.substr(at + word.size());
  }
  if (h.kind == kind::none) return h;
  h.file = line.substr(0, place);
  const int last = cut_number(h.file);
  if (last < 0) {
    h.file = {};  // a program's name
    return h;
  }
  const int before = cut_number(h.file);
  h.line = before < 0 ? last : before;
  h.column = before < 0 ? 0 : last;
  return h;
}

// What ld says has no place in the source: "inc.cpp:(.text+0x5): undefined reference to `f()'".
heading read_linker_line(std::string_view line) {
  if (!starts_message(line)) return {};
  for (const std::string_view words : {"undefined reference to ", "undefined symbol: ", "multiple definition of "})
    if (const auto at = line.find(words); at != std::string_view::npos) return {kind::error, {}, 0, 0, line.substr(at)};
  return {};
}

// Lines that lead to the message after them.
bool leads_in(std::string_view line) {
  if (line.starts_with("In file included from ") || line.starts_with("                 from ")) return true;
  if (!starts_message(line)) return false;
  if (line.ends_with(':') && (line.find(": In ") != std::string_view::npos || line.find(": At ") != std::string_view::npos ||
                              line.find(": in function ") != std::string_view::npos))
    return true;
  return line.find(":   required ") != std::string_view::npos || line.find(":   recursively required ") != std::string_view::npos ||
         line.find(":   in ") != std::string_view::npos;
}

bool was_a_warning(std::string_view text) { return text.find("[-Werror") != std::string_view::npos; }

}  // namespace

std::vector<compile_diagnostic> parse_diagnostics(std::string_view output) {
  std::vector<compile_diagnostic> all;
  std::string before;  // lines that lead to the next message
  bool errors = false;
  while (!output.empty()) {
    const auto end = output.find('\n');
    auto line = output.substr(0, end);
    output.remove_prefix(end == std::string_view::npos ? output.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);

    auto h = read_heading(line);
    // "collect2: error: ld returned 1 exit status" repeats what ld has said.
    if (h.kind == kind::error && h.file.empty() && h.line == 0 && errors && line.find("ld returned ") != std::string_view::npos) h.kind = kind::none;
    if (h.kind == kind::none && leads_in(line)) {
      before.append(line) += '\n';
      continue;
    }
    if (h.kind == kind::none) h = read_linker_line(line);
    if (h.kind == kind::error || h.kind == kind::warning) {
      auto& d = all.emplace_back();
      d.warning = h.kind == kind::warning || was_a_warning(h.text);
      errors |= !d.warning;
      d.file = h.file;
      d.line = h.line;
      d.column = h.column;
      d.text = h.text;
    }
    if (all.empty()) continue;
    all.back().block += std::exchange(before, {});
    all.back().block.append(line) += '\n';
  }
  if (!all.empty()) all.back().block += before;
  return all;
}

}  // namespace cnode::actors
