// The I/O protocol (stdlib's "The Erlang I/O Protocol"), both sides.
#pragma once

#include <functional>
#include <string>

#include "service.hpp"

namespace cnode::services {

// Client: sends the request to the device (pid, registered name, standard_io, standard_error) and waits for the answer, which is
// none with `down` set when the device is gone. Must be the caller's last act.
term io_request(call& c, term device, term request, std::function<term(call&, term reply, term down)> then);

// Server: text goes to `put`, false when it is lost; there is nothing to read. Also ends, as rpc's cnode_call_group_leader does, at
// {stop, To, Message}: sends Message to To after everything that came before.
class io_server final : public service {
 public:
  using sink = std::function<bool(actors::process&, std::string_view utf8)>;
  io_server(std::string_view name, sink put) : service(name), put_(std::move(put)) {}
  void start(actors::process&) override {}

 private:
  bool handle_call(actors::process&, term, term, term&) override { return false; }
  void handle_info(actors::process& self, term message) override;
  term answer(actors::process& self, term request, int depth);
  term put_chars(actors::process& self, term encoding, term chars);

  sink put_;
};

}  // namespace cnode::services
