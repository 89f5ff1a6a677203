// erlang:process_info/1,2: what a process tells about itself, in BEAM's shapes.
#include <array>

#include <cnode/protocol/term_text.hpp>

#include "runtime_impl.hpp"

namespace cnode::actors {

namespace {

using maker = term (*)(process&, block&);

struct item {
  const char* name;
  maker make;
  bool in_default = false;  // of process_info/1
};

}  // namespace

// Reads what is private to a process; one function an item.
struct info_access {
  static process_extras* extras(process& p) { return p.extras_.get(); }
  static std::uint32_t flags(process& p) { return p.flags_; }
  static std::uint8_t output(process& p) { return p.output_; }

  static term status(process& p, block&) {
    if (running_process() == &p && (p.flags_ & core::in_callback)) return atom("running");
    if (*p.scan_ && !p.activation_) return atom("runnable");
    return atom("waiting");
  }

  static term messages(process& p, block& b) {
    std::vector<term> list;
    for (auto* m = p.mailbox_; m; m = m->next) list.push_back(copy(b, m->root));
    return make_list(b, list.data(), list.size());
  }

  static term links(process& p, block& b) {
    auto list = nil;
    if (auto* e = extras(p)) {
      for (auto& [pid, l] : e->links) {
        if (l.unlink_id == 0) list = make_cons(b, copy(b, pid), list);
      }
    }
    return list;
  }

  static term monitors(process& p, block& b) {
    auto list = nil;
    if (auto* e = extras(p)) {
      for (auto& [ref, m] : e->monitors) list = make_cons(b, make_tuple_of(b, a().process, copy(b, m.target.get())), list);
      if (e->call.watched) list = make_cons(b, make_tuple_of(b, a().process, e->call.pid), list);
    }
    return list;
  }

  static term monitored_by(process& p, block& b) {
    auto list = nil;
    if (auto* e = extras(p)) {
      e->watchers.for_each([&](term pid, term, term) { list = make_cons(b, copy(b, pid), list); });
      e->callers.each([&](std::uint64_t, term pid) { list = make_cons(b, pid, list); });
    }
    return list;
  }

  static term initial_call(process& p, block& b) {
    if (p.initial_module_) return make_tuple_of(b, p.initial_module_, p.initial_function_, small(p.initial_arity_));
    return make_tuple_of(b, atom("proc_lib"), atom("init_p"), small(5));
  }

  static term current_function(process& p, block& b) {
    if (auto* c = p.activation_) return make_tuple_of(b, c->module, c->function, small(c->arity));
    return p.current_behaviour()->current_function(p, b);
  }

  static term current_location(process& p, block& b) {
    const auto f = current_function(p, b);
    if (!f.is_tuple(3)) return a().undefined;
    return make_tuple_of(b, f[0], f[1], f[2], nil);
  }

  static term current_stacktrace(process& p, block& b) {
    const auto at = current_location(p, b);
    if (!at.is_tuple()) return nil;
    if (p.initial_module_.same(atom("proc_lib")))
      return make_list_of(b, at, make_tuple_of(b, atom("proc_lib"), atom("init_p_do_apply"), small(3), nil));
    return make_list_of(b, at);
  }

  static term backtrace(process& p, block& b) {
    const auto f = current_function(p, b);
    return make_binary(b, "Program counter: " + (f.is_tuple(3) ? to_text(f[0]) + ":" + to_text(f[1]) + "/" + to_text(f[2]) : "undefined") + "\n");
  }

  static term parent(process& p, block&) {
    return p.parent_ ? p.parent_ : a().undefined;
  }

  static std::int64_t heap_words(process& p) {
    std::int64_t words = static_cast<std::int64_t>(sizeof(process) / sizeof(cnode_term));
    if (p.scratch_) words += static_cast<std::int64_t>(p.scratch_->used_words());
    for (auto* m = p.mailbox_; m; m = m->next) words += static_cast<std::int64_t>(m->used_words());
    return words;
  }

  static term memory(process& p, block&) {
    auto bytes = heap_words(p) * static_cast<std::int64_t>(sizeof(cnode_term));
    if (auto* e = extras(p)) {
      bytes += static_cast<std::int64_t>(sizeof *e + e->links.size() * sizeof(link_entry) + e->monitors.size() * sizeof(monitor_entry) +
                                         e->watchers.bytes());
    }
    return small(bytes);
  }

