// A peer that speaks in bytes of its own making, so that nothing of the node's own encoders stands between a test and the wire: any flags, any
// status, any control message, written as Erlang terms. Frames have no distribution header (112, "pass through").
//
//   peer.comes();                                       // the whole handshake
//   peer.tells("{6,'ME','',echo}", "{'ME',hello}");     // control message, message
//   EXPECT_EQ(peer.hears(), "{22,P,ME} hello");
//
// In what it tells and hears: ME a process of its own, OTHER another, REF a reference of its own; P a pid of the node, R a reference of the node.
#pragma once

#include <cctype>
#include <map>
#include <regex>
#include <string>
#include <utility>
#include <vector>

#include <cnode/protocol/etf.hpp>
#include <cnode/protocol/term_text.hpp>

#include "fake_peer.hpp"
#include "handshake_bytes.hpp"

namespace cnode::test {

class wire_peer {
 public:
  static constexpr std::uint32_t our_creation = 5;
  explicit wire_peer(std::uint16_t port, std::string name = "one@localhost") : wire_peer(fake_peer::connect(port), std::move(name)) {}
  // The node has called us.
  explicit wire_peer(fake_peer socket, std::string name = "one@localhost") : socket_(std::move(socket)), name_(std::move(name)) {
    names_ = block::make(128);
    const term node = atom(name_);
    const std::uint32_t three[] = {1, 2, 3}, five[] = {1, 2, 3, 4, 5};
    says("ME", make_pid(*names_, node, our_creation, 7, 0));
    says("OTHER", make_pid(*names_, node, our_creation, 8, 0));
    says("REF", make_ref(*names_, node, our_creation, three, 3));
    says("LONGREF", make_ref(*names_, node, our_creation, five, 5));
  }

  // ---- handshake, step by step
  void write(const std::string& bytes) { socket_.send(bytes); }
  // The next handshake message without its length; empty when the node has hung up.
  std::string message() { return take(2); }
  std::string status() {
    const auto m = message();
    return m.empty() ? "closed" : m[0] == 's' ? m.substr(1) : "no status: " + m;
  }
  struct challenge {
    dist::dist_flags flags = 0;
    std::uint32_t number = 0, creation = 0;
    std::string name;
  };
  // 'N' with the node's challenge.
  challenge challenged() {
    const auto m = message();
    if (m.size() < 19 || m[0] != 'N') return {};
    return {number(m, 1, 8), static_cast<std::uint32_t>(number(m, 9, 4)), static_cast<std::uint32_t>(number(m, 13, 4)), m.substr(19)};
  }
  // Answers the challenge; true when the node's own answer is right.
  bool proves(const challenge& c, const std::string& cookie = "secret") {
    write(challenge_reply(4242, c.number, cookie));
    return message() == "a" + digest(4242, cookie);
  }

  // All of it as a peer that calls. Its status is kept in `told`.
  bool comes(dist::dist_flags flags = all_flags, const std::string& cookie = "secret") {
    write(send_name(name_, flags, our_creation));
    told = status();
    if (told == "alive") write(test::status("true"));
    else if (told != "ok" && told != "ok_simultaneous") return false;
    offered = challenged();
    return offered.number != 0 && proves(offered, cookie);
  }
  // As a peer that is called, answering with this status.
  bool is_called(const std::string& with_status = "ok", dist::dist_flags flags = all_flags, const std::string& cookie = "secret") {
    const auto name = message();
    if (name.empty() || name[0] != 'N') return false;
    offered.flags = number(name, 1, 8);
    write(test::status(with_status));
    if (with_status == "alive" && status() != "true") return false;
    if (with_status != "ok" && with_status != "ok_simultaneous" && with_status != "alive") return false;
    write(test::challenge(name_, flags, 4242, our_creation));
    const auto reply = message();
    if (reply.size() != 21 || reply[0] != 'r' || reply.substr(5) != digest(4242, cookie)) return false;
    write(challenge_ack(static_cast<std::uint32_t>(number(reply, 1, 4)), cookie));
    return true;
  }
  std::string told;
  challenge offered;

