// Output of a callback: io::puts goes to the group leader (the caller's shell when the process was started from there).
//
// In format strings {} is what Elixir's "#{}" gives (binaries and atoms as their text) and {:?} what inspect gives; {{ and }} are braces.
// The number of {} is checked by the compiler.
#pragma once

#include <cnode/number.hpp>
#include <cnode/process.hpp>

namespace cnode {
inline namespace module_api {

namespace detail {

inline void append_inspected(std::string& out, term t) {
  out += term{host().format(env()->heap, t.word(), 2)}.bytes();
}
inline void append_text(std::string& out, term t) {
  if (t.is_binary())
    out += t.bytes();
  else if (t.is_atom() && !t.same("nil"_a))
    out += atom{t}.text();
  else if (!t.is_atom())
    append_inspected(out, t);
}

consteval std::size_t count_placeholders(const char* text) {
  std::size_t n = 0;
  for (; *text != 0; ++text) {
    if (*text == '{') {
      if (text[1] == '{') {
        ++text;
      } else if (text[1] == '}') {
        ++n, ++text;
      } else if (text[1] == ':' && text[2] == '?' && text[3] == '}') {
        ++n, text += 3;
      } else {
        throw "format: { must be followed by }, by :?} or by another {";
      }
    } else if (*text == '}') {
      if (text[1] != '}') throw "format: write }} for a brace";
      ++text;
    }
  }
  return n;
}

template <std::size_t N>
struct format_text {
  const char* text;
  consteval format_text(const char* t) : text(t) {  // NOLINT: a literal is one
    if (count_placeholders(t) != N) throw "format: the number of {} and of arguments differ";
  }
};

inline std::string format_terms(const char* text, const term* args) {
  std::string out;
  for (; *text != 0; ++text) {
    if (*text != '{' && *text != '}') {
      out += *text;
    } else if (text[1] == *text) {
      out += *text++;
    } else if (text[1] == '}') {
      append_text(out, *args++);
      ++text;
    } else {
      append_inspected(out, *args++);
      text += 3;
    }
  }
  return out;
}

}  // namespace detail

// inspect/1 of anything convertible.
template <class T>
std::string inspect(const T& value) {
  std::string out;
  detail::append_inspected(out, encode(value));
  return out;
}

template <class... A>
std::string format(detail::format_text<sizeof...(A)> text, const A&... args) {
  const term all[] = {encode(args)..., term{}};
  return detail::format_terms(text.text, all);
}

namespace io {
inline void put_chars(std::string_view text) { detail::host().put_chars(detail::env(), text.data(), text.size()); }

// IO.puts: with a line end.
template <class... A>
void puts(detail::format_text<sizeof...(A)> text, const A&... args) {
  const term all[] = {encode(args)..., term{}};
  put_chars(detail::format_terms(text.text, all) + '\n');
}
template <class... A>
void write(detail::format_text<sizeof...(A)> text, const A&... args) {
  const term all[] = {encode(args)..., term{}};
  put_chars(detail::format_terms(text.text, all));
}
}  // namespace io

// Lines in the node's own log.
namespace log {
namespace detail {
template <class... A>
void line(int level, const char* text, const A&... args) {
  const term all[] = {encode(args)..., term{}};
  const auto s = module_api::detail::format_terms(text, all);
  module_api::detail::host().log(level, s.data(), s.size());
}
}  // namespace detail
template <class... A>
void debug(module_api::detail::format_text<sizeof...(A)> text, const A&... args) {
  detail::line(0, text.text, args...);
}
template <class... A>
void info(module_api::detail::format_text<sizeof...(A)> text, const A&... args) {
  detail::line(1, text.text, args...);
}
template <class... A>
void warning(module_api::detail::format_text<sizeof...(A)> text, const A&... args) {
  detail::line(3, text.text, args...);
}
template <class... A>
void error(module_api::detail::format_text<sizeof...(A)> text, const A&... args) {
  detail::line(4, text.text, args...);
}
}  // namespace log

}  // namespace module_api
}  // namespace cnode
