#include "term_syntax.hpp"

#include <cctype>
#include <vector>

namespace cnode::testing {

namespace {

bool begins_word(char c) { return std::isalpha(static_cast<unsigned char>(c)) || c == '_'; }
bool in_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '@'; }

class translator {
 public:
  explicit translator(std::string_view text) : in_(text) {}

  std::string all() {
    while (i_ < in_.size()) one();
    return std::move(out_);
  }

 private:
  enum class kind { list, tuple, map, bits };
  struct open {
    kind what;
    bool pair = false;  // of a keyword list: {'key', value is to be closed
  };

  char peek(std::size_t k = 0) const { return i_ + k < in_.size() ? in_[i_ + k] : '\0'; }
  bool at(std::string_view s) const { return in_.substr(i_).starts_with(s); }
  bool in_bits() const { return !open_.empty() && open_.back().what == kind::bits; }
  void take(std::string_view s, std::string_view as) {
    i_ += s.size();
    out_ += as;
  }
  void close_pair() {
    if (!open_.empty() && open_.back().pair) out_ += '}', open_.back().pair = false;
  }
  void begin(kind what) { open_.push_back({what}); }
  void end() {
    close_pair();
    if (!open_.empty()) open_.pop_back();
  }

  void one() {
    const char c = peek();
    if (at("%{")) return begin(kind::map), take("%{", "#{");
    if (c == '%' && std::isupper(static_cast<unsigned char>(peek(1)))) return structure();
    if (at("#{")) return begin(kind::map), take("#{", "#{");
    if (at("#PID<")) return i_ += 4, copy_pid();
    if (at("<<")) return begin(kind::bits), take("<<", "<<");
    if (at(">>")) return end(), take(">>", ">>");
    if (c == '<' && std::isdigit(static_cast<unsigned char>(peek(1)))) return copy_pid();
    if (c == '[' || c == '{') return begin(c == '[' ? kind::list : kind::tuple), copy_one();
    if (c == ']' || c == '}') return end(), copy_one();
    if (c == ',') return close_pair(), copy_one();
    if (at("~c\"")) return i_ += 2, copy_quoted();
    if (c == '"') return string();
    if (c == '\'') return copy_quoted();
    if (c == ':' && peek(1) == '"') return ++i_, atom(quoted());
    if (c == ':' && begins_word(peek(1))) return ++i_, atom(word("?!"));
    if (c == '?') return ++i_, out_ += '$', copy_one();
    if (c == '$') return copy_one(), peek() == '\\' ? copy_one() : void(), copy_one();
    if (c == '&') return function();
    if (std::isdigit(static_cast<unsigned char>(c))) return number();
    if (begins_word(c)) return name();
    copy_one();
  }

  void copy_one() {
    if (i_ < in_.size()) out_ += in_[i_++];
  }
  void copy_pid() {
    while (peek() && peek() != '>') copy_one();
    copy_one();
  }
  // 'x' and ~c"x": Erlang's own, escapes and all
  void copy_quoted() {
    const char quote = peek();
    copy_one();
    while (peek() && peek() != quote) {
      if (peek() == '\\') copy_one();
      copy_one();
    }
    copy_one();
  }
  std::string word(std::string_view last = "") {
    std::string w;
    while (in_word(peek())) w += in_[i_++];
    if (peek() && last.find(peek()) != std::string_view::npos) w += in_[i_++];
    return w;
  }
  // The bytes between two ", read as Elixir reads them.
  std::string quoted() {
    std::string s;
    for (++i_; peek() && peek() != '"';) {
      char c = in_[i_++];
      if (c == '\\' && peek()) {
        c = in_[i_++];
        switch (c) {
          case 'n': c = '\n'; break;
          case 't': c = '\t'; break;
          case 'r': c = '\r'; break;
          case 's': c = ' '; break;
          case '0': c = '\0'; break;
          case 'e': c = '\x1b'; break;
          default: break;
        }
      }
      s += c;
    }
    ++i_;
    return s;
  }
  void atom(const std::string& name) {
    out_ += '\'';
    for (const char c : name) {
      if (c == '\'' || c == '\\') out_ += '\\';
      if (c == '\n') out_ += "\\n";
      else out_ += c;
    }
    out_ += '\'';
  }

