#include <charconv>
#include <cmath>

#include <cnode/protocol/atom_table.hpp>
#include <cnode/protocol/term_text.hpp>

#include "terms/layout.hpp"
#include "terms/stack.hpp"
#include "terms/utf8.hpp"
#include "terms/write.hpp"

// Elixir's inspect/1 (Inspect.Algebra with default options): a collection shows as many elements as the limit allows, a
// collection inside it as many as were left there.

namespace cnode {

namespace {

constexpr std::int64_t default_limit = 50;
constexpr std::size_t printable_limit = 4096;

bool word(std::int32_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c >= 0xaa;
}

bool identifier(std::string_view s) {
  std::size_t i = 0;
  auto c = utf8::next(s, i);
  if (s.empty() || !word(c) || (c >= '0' && c <= '9')) return false;
  while (i < s.size()) {
    c = utf8::next(s, i);
    if ((c == '?' || c == '!') && i == s.size()) return true;
    if (!word(c) && c != '@') return false;
  }
  return true;
}

bool operator_name(std::string_view s) {
  static constexpr std::string_view all[] = {
      "{}", "%{}", "%", "<<>>", "..", "..//", "...", "&&&", "|||", "^^^", "~~~", "&&", "||", "<>", "++", "--", "+++", "---",
      "==", "!=", "===", "!==", "=~", "<=", ">=", "<", ">", "+", "-", "*", "/", "**", "!", "^", "&", "@", "=", "|", "|>",
      "<<<", ">>>", "<<~", "~>>", "<~", "~>", "<~>", "<-", "\\\\", "::", "->", ".", "<|>"};
  for (auto o : all)
    if (o == s) return true;
  return false;
}

// Elixir.Foo.Bar, every part beginning with a capital.
bool alias_name(std::string_view s) {
  if (s == "Elixir") return true;
  if (s.substr(0, 7) != "Elixir.") return false;
  bool first = true;
  for (auto c : s.substr(7)) {
    if (first ? !(c >= 'A' && c <= 'Z') : c != '.' && (!word(static_cast<std::uint8_t>(c)) || static_cast<std::uint8_t>(c) > 127))
      return false;
    first = c == '.';
  }
  return !first;
}

void escaped(std::string& out, std::string_view s, char quote) {
  out += quote;
  for (std::size_t i = 0; i < s.size();) {
    const auto before = i;
    auto c = utf8::next(s, i);
    if (c < 0) c = static_cast<std::uint8_t>(s[i++]);
    static constexpr std::string_view letters = "\aa\bb\tt\nn\vv\ff\rr\x1b" "e\x7f" "d";
    std::size_t k = 0;
    while (k < letters.size() && (letters[k] != c)) k += 2;
    if (c == static_cast<std::uint8_t>(quote) || c == '\\' || (c == '#' && i < s.size() && s[i] == '{')) {
      out += '\\';
      out += static_cast<char>(c);
    } else if (k < letters.size()) {
      out += '\\';
      out += letters[k + 1];
    } else if (c == 0) {
      out += "\\0";
    } else if (c == 0xfeff) {
      out += "\\uFEFF";
    } else if (c < 32) {
      static constexpr char hex[] = "0123456789ABCDEF";
      out += "\\x";
      out += hex[c >> 4];
      out += hex[c & 15];
    } else {
      out.append(s.substr(before, i - before));
    }
  }
  out += quote;
}

void atom_name(std::string& out, std::string_view s) {
  if (s == "nil" || s == "true" || s == "false") {
    out += s;
  } else if (alias_name(s)) {
    out += s == "Elixir" ? s : s.substr(7);
  } else {
    out += ':';
    if (identifier(s) || operator_name(s)) out += s;
    else escaped(out, s, '"');
  }
}

void key_name(std::string& out, std::string_view s) {
  if (identifier(s) || operator_name(s)) out += s;
  else escaped(out, s, '"');
  out += ": ";
}

bool printable(std::int32_t c) {
  return (c >= 0x20 && c <= 0x7e) || (c >= 7 && c <= 13) || c == 0x1b || c == 0x7f || (c >= 0xa0 && c <= 0xd7ff) ||
         (c >= 0xe000 && c <= 0xfffd) || (c >= 0x10000 && c <= 0x10ffff);
}

bool keyword_key(term k) { return k.is_atom() && atom_text(k).substr(0, 7) != "Elixir."; }

// Float.to_string/1: digits up to 10^16, an exponent beyond.
void float_text(std::string& out, double d) {
  const double a = std::fabs(d);
  if (a >= 1e5 && a < 1e16) {
    char text[64];
    const auto r = std::to_chars(text, text + sizeof text, d, std::chars_format::fixed);
    std::string_view s(text, static_cast<std::size_t>(r.ptr - text));
    out += s;
    if (s.find('.') == s.npos) out += ".0";
  } else if (a >= 1000 && a < 1e5) {
    char text[64];
    const auto r = std::to_chars(text, text + sizeof text, d, std::chars_format::fixed);
    out.append(text, r.ptr);
    if (out.find('.', out.size() - static_cast<std::size_t>(r.ptr - text)) == out.npos) out += ".0";
  } else {
    write_float(out, d);
  }
}

class inspector {
 public:
  explicit inspector(std::string& out) : out_(out) {}

