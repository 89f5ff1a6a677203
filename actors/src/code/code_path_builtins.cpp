// `code`: the path, and questions about files on it. Everything that looks at the disk runs on the loader's thread.
#include <cstring>
#include <filesystem>

#include <cnode/protocol/atom_table.hpp>

#include "code/code_arguments.hpp"

namespace cnode::actors {

namespace fs = std::filesystem;

namespace {

enum class status { not_loaded, loaded, modified, removed };

// code:module_status/1: the file the module came from, compared with what is loaded.
status status_of(code_server_impl& impl, term module) {
  auto* v = impl.retain_current(module);
  if (!v) return status::not_loaded;
  auto s = status::loaded;
  if (!v->builtin()) {
    const auto& f = code_server_impl::file(*v);
    module_file on_disk;
    std::string why;
    const auto error = read_module_file(f.path, on_disk.bytes, why);
    if (error == file_error::missing) s = status::removed;
    else if (error == file_error::bad || !check_module_file(on_disk, atom_text(module), why)) s = status::modified;
    else if (std::memcmp(on_disk.digest, f.digest, sizeof f.digest) != 0) s = status::modified;
  }
  v->release();
  return s;
}

term status_atom(status s) {
  switch (s) {
    case status::not_loaded: return atom("not_loaded");
    case status::loaded: return atom("loaded");
    case status::modified: return atom("modified");
    case status::removed: return atom("removed");
  }
  return {};
}

}  // namespace

term modified_modules(code_server_impl& impl, block& b) {
  auto list = nil;
  for (const auto& [module, file] : impl.server.all_loaded())
    if (file != "preloaded" && status_of(impl, module) == status::modified) list = make_cons(b, module, list);
  return list;
}

namespace {

code_server_impl& impl_of(cnode_env* env) { return code_server_impl::of(code_of(env)); }

cnode_term which(cnode_env* env, const cnode_term* args) {
  const term module{args[0]};
  if (!module.is_atom()) return raise_function_clause(env);
  return on_loader(env, [&code = code_of(env), module](block& b) {
    const auto file = code.which(module);
    return file.empty() ? atom("non_existing") : file == "preloaded" ? atom("preloaded") : make_charlist(b, file);
  });
}

cnode_term where_is_file(cnode_env* env, const cnode_term* args) {
  std::string name;
  if (!file_name(term{args[0]}, name)) return raise_function_clause(env);
  return on_loader(env, [&code = code_of(env), name](block& b) {
    std::error_code ignored;
    for (const auto& dir : code.path())
      if (fs::exists(dir + "/" + name, ignored)) return make_charlist(b, dir + "/" + name);
    return atom("non_existing");
  });
}

cnode_term get_path(cnode_env* env, const cnode_term*) {
  auto& b = heap_of(env);
  std::vector<term> dirs;
  for (const auto& d : code_of(env).path()) dirs.push_back(make_charlist(b, d));
  return make_list(b, dirs.data(), dirs.size()).word();
}

term true_or_bad_directory(block& b, bool ok) { return ok ? truth(true) : make_tuple_of(b, atom("error"), atom("bad_directory")); }

cnode_term add_dir(cnode_env* env, const cnode_term* args, bool first) {
  std::string dir;
  if (refused_by_remote_code(env)) return CNODE_NONE;
  if (!file_name(term{args[0]}, dir)) return true_or_bad_directory(heap_of(env), false).word();
  return on_loader(env, [&code = code_of(env), dir, first](block& b) { return true_or_bad_directory(b, code.add_path(dir, first)); });
}
cnode_term add_patha(cnode_env* env, const cnode_term* args) { return add_dir(env, args, true); }
cnode_term add_pathz(cnode_env* env, const cnode_term* args) { return add_dir(env, args, false); }

// The directories that exist are added, the others skipped: code:add_pathsa/1 answers ok in any case.
cnode_term add_dirs(cnode_env* env, const cnode_term* args, bool first) {
  std::vector<std::string> dirs;
  if (refused_by_remote_code(env)) return CNODE_NONE;
  if (list_length(term{args[0]}) < 0) return raise_function_clause(env);
  for (term l{args[0]}; l.is_cons(); l = l.tail())
    if (!file_name(l.head(), dirs.emplace_back())) dirs.pop_back();
  return on_loader(env, [&code = code_of(env), dirs, first](block&) {
    for (const auto& d : dirs) code.add_path(d, first);
    return atom("ok");
  });
}
cnode_term add_pathsa(cnode_env* env, const cnode_term* args) { return add_dirs(env, args, true); }
cnode_term add_pathsz(cnode_env* env, const cnode_term* args) { return add_dirs(env, args, false); }

cnode_term del_path(cnode_env* env, const cnode_term* args) {
  std::string dir;
  if (refused_by_remote_code(env)) return CNODE_NONE;
  if (!file_name(term{args[0]}, dir)) return make_tuple_of(heap_of(env), atom("error"), atom("bad_name")).word();
  return truth(code_of(env).del_path(dir)).word();
}

// All of them or none.
cnode_term set_path(cnode_env* env, const cnode_term* args) {
  std::vector<std::string> dirs;
  if (refused_by_remote_code(env)) return CNODE_NONE;
  if (list_length(term{args[0]}) < 0) return true_or_bad_directory(heap_of(env), false).word();
  for (term l{args[0]}; l.is_cons(); l = l.tail())
    if (!file_name(l.head(), dirs.emplace_back())) return true_or_bad_directory(heap_of(env), false).word();
  return on_loader(env, [&impl = impl_of(env), dirs](block& b) {
    std::error_code ignored;
    for (const auto& d : dirs)
      if (!fs::is_directory(d, ignored)) return true_or_bad_directory(b, false);
    std::lock_guard guard{impl.path_lock};
    impl.path = dirs;
    return truth(true);
  });
}

cnode_term get_object_code(cnode_env* env, const cnode_term* args) {
  const term module{args[0]};
  if (!module.is_atom()) return raise_function_clause(env);
  return on_loader(env, [&impl = impl_of(env), module](block& b) {
    std::string bytes, why;
    const auto path = impl.find_on_path(module);
    if (path.empty() || read_module_file(path, bytes, why) != file_error::none) return atom("error");
    return make_tuple_of(b, module, make_binary(b, bytes), make_charlist(b, path));
  });
}

cnode_term module_md5(cnode_env* env, const cnode_term* args) {
  if (!term{args[0]}.is_binary()) return raise_badarg(env).word();
  return on_loader(env, [bytes = std::string{term{args[0]}.bytes()}](block& b) {
    module_file f;
    std::string why;
    f.bytes = bytes;
    if (!check_module_file(f, {}, why)) return atom("undefined");
    return make_binary(b, {reinterpret_cast<const char*>(f.digest), sizeof f.digest});
  });
}

cnode_term module_status(cnode_env* env, const cnode_term* args) {
  const term module{args[0]};
  if (!module.is_atom()) return raise_function_clause(env);
  return on_loader(env, [&impl = impl_of(env), module](block&) { return status_atom(status_of(impl, module)); });
}

cnode_term module_status_all(cnode_env* env, const cnode_term*) {
  return on_loader(env, [&impl = impl_of(env)](block& b) {
    auto list = nil;
    for (const auto& [module, file] : impl.server.all_loaded())
      list = make_cons(b, make_tuple_of(b, module, status_atom(status_of(impl, module))), list);
    return list;
  });
}

cnode_term modified_modules_0(cnode_env* env, const cnode_term*) {
  return on_loader(env, [&impl = impl_of(env)](block& b) { return modified_modules(impl, b); });
}

// [{Name, File, Loaded}] of what is loaded and what could be.
cnode_term all_available(cnode_env* env, const cnode_term*) {
  return on_loader(env, [&code = code_of(env)](block& b) {
    auto list = nil;
    std::unordered_set<std::string> seen;
    for (const auto& [module, file] : code.all_loaded()) {
      const auto name = atom_text(module);
      seen.emplace(name);
      list = make_cons(b, make_tuple_of(b, make_charlist(b, name), file == "preloaded" ? atom("preloaded") : make_charlist(b, file), truth(true)), list);
    }
    for (const auto& dir : code.path()) {
      std::error_code error;
      for (fs::directory_iterator i{dir, error}, end; !error && i != end; i.increment(error)) {
        if (i->path().extension() != ".so" || !seen.insert(i->path().stem()).second) continue;
        list = make_cons(b, make_tuple_of(b, make_charlist(b, i->path().stem().native()), make_charlist(b, i->path().native()), truth(false)), list);
      }
    }
    return list;
  });
}

// There are no OTP applications here: no name has a directory.
cnode_term no_lib_dir(cnode_env* env, const cnode_term*) {
  return make_tuple_of(heap_of(env), atom("error"), atom("bad_name")).word();
}

cnode_term objfile_extension(cnode_env* env, const cnode_term*) { return make_charlist(heap_of(env), ".so").word(); }

}  // namespace

void add_code_path_functions(code_server& code) {
  static constexpr builtin_function functions[] = {
      {"which", 1, which}, {"where_is_file", 1, where_is_file}, {"get_path", 0, get_path}, {"add_path", 1, add_pathz},
      {"add_patha", 1, add_patha}, {"add_pathz", 1, add_pathz}, {"add_paths", 1, add_pathsz}, {"add_pathsa", 1, add_pathsa},
      {"add_pathsz", 1, add_pathsz}, {"del_path", 1, del_path}, {"set_path", 1, set_path}, {"get_object_code", 1, get_object_code},
      {"module_md5", 1, module_md5}, {"module_status", 1, module_status}, {"module_status", 0, module_status_all},
      {"modified_modules", 0, modified_modules_0}, {"all_available", 0, all_available}, {"lib_dir", 1, no_lib_dir},
      {"lib_dir", 2, no_lib_dir}, {"priv_dir", 1, no_lib_dir}, {"objfile_extension", 0, objfile_extension},
  };
  // c:mm/0 is code:modified_modules/0.
  static constexpr builtin_function shell[] = {{"mm", 0, modified_modules_0}};
  static constexpr builtin_function elixir[] = {
      {"append_path", 1, add_pathz}, {"prepend_path", 1, add_patha}, {"delete_path", 1, del_path}};
  code.add_builtin("code", functions);
  code.add_builtin("c", shell);
  code.add_builtin("Elixir.Code", elixir);
}

}  // namespace cnode::actors
