#include "release/script_translation.hpp"

#include "release/script_checks.hpp"
#include "release/script_dependencies.hpp"

#include <cnode/protocol/term_order.hpp>

namespace cnode::release {
namespace {

constexpr std::string_view rc = "systools_rc";

struct halves {
  terms before, after;  // of the point of no return
};

class translator {
 public:
  translator(block& b, direction d, const std::vector<application_resource>& to, const std::vector<application_resource>& from)
      : b_(b), direction_(d), to_(to), from_(from), brutal_(atom("brutal_purge")), update_(atom("update")), load_module_(atom("load_module")) {}

  terms translate(const std::vector<terms>& scripts) {
    halves merged;
    for (const auto& script : scripts) {
      auto h = split(expand(script));
      append(merged.before, h.before);
      append(merged.after, h.after);
    }
    terms whole = merged.before;
    whole.push_back(atom("point_of_no_return"));
    append(whole, merged.after);

    check_syntax(b_, whole);
    for (auto& i : whole) i = normal(i);
    auto h = split(whole);
    check_script(b_, h.before, h.after);
    h.after = applications(h.after);
    for (auto& i : h.after)
      if (is_tagged(i, "add_module", 3)) i = tuple(load_module_, i[1], brutal_, brutal_, i[2]);
    dependent(h);
    h.before = merge_object_code(h.before);
    sort_restarts(h);
    terms out = std::move(h.before);
    out.push_back(atom("point_of_no_return"));
    append(out, h.after);
    check_syntax(b_, out);
    return out;
  }

 private:
  template <class... T>
  term tuple(T... t) { return make_tuple_of(b_, t...); }
  [[noreturn]] void refuse(term what, const std::string& text) { throw refused(b_, rc, what, text); }

  // The short forms; a list in place of an instruction stands for its elements.
  terms expand(const terms& script) {
    terms out;
    for (const term i : script) {
      const term e = expanded(i);
      if (e.is_cons() || e.is_nil()) append(out, elements(e));
      else out.push_back(e);
    }
    return out;
  }
  term expanded(term i) {
    if (!i.is_tuple() || i.arity() < 2 || !i[0].is_atom()) return i;
    const auto n = i.arity();
    const term soft = atom("soft");
    if (is(i[0], "load_module")) {
      if (n == 2) return tuple(i[0], i[1], brutal_, brutal_, nil);
      if (n == 3 && i[2].is_list()) return tuple(i[0], i[1], brutal_, brutal_, i[2]);
    } else if (is(i[0], "update")) {
      if (n == 2) return tuple(i[0], i[1], soft, brutal_, brutal_, nil);
      if (n == 3 && is(i[2], "supervisor")) return tuple(i[0], i[1], atom("static"), atom("default"), tuple(atom("advanced"), nil), brutal_, brutal_, nil);
      if (n == 3 && (i[2].is_tuple() || is(i[2], "soft"))) return tuple(i[0], i[1], i[2], brutal_, brutal_, nil);
      if (n == 3 && i[2].is_list()) return tuple(i[0], i[1], soft, brutal_, brutal_, i[2]);
      if (n == 4 && (i[2].is_tuple() || is(i[2], "soft")) && i[3].is_list()) return tuple(i[0], i[1], i[2], brutal_, brutal_, i[3]);
    } else if (is(i[0], "add_application") && n == 2) {
      return tuple(i[0], i[1], atom("permanent"));
    }
    return i;
  }

  // Without a point of no return all of it comes after; load_object_code always comes before.
  halves split(const terms& script) {
    halves h;
    bool found = false;
    for (const term i : script) {
      if (!is(i, "point_of_no_return")) {
        h.after.push_back(i);
        continue;
      }
      if (found) refuse(atom("too_many_point_of_no_return"), "there is more than one point_of_no_return");
      found = true;
      std::swap(h.before, h.after);
    }
    for (const term i : h.before)
      if (!is_tagged(i, "load_object_code", 2) && !is_tagged(i, "apply", 2))
        refuse(tuple(atom("bad_op_before_point_of_no_return"), i), text_of(i) + " before point_of_no_return: only load_object_code and apply may stand there");
    terms rest;
    for (const term i : h.after) (is_tagged(i, "load_object_code", 2) ? h.before : rest).push_back(i);
    h.after = std::move(rest);
    return h;
  }

