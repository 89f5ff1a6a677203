// Terms as text in Erlang syntax.
#pragma once

#include <string>
#include <string_view>

#include <cnode/protocol/block.hpp>
#include <cnode/protocol/result.hpp>

namespace cnode {

struct print_options {
  bool pretty_strings = true;     // [104,105] as "hi", <<"hi">> as text, as ~p does; otherwise ~w
  std::size_t max_bytes = 1 << 20;  // then "..." ends it
};

std::string to_text(term t, const print_options& options = {});

// As Elixir's inspect/1 prints with default options: :ok, "bin", [1], %{a: 1}, nil, {…}, #PID<…>.
std::string inspect(term t);

// One term in Erlang syntax, a full stop behind it allowed: atoms (quoted too), integers (16#ff, $a, any size), floats, strings,
// binaries <<1,2,"ab"/utf8>>, bit strings <<5:3>>, lists with tails, tuples, maps, fun M:F/A, pids <0.1.2> of this node. Comments (%) are skipped.
// The failure names line, column and what was expected.
result<block_ptr> parse_term(std::string_view text);
// A file of terms, each ended by a full stop, as file:consult/1: the root is a list of them.
result<block_ptr> parse_terms(std::string_view text);

// io_lib:format/2 for the formats that io:format, logger and error_logger use: ~p ~P ~w ~W ~s ~ts ~tp ~tw ~c ~b ~B ~x ~X ~# ~+ ~e ~f ~g ~i ~n ~~ with field width,
// precision, pad and *. Failure when format and arguments disagree (badarg there).
result<std::string> io_lib_format(std::string_view format, term args);

}  // namespace cnode
