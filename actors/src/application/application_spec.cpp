#include "application_spec.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <cnode/actors/code_server.hpp>
#include <cnode/protocol/term_text.hpp>

#include "../otp_atoms.hpp"

namespace cnode::actors {

void throw_value(term value) { throw raised{atom("throw"), value, {}}; }
void throw_error_tuple(block& b, term reason) { throw_value(make_tuple_of(b, names().error, reason)); }

namespace {

constexpr std::uintmax_t largest_file = 16 << 20;

// get_opt/3: lists:keyfind
term option_of(term options, const char* key, term otherwise) { return key_value(options, atom(key), otherwise); }

[[noreturn]] void no_clause(block& b, const char* function, term args) {
  const term frame = make_tuple_of(b, atom("application_controller"), atom(function), args, nil);
  throw raised{names().error, names().function_clause, make_list_of(b, frame)};
}

std::vector<term> elements_of(term list) {
  std::vector<term> out;
  for (; list.is_cons(); list = list.tail()) out.push_back(list.head());
  return out;
}

// [{K, V} | Rest] without the first {Key, _}; its value, or none.
term take(std::vector<term>& list, term key) {
  for (auto i = list.begin(); i != list.end(); ++i)
    if (i->is_tuple(2) && exactly_equal((*i)[0], key)) {
      const term value = (*i)[1];
      list.erase(i);
      return value;
    }
  return {};
}

// Env2 ++ the first list's, reversed, with Env2's values: how merge_env/2 and merge_app_env/2 leave their lists.
template <class Combine>
term merge(block& b, const char* function, term list1, term list2, Combine combine) {
  auto second = elements_of(list2);
  std::vector<term> result;
  for (term l = list1; !l.is_nil(); l = l.tail()) {
    if (!l.is_cons() || !l.head().is_tuple(2)) no_clause(b, function, make_list_of(b, l, list2, nil));
    const term key = l.head()[0], value = l.head()[1];
    if (const term newer = take(second, key)) result.push_back(make_tuple_of(b, key, combine(value, newer)));
    else result.push_back(l.head());
  }
  second.insert(second.end(), result.rbegin(), result.rend());
  return make_list(b, second.data(), second.size());
}

// "3: syntax error ...", as file:format_error/1 puts what erl_scan and erl_parse say.
std::string parse_complaint(const failure& f) {
  auto text = f.detail.empty() ? to_string(f) : f.detail;
  if (text.starts_with("line ")) {
    const auto end = text.find_first_not_of("0123456789", 5);
    return text.substr(5, end == text.npos ? end : end - 5) + ": " + (end == text.npos ? "syntax error" : text.substr(text.find_first_not_of(",: ", end)));
  }
  return text;
}

// prim_consult/1 of a file with one term
term read_app_file(block& b, const std::string& path, const std::string& name) {
  const auto failed = [&](std::string_view why) { throw_error_tuple(b, make_tuple_of(b, make_charlist(b, why), make_charlist(b, name))); };
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) failed("no such file or directory");
  if (std::filesystem::file_size(path, error) > largest_file || error) failed("file too large");
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  if (!in || !(text << in.rdbuf())) failed("no such file or directory");
  auto terms = parse_terms(text.str());
  if (!terms) failed(parse_complaint(terms.error()));
  const term list = copy(b, (*terms)->root);
  if (!list.is_cons() || !list.tail().is_nil())
    throw raised{names().error, make_tuple_of(b, atom("case_clause"), make_tuple_of(b, names().ok, list)), nil};
  return list.head();
}

}  // namespace

term key_value(term list, term key, term otherwise) {
  for (; list.is_cons(); list = list.tail()) {
    const term e = list.head();
    if (e.is_tuple() && e.arity() >= 2 && exactly_equal(e[0], key)) return e[1];
  }
  return otherwise;
}

term application_name(block& b, term application) {
  if (application.is_atom()) return application;
  if (application.is_tuple(3) && application[0].same(atom("application")) && application[1].is_atom()) return application[1];
  throw_error_tuple(b, make_tuple_of(b, atom("bad_application"), application));
}

new_application make_application(block& b, term spec) {
  const auto& n = names();
  if (!spec.is_tuple(3) || !spec[0].same(atom("application"))) throw_error_tuple(b, make_tuple_of(b, atom("bad_application"), spec));
  const term name = spec[1], options = spec[2];
  if (!options.is_list()) throw_error_tuple(b, make_tuple_of(b, atom("invalid_options"), options));
  if (!name.is_atom()) throw_error_tuple(b, make_tuple_of(b, atom("invalid_name"), name));
  const term empty = nil, infinity = n.infinity;
  const term mod = option_of(options, "mod", nil);
  if (!mod.is_nil() && !(mod.is_tuple(2) && mod[0].is_atom())) throw_error_tuple(b, make_tuple_of(b, atom("badstartspec"), mod));
  auto app = std::make_shared<application>();
  app->name = name;
  app->description = owned_term(option_of(options, "description", empty));
  app->id = owned_term(option_of(options, "id", empty));
  app->vsn = owned_term(option_of(options, "vsn", empty));
  app->applications = owned_term(option_of(options, "applications", nil));
  app->included = owned_term(option_of(options, "included_applications", nil));
  app->optional = owned_term(option_of(options, "optional_applications", nil));
  app->data = owned_term(make_tuple_of(b, atom("appl_data"), name, option_of(options, "registered", nil),
                                       option_of(options, "start_phases", n.undefined), mod, option_of(options, "modules", nil),
                                       option_of(options, "maxP", infinity), option_of(options, "maxT", infinity)));
  return {std::move(app), option_of(options, "env", nil)};
}

