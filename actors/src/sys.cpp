#include <cnode/actors/sys.hpp>

#include <algorithm>
#include <ctime>

#include <cnode/actors/code_server.hpp>
#include <cnode/actors/runtime.hpp>
#include <cnode/protocol/term_text.hpp>

#include "code/code_impl.hpp"
#include "otp_atoms.hpp"

namespace cnode::actors::sys {

namespace {

std::function<int(term)>& release_hook() {
  static std::function<int(term)> f;
  return f;
}

// The alias of a tag [alias|Ref] or [[alias|Ref]|M]; none when there is none.
term alias_of(term tag) {
  if (tag.is_cons() && tag.head().is_cons()) tag = tag.head();
  return tag.is_cons() && tag.head().same(names().alias) && tag.tail().is_ref() ? tag.tail() : term{};
}

term local_time(block& b, std::time_t at) {
  std::tm t{};
  localtime_r(&at, &t);
  return make_tuple_of(b, make_tuple_of(b, small(t.tm_year + 1900), small(t.tm_mon + 1), small(t.tm_mday)),
                       make_tuple_of(b, small(t.tm_hour), small(t.tm_min), small(t.tm_sec)));
}

std::int64_t now_seconds() { return static_cast<std::int64_t>(std::time(nullptr)); }

}  // namespace

void set_otp_release_of_node(std::function<int(term node)> f) { release_hook() = std::move(f); }

int otp_release_of(term node) { return release_hook() ? release_hook()(node) : 0; }

bool wants_ok_tuple(term from) {
  if (!from.is_tuple(2) || from[0].is_local_pid()) return true;  // our own clients understand both
  if (from[0].is_pid())
    if (const int release = otp_release_of(node_of(from[0]).node); release > 0) return release >= 26;
  const term alias = alias_of(from[1]);
  return alias && alias.size() > 3;
}

event_text format_event(block& b, term event, term name) {
  const auto& n = names();
  if (event.is_tuple(2) && event[0].same(n.in)) {
    const term m = event[1];
    if (m.is_tuple(3) && m[0].same(n.gen_call) && m[1].is_tuple(2))
      return {"*DBG* ~tp got call ~tp from ~tw~n", make_list_of(b, name, m[2], m[1][0])};
    if (m.is_tuple(2) && m[0].same(n.gen_cast)) return {"*DBG* ~tp got cast ~tp~n", make_list_of(b, name, m[1])};
    return {"*DBG* ~tp got ~tp~n", make_list_of(b, name, m)};
  }
  if (event.is_tuple(4) && event[0].same(n.out) && event[2].is_tuple(2))
    return {"*DBG* ~tp sent ~tp to ~tw, new state ~tp~n", make_list_of(b, name, event[1], event[2][0], event[3])};
  if (event.is_tuple(2) && event[0].same(n.noreply)) return {"*DBG* ~tp new state ~tp~n", make_list_of(b, name, event[1])};
  return {"*DBG* ~tp dbg  ~tp~n", make_list_of(b, name, event)};
}

void io_format(process& self, const char* format, term args) {
  auto& b = self.scratch();
  const term request = make_tuple_of(b, atom("put_chars"), atom("unicode"), atom("io_lib"), atom("format"),
                                     make_list_of(b, make_charlist(b, format), args));
  const term sink = code_server_impl::of(self.node().code()).sink();
  self.send(self.group_leader(), make_tuple_of(b, atom("io_request"), sink, self.node().make_ref(b), request));
}

debug_options::debug_options() : debug_options(format_event, names().gen_server) {}

debug_options::active& debug_options::switched() {
  if (!active_) active_ = std::make_unique<active>();
  return *active_;
}

bool debug_options::on(item i) const { return active_ && std::find(active_->order.begin(), active_->order.end(), i) != active_->order.end(); }

void debug_options::install(item i) {
  if (auto& order = switched().order; !on(i)) order.insert(order.begin(), i);
}

void debug_options::remove(item i) {
  if (!active_) return;
  std::erase(active_->order, i);
  if (i == item::log) active_->log.clear();
  if (i == item::log_to_file) active_->file.close();
}

void debug_options::keep(term event) {
  auto& log = active_->log;
  log.push_back(copy_to_block(event));
  while (log.size() > active_->log_size) log.pop_front();
}

bool debug_options::open_file(term name) {
  std::string path;
  if (!chardata_to_string(name, path) || path.empty()) return false;
  auto& file = switched().file;
  file = std::ofstream(path, std::ios::binary | std::ios::trunc);
  return file.is_open();
}

void debug_options::start_statistics(process& self) { switched().stat = {now_seconds(), self.reductions(), 0, 0}; }

void debug_options::set(process& self, term options) {
  const auto& n = names();
  for (; options.is_cons(); options = options.tail()) {
    const term o = options.head();
    if (o.same(n.trace)) install(item::trace);
    else if (o.same(n.log)) install(item::log);
    else if (o.same(n.statistics)) {
      if (!on(item::statistics)) start_statistics(self);
      install(item::statistics);
    } else if (o.is_tuple(2) && o[0].same(n.log) && o[1].is_small() && o[1].small() > 0) {
      if (!on(item::log)) switched().log_size = static_cast<std::size_t>(o[1].small());
      install(item::log);
    } else if (o.is_tuple(2) && o[0].same(n.log_to_file) && open_file(o[1])) {
      install(item::log_to_file);
    }
  }
}

void debug_options::handle(process& self, term name, term event) {
  if (!active_) return;
  const auto& n = names();
  auto& b = self.scratch();
  for (const auto i : active_->order) {
    switch (i) {
      case item::trace: {
        const auto text = print_event_(b, event, name);
        io_format(self, text.format, text.args);
        break;
      }
      case item::log: keep(event); break;
      case item::log_to_file: {
        const auto text = print_event_(b, event, name);
        if (auto line = io_lib_format(text.format, text.args)) active_->file << *line << std::flush;
        break;
      }
      case item::statistics:
        if (event.is_tuple() && event.size() >= 2 && event[0].same(n.in)) ++active_->stat.in;
        if (event.is_tuple() && event.size() >= 3 && event[0].same(n.out)) ++active_->stat.out;
        break;
    }
  }
}

term debug_options::logged_events(block& b) const {
  std::vector<term> events;
  if (active_)
    for (const auto& e : active_->log) events.push_back(copy(b, e->root));
  return make_list(b, events.data(), events.size());
}

term debug_options::command(process& self, term name, term what) {
  const auto& n = names();
  auto& b = self.scratch();
  if (what.same(n.no_debug)) {
    while (!empty()) remove(active_->order.front());
    return n.ok;
  }
  if (!what.is_tuple(2)) return n.unknown_debug;
  const term item_name = what[0], flag = what[1];
  const bool yes = flag.same(n.true_), no = flag.same(n.false_);
  if (item_name.same(n.trace) && (yes || no)) {
    yes ? install(item::trace) : remove(item::trace);
    return n.ok;
  }
  if (item_name.same(n.log)) {
    if (no) return remove(item::log), n.ok;
    const bool sized = flag.is_tuple(2) && flag[0].same(n.true_) && flag[1].is_small() && flag[1].small() >= 1;
    if (yes || sized) {
      // A log that is on keeps its size: install_debug leaves what is there.
      if (!on(item::log)) switched().log_size = sized ? static_cast<std::size_t>(flag[1].small()) : 10;
      install(item::log);
      return n.ok;
    }
    if (flag.same(n.get)) return make_tuple_of(b, n.ok, logged_events(b));
    if (flag.same(n.print)) {
      for (const auto& e : switched().log) {
        const auto text = print_event_(b, e->root, name);
        io_format(self, text.format, text.args);
      }
      return n.ok;
    }
    return n.unknown_debug;
  }
  if (item_name.same(n.log_to_file)) {
    remove(item::log_to_file);
    if (no) return n.ok;
    if (!open_file(flag)) return make_tuple_of(b, n.error, n.open_file);
    install(item::log_to_file);
    return n.ok;
  }
  if (item_name.same(n.statistics)) {
    if (yes) {
      if (!on(item::statistics)) start_statistics(self);
      install(item::statistics);
      return n.ok;
    }
    if (no) return remove(item::statistics), n.ok;
    if (!flag.same(n.get)) return n.unknown_debug;
    if (!on(item::statistics)) return make_tuple_of(b, n.ok, n.no_statistics);
    const auto& stat = active_->stat;
    return make_tuple_of(
        b, n.ok,
        make_list_of(b, make_tuple_of(b, n.start_time, local_time(b, stat.started)),
                     make_tuple_of(b, n.current_time, local_time(b, now_seconds())),
                     make_tuple_of(b, n.reductions, make_unsigned(b, self.reductions() - stat.reductions)),
                     make_tuple_of(b, n.messages_in, make_unsigned(b, stat.in)),
                     make_tuple_of(b, n.messages_out, make_unsigned(b, stat.out))));
  }
  // Debug functions are closures of some BEAM, which nobody can run here.
  if (item_name.same(n.install) && flag.is_tuple() && (flag.size() == 2 || flag.size() == 3))
    return make_tuple_of(b, n.error, make_tuple_of(b, n.badfun, flag[flag.size() - 2]));
  if (item_name.same(n.remove)) return n.ok;
  return n.unknown_debug;
}

term debug_options::to_term(block& b, term name) const {
  const auto& n = names();
  if (!active_) return nil;
  const auto& [order, log, log_size, file, stat] = *active_;
  std::vector<term> items;
  for (const auto i : order) {
    switch (i) {
      case item::trace: items.push_back(make_tuple_of(b, n.trace, n.true_)); break;
      case item::log: {
        const term print = make_export(b, behaviour_, n.print_event, 3);
        std::vector<term> events;
        for (const auto& e : log) events.push_back(make_tuple_of(b, copy(b, e->root), name, print));
        // nlog: [Room|Latest first], or when full [[]|Oldest first]
        term list;
        if (events.size() < log_size) {
          list = nil;
          for (const auto& e : events) list = make_cons(b, e, list);
          list = make_cons(b, small(static_cast<std::int64_t>(log_size - events.size())), list);
        } else {
          list = make_cons(b, nil, make_list(b, events.data(), events.size()));
        }
        items.push_back(make_tuple_of(b, n.log, list));
        break;
      }
      case item::log_to_file: items.push_back(make_tuple_of(b, n.log_to_file, n.true_)); break;
      case item::statistics:
        items.push_back(make_tuple_of(
            b, n.statistics,
            make_tuple_of(b, local_time(b, stat.started), make_tuple_of(b, n.reductions, make_unsigned(b, stat.reductions)),
                          make_unsigned(b, stat.in), make_unsigned(b, stat.out))));
        break;
    }
  }
  return make_list(b, items.data(), items.size());
}

}  // namespace cnode::actors::sys
