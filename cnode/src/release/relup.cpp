#include "release/relup.hpp"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <memory>

#include <cnode/protocol/term_order.hpp>

#include "release/resources.hpp"
#include "release/script_translation.hpp"
#include "release/term_file.hpp"

namespace cnode::release {
namespace {

constexpr std::string_view relup = "systools_relup";

// re:run(Vsn, Regexp, [unicode, {capture, first, list}]) gives all of Vsn.
bool matches_whole(block& b, std::string_view vsn, term pattern) {
  const auto bytes = pattern.bytes();
  int error = 0;
  PCRE2_SIZE offset = 0;
  const std::unique_ptr<pcre2_code, decltype(&pcre2_code_free)> code(
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(bytes.data()), bytes.size(), PCRE2_UTF, &error, &offset, nullptr), pcre2_code_free);
  if (!code) {
    PCRE2_UCHAR text[120];
    pcre2_get_error_message(error, text, sizeof text);
    throw refused(b, relup, make_tuple_of(b, atom("bad_regexp"), pattern),
                  "the version " + text_of(pattern) + " is no regular expression: " + reinterpret_cast<const char*>(text) + " at " + std::to_string(offset));
  }
  const std::unique_ptr<pcre2_match_data, decltype(&pcre2_match_data_free)> data(pcre2_match_data_create_from_pattern(code.get(), nullptr), pcre2_match_data_free);
  const std::unique_ptr<pcre2_match_context, decltype(&pcre2_match_context_free)> limits(pcre2_match_context_create(nullptr), pcre2_match_context_free);
  pcre2_set_match_limit(limits.get(), 1'000'000);
  if (pcre2_match(code.get(), reinterpret_cast<PCRE2_SPTR>(vsn.data()), vsn.size(), 0, 0, data.get(), limits.get()) < 0) return false;
  const auto* found = pcre2_get_ovector_pointer(data.get());
  return found[0] == 0 && found[1] == vsn.size();
}

std::optional<term> search(block& b, term vsn, term versions) {
  const auto text = text_of(vsn);
  for (; versions.is_cons(); versions = versions.tail()) {
    const term entry = versions.head();
    if (!entry.is_tuple(2)) continue;
    if (exactly_equal(entry[0], vsn) || (entry[0].is_binary() && matches_whole(b, text, entry[0]))) return entry[1];
  }
  return {};
}

const release_application* find(const release_resource& r, term name) {
  const auto i = std::find_if(r.applications.begin(), r.applications.end(), [&](const auto& a) { return a.name.same(name); });
  return i == r.applications.end() ? nullptr : &*i;
}

class maker {
 public:
  maker(block& b, const relup_options& options) : b_(b), options_(options), path_(expand_path(options.path)) {}

  relup_result make(const std::string& file, const std::vector<base_release>& up, const std::vector<base_release>& down) {
    const auto top = get(file);
    terms ups, downs;
    for (const auto& base : up) ups.insert(ups.begin(), entry(direction::up, top, base));
    for (const auto& base : down) downs.insert(downs.begin(), entry(direction::down, top, base));
    return {make_tuple_of(b_, top.release.vsn, list_of(b_, ups), list_of(b_, downs)), warnings_};
  }

 private:
  checked_release get(const std::string& file) {
    auto r = get_release(b_, file, path_);
    if (!r.warnings.empty()) {
      const auto& a = r.release;
      terms lines, includes;
      for (const auto& l : a.applications) {
        lines.push_back(make_tuple_of(b_, l.name, l.vsn, l.type));
        if (l.has_includes) includes.push_back(make_tuple_of(b_, l.name, list_of(b_, l.includes)));
      }
      const term record = make_tuple_of(b_, atom("release"), a.name, a.vsn, a.erts_vsn, list_of(b_, lines), list_of(b_, includes));
      throw refused(b_, relup, make_tuple_of(b_, atom("missing_sasl"), record), a.file + ": without the application sasl a release cannot be upgraded");
    }
    return r;
  }

  void warn(term w) { warnings_.insert(warnings_.begin(), w); }

