// The distribution handshake (erl_dist_protocol, "Distribution Handshake") as a machine without I/O, both roles.
// The steps carry the names dist_util.erl gives them, so that the two files can be read side by side.
//
//   initiator (handshake_we_started):  send_name -> recv_status -> recv_challenge -> send_challenge_reply -> recv_challenge_ack -> done
//   acceptor (handshake_other_started): recv_name -> [decide] -> send_status -> [recv alive answer] -> send_challenge
//                                        -> recv_challenge_reply -> send_challenge_ack -> done
//
// The caller feeds bytes, asks for the next event, sends what output holds. Time, randomness and the decision about
// a second connection to the same node come from the caller. A failure ends it; the caller closes.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include <cnode/protocol/dist_flags.hpp>
#include <cnode/protocol/result.hpp>

namespace cnode::dist {

struct handshake_config {
  std::string our_name;                 // cpp@host
  std::uint32_t creation = 0;
  dist_flags offered = 0;               // needed_flags | wanted_flags, published unless hidden
  std::function<std::string(const std::string& peer)> cookie;  // by node name
  std::uint32_t challenge = 0;          // random, fresh for each handshake
  bool four_byte_frames = false;        // under TLS the frames carry 4 bytes of length
  // Whether this challenge is one of ours that is still unanswered, on any connection. Such a challenge is never
  // answered: whoever sends it back wants us to compute the digest that would let it in elsewhere. May be empty.
  std::function<bool(std::uint32_t challenge)> is_outstanding;
};

// What an acceptor does with a name that asks to come in.
enum class name_decision {
  ok,
  ok_simultaneous,  // we are connecting to it ourselves and it has the greater name: our attempt is given up
  nok,              // we are connecting to it ourselves and we have the greater name
  not_allowed,
  alive,            // we still hold a connection to it: ask whether it wants a new one
};

struct handshake_done {
  std::string peer_name;
  std::uint32_t peer_creation = 0;
  dist_flags peer_flags = 0;
  dist_flags negotiated = 0;  // the bits both sides offer
  std::string named;          // the dynamic name we gave (acceptor), else empty
};

class handshake {
 public:
  static handshake we_started(handshake_config config, std::string peer_name);
  static handshake other_started(handshake_config config);
  handshake(handshake&&) noexcept;
  handshake& operator=(handshake&&) noexcept;
  ~handshake();

  // Bytes from the peer, in any pieces. Nothing past the handshake's last message is consumed.
  // Returns how many were taken; a failure says why the connection must be closed, after take_output() is sent
  // (a peer we refuse is told the status not_allowed).
  result<std::size_t> receive(std::span<const std::uint8_t> bytes);
  // Acceptor: set when the peer has told its name and decide() must be called.
  bool wants_decision() const;
  const std::string& peer_name() const;       // after the name came; empty when it asks for one (NAME_ME)
  bool wants_name() const;                    // NAME_ME: decide() needs the name and creation to give
  const std::string& wanted_host() const;     // NAME_ME: the host the name to give must end in
  void decide(name_decision d, std::string dynamic_name = {}, std::uint32_t dynamic_creation = 0);
  std::string take_output();                  // bytes to send now
  const std::optional<handshake_done>& done() const;
  // What receive() or decide() ended with; decide(nok) and decide(not_allowed) end it too.
  const std::optional<failure>& failed() const;
  // The status the peer answered with (initiator): "ok", "ok_simultaneous", "alive", "nok", "not_allowed"; for logs.
  const std::string& status() const;

 private:
  struct impl;
  explicit handshake(std::unique_ptr<impl> i);
  std::unique_ptr<impl> impl_;
};

// MD5(cookie ++ decimal challenge), erl_dist_protocol "gen_digest".
std::array<std::uint8_t, 16> gen_digest(std::uint32_t challenge, const std::string& cookie);

}  // namespace cnode::dist