  void run(term root) {
    todo_.push({root.word(), nullptr, 0, default_limit, what::term});
    while (!todo_.empty()) step(todo_.pop());
  }

 private:
  enum class what : std::uint32_t { term, list, keywords, tuple, map, text };
  struct item {
    cnode_term word;
    const char* text;
    std::uint64_t index;  // elements shown
    std::int64_t limit;   // elements that may still be shown
    what kind;
  };

  // Before an element: what separates it, or that the limit is reached.
  bool next_element(const item& i, const char* closing) {
    if (i.index) out_ += ", ";
    if (i.limit > 0) return true;
    out_ += "...";
    out_ += closing;
    return false;
  }

  void element(term t, std::int64_t limit) { todo_.push({t.word(), nullptr, 0, limit, what::term}); }
  void literal(const char* s) { todo_.push({0, s, 0, 0, what::text}); }

  void step(item i) {
    const term t{i.word};
    switch (i.kind) {
      case what::text: out_ += i.text; break;
      case what::term: any(t, i.limit); break;
      case what::list:
        if (t.is_nil()) {
          out_ += ']';
        } else if (!t.is_cons()) {
          out_ += " | ";
          literal("]");
          element(t, i.limit - 1);
        } else if (next_element(i, "]")) {
          todo_.push({t.tail().word(), nullptr, i.index + 1, i.limit - 1, what::list});
          element(t.head(), i.limit - 1);
        }
        break;
      case what::keywords:
        if (t.is_nil()) {
          out_ += ']';
        } else if (next_element(i, "]")) {
          key_name(out_, atom_text(t.head()[0]));
          todo_.push({t.tail().word(), nullptr, i.index + 1, i.limit - 1, what::keywords});
          element(t.head()[1], i.limit - 1);
        }
        break;
      case what::tuple:
        if (i.index == t.arity()) {
          out_ += '}';
        } else if (next_element(i, "}")) {
          todo_.push({i.word, nullptr, i.index + 1, i.limit - 1, what::tuple});
          element(t[i.index], i.limit - 1);
        }
        break;
      case what::map: map_pair(t, i); break;
    }
  }

  // In a struct the field that names it is not shown; i.text says so, and that keys are all atoms.
  void map_pair(term t, item i) {
    static const term struct_key = atom("__struct__");
    const bool is_struct = i.text && i.text[0] == 's', keywords = i.text != nullptr;
    auto at = i.index;
    if (is_struct) {
      std::uint64_t s = 0;
      while (!t.map_key(s).same(struct_key)) ++s;
      if (at >= s) ++at;
    }
    if (at >= t.map_size()) {
      out_ += '}';
      return;
    }
    if (!next_element(i, "}")) return;
    todo_.push({i.word, i.text, i.index + 1, i.limit - 1, what::map});
    element(t.map_value(at), i.limit - 1);
    if (keywords) {
      key_name(out_, atom_text(t.map_key(at)));
    } else {
      literal(" => ");
      element(t.map_key(at), i.limit - 1);
    }
  }