  term normal(term i) {
    if (!i.is_tuple()) return i;
    const term dynamic = atom("dynamic");
    if (is_tagged(i, "update", 6)) return tuple(update_, i[1], dynamic, atom("default"), i[2], i[3], i[4], i[5]);
    if (is_tagged(i, "update", 7)) return tuple(update_, i[1], dynamic, i[2], i[3], i[4], i[5], i[6]);
    if (is_tagged(i, "add_module", 2) || is_tagged(i, "delete_module", 2)) return tuple(i[0], i[1], nil);
    return i;
  }

  const application_resource* find(const std::vector<application_resource>& all, term name) {
    for (const auto& a : all)
      if (a.name.same(name)) return &a;
    return nullptr;
  }
  const application_resource& need(const std::vector<application_resource>& all, term name) {
    if (const auto* a = find(all, name)) return *a;
    refuse(tuple(atom("no_such_application"), name), "the release has no application " + text_of(name));
  }
  term call(const char* function, term name) { return tuple(atom("apply"), tuple(atom("application"), atom(function), make_list_of(b_, name))); }

  void add(terms& out, const application_resource& a, term type) {
    for (const term m : a.modules) out.push_back(tuple(atom("add_module"), m, nil));
    if (is(type, "none")) return;
    out.push_back(is(type, "load") ? call("load", a.name) : tuple(atom("apply"), tuple(atom("application"), atom("start"), make_list_of(b_, a.name, type))));
  }
  void remove(terms& out, const application_resource& a) {
    out.push_back(call("stop", a.name));
    for (const term m : a.modules) out.push_back(tuple(atom("remove"), tuple(m, brutal_, brutal_)));
    out.push_back(tuple(atom("purge"), list_of(b_, a.modules)));
  }

  terms applications(const terms& script) {
    terms out;
    for (const term i : script) {
      if (is_tagged(i, "add_application", 3)) {
        add(out, need(to_, i[1]), i[2]);
      } else if (is_tagged(i, "remove_application", 2)) {
        if (find(to_, i[1])) refuse(tuple(atom("removed_application_present"), i[1]), "remove_application: " + text_of(i[1]) + " is in the release");
        remove(out, need(from_, i[1]));
        out.push_back(call("unload", i[1]));
      } else if (is_tagged(i, "restart_application", 2)) {
        const auto& before = need(from_, i[1]);
        const auto& after = need(to_, i[1]);
        remove(out, before);
        add(out, after, after.type);
      } else {
        out.push_back(i);
      }
    }
    return out;
  }

  // Each group of modules that depend on one another where its first instruction stood.
  void dependent(halves& h) {
    const script_dependencies graph(b_, h.after);
    terms done, after;
    for (const term i : h.after) {
      if (!script_dependencies::depends(i)) {
        after.push_back(i);
      } else if (!member(i, done)) {
        const auto group = graph.group_of(i[1]);
        append(done, group);
        translate_group(group, h.before, after);
      }
    }
    h.after = std::move(after);
  }

  term library_of(term module) {
    for (const auto& a : to_)
      if (member(module, a.modules)) return tuple(a.name, a.vsn);
    refuse(tuple(atom("no_such_module"), module), "no application of the release lists the module " + text_of(module));
  }

