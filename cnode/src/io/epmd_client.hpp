// Talking to epmd: registering ourselves, finding others. Runs on the control thread.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cnode/node/node_config.hpp>
#include <cnode/protocol/epmd.hpp>

namespace cnode::node {

// One question, one answer, each within a time limit.
class epmd_exchange : public std::enable_shared_from_this<epmd_exchange> {
 public:
  enum class trouble { none, refused, closed, silent, garbage };
  struct answer {
    trouble what = trouble::none;
    std::string text;       // trouble: a sentence
    std::string bytes;      // none: the bytes `complete` was content with
  };
  // Whether these bytes are a whole answer; -1: they are no answer at all.
  using complete_function = std::function<int(const std::string& bytes, bool end_of_stream)>;
  using done_function = std::function<void(answer)>;

  explicit epmd_exchange(boost::asio::io_context& io);
  // `done` is called once, unless cancel() comes first.
  void start(const boost::asio::ip::tcp::endpoint& epmd, std::string question, std::chrono::milliseconds limit,
             complete_function complete, done_function done);
  void cancel();
  boost::asio::ip::tcp::socket& socket() { return socket_; }

 private:
  void read();
  void finish(answer a);

  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer timer_;
  std::string question_, bytes_;
  std::array<char, 256> in_;
  complete_function complete_;
  done_function done_;
};

// The port a node listens on. `done` gets 0 and a text when it cannot be found out.
std::shared_ptr<epmd_exchange> port_please(boost::asio::io_context& io, const boost::asio::ip::tcp::endpoint& epmd,
                                           const std::string& name, std::chrono::milliseconds limit,
                                           std::function<void(std::uint16_t port, std::string text)> done);

// The nodes the epmd of a host knows; empty: this host's.
using names_function = std::function<void(result<std::vector<std::pair<std::string, std::uint16_t>>>)>;
void ask_names(boost::asio::io_context& io, const node_config& config, const std::string& host, names_function done);

// Our registration: lives as long as the socket it keeps. When epmd goes, registers again every two seconds, with the
// same name; the creation of the first answer stays ours (erl_epmd.erl).
class epmd_registration {
 public:
  using registered_function = std::function<void(std::uint32_t creation, std::optional<start_error> error)>;

  epmd_registration(boost::asio::io_context& io, const node_config& config);
  // `name` without host. `done` is called once; later losses are only told to `log`.
  void start(std::string name, std::string host, std::uint16_t port, registered_function done,
             std::function<void(actors::log_level, std::string)> log);
  void stop();

 private:
  void attempt();
  void answered(epmd_exchange::answer a);
  void retry(std::chrono::milliseconds delay);
  void watch();
  start_error explain(const epmd_exchange::answer& a) const;

  boost::asio::io_context& io_;
  const node_config& config_;
  boost::asio::steady_timer retry_;
  std::shared_ptr<epmd_exchange> exchange_;
  std::string name_, host_;
  std::uint16_t port_ = 0;
  registered_function done_;                // until the first registration
  std::function<void(actors::log_level, std::string)> log_;
  int tries_left_ = 0;
  bool started_epmd_ = false, stopped_ = false;
  char byte_ = 0;
};

// `epmd -daemon` from PATH or from the Erlang installations in the usual places. False when there is none.
bool start_epmd(const node_config& config);

}  // namespace cnode::node
