#include "application_calls.hpp"

#include <algorithm>

#include "../gen_call.hpp"
#include "../otp_atoms.hpp"
#include "application_spec.hpp"

namespace cnode::actors::applications {

namespace {

term undefined() { return names().undefined; }

bool is_error(term t) { return t.is_tuple(2) && t[0].same(names().error); }
bool says(term error, const char* what) { return is_error(error) && error[1].is_tuple(2) && error[1][0].same(atom(what)); }

template <class... T>
task<term> ask_for(call_context& cx, const char* what, T... args) {
  const term request = make_tuple_of(cx.heap(), atom(what), args...);
  co_return co_await ask(cx, request);
}

// {timeout, T} of a list of options, or a timeout itself
std::int64_t timeout_in(term options) {
  const term t = options.is_list() ? key_value(options, names().timeout, small(5000)) : options;
  return gen::timeout_value(t);
}
term options_without_timeout(block& b, term options) {
  return options.is_list() ? options : make_list_of(b, make_tuple_of(b, names().timeout, options));
}

constexpr std::size_t deepest = 200;  // applications that need applications that need ...

struct progress {
  std::vector<term> started;  // newest first
  std::vector<term> path;     // those whose needs are being started
  term error;                 // the reason, or none
};

// ensure_loaded/1: {ok, Name} or the error
task<term> ensure_loaded(call_context& cx, term application) {
  const term r = co_await load(cx, application);
  auto& b = cx.heap();
  if (r.same(names().ok)) co_return make_tuple_of(b, names().ok, application_name(b, application));
  if (says(r, "already_loaded")) co_return make_tuple_of(b, names().ok, r[1][1]);
  co_return r;
}

bool member(term list, term t) {
  for (; list.is_cons(); list = list.tail())
    if (exactly_equal(list.head(), t)) return true;
  return false;
}

task<void> start_all(call_context& cx, term apps, term optional, term type, progress& p);

task<void> start_with_children(call_context& cx, term name, term app, term type, progress& p) {
  const auto table = applications_of(cx.self().node());
  // OTP 25 goes round for ever.
  if (std::any_of(p.path.begin(), p.path.end(), [name](term t) { return t.same(name); })) {
    p.error = make_tuple_of(cx.heap(), app, make_tuple_of(cx.heap(), atom("circular_dependency"), make_list(cx.heap(), p.path.data(), p.path.size())));
    co_return;
  }
  if (p.path.size() >= deepest) throw_error(atom("system_limit"));
  const auto loaded = table->loaded(application_name(cx.heap(), name));
  if (!loaded) throw raised{names().error, make_tuple_of(cx.heap(), atom("badmatch"), undefined()), {}};
  const term children = copy(cx.heap(), loaded->applications.get()), optional = copy(cx.heap(), loaded->optional.get());
  p.path.push_back(name);
  co_await start_all(cx, children, optional, type, p);
  p.path.pop_back();
  if (p.error) co_return;
  const term r = co_await ask_for(cx, "start_application", name, type);
  if (r.same(names().ok)) p.started.insert(p.started.begin(), app);
  else if (!says(r, "already_started") || !exactly_equal(r[1][1], app)) p.error = make_tuple_of(cx.heap(), app, r[1]);
}

// ensure_all_started/4
task<void> start_all(call_context& cx, term apps, term optional, term type, progress& p) {
  for (; apps.is_cons() && !p.error; apps = apps.tail()) {
    const term app = apps.head();
    if (!app.is_atom()) throw_error(names().function_clause);
    const term runs = co_await ask_for(cx, "is_running", app);
    if (runs.same(names().true_)) continue;
    const term loaded = co_await ensure_loaded(cx, app);
    if (loaded[0].same(names().ok)) {
      co_await start_with_children(cx, loaded[1], app, type, p);
      continue;
    }
    std::string text;
    const bool missing = loaded[1].is_tuple(2) && chardata_to_string(loaded[1][0], text) && text == "no such file or directory";
    if (!missing || !member(optional, app)) p.error = make_tuple_of(cx.heap(), app, loaded[1]);
  }
}

}  // namespace

task<term> ask(call_context& cx, term request, std::int64_t timeout_ms) {
  const term time = timeout_ms < 0 ? names().infinity : make_integer(cx.heap(), timeout_ms);
  return gen::server_call(cx, names().gen_server, atom("application_controller"), request, time);
}

term get_env(block& b, const application_table& t, term app, term key) {
  const auto value = t.env(app, key);
  return value ? make_tuple_of(b, names().ok, copy(b, (*value)->root)) : undefined();
}

namespace {

struct key_reader {
  const char* key;
  term (*read)(block&, const application_table&, const application&);
};
template <owned_term application::*Member>
term part(block& b, const application_table&, const application& a) {
  return copy(b, (a.*Member).get());
}
template <int Field>
term data(block& b, const application_table&, const application& a) {
  return copy(b, a.data.get()[Field]);
}
constexpr key_reader readers[] = {
    {"description", part<&application::description>},
    {"id", part<&application::id>},
    {"vsn", part<&application::vsn>},
    {"modules", data<5>},
    {"maxP", data<6>},
    {"maxT", data<7>},
    {"registered", data<2>},
    {"included_applications", part<&application::included>},
    {"optional_applications", part<&application::optional>},
    {"applications", part<&application::applications>},
    {"env", [](block& b, const application_table& t, const application& a) { return t.all_env(b, a.name); }},
    {"mod", data<4>},
    {"start_phases", data<3>},
};

}  // namespace

term get_key(block& b, const application_table& t, term app, term key) {
  const auto loaded = t.loaded(app);
  if (loaded)
    for (const auto& r : readers)
      if (key.same(atom(r.key))) return make_tuple_of(b, names().ok, r.read(b, t, *loaded));
  return undefined();
}

term get_all_key(block& b, const application_table& t, term app) {
  const auto loaded = t.loaded(app);
  if (!loaded) return undefined();
  std::vector<term> list;
  for (const auto& r : readers) list.push_back(make_tuple_of(b, atom(r.key), r.read(b, t, *loaded)));
  return make_tuple_of(b, names().ok, make_list(b, list.data(), list.size()));
}

term application_of_module(block& b, const application_table& t, term module) {
  for (const auto& app : t.all_loaded())
    if (member(app->modules(), module)) return make_tuple_of(b, names().ok, app->name);
  return undefined();
}

task<term> load(call_context& cx, term application) {
  const term r = co_await ask_for(cx, "load_application", application);
  co_return r;
}

task<term> start(call_context& cx, term application, term restart_type) {
  const term loaded = co_await ensure_loaded(cx, application);
  if (!loaded[0].same(names().ok)) co_return loaded;
  co_return co_await ask_for(cx, "start_application", loaded[1], restart_type);
}

task<term> ensure_started(call_context& cx, term application, term restart_type) {
  const term r = co_await start(cx, application, restart_type);
  co_return says(r, "already_started") && exactly_equal(r[1][1], application) ? names().ok : r;
}

task<term> ensure_all_started(call_context& cx, term apps, term restart_type) {
  const auto& n = names();
  const term list = apps.is_list() ? apps : make_list_of(cx.heap(), apps);
  if (list_length(list) < 0) throw_error(n.function_clause);
  progress p;
  co_await start_all(cx, list, nil, restart_type, p);
  if (!p.error) {
    std::vector<term> order(p.started.rbegin(), p.started.rend());
    co_return make_tuple_of(cx.heap(), n.ok, make_list(cx.heap(), order.data(), order.size()));
  }
  const std::vector<term> started = p.started;
  for (const term app : started) co_await stop(cx, app);
  co_return make_tuple_of(cx.heap(), n.error, p.error);
}

task<term> stop(call_context& cx, term application) {
  const term r = co_await ask_for(cx, "stop_application", application);
  co_return r;
}

task<term> set_env(call_context& cx, term app, term key, term value, term options) {
  const std::int64_t time = timeout_in(options);
  auto& b = cx.heap();
  const term all = options_without_timeout(b, options);
  const term request = value ? make_tuple_of(b, atom("set_env"), app, key, value, all) : make_tuple_of(b, atom("unset_env"), app, key, all);
  co_return co_await ask(cx, request, time);
}

task<term> set_all_env(call_context& cx, term config, term options) {
  const auto& n = names();
  auto& b = cx.heap();
  if (!config.is_list() || !options.is_list()) throw_error(n.function_clause);
  if (const auto wrong = check_config(config); !wrong.empty()) throw_error(make_tuple_of(b, n.badarg, make_charlist(b, wrong)));
  const term request = make_tuple_of(b, atom("set_env"), config, options);
  co_return co_await ask(cx, request, timeout_in(options));
}

task<term> which_applications(call_context& cx, term timeout) {
  if (!timeout.same(names().infinity) && !(timeout.is_small() && timeout.small() >= 0)) throw_error(names().function_clause);
  co_return co_await ask(cx, atom("which_applications"), gen::timeout_value(timeout));
}

}  // namespace cnode::actors::applications
