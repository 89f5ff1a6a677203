// `user`: the node's own group leader. The io protocol ("The Erlang I/O Protocol"), its output half: text goes to standard output.
#include <cstdio>

#include <cnode/protocol/term_text.hpp>

#include "runtime_impl.hpp"

namespace cnode::actors {

namespace {

struct io_atoms {
  term io_request = atom("io_request"), io_reply = atom("io_reply"), put_chars = atom("put_chars"), get_line = atom("get_line"),
       get_chars = atom("get_chars"), get_until = atom("get_until"), get_geometry = atom("get_geometry"), getopts = atom("getopts"),
       setopts = atom("setopts"), requests = atom("requests"), request = atom("request"), eof = atom("eof"), enotsup = atom("enotsup"),
       unicode = atom("unicode"), latin1 = atom("latin1"), io_lib = atom("io_lib"), format = atom("format"), encoding = atom("encoding"),
       binary = atom("binary");
};
const io_atoms& io() {
  static const io_atoms all;
  return all;
}

// Lists within lists of requests: as deep as anybody means it.
constexpr int max_depth = 16;

class user_process final : public behaviour {
 public:
  void start(process&) override {}

  void receive(process& self, block_ptr& message) override {
    const auto taken = std::move(message);
    const auto m = taken->root;
    if (!m.is_tuple(4) || !m[0].same(io().io_request) || !m[1].is_pid()) return;
    auto& b = self.scratch();
    const auto result = handle(b, m[3], 0);
    std::fflush(stdout);
    self.send(m[1], make_tuple_of(b, io().io_reply, m[2], result));
  }

  void returned(process&, outcome) override {}

  term current_function(process&, block& b) override { return make_tuple_of(b, a().user, atom("server_loop"), small(2)); }

 private:
  static term failed(block& b, term why) { return make_tuple_of(b, a().error, why); }

  static term write(block& b, term encoding, term chars) {
    std::string text;
    // latin1 data is bytes; they mean code points all the same.
    if (encoding.same(io().latin1)) {
      std::string bytes;
      if (!iolist_to_string(chars, bytes)) return failed(b, io().put_chars);
      for (const unsigned char c : bytes) {
        if (c < 0x80) text += static_cast<char>(c);
        else text += static_cast<char>(0xc0 | c >> 6), text += static_cast<char>(0x80 | (c & 0x3f));
      }
    } else if (!chardata_to_string(chars, text)) {
      return failed(b, io().put_chars);
    }
    std::fwrite(text.data(), 1, text.size(), stdout);
    return a().ok;
  }

  // {put_chars, Enc, M, F, Args}: only io_lib:format can be applied here.
  static term write_formatted(block& b, term module, term function, term args) {
    if (!module.same(io().io_lib) || !function.same(io().format) || list_length(args) != 2) return failed(b, io().request);
    std::string format;
    const auto f = args.head();
    if (f.is_atom()) format = atom_text(f);
    else if (!chardata_to_string(f, format)) return failed(b, io().put_chars);
    const auto text = io_lib_format(format, args.tail().head());
    if (!text) return failed(b, io().put_chars);
    std::fwrite(text->data(), 1, text->size(), stdout);
    return a().ok;
  }

  term handle(block& b, term r, int depth) {
    if (r.same(io().getopts)) {
      return make_list_of(b, make_tuple_of(b, io().binary, a().false_), make_tuple_of(b, io().encoding, io().unicode));
    }
    if (!r.is_tuple() || r.arity() < 2) return failed(b, io().request);
    const auto what = r[0];
    if (what.same(io().put_chars)) {
      switch (r.arity()) {
        case 2: return write(b, io().latin1, r[1]);
        case 3: return write(b, r[1], r[2]);
        case 4: return write_formatted(b, r[1], r[2], r[3]);
        case 5: return write_formatted(b, r[2], r[3], r[4]);
        default: return failed(b, io().request);
      }
    }
    if (what.same(io().requests) && r.arity() == 2 && depth < max_depth) {
      auto result = a().ok;
      for (auto list = r[1]; list.is_cons(); list = list.tail()) {
        result = handle(b, list.head(), depth + 1);
        if (result.is_tuple() && result[0].same(a().error)) break;
      }
      return result;
    }
    if (what.same(io().setopts)) return a().ok;
    if (what.same(io().get_line) || what.same(io().get_chars) || what.same(io().get_until)) return io().eof;
    if (what.same(io().get_geometry)) return failed(b, io().enotsup);
    return failed(b, io().request);
  }
};

}  // namespace

std::unique_ptr<behaviour> make_user_process() { return std::make_unique<user_process>(); }

}  // namespace cnode::actors