  void translate_group(const terms& group, terms& before, terms& after) {
    terms suspended, resumed;
    std::vector<terms> code;         // per instruction: load, or remove and purge
    terms dynamic_changes, static_changes;  // {Module, Extra}
    terms all_changes;
    for (const term i : group) {
      const term module = i[1];
      if (is(i[0], "update")) {
        suspended.push_back(is(i[3], "default") ? module : tuple(module, i[3]));
        resumed.insert(resumed.begin(), module);
        code.push_back({tuple(atom("load"), tuple(module, i[5], i[6]))});
        if (i[4].is_tuple(2)) {
          const term change = tuple(module, i[4][1]);
          all_changes.push_back(change);
          (is(i[2], "dynamic") ? dynamic_changes : static_changes).push_back(change);
        }
      } else if (is(i[0], "load_module")) {
        code.push_back({tuple(atom("load"), tuple(module, i[2], i[3]))});
      } else {
        code.push_back({tuple(atom("remove"), tuple(module, brutal_, brutal_)), tuple(atom("purge"), make_list_of(b_, module))});
      }
    }
    for (const auto& c : code) {
      if (!is(c.front()[0], "load")) continue;
      const term module = c.front()[1][0], library = library_of(module);
      before.push_back(tuple(atom("load_object_code"), tuple(library[0], library[1], make_list_of(b_, module))));
    }
    const auto change_code = [&](const char* mode, const terms& changes) {
      if (!changes.empty()) after.push_back(tuple(atom("code_change"), atom(mode), list_of(b_, changes)));
    };
    if (!suspended.empty()) after.push_back(tuple(atom("suspend"), list_of(b_, suspended)));
    if (direction_ == direction::up) {
      // Who depends on others is loaded after them.
      for (auto c = code.rbegin(); c != code.rend(); ++c) append(after, *c);
      change_code("up", all_changes);
    } else {
      // The state of a dynamic module goes back while its newer code is still there, which alone knows how.
      change_code("down", dynamic_changes);
      for (const auto& c : code) append(after, c);
      change_code("down", static_changes);
    }
    if (!suspended.empty()) after.push_back(tuple(atom("resume"), list_of(b_, resumed)));
  }

  // One load_object_code per application, in front.
  terms merge_object_code(const terms& before) {
    terms code, out, rest;
    for (const term i : before) (is_tagged(i, "load_object_code", 2) ? code : rest).push_back(i);
    while (!code.empty()) {
      const term library = code.front()[1];
      terms other;
      std::vector<term> same{library[2]};
      for (std::size_t n = 1; n < code.size(); ++n) {
        const term l = code[n][1];
        if (!l[0].same(library[0])) {
          other.push_back(code[n]);
        } else if (!equal(l[1], library[1])) {
          refuse(tuple(atom("conflicting_versions"), library[0], library[1], l[1]),
                 "two versions of " + text_of(library[0]) + " at once: " + text_of(library[1]) + " and " + text_of(l[1]));
        } else {
          same.push_back(l[2]);
        }
      }
      terms modules;
      for (auto list = same.rbegin(); list != same.rend(); ++list) {
        auto first = difference(elements(*list), modules);
        append(first, modules);
        modules = std::move(first);
      }
      out.push_back(tuple(atom("load_object_code"), tuple(library[0], library[1], list_of(b_, modules))));
      code = std::move(other);
    }
    append(out, rest);
    return out;
  }

  // A new emulator is started first when upgrading, last when downgrading; a plain restart comes last, once.
  void sort_restarts(halves& h) {
    const auto take = [&](const char* what) {
      return std::erase_if(h.after, [&](term t) { return is(t, what); }) > 0;
    };
    bool restart = false;
    if (take("restart_new_emulator")) {
      if (direction_ == direction::up) h.before.insert(h.before.begin(), atom("restart_new_emulator"));
      else restart = true;
    }
    if (take("restart_emulator") || restart) h.after.push_back(atom("restart_emulator"));
  }

  block& b_;
  direction direction_;
  const std::vector<application_resource>& to_;
  const std::vector<application_resource>& from_;
  const term brutal_, update_, load_module_;
};

}  // namespace

terms translate_scripts(block& b, direction d, const std::vector<terms>& scripts, const std::vector<application_resource>& to,
                        const std::vector<application_resource>& from) {
  return translator(b, d, to, from).translate(scripts);
}

}  // namespace cnode::release
