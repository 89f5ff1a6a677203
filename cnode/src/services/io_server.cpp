// io_request messages: {io_request, From, ReplyAs, Request} -> {io_reply, ReplyAs, Reply}.
#include <cnode/protocol/term_text.hpp>

#include "io.hpp"

namespace cnode::services {

namespace {

term error_of(block& b, std::string_view reason) { return make_tuple_of(b, atom("error"), atom(reason)); }

// Characters as UTF-8. latin1: bytes are characters, as the older forms of the requests have them.
bool characters(term encoding, term chars, std::string& out) {
  if (!is(encoding, "latin1")) return chardata_to_string(chars, out);
  std::string bytes;
  if (!iolist_to_string(chars, bytes)) return false;
  for (const char ch : bytes) {
    const auto b = static_cast<unsigned char>(ch);
    if (b < 0x80) {
      out += ch;
    } else {
      out += static_cast<char>(0xc0 | b >> 6);
      out += static_cast<char>(0x80 | (b & 0x3f));
    }
  }
  return true;
}

}  // namespace

term io_server::put_chars(actors::process& self, term encoding, term chars) {
  std::string text;
  if (!characters(encoding, chars, text)) return make_tuple_of(self.scratch(), atom("error"), make_tuple_of(self.scratch(), atom("no_translation"), encoding, atom("unicode")));
  return put_(self, text) ? ok() : error_of(self.scratch(), "terminated");
}

term io_server::answer(actors::process& self, term r, int depth) {
  auto& b = self.scratch();
  const auto name = r.is_tuple() && r.arity() > 0 && r[0].is_atom() ? atom_text(r[0]) : std::string_view{};
  const auto arity = r.is_tuple() ? r.arity() : 0;
  if (name == "put_chars") {
    if (arity == 3) return put_chars(self, r[1], r[2]);
    if (arity == 2) return put_chars(self, atom("latin1"), r[1]);
    if (arity == 5 || arity == 4) {
      // The client ships a function for us to run. io:format's is the one that makes sense here; others are not ours to call.
      const auto m = arity - 3;
      if (is(r[m], "io_lib") && (is(r[m + 1], "format") || is(r[m + 1], "fwrite")) && list_length(r[m + 2]) == 2) {
        const term args = r[m + 2];
        std::string format;
        if (!to_string(args.head(), format)) return error_of(b, "format");
        const auto text = io_lib_format(format, args.tail().head());
        return !text ? error_of(b, "format") : put_(self, *text) ? ok() : error_of(b, "terminated");
      }
      return make_tuple_of(b, atom("error"), r[m + 1]);
    }
  }
  if (name == "requests" && arity == 2 && depth == 0) {
    term last = ok();
    for (term l = r[1]; l.is_cons(); l = l.tail()) {
      last = answer(self, l.head(), depth + 1);
      if (last.is_tuple(2) && is(last[0], "error")) break;
    }
    return last;
  }
  if (name == "get_line" || name == "get_chars" || name == "get_until" || name == "get_password" || name == "get_geometry" || name == "setopts" || is(r, "getopts")) return error_of(b, "enotsup");
  return error_of(b, "request");
}

void io_server::handle_info(actors::process& self, term m) {
  if (m.is_tuple(4) && is(m[0], "io_request") && m[1].is_pid()) {
    const term reply = answer(self, m[3], 0);
    self.send(m[1], make_tuple_of(self.scratch(), atom("io_reply"), m[2], reply));
  } else if (m.is_tuple(3) && is(m[0], "stop") && (m[1].is_pid() || m[1].is_ref())) {
    self.send(m[1], m[2]);
    self.exit(atom("normal"));
  }
}

}  // namespace cnode::services