  void any(term t, std::int64_t limit) {
    if (t.is_integer()) return write_integer(out_, t);
    if (t.is_atom()) return atom_name(out_, atom_text(t));
    if (t.is_list()) return list(t, limit);
    if (t.is_pid()) {
      out_ += "#PID";
      return write_pid(out_, t);
    }
    switch (t.kind()) {
      case CNODE_TUPLE:
        out_ += '{';
        todo_.push({t.word(), nullptr, 0, limit, what::tuple});
        break;
      case CNODE_MAP: map(t, limit); break;
      case CNODE_FLOAT: float_text(out_, t.float_value()); break;
      case CNODE_BITS:
      case CNODE_BITS_SHARED: bits(t, limit); break;
      case CNODE_PORT: write_port(out_, t); break;
      case CNODE_REF: write_ref(out_, t, "#Reference"); break;
      case CNODE_EXPORT:
        out_ += '&';
        atom_name(out_, atom_text(t[0]));
        out_ += '.';
        if (const auto f = atom_text(t[1]); identifier(f) || operator_name(f)) out_ += f;
        else escaped(out_, f, '"');
        out_ += '/';
        write_integer(out_, t[2]);
        break;
      case CNODE_FUN: {
        const auto* box = t.box();
        out_ += "#Function<";
        write_integer(out_, term{box[fun_word::old_index]});
        out_ += '.';
        write_integer(out_, term{box[fun_word::old_uniq]});
        out_ += '/' + std::to_string(box[fun_word::arity_index] >> 32) + " in ";
        atom_name(out_, atom_text(term{box[fun_word::module]}));
        out_ += '>';
        break;
      }
      default: out_ += to_text(t);
    }
  }

  void list(term t, std::int64_t limit) {
    bool ascii = t.is_cons(), keywords = t.is_cons();
    term at = t;
    for (; at.is_cons() && (ascii || keywords); at = at.tail()) {
      const auto h = at.head();
      ascii = ascii && h.is_small() && ((h.small() >= 32 && h.small() <= 126) || (h.small() >= 7 && h.small() <= 13) || h.small() == 27);
      keywords = keywords && h.is_tuple(2) && keyword_key(h[0]);
    }
    if (!at.is_nil()) ascii = keywords = false;
    if (ascii) {
      std::string s;
      for (at = t; at.is_cons() && s.size() < printable_limit; at = at.tail()) s += static_cast<char>(at.head().small());
      escaped(out_, s, '\'');
      if (at.is_cons()) out_ += " ++ ...";
      return;
    }
    out_ += '[';
    todo_.push({t.word(), nullptr, 0, limit, keywords ? what::keywords : what::list});
  }

  void map(term t, std::int64_t limit) {
    const auto name = map_get(t, atom("__struct__"));
    bool keywords = t.map_size() > 0;
    for (std::uint64_t i = 0; i < t.map_size() && keywords; ++i) keywords = keyword_key(t.map_key(i));
    const bool is_struct = keywords && name && name.is_atom() && alias_name(atom_text(name));
    out_ += '%';
    if (is_struct) atom_name(out_, atom_text(name));
    out_ += '{';
    todo_.push({t.word(), is_struct ? "struct" : keywords ? "keywords" : nullptr, 0, limit, what::map});
  }

  void bits(term t, std::int64_t limit) {
    const auto bytes = t.bytes();
    if (t.is_binary()) {
      std::size_t i = 0, chars = 0;
      bool text = true;
      for (; i < bytes.size() && chars < printable_limit && text; ++chars) text = printable(utf8::next(bytes, i));
      if (text) {
        escaped(out_, bytes.substr(0, i), '"');
        if (i < bytes.size()) out_ += " <> ...";
        return;
      }
    }
    out_ += "<<";
    const auto rest = t.size() % 8;
    for (std::size_t i = 0; i < bytes.size(); ++i, --limit) {
      if (i) out_ += ", ";
      if (limit <= 0) {
        out_ += "...";
        break;
      }
      const auto v = static_cast<std::uint8_t>(bytes[i]);
      const bool last = rest && i + 1 == bytes.size();
      out_ += std::to_string(last ? v >> (8 - rest) : v);
      if (last) out_ += "::size(" + std::to_string(rest) + ")";
    }
    out_ += ">>";
  }

  std::string& out_;
  stack<item> todo_;
};

}  // namespace

std::string inspect(term t) {
  std::string out;
  inspector(out).run(t);
  return out;
}

}  // namespace cnode
