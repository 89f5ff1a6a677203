// `code`: the path, and the directories of applications on it. What looks at the disk runs on the loader's thread.
#include <algorithm>
#include <filesystem>

#include "code/code_arguments.hpp"
#include "code/code_path.hpp"

namespace cnode::actors {

namespace {

term get_path(cnode_env* env) {
  auto& b = heap_of(env);
  std::vector<term> dirs;
  for (const auto& d : code_of(env).path()) dirs.push_back(make_charlist(b, d));
  return make_list(b, dirs.data(), dirs.size());
}

term error_of(block& b, const char* what) { return make_tuple_of(b, atom("error"), atom(what)); }
term true_or_bad_directory(block& b, bool ok) { return ok ? truth(true) : error_of(b, "bad_directory"); }

// The last argument of the forms since OTP 26, or none. Nothing is cached here: files are looked for when they are wanted.
void check(call_context& cx, bool fits, term cache) {
  const bool known = !cache || cache.same(atom("cache")) || cache.same(atom("nocache"));
  if (!known || !fits) throw_error(names().function_clause);
  check_remote_code(cx.env());
}

task<term> add_dir(call_context& cx, term name, term cache, bool first) {
  check(cx, name.is_list(), cache);
  std::string dir;
  if (!char_list(name, dir)) co_return error_of(cx.heap(), "bad_directory");
  const std::function<term(block&)> work = [&](block& b) { return true_or_bad_directory(b, code_of(cx).add_path(dir, first)); };
  co_return co_await on_loader(cx, work);
}

// What is a directory is added, the rest passed over.
task<term> add_dirs(call_context& cx, term names, term cache, bool first) {
  check(cx, names.is_list(), cache);
  std::vector<std::string> dirs;
  for (; names.is_cons(); names = names.tail()) {
    std::string dir;
    if (names.head().is_atom()) dirs.emplace_back(atom_text(names.head()));
    else if (char_list(names.head(), dir)) dirs.push_back(std::move(dir));
  }
  return on_loader(cx, [&code = code_of(cx), dirs, first](block&) {
    for (const auto& d : dirs) code.add_path(d, first);
    return atom("ok");
  });
}

bool path_name(term t, std::string& out) {
  if (t.is_atom()) return out = atom_text(t), true;
  return char_list(t, out);
}

term del_path(cnode_env* env, term name) {
  std::string dir;
  if (!name.is_atom() && !name.is_list()) throw_error(names().function_clause);
  check_remote_code(env);
  if (!path_name(name, dir) && !chardata_to_string(name, dir)) return error_of(heap_of(env), "bad_name");
  return truth(code_of(env).del_path(dir));
}

term del_paths(cnode_env* env, term dirs) {
  if (!dirs.is_list()) throw_error(names().function_clause);
  check_remote_code(env);
  for (; dirs.is_cons(); dirs = dirs.tail()) {
    std::string dir;
    if (path_name(dirs.head(), dir)) code_of(env).del_path(dir);
  }
  return atom("ok");
}

// All of them or none.
task<term> set_path(call_context& cx, term names, term cache) {
  check(cx, names.is_list(), cache);
  std::vector<std::string> dirs;
  for (; names.is_cons(); names = names.tail()) {
    std::string dir;
    if (!path_name(names.head(), dir)) co_return error_of(cx.heap(), "bad_directory");
    dirs.push_back(joined(dir));
  }
  if (!names.is_nil()) co_return error_of(cx.heap(), "bad_directory");
  const std::function<term(block&)> work = [&impl = impl_of(cx), &dirs](block& b) {
    if (!std::all_of(dirs.begin(), dirs.end(), is_directory)) return true_or_bad_directory(b, false);
    std::lock_guard guard{impl.path_lock};
    impl.path = dirs;
    return truth(true);
  };
  co_return co_await on_loader(cx, work);
}

// replace_path(Name, Dir): Dir in the place of .../Name[-Vsn][/ebin], or at the end.
task<term> replace_path(call_context& cx, term name_term, term dir_term, term cache) {
  const auto fits = [](term t) { return t.is_atom() || t.is_list(); };
  check(cx, fits(name_term) && fits(dir_term), cache);
  auto& b = cx.heap();
  std::string name, dir;
  if (!path_name(name_term, name) || !path_name(dir_term, dir))
    co_return make_tuple_of(b, atom("error"), make_tuple_of(b, atom("badarg"), make_list_of(b, name_term, dir_term)));
  if (application_of(dir) != name) co_return error_of(b, "bad_name");
  const std::function<term(block&)> work = [&impl = impl_of(cx), name, dir = joined(dir)](block& h) {
    if (!is_directory(dir)) return true_or_bad_directory(h, false);
    std::lock_guard guard{impl.path_lock};
    const auto i = std::find_if(impl.path.begin(), impl.path.end(), [&](const std::string& d) { return application_of(d) == name; });
    if (i == impl.path.end()) impl.path.push_back(dir);
    else *i = dir;
    return truth(true);
  };
  co_return co_await on_loader(cx, work);
}

term clear_cache(cnode_env*) { return atom("ok"); }

// ---- directories of applications: those on the path, the first of a name counts

term application_directory(cnode_env* env, term name_term, std::string_view below) {
  auto& b = heap_of(env);
  std::string name;
  if (!name_term.is_atom() && !name_term.is_list()) throw_error(names().function_clause);
  if (path_name(name_term, name))
    for (const auto& d : code_of(env).path())
      if (application_of(d) == name) {
        auto dir = application_dir(d);
        if (!below.empty()) dir += "/" + std::string{below};
        return make_charlist(b, dir);
      }
  return error_of(b, "bad_name");
}

term lib_dir_1(cnode_env* env, term name) { return application_directory(env, name, {}); }
term lib_dir_2(cnode_env* env, term name, term below) {
  must_be_atom(name);
  must_be_atom(below);
  return application_directory(env, name, atom_text(below));
}
term priv_dir(cnode_env* env, term name) { return application_directory(env, name, "priv"); }

// Where this program is installed: the folder above its bin; of a release (ROOT/erts-VSN/bin) its root.
std::string root() {
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  const auto above = program.parent_path().parent_path();
  return error ? "/" : above.filename().native().starts_with("erts-") ? above.parent_path().native() : above.native();
}
term root_dir(cnode_env* env) { return make_charlist(heap_of(env), root()); }
term lib_dir(cnode_env* env) { return make_charlist(heap_of(env), root() + "/lib"); }
// As on a BEAM node without the application.
term compiler_dir(cnode_env*) { return nil; }

}  // namespace

void add_code_path_functions(code_server& code) {
  static constexpr builtin_function functions[] = {
      {"add_path", 1, waiting<add_dir, 0, none, false>}, {"add_path", 2, waiting<add_dir, 0, 1, false>},
      {"add_pathz", 1, waiting<add_dir, 0, none, false>}, {"add_pathz", 2, waiting<add_dir, 0, 1, false>},
      {"add_patha", 1, waiting<add_dir, 0, none, true>}, {"add_patha", 2, waiting<add_dir, 0, 1, true>},
      {"add_paths", 1, waiting<add_dirs, 0, none, false>}, {"add_paths", 2, waiting<add_dirs, 0, 1, false>},
      {"add_pathsz", 1, waiting<add_dirs, 0, none, false>}, {"add_pathsz", 2, waiting<add_dirs, 0, 1, false>},
      {"add_pathsa", 1, waiting<add_dirs, 0, none, true>}, {"add_pathsa", 2, waiting<add_dirs, 0, 1, true>},
      {"get_path", 0, plain<get_path>}, {"del_path", 1, plain<del_path>}, {"del_paths", 1, plain<del_paths>},
      {"set_path", 1, waiting<set_path, 0, none>}, {"set_path", 2, waiting<set_path>},
      {"replace_path", 2, waiting<replace_path, 0, 1, none>}, {"replace_path", 3, waiting<replace_path>},
      {"clear_cache", 0, plain<clear_cache>}, {"rehash", 0, plain<clear_cache>}, {"lib_dir", 0, plain<lib_dir>},
      {"lib_dir", 1, plain<lib_dir_1>}, {"lib_dir", 2, plain<lib_dir_2>}, {"priv_dir", 1, plain<priv_dir>},
      {"root_dir", 0, plain<root_dir>}, {"compiler_dir", 0, plain<compiler_dir>}};
  code.add_builtin("code", functions);
}

}  // namespace cnode::actors