  void string() {
    const std::string s = quoted();
    if (peek() == ':' && peek(1) == ' ') return key(s);
    std::string bytes;
    for (const char c : s) bytes += (bytes.empty() ? "" : ",") + std::to_string(static_cast<unsigned char>(c));
    if (!in_bits()) {
      out_ += "<<" + bytes + ">>";
      return;
    }
    out_ += bytes;
    if (at("/utf8")) i_ += 5;  // they are
  }

  // key: value
  void key(const std::string& name) {
    i_ += 1;
    if (!open_.empty() && open_.back().what == kind::map) return atom(name), out_ += " =>", void();
    out_ += '{';
    atom(name);
    out_ += ',';
    if (!open_.empty()) open_.back().pair = true;
  }

  std::string alias() {
    std::string w = word();
    while (peek() == '.' && std::isupper(static_cast<unsigned char>(peek(1)))) {
      ++i_;
      w += '.' + word();
    }
    return w.starts_with("Elixir.") || w == "Elixir" ? w : "Elixir." + w;
  }

  void structure() {
    ++i_;
    const auto name = alias();
    if (peek() != '{') return out_ += "%", atom(name);
    begin(kind::map);
    ++i_;
    out_ += "#{'__struct__' => ";
    atom(name);
    while (std::isspace(static_cast<unsigned char>(peek()))) ++i_;
    if (peek() != '}') out_ += ", ";
  }

  // &Mod.fun/1, &:mod.fun/1
  void function() {
    ++i_;
    out_ += "fun ";
    if (peek() == ':') ++i_, atom(word());
    else atom(alias());
    if (peek() == '.') ++i_;
    out_ += ':';
    atom(word("?!"));
    while (peek() == '/' || std::isdigit(static_cast<unsigned char>(peek()))) copy_one();
  }

  // fun m:f/1, behind its fun
  void erlang_function() {
    while (peek() && peek() != '/') peek() == '\'' ? copy_quoted() : copy_one();
    while (peek() == '/' || std::isdigit(static_cast<unsigned char>(peek()))) copy_one();
  }

  void number() {
    if (at("0x")) return take("0x", "16#"), digits();
    if (at("0b")) return take("0b", "2#"), digits();
    if (at("0o")) return take("0o", "8#"), digits();
    digits();
  }
  void digits() {
    // 1_000 and 1.0e-5; also Erlang's 16#ff
    while (std::isalnum(static_cast<unsigned char>(peek())) || peek() == '_' || peek() == '#' ||
           (peek() == '.' && std::isdigit(static_cast<unsigned char>(peek(1)))) ||
           ((peek() == '-' || peek() == '+') && (in_[i_ - 1] == 'e' || in_[i_ - 1] == 'E'))) {
      if (peek() == '_') ++i_;
      else copy_one();
    }
  }

  void name() {
    if (std::isupper(static_cast<unsigned char>(peek()))) {
      const auto start = i_;
      const auto plain = word();
      if (peek() == ':' && peek(1) == ' ') return key(plain);
      i_ = start;
      return atom(alias());
    }
    const auto w = word("?!");
    if (peek() == ':' && peek(1) == ' ') return key(w);
    if (w == "fun" && peek() == ' ') return out_ += w, erlang_function();
    if (in_bits()) return out_ += w, void();  // <<1:8/integer>> keeps its types
    out_ += w.find_first_of("?!") == std::string::npos && !w.starts_with("_") ? w : "'" + w + "'";
  }

  std::string_view in_;
  std::size_t i_ = 0;
  std::string out_;
  std::vector<open> open_;
};

}  // namespace

std::string to_erlang(std::string_view text) { return translator(text).all(); }

}  // namespace cnode::testing