  // ---- afterwards
  // Another word for a term in what is told and heard.
  void says(const std::string& word, term t) { words_.emplace_back(word, copy(*names_, t)); }
  term word(const std::string& w) const {
    for (const auto& [name, t] : words_)
      if (name == w) return t;
    return {};
  }
  void tells(const std::string& control, const std::string& payload = {}) {
    std::string body = "\x70" + etf::term_to_binary(read(control)->root);
    if (!payload.empty()) body += etf::term_to_binary(read(payload)->root);
    write(frame(body, 4));
  }
  // The message in bytes, its 131 included.
  void tells_bytes(const std::string& control, const std::string& message) {
    write(frame("\x70" + etf::term_to_binary(read(control)->root) + message, 4));
  }
  // The next message as text, ticks left out: "CONTROL" or "CONTROL MESSAGE"; "closed" when the node has hung up.
  std::string hears() {
    for (;;) {
      const auto length = raw(4);
      if (length.size() < 4) return "closed";
      const auto size = number(length, 0, 4);
      if (size == 0) {
        ++ticks;
        continue;
      }
      const auto body = raw(size);
      if (body.size() < size) return "closed";
      if (body[0] != '\x70' || body[1] != '\x83') return "no pass-through frame";
      return shown(body);
    }
  }
  // What is heard of these operations, others left out: what global says, say.
  std::string hears_only(const std::string& beginning) {
    for (;;) {
      auto text = hears();
      if (text == "closed" || text.starts_with(beginning)) return text;
    }
  }
  // Every message up to the answer of a process that gets its own message back: nothing is heard any more of what came before.
  std::string hears_nothing() {
    tells("{6,'ME','',echo}", "{'ME',all_is_said}");
    const auto text = hears();
    return text == "{22,P,ME} all_is_said" || text == "{2,'',ME} all_is_said" ? "nothing" : text;
  }
  bool closed() { return hears() == "closed"; }
  // Bytes as they come.
  std::string raw(std::size_t n) {
    while (in_.size() < n) {
      const auto more = socket_.read();
      if (more.empty()) return std::exchange(in_, {});
      in_ += more;
    }
    auto out = in_.substr(0, n);
    in_.erase(0, n);
    return out;
  }
  block_ptr heard_control, heard_message;  // of the last message
  std::uint64_t ticks = 0;
  const std::string& name() const { return name_; }

  static std::uint64_t number(const std::string& bytes, std::size_t at, std::size_t size) {
    std::uint64_t v = 0;
    for (std::size_t i = 0; i < size; ++i) v = v << 8 | static_cast<std::uint8_t>(bytes[at + i]);
    return v;
  }
  // Erlang text with our words in it.
  block_ptr read(const std::string& text) const {
    auto parsed = parse_term(with_words_quoted(text));
    if (!parsed) throw std::runtime_error("the test says " + text + ": " + to_string(parsed.error()));
    auto out = block::make(64);
    out->root = replaced(*out, (*parsed)->root);
    return out;
  }

 private:
  std::string take(std::size_t length_size) {
    const auto length = raw(length_size);
    return length.size() < length_size ? "" : raw(number(length, 0, length_size));
  }
  // Variables are no terms: ME is written as the atom 'ME'.
  static std::string with_words_quoted(const std::string& text) {
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
      const auto begin = i;
      const auto c = text[i++];
      if (c == '\'' || c == '"') {
        while (i < text.size() && text[i++] != c) {
        }
      } else if (std::isalpha(static_cast<unsigned char>(c))) {
        while (i < text.size() && (std::isalnum(static_cast<unsigned char>(text[i])) || text[i] == '_' || text[i] == '@' || text[i] == '.')) ++i;
        if (std::isupper(static_cast<unsigned char>(c))) {
          out += "'" + text.substr(begin, i - begin) + "'";
          continue;
        }
      }
      out += text.substr(begin, i - begin);
    }
    return out;
  }
  term replaced(block& b, term t) const {
    if (t.is_atom()) {
      const term w = word(std::string(atom_text(t)));
      return w ? copy(b, w) : t;
    }
    if (t.is_tuple()) {
      std::vector<term> e;
      for (std::uint64_t i = 0; i < t.arity(); ++i) e.push_back(replaced(b, t[i]));
      return make_tuple(b, e.data(), e.size());
    }
    if (t.is_cons()) {
      std::vector<term> e;
      for (; t.is_cons(); t = t.tail()) e.push_back(replaced(b, t.head()));
      return make_list(b, e.data(), e.size(), replaced(b, t));
    }
    return copy(b, t);
  }
  std::string shown(const std::string& body) {
    const std::span<const std::uint8_t> bytes(reinterpret_cast<const std::uint8_t*>(body.data()), body.size());
    heard_control = block::make(64);
    const auto control = etf::decode(*heard_control, bytes.subspan(2));
    if (!control) return "malformed: " + to_string(control.error());
    heard_control->root = control->value;
    auto text = to_text(control->value);
    heard_message.reset();
    if (const auto rest = bytes.subspan(2 + control->used); !rest.empty()) {
      heard_message = block::make(64);
      const auto message = etf::decode(*heard_message, rest.subspan(1));
      if (!message) return "malformed: " + to_string(message.error());
      heard_message->root = message->value;
      text += " " + to_text(message->value);
    }
    for (const auto& [word, t] : words_) {
      const auto known = to_text(t);
      if (known.size() < 4) continue;  // says too little
      for (auto at = text.find(known); at != text.npos; at = text.find(known)) text.replace(at, known.size(), word);
    }
    text = std::regex_replace(text, std::regex("<0\\.[0-9]+\\.[0-9]+>"), "P");
    return std::regex_replace(text, std::regex("#Ref<0\\.[0-9.]+>"), "R");
  }

  fake_peer socket_;
  std::string name_, in_;
  block_ptr names_;
  std::vector<std::pair<std::string, term>> words_;
};

}  // namespace cnode::test
