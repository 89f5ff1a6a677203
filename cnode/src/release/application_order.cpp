// The applications of a release checked against each other, and the order in which they start (systools_make: check_applications/1,
// sort_used_and_incl_appls/2, sort_appls/1).
#include <algorithm>

#include <cnode/protocol/term_order.hpp>

#include "release/resources.hpp"

namespace cnode::release {
namespace {

constexpr std::string_view make = "systools_make";
using applications = std::vector<application_resource>;

bool has(const terms& list, term name) {
  return std::any_of(list.begin(), list.end(), [&](term t) { return t.same(name); });
}
void remove_first(terms& list, term name) {
  const auto i = std::find_if(list.begin(), list.end(), [&](term t) { return t.same(name); });
  if (i != list.end()) list.erase(i);
}
const application_resource* find(const applications& all, term name) {
  const auto i = std::find_if(all.begin(), all.end(), [&](const auto& a) { return a.name.same(name); });
  return i == all.end() ? nullptr : &*i;
}
terms without_doubles(const terms& list) {
  terms out;
  for (const term t : list)
    if (!has(out, t)) out.push_back(t);
  return out;
}
std::string names(const terms& list) {
  std::string out;
  for (const term t : list) out += (out.empty() ? "" : ", ") + text_of(t.is_tuple(2) ? t[0] : t);
  return out;
}

void check_defined(block& b, const applications& all) {
  terms missing;
  for (const auto& a : all) {
    terms needed = a.uses;
    for (const term t : a.optional) remove_first(needed, t);
    append(needed, a.includes);
    for (const term t : needed)
      if (!find(all, t)) missing.push_back(t);
  }
  if (missing.empty()) return;
  missing = without_doubles(missing);
  throw refused(b, make, make_tuple_of(b, atom("undefined_applications"), list_of(b, missing)),
                "the release does not name applications that others of it need: " + names(missing));
}

// {Name, App, Vsn, Dir} of everything an application claims, of which there may be one only.
void check_single(block& b, const applications& all, terms application_resource::*claims, const char* reason, const char* text) {
  terms claimed;
  for (const auto& a : all)
    for (const term name : a.*claims) claimed.push_back(make_tuple_of(b, name, a.name, a.vsn, make_charlist(b, a.dir)));
  std::stable_sort(claimed.begin(), claimed.end(), [](term x, term y) { return compare(x[0], y[0]) < 0; });
  terms twice;
  for (std::size_t i = 1; i < claimed.size(); ++i)
    if (claimed[i - 1][0].same(claimed[i][0])) twice.insert(twice.begin(), make_tuple_of(b, claimed[i - 1], claimed[i]));
  if (twice.empty()) return;
  const term first = twice.front();
  throw refused(b, make, make_tuple_of(b, atom(reason), list_of(b, twice)),
                text_of(first[0][1]) + " and " + text_of(first[1][1]) + " both " + text + " " + text_of(first[0][0]));
}

using inclusions = std::vector<std::pair<term, term>>;  // included application, by which

term top_application(block& b, term name, const inclusions& all) {
  for (std::size_t step = 0; step <= all.size(); ++step) {
    const auto i = std::find_if(all.begin(), all.end(), [&](const auto& p) { return p.first.same(name); });
    if (i == all.end()) return name;
    name = i->second;
  }
  throw refused(b, make, make_tuple_of(b, atom("circular_dependencies"), make_list_of(b, name)), text_of(name) + " includes itself, over others");
}

// Who uses an application that is included in a third one uses that one's topmost application.
void use_top_applications(block& b, applications& all) {
  inclusions included;
  for (const auto& a : all)
    for (const term i : a.includes) included.emplace_back(i, a.name);
  for (auto& a : all) {
    const term my_top = top_application(b, a.name, included);
    const terms uses = a.uses;
    for (const term used : uses) {
      if (used.same(my_top)) {
        remove_first(a.uses, my_top);
        continue;
      }
      const auto i = std::find_if(included.begin(), included.end(), [&](const auto& p) { return p.first.same(used); });
      if (i == included.end()) continue;
      const term top = top_application(b, i->second, included);
      if (has(a.uses, top)) {
        remove_first(a.uses, used);
      } else if (!top.same(my_top)) {
        remove_first(a.uses, used);
        a.uses.push_back(top);
      }
    }
  }
}

// As the .rel lists them; those that are not in it last.
void sort_as_listed(terms& list, const release_resource& r) {
  const auto position = [&](term name) {
    return std::find_if(r.applications.begin(), r.applications.end(), [&](const auto& a) { return a.name.same(name); }) - r.applications.begin();
  };
  std::stable_sort(list.begin(), list.end(), [&](term x, term y) { return position(x) < position(y); });
}

class start_order {
 public:
  start_order(block& b, applications all) : b_(b), rest_(std::move(all)) {}

