// `code`: the path, and the directories of applications on it. What looks at the disk runs on the loader's thread.
#include <algorithm>
#include <filesystem>

#include "code/code_arguments.hpp"
#include "code/code_path.hpp"

namespace cnode::actors {

namespace {

code_server_impl& impl_of(cnode_env* env) { return code_server_impl::of(code_of(env)); }

cnode_term get_path(cnode_env* env, const cnode_term*) {
  auto& b = heap_of(env);
  std::vector<term> dirs;
  for (const auto& d : code_of(env).path()) dirs.push_back(make_charlist(b, d));
  return make_list(b, dirs.data(), dirs.size()).word();
}

term error_of(block& b, const char* what) { return make_tuple_of(b, atom("error"), atom(what)); }
term true_or_bad_directory(block& b, bool ok) { return ok ? truth(true) : error_of(b, "bad_directory"); }

// The second argument of the forms since OTP 26. Nothing is cached here: files are looked for when they are wanted.
bool is_cache(term t) { return t.same(atom("cache")) || t.same(atom("nocache")); }

cnode_term add_dir(cnode_env* env, term name, bool first) {
  std::string dir;
  if (!name.is_list()) return raise_function_clause(env);
  if (refused_by_remote_code(env)) return CNODE_NONE;
  if (!char_list(name, dir)) return error_of(heap_of(env), "bad_directory").word();
  return on_loader(env, [&code = code_of(env), dir, first](block& b) { return true_or_bad_directory(b, code.add_path(dir, first)); });
}

// What is a directory is added, the rest passed over.
cnode_term add_dirs(cnode_env* env, term names, bool first) {
  std::vector<std::string> dirs;
  if (!names.is_list()) return raise_function_clause(env);
  if (refused_by_remote_code(env)) return CNODE_NONE;
  for (; names.is_cons(); names = names.tail()) {
    std::string dir;
    if (names.head().is_atom()) dirs.emplace_back(atom_text(names.head()));
    else if (char_list(names.head(), dir)) dirs.push_back(std::move(dir));
  }
  return on_loader(env, [&code = code_of(env), dirs, first](block&) {
    for (const auto& d : dirs) code.add_path(d, first);
    return atom("ok");
  });
}

template <auto Add, bool First>
cnode_term add_1(cnode_env* env, const cnode_term* args) { return Add(env, term{args[0]}, First); }
template <auto Add, bool First>
cnode_term add_2(cnode_env* env, const cnode_term* args) { return is_cache(term{args[1]}) ? Add(env, term{args[0]}, First) : raise_function_clause(env); }

bool path_name(term t, std::string& out) {
  if (t.is_atom()) return out = atom_text(t), true;
  return char_list(t, out);
}

cnode_term del_path(cnode_env* env, const cnode_term* args) {
  const term name{args[0]};
  std::string dir;
  if (!name.is_atom() && !name.is_list()) return raise_function_clause(env);
  if (refused_by_remote_code(env)) return CNODE_NONE;
  if (!path_name(name, dir) && !chardata_to_string(name, dir)) return error_of(heap_of(env), "bad_name").word();
  return truth(code_of(env).del_path(dir)).word();
}

cnode_term del_paths(cnode_env* env, const cnode_term* args) {
  if (!term{args[0]}.is_list()) return raise_function_clause(env);
  if (refused_by_remote_code(env)) return CNODE_NONE;
  for (term l{args[0]}; l.is_cons(); l = l.tail()) {
    std::string dir;
    if (path_name(l.head(), dir)) code_of(env).del_path(dir);
  }
  return atom("ok").word();
}

// All of them or none.
cnode_term set_path_to(cnode_env* env, term names) {
  std::vector<std::string> dirs;
  if (!names.is_list()) return raise_function_clause(env);
  if (refused_by_remote_code(env)) return CNODE_NONE;
  for (; names.is_cons(); names = names.tail()) {
    std::string dir;
    if (!path_name(names.head(), dir)) return error_of(heap_of(env), "bad_directory").word();
    dirs.push_back(joined(dir));
  }
  if (!names.is_nil()) return error_of(heap_of(env), "bad_directory").word();
  return on_loader(env, [&impl = impl_of(env), dirs](block& b) {
    if (!std::all_of(dirs.begin(), dirs.end(), is_directory)) return true_or_bad_directory(b, false);
    std::lock_guard guard{impl.path_lock};
    impl.path = dirs;
    return truth(true);
  });
}
cnode_term set_path(cnode_env* env, const cnode_term* args) { return set_path_to(env, term{args[0]}); }
cnode_term set_path_2(cnode_env* env, const cnode_term* args) { return is_cache(term{args[1]}) ? set_path_to(env, term{args[0]}) : raise_function_clause(env); }

// replace_path(Name, Dir): Dir in the place of .../Name[-Vsn][/ebin], or at the end.
cnode_term replace(cnode_env* env, term name_term, term dir_term) {
  const auto fits = [](term t) { return t.is_atom() || t.is_list(); };
  if (!fits(name_term) || !fits(dir_term)) return raise_function_clause(env);
  if (refused_by_remote_code(env)) return CNODE_NONE;
  auto& b = heap_of(env);
  std::string name, dir;
  if (!path_name(name_term, name) || !path_name(dir_term, dir))
    return make_tuple_of(b, atom("error"), make_tuple_of(b, atom("badarg"), make_list_of(b, name_term, dir_term))).word();
  if (application_of(dir) != name) return error_of(b, "bad_name").word();
  return on_loader(env, [&impl = impl_of(env), name, dir = joined(dir)](block& h) {
    if (!is_directory(dir)) return true_or_bad_directory(h, false);
    std::lock_guard guard{impl.path_lock};
    const auto i = std::find_if(impl.path.begin(), impl.path.end(), [&](const std::string& d) { return application_of(d) == name; });
    if (i == impl.path.end()) impl.path.push_back(dir);
    else *i = dir;
    return truth(true);
  });
}
cnode_term replace_path(cnode_env* env, const cnode_term* args) { return replace(env, term{args[0]}, term{args[1]}); }
cnode_term replace_path_3(cnode_env* env, const cnode_term* args) {
  return is_cache(term{args[2]}) ? replace(env, term{args[0]}, term{args[1]}) : raise_function_clause(env);
}

cnode_term clear_cache(cnode_env*, const cnode_term*) { return atom("ok").word(); }

// ---- directories of applications: those on the path, the first of a name counts

cnode_term application_directory(cnode_env* env, term name_term, std::string_view below) {
  auto& b = heap_of(env);
  std::string name;
  if (path_name(name_term, name))
    for (const auto& d : code_of(env).path())
      if (application_of(d) == name) {
        auto dir = application_dir(d);
        if (!below.empty()) dir += "/" + std::string{below};
        return make_charlist(b, dir).word();
      }
  return error_of(b, "bad_name").word();
}

cnode_term lib_dir_1(cnode_env* env, const cnode_term* args) {
  const term name{args[0]};
  return name.is_atom() || name.is_list() ? application_directory(env, name, {}) : raise_function_clause(env);
}
cnode_term lib_dir_2(cnode_env* env, const cnode_term* args) {
  if (!term{args[0]}.is_atom() || !term{args[1]}.is_atom()) return raise_function_clause(env);
  return application_directory(env, term{args[0]}, atom_text(term{args[1]}));
}
cnode_term priv_dir(cnode_env* env, const cnode_term* args) {
  const term name{args[0]};
  return name.is_atom() || name.is_list() ? application_directory(env, name, "priv") : raise_function_clause(env);
}

// Where this program is installed: the folder above its bin; of a release (ROOT/erts-VSN/bin) its root.
std::string root() {
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  const auto above = program.parent_path().parent_path();
  return error ? "/" : above.filename().native().starts_with("erts-") ? above.parent_path().native() : above.native();
}
cnode_term root_dir(cnode_env* env, const cnode_term*) { return make_charlist(heap_of(env), root()).word(); }
cnode_term lib_dir(cnode_env* env, const cnode_term*) { return make_charlist(heap_of(env), root() + "/lib").word(); }
// As on a BEAM node without the application.
cnode_term compiler_dir(cnode_env*, const cnode_term*) { return nil.word(); }

}  // namespace

void add_code_path_functions(code_server& code) {
  static constexpr builtin_function functions[] = {
      {"get_path", 0, get_path}, {"add_path", 1, add_1<add_dir, false>}, {"add_pathz", 1, add_1<add_dir, false>},
      {"add_patha", 1, add_1<add_dir, true>}, {"add_paths", 1, add_1<add_dirs, false>}, {"add_pathsz", 1, add_1<add_dirs, false>},
      {"add_pathsa", 1, add_1<add_dirs, true>}, {"add_path", 2, add_2<add_dir, false>}, {"add_pathz", 2, add_2<add_dir, false>},
      {"add_patha", 2, add_2<add_dir, true>}, {"add_paths", 2, add_2<add_dirs, false>}, {"add_pathsz", 2, add_2<add_dirs, false>},
      {"add_pathsa", 2, add_2<add_dirs, true>}, {"del_path", 1, del_path}, {"del_paths", 1, del_paths}, {"set_path", 1, set_path},
      {"set_path", 2, set_path_2}, {"replace_path", 2, replace_path}, {"replace_path", 3, replace_path_3}, {"clear_cache", 0, clear_cache},
      {"rehash", 0, clear_cache}, {"lib_dir", 0, lib_dir}, {"lib_dir", 1, lib_dir_1}, {"lib_dir", 2, lib_dir_2}, {"priv_dir", 1, priv_dir},
      {"root_dir", 0, root_dir}, {"compiler_dir", 0, compiler_dir}};
  code.add_builtin("code", functions);
}

}  // namespace cnode::actors
