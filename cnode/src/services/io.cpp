// io, io_lib and Elixir.IO: to the caller's group leader, so that what a remote caller has printed appears in its own shell.
#include "io.hpp"

#include <cnode/protocol/term_order.hpp>
#include <cnode/protocol/term_text.hpp>

#include "modules.hpp"

namespace cnode::services {

namespace {

term device_of(call& c, term device) {
  if (device.is_pid() || device.is_tuple(2)) return device;
  if (!device.is_atom()) return {};
  const auto name = atom_text(device);
  if (name == "standard_io" || name == "stdio") return c.self().group_leader();
  return device;
}

}  // namespace

term io_request(call& c, term device, term request, std::function<term(call&, term, term)> then) {
  const term to = device_of(c, device);
  if (!to || (to.is_atom() && !c.node().whereis(to))) return then(c, {}, atom("badarg"));
  auto& self = c.self();
  const auto ref = keep(self.monitor(to));
  self.send(to, c.tuple(atom("io_request"), self.pid(), get(ref), request));
  const auto matches = [ref](term m) {
    if (m.is_tuple(3)) return is(m[0], "io_reply") && exactly_equal(m[1], get(ref));
    return m.is_tuple(5) && is(m[0], "DOWN") && exactly_equal(m[1], get(ref));
  };
  return c.wait(when(matches, [ref, then = std::move(then)](call& again, term m) {
    if (m.is_tuple(5)) return then(again, {}, m[4]);
    again.self().demonitor(get(ref), true);
    return then(again, m[2], {});
  }));
}

namespace {

// io:o_request/2: ok, or the error it stands for.
term put_text(call& c, term device, std::string_view text, term result = ok()) {
  const auto value = keep(result);
  return io_request(c, device, c.tuple(atom("put_chars"), atom("unicode"), c.binary(text)), [value](call& again, term reply, term) {
    if (reply && is(reply, "ok")) return copy(again.heap(), get(value));
    if (!reply) return again.error(atom("terminated"));
    return again.badarg();
  });
}

term standard_io() { return atom("standard_io"); }

bool formatted(term format, term args, std::string& out) {
  std::string text;
  if (!to_string(format, text)) return false;
  // io:format takes a single argument that is no list as a list of one.
  block_ptr holder;
  term list = args;
  if (!args.is_list()) {
    holder = block::make(8);
    list = make_list_of(*holder, args);
  }
  auto r = io_lib_format(text, list);
  if (!r) return false;
  out = std::move(*r);
  return true;
}

term format_to(call& c, term device, term format, term args) {
  std::string text;
  return formatted(format, args, text) ? put_text(c, device, text) : c.badarg();
}
term format_1(call& c) { return format_to(c, standard_io(), c[0], nil); }
term format_2(call& c) { return format_to(c, standard_io(), c[0], c[1]); }
term format_3(call& c) { return format_to(c, c[0], c[1], c[2]); }

term put_chars_to(call& c, term device, term chars) {
  std::string text;
  return (chars.is_list() || chars.is_binary()) && chardata_to_string(chars, text) ? put_text(c, device, text) : c.badarg();
}
term put_chars_1(call& c) { return put_chars_to(c, standard_io(), c[0]); }
term put_chars_2(call& c) { return put_chars_to(c, c[0], c[1]); }
term nl_0(call& c) { return put_text(c, standard_io(), "\n"); }
term nl_1(call& c) { return put_text(c, c[0], "\n"); }
term write_to(call& c, term device, term t) {
  print_options plain;
  plain.pretty_strings = false;
  return put_text(c, device, to_text(t, plain));
}
term write_1(call& c) { return write_to(c, standard_io(), c[0]); }
term write_2(call& c) { return write_to(c, c[0], c[1]); }
term get_line_from(call& c, term device, term prompt) {
  return io_request(c, device, c.tuple(atom("get_line"), atom("unicode"), prompt), [](call& again, term reply, term) {
    return reply ? copy(again.heap(), reply) : again.tuple(atom("error"), atom("terminated"));
  });
}
term get_line_1(call& c) { return get_line_from(c, standard_io(), c[0]); }
term get_line_2(call& c) { return get_line_from(c, c[0], c[1]); }

constexpr actors::builtin_function io_table[] = {
    {"format", 1, bif<format_1>}, {"format", 2, bif<format_2>}, {"format", 3, bif<format_3>}, {"fwrite", 1, bif<format_1>}, {"fwrite", 2, bif<format_2>},
    {"fwrite", 3, bif<format_3>}, {"put_chars", 1, bif<put_chars_1>}, {"put_chars", 2, bif<put_chars_2>}, {"nl", 0, bif<nl_0>}, {"nl", 1, bif<nl_1>},
    {"write", 1, bif<write_1>}, {"write", 2, bif<write_2>}, {"get_line", 1, bif<get_line_1>}, {"get_line", 2, bif<get_line_2>},
};

// ---- io_lib: flat strings where io_lib gives deep ones
term lib_format(call& c) {
  std::string text, format;
  if (!to_string(c[0], format)) return c.badarg();
  const auto r = io_lib_format(format, c[1]);
  return r ? c.text(*r) : c.badarg();
}
term lib_write(call& c) {
  print_options plain;
  plain.pretty_strings = false;
  return c.text(to_text(c[0], plain));
}
term lib_print(call& c) { return c.text(to_text(c[0])); }

constexpr actors::builtin_function io_lib_table[] = {
    {"format", 2, bif<lib_format>}, {"fwrite", 2, bif<lib_format>}, {"write", 1, bif<lib_write>}, {"print", 1, bif<lib_print>},
};

// ---- Elixir.IO: anything that String.Chars knows
bool elixir_text(term t, std::string& out) {
  if (t.is_binary()) return out = t.bytes(), true;
  if (is(t, "nil")) return out.clear(), true;
  if (t.is_atom()) return out = atom_text(t), true;
  if (t.is_list()) return chardata_to_string(t, out);
  if (t.is_number()) return out = to_text(t), true;
  return false;
}
term elixir_put(call& c, term device, term t, std::string_view end) {
  std::string text;
  if (!elixir_text(t, text)) return c.error(c.tuple(atom("badarg"), t));
  text += end;
  return put_text(c, device, text);
}
term elixir_device(term d) { return is(d, "stderr") ? atom("standard_error") : d; }
term puts_1(call& c) { return elixir_put(c, standard_io(), c[0], "\n"); }
term puts_2(call& c) { return elixir_put(c, elixir_device(c[0]), c[1], "\n"); }
term elixir_write_1(call& c) { return elixir_put(c, standard_io(), c[0], ""); }
term elixir_write_2(call& c) { return elixir_put(c, elixir_device(c[0]), c[1], ""); }
term io_inspect(call& c, term device, term t, term options) {
  std::string text;
  const auto list = elements(options);
  if (!list) return c.badarg();
  for (const term o : *list) {
    std::string label;
    if (o.is_tuple(2) && is(o[0], "label") && elixir_text(o[1], label)) text = label + ": ";
  }
  return put_text(c, device, text + inspect(t) + "\n", t);
}
term inspect_1(call& c) { return io_inspect(c, standard_io(), c[0], nil); }
term inspect_2(call& c) { return c[1].is_list() ? io_inspect(c, standard_io(), c[0], c[1]) : io_inspect(c, elixir_device(c[0]), c[1], nil); }
term inspect_3(call& c) { return io_inspect(c, elixir_device(c[0]), c[1], c[2]); }

constexpr actors::builtin_function elixir_table[] = {
    {"puts", 1, bif<puts_1>}, {"puts", 2, bif<puts_2>}, {"write", 1, bif<elixir_write_1>}, {"write", 2, bif<elixir_write_2>},
    {"inspect", 1, bif<inspect_1>}, {"inspect", 2, bif<inspect_2>}, {"inspect", 3, bif<inspect_3>},
};

}  // namespace

void add_io_functions(actors::code_server& code) {
  code.add_builtin("io", io_table);
  code.add_builtin("io_lib", io_lib_table);
  code.add_builtin("Elixir.IO", elixir_table);
}

}  // namespace cnode::services