  static term name(process& p, block&) {
    const auto n = p.registered_name();
    return n ? n : nil;
  }
};

namespace {

term max_heap_size(process&, block& b) {
  const term keys[] = {atom("error_logger"), a().kill, atom("size")};
  const term values[] = {a().true_, a().true_, small(0)};
  return make_map(b, keys, values, 3);
}

term garbage_collection(process& p, block& b) {
  return make_list_of(b, make_tuple_of(b, atom("max_heap_size"), max_heap_size(p, b)), make_tuple_of(b, atom("min_bin_vheap_size"), small(46422)),
                      make_tuple_of(b, atom("min_heap_size"), small(233)), make_tuple_of(b, atom("fullsweep_after"), small(65535)),
                      make_tuple_of(b, atom("minor_gcs"), small(0)));
}

term garbage_collection_info(process& p, block& b) {
  static constexpr const char* zero[] = {"old_heap_block_size", "mbuf_size",       "recent_size",         "stack_size",
                                         "old_heap_size",       "bin_vheap_size",  "bin_vheap_block_size", "bin_old_vheap_size",
                                         "bin_old_vheap_block_size"};
  std::vector<term> list;
  const auto words = small(info_access::heap_words(p));
  list.push_back(make_tuple_of(b, atom("heap_block_size"), words));
  list.push_back(make_tuple_of(b, atom("heap_size"), words));
  for (auto* z : zero) list.push_back(make_tuple_of(b, atom(z), small(0)));
  return make_list(b, list.data(), list.size());
}

term empty_list(process&, block&) { return nil; }
term zero(process&, block&) { return small(0); }

// Order: as process_info/1 lists them, then the others.
constexpr item items[] = {
    {"registered_name", info_access::name, true},
    {"current_function", info_access::current_function, true},
    {"initial_call", info_access::initial_call, true},
    {"status", info_access::status, true},
    {"message_queue_len", [](process& p, block&) { return small(static_cast<std::int64_t>(p.message_queue_len())); }, true},
    {"links", info_access::links, true},
    {"dictionary", [](process& p, block& b) { return p.dictionary(b); }, true},
    {"trap_exit", [](process& p, block&) { return p.trap_exit() ? a().true_ : a().false_; }, true},
    {"error_handler", [](process&, block&) { return atom("error_handler"); }, true},
    {"priority", [](process&, block&) { return a().normal; }, true},
    {"group_leader", [](process& p, block& b) { return copy(b, p.group_leader()); }, true},
    {"total_heap_size", [](process& p, block&) { return small(info_access::heap_words(p)); }, true},
    {"heap_size", [](process& p, block&) { return small(info_access::heap_words(p)); }, true},
    {"stack_size", zero, true},
    {"reductions", [](process& p, block& b) { return make_unsigned(b, p.reductions()); }, true},
    {"garbage_collection", garbage_collection, true},
    {"suspending", empty_list, true},
    {"messages", info_access::messages},
    {"monitors", info_access::monitors},
    {"monitored_by", info_access::monitored_by},
    {"garbage_collection_info", garbage_collection_info},
    {"memory", info_access::memory},
    {"binary", empty_list},
    {"backtrace", info_access::backtrace},
    {"current_stacktrace", info_access::current_stacktrace},
    {"current_location", info_access::current_location},
    {"parent", info_access::parent},
    {"message_queue_data", [](process&, block&) { return atom("on_heap"); }},
    {"min_heap_size", [](process&, block&) { return small(233); }},
    {"min_bin_vheap_size", [](process&, block&) { return small(46422); }},
    {"max_heap_size", max_heap_size},
    {"fullsweep_after", [](process&, block&) { return small(65535); }},
    {"sequential_trace_token", empty_list},
    {"catchlevel", [](process&, block&) { return small(1); }},  // proc_lib's
    {"last_calls", [](process&, block&) { return a().false_; }},
    {"trace", zero},
    {"async_dist", [](process& p, block&) { return info_access::output(p) & core::async_dist ? a().true_ : a().false_; }},
};
constexpr std::size_t item_count = sizeof items / sizeof *items;

const item* find_item(term name) {
  static const auto names = [] {
    std::array<term, item_count> all;
    for (std::size_t i = 0; i < item_count; ++i) all[i] = atom(items[i].name);
    return all;
  }();
  for (std::size_t i = 0; i < item_count; ++i) {
    if (names[i].same(name)) return &items[i];
  }
  return nullptr;
}

// {dictionary, Key}, OTP 26.2+
term dictionary_item(process& p, term wanted, block& b) {
  const auto value = p.dictionary_get(wanted[1]);
  return make_tuple_of(b, copy(b, wanted), value ? copy(b, value) : a().undefined);
}

}  // namespace

// `item`: an item, a list of items (every one gets its tuple, registered_name too), or undefined for process_info/1's choice.
term process::info(term item_or_list, block& b) {
  opened lock(*this);
  const auto one = [&](term name) -> term {
    if (name.is_tuple(2) && name[0].same(atom("dictionary"))) return dictionary_item(*this, name, b);
    const auto* i = find_item(name);
    return i ? make_tuple_of(b, name, i->make(*this, b)) : term{};
  };
  if (item_or_list.same(a().undefined)) {
    std::vector<term> list;
    for (auto& i : items) {
      if (!i.in_default) continue;
      const auto value = i.make(*this, b);
      // A process without a name has no such item there.
      if (i.make != info_access::name || !value.is_nil()) list.push_back(make_tuple_of(b, atom(i.name), value));
    }
    return make_list(b, list.data(), list.size());
  }
  if (item_or_list.is_list()) {
    std::vector<term> list;
    auto rest = item_or_list;
    for (; rest.is_cons(); rest = rest.tail()) {
      list.push_back(one(rest.head()));
      if (!list.back()) return {};
    }
    return rest.is_nil() ? make_list(b, list.data(), list.size()) : term{};
  }
  static const auto registered = atom("registered_name");
  if (item_or_list.same(registered) && !registered_name()) return nil;
  return one(item_or_list);
}

}  // namespace cnode::actors
