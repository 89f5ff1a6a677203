// The node's connections to other nodes: who may come in, who is called, which connection serves which node.
//
// Listening, handshakes, epmd and ticks run on one control thread, which owns everything but the two maps that senders
// read: `peers_` (connections that are up) and `pending_` (messages waiting for a connection that is being made). A node is in at
// most one of them at a time. Established connections live on the schedulers (peer_connection, event_poller).
#pragma once

#include <atomic>
#include <deque>
#include <list>
#include <map>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cnode/node/node.hpp>

#include "connector.hpp"
#include "dynamic_names.hpp"
#include "epmd_client.hpp"
#include "event_poller.hpp"
#include "handshake_session.hpp"
#include "listener.hpp"
#include "log_limit.hpp"
#include "peer_connection.hpp"
#include "queued_message.hpp"
#include "tls_context.hpp"
#include "ticker.hpp"

namespace cnode::node {

class dist_controller final : public actors::distribution {
 public:
  using peer_ptr = std::shared_ptr<peer_connection>;

  dist_controller(const node_config& config, actors::runtime& runtime, event_poller& poller);
  ~dist_controller() override;

  // ---- the life of the node, in this order
  std::optional<start_error> open();                              // listens, nobody is let in yet; registers
  void begin(term own_name);                                      // sends are taken from here on
  void accept();
  void close_doors();                                             // no new connections in either direction
  void stop();                                                    // flushes, closes, unregisters; after runtime::stop
  std::uint32_t creation() const { return creation_; }
  std::uint16_t port() const { return listener_.port(); }
  void on_signal(std::function<void()> f);                        // SIGTERM, SIGINT; before begin

  // ---- actors::distribution
  bool send(term node, const dist::control_message& m, term message) override;
  std::vector<term> nodes(bool visible, bool hidden) const override;
  void disconnect(term node) override { disconnect_node(node); }
  bool is_connected(term node) const override;
  bool is_busy(term node) const override;

  // ---- for the node
  bool disconnect_node(term node);
  void connect(term node, std::function<void(bool)> done, bool hidden);
  std::vector<peer_ptr> peers() const;
  peer_ptr find(term node) const;
  std::chrono::milliseconds net_ticktime() const { return ticker_.ticktime(); }
  bool net_ticktime_changing() const { return ticker_.changing(); }
  ticktime_change set_net_ticktime(std::chrono::milliseconds t, std::chrono::milliseconds transition) { return ticker_.change(t, transition); }
  void epmd_names(const std::string& host, std::function<void(result<node::names>)> done);
  std::string cookie(const std::string& peer) const;
  void set_cookie(const std::string& peer, const std::string& cookie);
  void allow(std::vector<std::string> nodes);

 private:
  struct pending {
    std::deque<queued_message> messages;
    std::size_t bytes = 0;
    std::vector<std::function<void(bool)>> waiting;  // who asked for the connection
    std::vector<term> suspended;                     // senders that wait until the connection is up or given up
    bool hidden = false;                             // what the connection shall be
    bool given_up = false;                           // over a limit; the control thread is about to end it
  };
  struct established {
    int descriptor = -1;
    bool outgoing = false;
    std::string address, rest;
    std::shared_ptr<const void> lease;
    std::unique_ptr<tls_stream> tls;
    dist::handshake_done handshake;
  };

  // control thread
  void sweep();
  void arm_sweep();                     // any thread
  dist::handshake_config handshake_settings(bool hidden, std::uint32_t& challenge);
  void challenge_over(std::uint32_t challenge);
  void accepted(boost::asio::ip::tcp::socket socket);
  void decide(handshake_session& session);
  bool is_allowed(const std::string& name, handshake_session& session) const;
  void start_attempt(term node, bool hidden);
  void attempt_failed(term node, const std::string& text);
  void drop_attempt(term node);
  std::unique_ptr<tls_stream> call_tls(int descriptor, const std::string& host) const;
  void handshake_over(handshake_session& session, std::string rest, bool outgoing);
  void bring_up(term node, established e);
  void gone(const peer_ptr& peer, term reason);
  bool legal(term node) const;
  template <class F>
  void on_control(F f);                 // and waits for it

  const node_config& config_;
  actors::runtime& runtime_;
  event_poller& poller_;
  boost::asio::io_context control_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  listener listener_;
  std::shared_ptr<const tls_context> tls_;                     // null: plain TCP
  epmd_registration registration_;
  ticker ticker_;
  boost::asio::steady_timer sweeper_;
  boost::asio::signal_set signals_;
  log_limit strangers_log_;
  std::shared_ptr<dynamic_names> names_ = std::make_shared<dynamic_names>();
  std::list<std::shared_ptr<handshake_session>> strangers_;    // oldest first
  std::multiset<std::uint32_t> outstanding_;                   // challenges of ours nobody has answered yet
  std::unordered_map<cnode_term, std::shared_ptr<connect_attempt>> attempts_;
  std::unordered_map<cnode_term, established> next_;           // waits for the older connection's end
  bool doors_closed_ = false;

  std::atomic<bool> running_{false}, sweep_armed_{false};
  term own_name_;
  std::uint32_t creation_ = 0;

  mutable std::shared_mutex peers_mutex_;
  std::unordered_map<cnode_term, peer_ptr> peers_;
  std::mutex pending_mutex_;            // taken before peers_mutex_
  std::unordered_map<cnode_term, pending> pending_;
  mutable std::mutex settings_mutex_;
  std::string cookie_;
  std::map<std::string, std::string> cookies_;
  std::vector<std::string> allowed_;

  std::thread thread_;                  // runs control_
};

std::uint32_t random_u32();
// 4 or more: smaller ones mean something else to old nodes.
std::uint32_t random_creation();

}  // namespace cnode::node