term specification_of(block& b, const own_application& own) {
  const auto atoms = [&b](const std::vector<std::string>& list) {
    std::vector<term> all;
    for (const auto& e : list) all.push_back(atom(e));
    return make_list(b, all.data(), all.size());
  };
  const auto entry = [&b](const char* key, term value) { return make_tuple_of(b, atom(key), value); };
  return make_tuple_of(b, atom("application"), atom(own.name),
                       make_list_of(b, entry("description", make_charlist(b, own.description)), entry("vsn", make_charlist(b, own.vsn)),
                                    entry("modules", atoms(own.modules)), entry("registered", atoms(own.registered)),
                                    entry("applications", atoms(own.applications))));
}

new_application find_application(block& b, const runtime& node, term application) {
  if (!application.is_atom()) return make_application(b, application);
  const std::string file = std::string(atom_text(application)) + ".app";
  std::error_code ignored;
  for (const auto& dir : node.code().path())
    if (std::filesystem::exists(dir + "/" + file, ignored)) return make_application(b, read_app_file(b, dir + "/" + file, file));
  for (const auto& own : applications_of(node)->options.on_demand)
    if (own.name == atom_text(application)) return make_application(b, specification_of(b, own));
  throw_error_tuple(b, make_tuple_of(b, make_charlist(b, "no such file or directory"), make_charlist(b, file)));
}

term merge_app_env(block& b, term env1, term env2) {
  return merge(b, "merge_app_env", env1, env2, [](term, term newer) { return newer; });
}

term merge_env(block& b, term env1, term env2) {
  return merge(b, "merge_env", env1, env2, [&b](term older, term newer) { return merge_app_env(b, older, newer); });
}

void add_env(application_table& table, term app, term env) {
  for (; env.is_cons(); env = env.tail()) {
    if (!env.head().is_tuple(2)) throw_error(names().function_clause);
    table.set_env(app, env.head()[0], env.head()[1]);
  }
  if (!env.is_nil()) throw_error(names().function_clause);
}

term change_app_env(block& b, term config, term app, term key, term value) {
  auto apps = elements_of(config);
  const term old = take(apps, app);
  std::vector<term> env = elements_of(old ? old : nil);
  const auto there = std::find_if(env.begin(), env.end(), [key](term e) { return e.is_tuple(2) && exactly_equal(e[0], key); });
  if (!value) {
    if (there != env.end()) env.erase(there);
  } else if (there != env.end()) {
    *there = make_tuple_of(b, key, value);
  } else {
    env.push_back(make_tuple_of(b, key, value));
  }
  apps.insert(apps.begin(), make_tuple_of(b, app, make_list(b, env.data(), env.size())));
  return make_list(b, apps.data(), apps.size());
}

namespace {

bool has_key(term list, term key) {
  for (; list.is_cons(); list = list.tail())
    if (list.head().is_tuple() && list.head().arity() >= 1 && exactly_equal(list.head()[0], key)) return true;
  return false;
}

std::string check_parameters(term list, const std::string& app) {
  for (; list.is_cons(); list = list.tail()) {
    const term e = list.head();
    if (!e.is_tuple(2)) return "application: " + app + "; invalid parameter: " + to_text(e);
    if (!e[0].is_atom()) return "application: " + app + "; invalid parameter name: " + to_text(e[0]);
    if (has_key(list.tail(), e[0])) return "application: " + app + "; duplicate parameter: " + std::string(atom_text(e[0]));
  }
  return list.is_nil() ? "" : "application: " + app + "; invalid parameter: " + to_text(list);
}

}  // namespace

std::string check_config(term config) {
  for (; config.is_cons(); config = config.tail()) {
    const term app = config.head();
    if (!app.is_tuple(2)) return "invalid application config: " + to_text(app);
    if (!app[1].is_list()) return "application: " + to_text(app[0]) + "; parameters must be a list";
    if (!app[0].is_atom()) return "application: " + to_text(app[0]) + "; application name must be an atom";
    const std::string name(atom_text(app[0]));
    if (has_key(config.tail(), app[0])) return "duplicate application config: " + name;
    if (auto wrong = check_parameters(app[1], name); !wrong.empty()) return wrong;
  }
  return config.is_nil() ? "" : "configuration must be a list ended by <dot><whitespace>";
}

}  // namespace cnode::actors
