#include "epmd_client.hpp"

#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

#include "handshake_session.hpp"
#include "text.hpp"

namespace cnode::node {

namespace asio = boost::asio;
using asio::ip::tcp;
using error_code = boost::system::error_code;

namespace {

constexpr std::chrono::milliseconds register_limit{5'000};
constexpr std::chrono::milliseconds reconnect_time{2'000};  // erl_epmd's RECONNECT_TIME
// How often we look for the epmd we started.
constexpr std::chrono::milliseconds epmd_starts{100};
constexpr int epmd_start_tries = 50;
// The longest answer: PORT2_RESP with 64 KiB of name and of extra.
constexpr std::size_t max_answer = 132'000;

std::span<const std::uint8_t> as_bytes(const std::string& s) {
  return {reinterpret_cast<const std::uint8_t*>(s.data()), s.size()};
}

asio::ip::address own_loopback(const node_config& config) {
  if (over_ipv6(config.proto_dist)) return asio::ip::address_v6::loopback();
  return asio::ip::address_v4::loopback();
}

template <class Decoded>
int completeness(const Decoded& d) {
  return !d ? -1 : *d ? 1 : 0;
}

}  // namespace

// ---- one exchange

epmd_exchange::epmd_exchange(asio::io_context& io) : socket_(io), timer_(io) {}

void epmd_exchange::start(const tcp::endpoint& epmd, std::string question, std::chrono::milliseconds limit,
                          complete_function complete, done_function done) {
  question_ = std::move(question);
  complete_ = std::move(complete);
  done_ = std::move(done);
  timer_.expires_after(limit);
  timer_.async_wait([self = shared_from_this()](const error_code& e) {
    if (!e) self->finish({trouble::silent, "no answer", {}});
  });
  error_code e;
  socket_.open(epmd.protocol(), e);
  if (!e) set_close_on_exec(socket_.native_handle());
  socket_.async_connect(epmd, [self = shared_from_this()](const error_code& failed) {
    if (!self->done_) return;
    if (failed) return self->finish({trouble::refused, failed.message(), {}});
    asio::async_write(self->socket_, asio::buffer(self->question_),
                      [self](const error_code& broken, std::size_t) {
                        if (!self->done_) return;
                        if (broken) return self->finish({trouble::closed, broken.message(), {}});
                        self->read();
                      });
  });
}

void epmd_exchange::read() {
  socket_.async_read_some(asio::buffer(in_), [self = shared_from_this()](const error_code& e, std::size_t n) {
    if (!self->done_) return;
    self->bytes_.append(self->in_.data(), n);
    const int state = self->bytes_.size() > max_answer ? -1 : self->complete_(self->bytes_, bool(e));
    if (state > 0) return self->finish({trouble::none, {}, self->bytes_});
    if (state < 0) return self->finish({trouble::garbage, "an answer that is none of epmd's", {}});
    if (e) return self->finish({trouble::closed, "the connection was closed without an answer", {}});
    self->read();
  });
}

void epmd_exchange::finish(answer a) {
  if (!done_) return;
  const auto done = std::exchange(done_, {});
  complete_ = {};
  timer_.cancel();
  if (a.what != trouble::none) {
    error_code ignored;
    socket_.close(ignored);
  }
  done(std::move(a));
}

void epmd_exchange::cancel() {
  done_ = {};
  complete_ = {};
  timer_.cancel();
  error_code ignored;
  socket_.close(ignored);
}

// ---- finding others

std::shared_ptr<epmd_exchange> port_please(asio::io_context& io, const tcp::endpoint& epmd, const std::string& name,
                                           std::chrono::milliseconds limit,
                                           std::function<void(std::uint16_t, std::string)> done) {
  auto exchange = std::make_shared<epmd_exchange>(io);
  exchange->start(
      epmd, epmd::encode_port_please2_req(name), limit,
      [](const std::string& bytes, bool end) { return completeness(epmd::decode_port2_resp(as_bytes(bytes), end)); },
      [done = std::move(done), name](epmd_exchange::answer a) {
        if (a.what != epmd_exchange::trouble::none) return done(0, "epmd: " + a.text);
        const auto found = epmd::decode_port2_resp(as_bytes(a.bytes), true);
        if (!found || !*found || !(*found)->found || (*found)->port == 0)
          return done(0, "epmd knows no node " + printable(name));
        done((*found)->port, {});
      });
  return exchange;
}

void ask_names(asio::io_context& io, const node_config& config, const std::string& host, names_function done) {
  auto resolver = std::make_shared<tcp::resolver>(io);
  resolver->async_resolve(
      over_ipv6(config.proto_dist) ? tcp::v6() : tcp::v4(), host.empty() ? own_loopback(config).to_string() : host, std::to_string(config.epmd_port),
      [&io, resolver, done = std::move(done), limit = config.net_setuptime](const error_code& e,
                                                                            const tcp::resolver::results_type& ends) {
        if (e || ends.empty()) return done({errc::bad_name, e.message()});
        const auto exchange = std::make_shared<epmd_exchange>(io);
        exchange->start(
            ends.begin()->endpoint(), epmd::encode_names_req(), limit,
            [](const std::string&, bool end) { return end ? 1 : 0; },
            [done](epmd_exchange::answer a) {
              if (a.what != epmd_exchange::trouble::none) return done({errc::bad_epmd_message, "epmd: " + a.text});
              const auto names = epmd::decode_names_resp(as_bytes(a.bytes));
              if (!names) return done(names.error());
              done(names->nodes);
            });
      });
}

// ---- registering ourselves

epmd_registration::epmd_registration(asio::io_context& io, const node_config& config)
    : io_(io), config_(config), retry_(io) {}

void epmd_registration::start(std::string name, std::string host, std::uint16_t port, registered_function done,
                              std::function<void(actors::log_level, std::string)> log) {
  name_ = std::move(name);
  host_ = std::move(host);
  port_ = port;
  done_ = std::move(done);
  log_ = std::move(log);
  attempt();
}

void epmd_registration::stop() {
  stopped_ = true;
  done_ = {};
  retry_.cancel();
  if (exchange_) exchange_->cancel();
}

void epmd_registration::attempt() {
  exchange_ = std::make_shared<epmd_exchange>(io_);
  // epmd takes registrations from its own host only.
  const tcp::endpoint epmd(own_loopback(config_), config_.epmd_port);
  epmd::alive2_req request;
  request.name = name_;
  request.port = port_;
  request.hidden = config_.hidden;
  exchange_->start(
      epmd, epmd::encode(request), register_limit,
      [](const std::string& bytes, bool) { return completeness(epmd::decode_alive2_resp(as_bytes(bytes))); },
      [this](epmd_exchange::answer a) { answered(std::move(a)); });
}

void epmd_registration::answered(epmd_exchange::answer a) {
  using trouble = epmd_exchange::trouble;
  if (stopped_) return;
  if (a.what == trouble::none) {
    const auto response = epmd::decode_alive2_resp(as_bytes(a.bytes));
    if (response && *response && (*response)->ok) {
      if (const auto done = std::exchange(done_, {})) done((*response)->creation, {});
      else log_(actors::log_level::info, "registered with epmd again");
      return watch();
    }
    a.bytes.clear();
  } else if (a.what == trouble::refused && done_ && config_.start_epmd) {
    if (!started_epmd_) {
      started_epmd_ = true;
      tries_left_ = start_epmd(config_) ? epmd_start_tries : 0;
    }
    if (tries_left_-- > 0) return retry(epmd_starts);
  }
  if (const auto done = std::exchange(done_, {})) return done(0, explain(a));
  retry(reconnect_time);
}

void epmd_registration::retry(std::chrono::milliseconds delay) {
  retry_.expires_after(delay);
  retry_.async_wait([this](const error_code& e) {
    if (!e && !stopped_) attempt();
  });
}

// epmd forgets us when this socket closes; it never says anything more on it.
void epmd_registration::watch() {
  exchange_->socket().async_read_some(asio::buffer(&byte_, 1), [this](const error_code& e, std::size_t) {
    if (stopped_ || e == asio::error::operation_aborted) return;
    if (!e) return watch();
    log_(actors::log_level::warning, "lost epmd, registering again");
    exchange_->cancel();
    retry(reconnect_time);
  });
}

start_error epmd_registration::explain(const epmd_exchange::answer& a) const {
  using trouble = epmd_exchange::trouble;
  const auto at = (over_ipv6(config_.proto_dist) ? "[::1]:" : "127.0.0.1:") + std::to_string(config_.epmd_port);
  switch (a.what) {
    case trouble::none:
      return {config_.long_names ? "--name" : "--sname",
              "the name " + printable(name_) + "@" + printable(host_) + " seems to be in use by another Erlang node"};
    case trouble::refused:
      return {"--epmd-port", "epmd is not running at " + at + " (" + a.text + ")" +
                                 (started_epmd_ ? " and could not be started: no epmd in PATH nor in an Erlang installation"
                                                : "") +
                                 "; run epmd -daemon, or use --no-epmd with --dist-port"};
    case trouble::silent:
      return {"--epmd-port", "what listens at " + at + " does not answer as epmd does: silent for " +
                                 std::to_string(register_limit.count() / 1000) + " s"};
    case trouble::closed:
      // epmd itself closes on a name it cannot take.
      return {"--epmd-port", "what listens at " + at + " closed the connection: it is no epmd, or it refuses the name " +
                                 printable(name_)};
    case trouble::garbage:
      return {"--epmd-port", "what listens at " + at + " is no epmd: its answer is none of epmd's"};
  }
  return {};
}

}  // namespace cnode::node