  applications sorted() {
    applications out;
    while (!rest_.empty()) {
      application_resource a = std::move(rest_.front());
      rest_.erase(rest_.begin());
      terms missing;
      auto before = take(a, a.uses, missing);
      for (const term t : a.optional) remove_first(missing, t);
      auto included = take(a, a.includes, missing);
      missing_.insert(missing_.begin(), missing.begin(), missing.end());
      std::move(included.begin(), included.end(), std::back_inserter(before));
      const term me = make_tuple_of(b_, a.name, a.vsn);
      const bool settled = before.empty();
      if (settled) {
        out.push_back(std::move(a));
      } else {
        // What was met before and is needed once more goes round in a circle.
        terms circle;
        for (const auto& n : before)
          if (visited(n.name, n.vsn)) circle.push_back(make_tuple_of(b_, n.name, n.vsn));
        if (!circle.empty()) {
          circular_.insert(circular_.begin(), circle.begin(), circle.end());
          circular_.insert(circular_.begin(), me);
        }
        before.push_back(std::move(a));
        std::move(rest_.begin(), rest_.end(), std::back_inserter(before));
        rest_ = std::move(before);
        for (const term n : circle)
          rest_.erase(std::find_if(rest_.begin(), rest_.end(), [&](const auto& x) { return x.name.same(n[0]) && exactly_equal(x.vsn, n[1]); }));
      }
      visited_.push_back(me);
    }
    check();
    return out;
  }

 private:
  bool visited(term name, term vsn) const {
    return std::any_of(visited_.begin(), visited_.end(), [&](term v) { return v[0].same(name) && exactly_equal(v[1], vsn); });
  }
  bool visited(term name) const {
    return std::any_of(visited_.begin(), visited_.end(), [&](term v) { return v[0].same(name); });
  }

  // find_all/6: those of `wanted` that are still to come, in their order, taken out of the rest.
  applications take(const application_resource& me, const terms& wanted, terms& missing) {
    applications found;
    for (auto name = wanted.rbegin(); name != wanted.rend(); ++name) {
      const auto i = std::find_if(rest_.begin(), rest_.end(), [&](const auto& a) { return a.name.same(*name); });
      // X includes Y, Y uses X is allowed: Y does not wait for X.
      const bool comes = i != rest_.end() && !has(i->includes, me.name);
      if (comes) {
        found.insert(found.begin(), std::move(*i));
        rest_.erase(i);
      } else if (!visited(*name)) {
        missing.insert(missing.begin(), *name);
      }
    }
    return found;
  }

  void check() {
    const term missing = make_tuple_of(b_, atom("undefined_applications"), list_of(b_, without_doubles(missing_)));
    terms round;
    for (const term c : circular_)
      if (!member(c, round)) round.push_back(c);
    const term circular = make_tuple_of(b_, atom("circular_dependencies"), list_of(b_, round));
    if (missing_.empty() && round.empty()) return;
    const std::string text = round.empty() ? "applications that others need are missing: " + names(missing_) : "applications need each other in a circle: " + names(round);
    if (round.empty()) throw refused(b_, make, missing, text);
    if (missing_.empty()) throw refused(b_, make, circular, text);
    throw refused(b_, make, make_tuple_of(b_, atom("apps"), make_list_of(b_, circular, missing)), text);
  }

  block& b_;
  applications rest_;
  terms missing_, circular_, visited_;
};

}  // namespace

checked_release check_release(block& b, release_resource release, applications all) {
  check_defined(b, all);
  check_single(b, all, &application_resource::registered, "duplicate_register", "register the name");
  check_single(b, all, &application_resource::includes, "duplicate_include", "include");
  use_top_applications(b, all);
  for (auto& a : all) {
    sort_as_listed(a.includes, release);
    sort_as_listed(a.uses, release);
  }
  check_single(b, all, &application_resource::modules, "duplicate_modules", "list the module");
  checked_release out;
  out.applications = start_order(b, std::move(all)).sorted();
  const bool sasl = std::any_of(release.applications.begin(), release.applications.end(), [](const auto& a) { return is(a.name, "sasl"); });
  if (!sasl) out.warnings.push_back(make_tuple_of(b, atom("warning"), atom("missing_sasl")));
  out.release = std::move(release);
  return out;
}

}  // namespace cnode::release
