// The syntax of instructions, and what must be there in pairs (systools_rc: check_syntax/1, check_script/2).
#include "release/script_checks.hpp"

namespace cnode::release {
namespace {

class checker {
 public:
  explicit checker(block& b) : b_(b) {}

  void check(term i) const {
    if (i.is_atom()) {
      if (is(i, "mnesia_backup")) throw bad("not_yet_implemented", i, "is not implemented");
      if (is(i, "restart") || is(i, "reboot") || is(i, "point_of_no_return") || is(i, "restart_new_emulator") || is(i, "restart_emulator")) return;
      throw bad("bad_instruction", i, "is no instruction");
    }
    if (!i.is_tuple() || i.arity() == 0 || !i[0].is_atom()) throw bad("bad_instruction", i, "is no instruction");
    const auto n = i.arity();
    const auto what = atom_text(i[0]);
    if (what == "update" && n >= 6 && n <= 8) return update(i, n);
    if (what == "load_module" && n == 5) return module(i[1]), purge(i[2]), purge(i[3]), modules(i[4]);
    if ((what == "add_module" || what == "delete_module") && n == 2) return module(i[1]);
    if ((what == "add_module" || what == "delete_module") && n == 3) return module(i[1]), modules(i[2]);
    if ((what == "remove_application" || what == "restart_application") && n == 2) return application(i[1]);
    if (what == "add_application" && n == 3) return application(i[1]), start_type(i[2]);
    if (what == "sync_nodes" && n == 3) return nodes(i[2]);
    if (what == "code_change" && n == 3) {
      list(i[2]);
      if (!is(i[1], "up") && !is(i[1], "down")) throw bad("bad_mode", i[1], "should be up or down");
      return extras(i[2]);
    }
    if (n != 2) throw bad("bad_instruction", i, "is no instruction");
    const term a = i[1];
    if (what == "load_object_code" && a.is_tuple(3)) return library(a), modules(a[2]);
    if ((what == "load" || what == "remove") && a.is_tuple(3)) return module(a[0]), purge(a[1]), purge(a[2]);
    if (what == "purge" || what == "resume" || what == "stop" || what == "start") return modules(a);
    if (what == "suspend") return suspended(a);
    if (what == "code_change") return list(a), extras(a);
    if (what == "apply" && a.is_tuple(3)) return call(a);
    throw bad("bad_instruction", i, "is no instruction");
  }

 private:
  refusal bad(const char* reason, term t, const char* text) const {
    return refused(b_, "systools_rc", make_tuple_of(b_, atom(reason), t), std::string(reason) + ": " + text_of(t) + " " + text);
  }
  void update(term i, std::uint64_t n) const {
    module(i[1]);
    if (n == 8 && !is(i[2], "static") && !is(i[2], "dynamic")) throw bad("bad_mod_type", i[2], "should be static or dynamic");
    if (n >= 7) timeout(i[n - 5]);
    const term change = i[n - 4];
    if (!is(change, "soft") && !is_tagged(change, "advanced", 2)) throw bad("bad_change", change, "should be soft or {advanced, Extra}");
    purge(i[n - 3]), purge(i[n - 2]), modules(i[n - 1]);
  }
  void module(term t) const {
    if (!t.is_atom()) throw bad("bad_module", t, "should be an atom");
  }
  void purge(term t) const {
    if (!is(t, "soft_purge") && !is(t, "brutal_purge")) throw bad("bad_purge_method", t, "should be soft_purge or brutal_purge");
  }
  void timeout(term t) const {
    const bool positive = (t.is_small() && t.small() > 0) || t.kind() == CNODE_BIG_POS;
    if (!positive && !is(t, "default") && !is(t, "infinity")) throw bad("bad_timeout", t, "should be default, infinity or a positive integer");
  }
  void list(term t) const {
    if (list_length(t) < 0) throw bad("bad_list", t, "should be a list");
  }
  void modules(term t) const {
    list(t);
    for (const term m : elements(t)) module(m);
  }
  void application(term t) const {
    if (!t.is_atom()) throw bad("bad_application", t, "should be an atom");
  }
  void start_type(term t) const {
    if (!is(t, "none") && !is(t, "load") && !is(t, "temporary") && !is(t, "transient") && !is(t, "permanent"))
      throw bad("bad_start_type", t, "should be permanent, transient, temporary, load or none");
  }
  void library(term t) const {
    if (!t[0].is_atom()) throw bad("bad_lib", t[0], "should be an atom");
    if (!t[1].is_list()) throw bad("bad_lib_vsn", t[1], "should be a string");
  }
  void suspended(term t) const {
    list(t);
    for (const term m : elements(t)) {
      module(m.is_tuple(2) ? m[0] : m);
      if (m.is_tuple(2)) timeout(m[1]);
    }
  }
  void extras(term t) const {
    for (const term m : elements(t)) {
      if (!m.is_tuple(2)) throw bad("bad_code_change", m, "should be {Module, Extra}");
      module(m[0]);
    }
  }
  void call(term t) const {
    module(t[0]);
    if (!t[1].is_atom()) throw bad("bad_func", t[1], "should be an atom");
    if (!t[2].is_list()) throw bad("bad_args_list", t[2], "should be a list");
  }
  void nodes(term t) const {
    if (t.is_tuple(3)) return call(t);
    list(t);
    for (const term n : elements(t))
      if (!n.is_atom()) throw bad("bad_node", n, "should be an atom");
  }

  block& b_;
};

// Everything that {What, [...]} instructions list; of {Module, Timeout} the module.
terms listed(const terms& script, std::string_view what) {
  terms out;
  for (const term i : script)
    if (is_tagged(i, what, 2))
      for (const term m : elements(i[1])) out.push_back(m.is_tuple(2) ? m[0] : m);
  return out;
}

void check_pairs(block& b, const terms& first, const terms& second, const char* reason, const char* text) {
  const auto alone = difference(first, second);
  if (!alone.empty())
    throw refused(b, "systools_rc", make_tuple_of(b, atom(reason), list_of(b, alone)), text + text_of(alone.front()));
}

bool is_object_code(term i) { return is_tagged(i, "load_object_code", 2); }

}  // namespace

void check_syntax(block& b, const terms& script) {
  const checker c(b);
  for (const term i : script) c.check(i);
}

void check_script(block& b, const terms& before, const terms& after) {
  for (const term i : after) {
    if (!is_tagged(i, "load", 2)) continue;
    bool found = false;
    for (const term o : before) found = found || (is_object_code(o) && member(i[1][0], elements(o[1][2])));
    if (!found)
      throw refused(b, "systools_rc", make_tuple_of(b, atom("no_object_code"), i[1][0]), "no load_object_code for the module " + text_of(i[1][0]));
  }
  const auto suspended = listed(after, "suspend"), resumed = listed(after, "resume");
  check_pairs(b, suspended, resumed, "suspended_not_resumed", "suspended but not resumed: ");
  check_pairs(b, resumed, suspended, "resumed_not_suspended", "resumed but not suspended: ");
  const auto started = listed(after, "start"), stopped = listed(after, "stop");
  check_pairs(b, started, stopped, "start_not_stop", "started but not stopped: ");
  check_pairs(b, stopped, started, "stop_not_start", "stopped but not started: ");
}

}  // namespace cnode::release
