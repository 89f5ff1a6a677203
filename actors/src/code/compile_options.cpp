#include "code/compile_options.hpp"

#include <algorithm>
#include <string_view>

#include <cnode/protocol/atom_table.hpp>
#include <cnode/protocol/block.hpp>
#include <cnode/protocol/term_text.hpp>

namespace cnode::actors {

namespace {

// Whoever may compile here may run any code here, so this protects nobody: it keeps what comes out a module, and the compiler the only
// program that is started.
bool refuse(const std::string& option, std::string& why) {
  static constexpr std::string_view other_output[] = {"-c", "-S", "-E", "-", "-###", "-fsyntax-only", "-r", "-pie", "-static-pie", "-static"};
  static constexpr std::string_view other_output_of[] = {"-o", "-x", "-M", "-save-temps", "--save-temps", "-fdump", "-print", "--help", "--version"};
  static constexpr std::string_view programs[] = {"-wrapper", "-fplugin", "-specs", "--specs", "-B", "-no-canonical-prefixes", "-Xclang", "-fpass-plugin"};
  const auto begins = [&](std::string_view with) { return option.starts_with(with); };
  if (option.empty() || option[0] != '-' || option.find('\0') != std::string::npos)
    why = "is no compiler option: it must begin with - and be one word, as in \"-Iinclude\"";
  else if (std::find(std::begin(other_output), std::end(other_output), option) != std::end(other_output) ||
           std::any_of(std::begin(other_output_of), std::end(other_output_of), begins))
    why = "is not taken: what comes out must be a module";
  else if (std::any_of(std::begin(programs), std::end(programs), begins))
    why = "is not taken: only the compiler itself is started";
  else
    return false;
  why = "option " + option + " " + why;
  return true;
}

// Text of an option's argument: string, binary, atom or number.
bool text_of(term t, std::string& out) {
  if (t.is_atom()) out = atom_text(t);
  else if (t.is_number()) out = to_text(t);
  else if (!(t.is_binary() || t.is_cons()) || !chardata_to_string(t, out)) return false;
  return true;
}

class reader {
 public:
  explicit reader(compile_options& o) : o_(o) {}

  void option(term t) {
    if (t.is_atom()) return word(t);
    if (t.is_binary() || t.is_cons()) return flag(t, t);
    if (t.is_tuple() && t.size() >= 1 && t[0].is_atom()) pair(t);
  }

 private:
  void record(term t) { (o_.recorded += o_.recorded.empty() ? "" : ",") += to_text(t); }

  void flag(term t, term whole) {
    std::string text;
    if (!text_of(t, text)) return refused("option " + to_text(t) + " is no text");
    std::string why;
    if (refuse(text, why)) return refused(why);
    o_.cxx.push_back(text);
    if (whole) record(whole);
  }
  void refused(const std::string& why) {
    if (o_.refused.empty()) o_.refused = why;
  }

  void word(term t) {
    const auto name = atom_text(t);
    if (name == "return") o_.return_errors = o_.return_warnings = true;
    else if (name == "return_errors") o_.return_errors = true;
    else if (name == "return_warnings") o_.return_warnings = true;
    else if (name == "report") o_.report_errors = o_.report_warnings = true;
    else if (name == "report_errors") o_.report_errors = true;
    else if (name == "report_warnings") o_.report_warnings = true;
    else if (name == "binary") o_.binary = true;
    else if (name == "verbose") o_.verbose = true;
    else if (name == "warnings_as_errors") o_.warnings_as_errors = true, o_.cxx.emplace_back("-Werror"), record(t);
    else if (name == "debug_info") o_.cxx.emplace_back("-g"), record(t);
  }

  void pair(term t) {
    const auto name = atom_text(t[0]);
    std::string text;
    if (name == "outdir" && t.size() == 2) {
      if (text_of(t[1], text) && !text.empty()) o_.outdir = text;
      else refused("{outdir, " + to_text(t[1]) + "} names no directory");
    } else if (name == "i" && t.size() == 2) {
      if (!text_of(t[1], text)) return refused("{i, " + to_text(t[1]) + "} names no directory");
      o_.cxx.push_back("-I" + text);
      record(t);
    } else if (name == "d" && (t.size() == 2 || t.size() == 3)) {
      std::string value;
      if (!text_of(t[1], text) || (t.size() == 3 && !text_of(t[2], value))) return refused(to_text(t) + " is no macro and its text");
      o_.cxx.push_back("-D" + text + (t.size() == 3 ? "=" + value : ""));
      record(t);
    } else if (name == "cxx_options" && t.size() == 2) {
      if (list_length(t[1]) < 0) return refused(to_text(t) + ": its options are no list");
      for (auto l = t[1]; l.is_cons(); l = l.tail()) flag(l.head(), {});
      record(t);
    } else if (name == "time_limit" && t.size() == 2) {
      if (!t[1].is_small() || t[1].small() < 1) return refused(to_text(t) + ": milliseconds, please");
      o_.time_limit = std::chrono::milliseconds{t[1].small()};
    }
  }

  compile_options& o_;
};

}  // namespace

bool read_compile_options(term options, compile_options& out) {
  reader r{out};
  if (!options.is_list()) {
    r.option(options);
    return true;
  }
  if (list_length(options) < 0) return false;
  for (; options.is_cons(); options = options.tail()) r.option(options.head());
  return true;
}

}  // namespace cnode::actors