  term entry(direction d, const checked_release& top, const base_release& described) {
    const auto base = get(described.file);
    const auto& to = d == direction::up ? top : base;
    const auto& from = d == direction::up ? base : top;

    std::vector<terms> scripts;
    for (const auto& line : to.release.applications)
      if (!find(from.release, line.name)) scripts.push_back({make_tuple_of(b_, atom("add_application"), line.name, line.type)});
    for (const auto& a : top.applications) {
      const auto* line = find(base.release, a.name);
      if (line && text_of(line->vsn) != text_of(a.vsn)) scripts.push_back(script_of(d, a, line->vsn));
    }
    for (const auto& line : from.release.applications)
      if (!find(to.release, line.name)) scripts.push_back({make_tuple_of(b_, atom("remove_application"), line.name)});
    const auto &t = top.release, &o = base.release;
    if (!exactly_equal(t.erts_vsn, o.erts_vsn)) {
      scripts.insert(scripts.begin(), {atom("restart_new_emulator")});
      warn(make_tuple_of(b_, atom("erts_vsn_changed"), make_tuple_of(b_, make_tuple_of(b_, t.name, t.erts_vsn), make_tuple_of(b_, o.name, o.erts_vsn))));
    }
    if (options_.restart_emulator) scripts.push_back({atom("restart_emulator")});

    auto script = translate_scripts(b_, d, scripts, to.applications, from.applications);
    if (d == direction::up) suit_old_handler(script, base.release);
    return make_tuple_of(b_, base.release.vsn, described.description, list_of(b_, script));
  }

  terms script_of(direction d, const application_resource& a, term from) {
    const std::string file = a.dir + "/" + text_of(a.name) + ".appup";
    auto read = read_term(b_, file);
    const auto refuse = [&](term problem, const std::string& text) {
      return refused(b_, relup, make_tuple_of(b_, atom("file_problem"), make_tuple_of(b_, make_charlist(b_, file), problem)), text);
    };
    if (auto* problem = std::get_if<1>(&read)) throw refuse(make_tuple_of(b_, atom("error"), problem->reason), problem->text);
    const term appup = std::get<0>(read);
    if (!appup.is_tuple(3)) throw refuse(make_tuple_of(b_, atom("ok"), appup), file + ": must be {Vsn, UpFrom, DownTo}. and is " + text_of(appup));
    if (!exactly_equal(appup[0], a.vsn)) warn(make_tuple_of(b_, atom("bad_vsn"), make_tuple_of(b_, appup[0], a.vsn)));
    const auto script = search(b_, from, appup[d == direction::up ? 1 : 2]);
    if (!script)
      throw refused(b_, relup, make_tuple_of(b_, atom("no_relup"), make_charlist(b_, file), a.record(b_), from),
                    file + ": has no entry for version " + text_of(from) + (d == direction::up ? " in its list of versions to upgrade from" : " in its list of versions to downgrade to"));
    if (list_length(*script) < 0)
      throw refused(b_, "systools_rc", make_tuple_of(b_, atom("bad_list"), *script), file + ": the instructions for " + text_of(from) + " are no list");
    return elements(*script);
  }

  // A release handler older than sasl 2.2 restarts the emulator last.
  void suit_old_handler(terms& script, const release_resource& base) {
    const auto* sasl = find(base, atom("sasl"));
    if (script.empty() || !is(script.front(), "restart_new_emulator") || !sasl || compare(sasl->vsn, make_charlist(b_, "2.2")) >= 0) return;
    script.erase(script.begin());
    const auto restart = std::find_if(script.begin(), script.end(), [](term t) { return is(t, "restart_emulator"); });
    if (restart != script.end()) script.erase(restart);
    script.push_back(atom("restart_new_emulator"));
    warn(atom("pre_R15_emulator_upgrade"));
  }

  block& b_;
  const relup_options& options_;
  std::vector<std::string> path_;
  terms warnings_;
};

}  // namespace

outcome<relup_result> make_relup(block& b, const std::string& top, const std::vector<base_release>& up, const std::vector<base_release>& down,
                                 const relup_options& options) {
  return attempt([&] { return maker(b, options).make(top, up, down); });
}

outcome<std::optional<term>> appup_search_for_version(block& b, term vsn, term versions) {
  return attempt([&] { return search(b, vsn, versions); });
}

}  // namespace cnode::release
