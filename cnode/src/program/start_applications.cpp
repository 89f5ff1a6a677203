#include "start_applications.hpp"

#include <future>
#include <set>

#include <cnode/actors/applications.hpp>
#include <cnode/actors/code_server.hpp>
#include <cnode/protocol/atom_table.hpp>
#include <cnode/protocol/term_text.hpp>

#include "question.hpp"
#include "release/terms.hpp"

namespace cnode::program {
namespace {

struct wanted {
  std::string name, type = "permanent";
};

wanted parse(const std::string& text) {
  const auto colon = text.find(':');
  return colon == text.npos ? wanted{text} : wanted{text.substr(0, colon), text.substr(colon + 1)};
}

using release::is;

bool is_error(term t) { return t.is_tuple(2) && is(t[0], "error"); }
bool is_already(const answered& a, std::string_view what) {
  return a.how == answered::value && is_error(a.root()) && a.root()[1].is_tuple(2) && is(a.root()[1][0], what);
}

// The reason of {error, Reason} as people read it.
std::string why(const answered& a) {
  if (a.how == answered::stopped) return "the node stopped before it was started";
  const term reason = is_error(a.root()) ? a.root()[1] : a.root();
  std::string text, file;
  if (reason.is_tuple(2) && reason[0].is_cons() && chardata_to_string(reason[0], text) && chardata_to_string(reason[1], file))
    return file + ": " + text + (text == "no such file or directory" ? " in the code path (--pa)" : "");
  return to_text(reason);
}
bool went_well(const answered& a) { return a.how == answered::value && !is_error(a.root()); }

class starter {
 public:
  explicit starter(actors::runtime& node) : node_(node) {}

  answered application(const char* function, term first, term second = {}) {
    auto b = block::make(16);
    const term args = second ? make_list_of(*b, first, second) : make_list_of(*b, first);
    return ask(node_, atom("application"), atom(function), args);
  }

  // Loads the application, those it needs and, in embedded mode, their modules: there a call loads none.
  std::string prepare(term name, bool modules) {
    if (!seen_.insert(name.word()).second) return {};
    const auto loaded = application("load", name);
    if (!went_well(loaded) && !is_already(loaded, "already_loaded")) return why(loaded);
    if (!modules) return {};
    for (const char* key : {"applications", "included_applications"}) {
      const auto needed = application("get_key", name, atom(key));
      for (term l = needed.root().is_tuple(2) ? needed.root()[1] : nil; l.is_cons(); l = l.tail())
        if (l.head().is_atom())
          if (auto problem = prepare(l.head(), true); !problem.empty() && !is_optional(name, l.head())) return problem;
    }
    const auto listed = application("get_key", name, atom("modules"));
    for (term l = listed.root().is_tuple(2) ? listed.root()[1] : nil; l.is_cons(); l = l.tail())
      if (l.head().is_atom())
        if (auto problem = load_module(l.head()); !problem.empty()) return problem;
    return {};
  }

 private:
  bool is_optional(term name, term needed) {
    const auto optional = application("get_key", name, atom("optional_applications"));
    for (term l = optional.root().is_tuple(2) ? optional.root()[1] : nil; l.is_cons(); l = l.tail())
      if (l.head().same(needed)) return true;
    return false;
  }
  std::string load_module(term module) {
    std::promise<std::string> answer;
    node_.code().load_missing(module, [&](const actors::load_result& r) {
      answer.set_value(r.ok ? "" : "module " + to_text(module) + ": " + (r.text.empty() ? to_text(r.error) : r.text));
    });
    return answer.get_future().get();
  }

  actors::runtime& node_;
  std::set<cnode_term> seen_;
};

}  // namespace

std::string check_application(const std::string& text) {
  const auto w = parse(text);
  if (!w.name.empty() && (w.type == "permanent" || w.type == "transient" || w.type == "temporary")) return {};
  return "--app " + text + ": write NAME or NAME:permanent, NAME:transient, NAME:temporary";
}

std::string start_applications(actors::runtime& node, const start_options& options) {
  actors::wait_for_application_controller(node);
  starter s(node);
  const bool embedded = node.code().embedded();
  for (const auto& a : options.applications) {
    const term name = find_or_make_atom(a.name);
    if (!name) return "application " + a.name.substr(0, 100) + ": no legal name";
    if (auto problem = s.prepare(name, embedded); !problem.empty()) return "application " + a.name + ": " + problem;
    if (a.load_only) continue;
    const auto started = s.application("start_boot", name, find_or_make_atom(a.type));
    if (!went_well(started) && !is_already(started, "already_started")) return "application " + a.name + ": " + why(started);
  }
  for (const auto& text : options.apps) {
    const auto w = parse(text);
    const term name = find_or_make_atom(w.name);
    if (!name) return "--app " + text.substr(0, 100) + ": no legal name";
    if (auto problem = s.prepare(name, embedded); !problem.empty()) return "--app " + w.name + ": " + problem;
    const auto started = s.application("ensure_all_started", name, atom(w.type));
    if (!went_well(started)) return "--app " + w.name + ": " + why(started);
  }
  return {};
}

}  // namespace cnode::program
