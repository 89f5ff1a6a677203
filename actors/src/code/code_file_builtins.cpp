// `code`: questions about files on the path. Everything that looks at the disk runs on the loader's thread.
#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>

#include <cnode/protocol/atom_table.hpp>
#include <cnode/protocol/term_text.hpp>

#include "code/code_arguments.hpp"
#include "code/code_path.hpp"

namespace cnode::actors {

namespace fs = std::filesystem;

namespace {

// code:module_status/1: the file that would be loaded now, compared with what is loaded.
const char* status_of(code_server_impl& impl, term module) {
  auto* v = impl.retain_current(module);
  if (!v) return "not_loaded";
  const char* status = "loaded";
  const auto& f = code_server_impl::file(*v);
  if (!v->builtin() && !f.path.empty()) {
    module_file on_disk;
    std::string why;
    const auto path = impl.find_on_path(module);
    if (path.empty()) {
      status = impl.server.which_on_path(module).empty() ? "removed" : "modified";
    } else if (read_module_file(path, on_disk.bytes, why) != file_error::none || !check_module_file(on_disk, atom_text(module), why) ||
               std::memcmp(on_disk.digest, f.digest, sizeof f.digest) != 0) {
      status = "modified";
    }
  }
  v->release();
  return status;
}

}  // namespace

term modified_modules(code_server_impl& impl, block& b) {
  auto list = nil;
  for (const auto& [module, file] : impl.server.all_loaded())
    if (status_of(impl, module) == std::string_view{"modified"}) list = make_cons(b, module, list);
  return list;
}

namespace {

task<term> which(call_context& cx, term module) {
  must_be_atom(module);
  return on_loader(cx, [&impl = impl_of(cx), module](block& b) {
    if (auto* v = impl.retain_current(module)) {
      const auto name = loaded_name(b, *v);
      v->release();
      return name;
    }
    const auto file = impl.server.which_on_path(module);
    return file.empty() ? atom("non_existing") : make_charlist(b, file);
  });
}

bool lies_in(const std::string& dir, const std::string& name) {
  std::error_code ignored;
  return !name.empty() && name.find('/') == std::string::npos && name != "." && name != ".." &&
         fs::symlink_status(dir + "/" + name, ignored).type() != fs::file_type::not_found && !ignored;
}

// lies_in() says no to what is no name.
task<term> where_is_file(call_context& cx, term file) {
  std::string name;
  if (!file.is_list()) throw_error(names().function_clause);
  if (!char_list(file, name)) name.clear();
  return on_loader(cx, [&code = code_of(cx), name](block& b) {
    for (const auto& dir : code.path())
      if (lies_in(dir, name)) return make_charlist(b, dir + "/" + name);
    return atom("non_existing");
  });
}

// where_is_file(Path, File): directories, or {Directory, Files} where somebody has looked already.
task<term> where_is_file_2(call_context& cx, term path, term file) {
  std::string name;
  struct place { std::string dir; bool looked, has; };
  std::vector<place> places;
  if (list_length(path) < 0) throw_error(names().function_clause);
  const bool is_name = file.is_list() && char_list(file, name);
  for (; is_name && path.is_cons(); path = path.tail()) {
    place p{{}, false, false};
    const auto entry = path.head();
    if (entry.is_tuple(2)) {
      p.looked = true;
      for (auto f = entry[1]; f.is_cons(); f = f.tail()) {
        std::string text;
        p.has |= char_list(f.head(), text) && text == name;
      }
    }
    if (char_list(p.looked ? entry[0] : entry, p.dir)) places.push_back(std::move(p));
  }
  return on_loader(cx, [places, name](block& b) {
    for (const auto& p : places)
      if (p.looked ? p.has : lies_in(p.dir, name)) return make_charlist(b, p.dir + "/" + name);
    return atom("non_existing");
  });
}

task<term> get_object_code(call_context& cx, term module) {
  must_be_atom(module);
  return on_loader(cx, [&impl = impl_of(cx), module](block& b) {
    std::string bytes, why;
    const auto path = impl.find_on_path(module);
    if (path.empty() || read_module_file(path, bytes, why) != file_error::none) return atom("error");
    return make_tuple_of(b, module, make_binary(b, bytes), make_charlist(b, path));
  });
}

task<term> module_md5(call_context& cx, term image) {
  if (!image.is_binary()) throw_error(names().badarg);
  return on_loader(cx, [bytes = std::string{image.bytes()}](block& b) {
    module_file f;
    std::string why;
    f.bytes = bytes;
    if (!check_module_file(f, {}, why)) return atom("undefined");
    return make_binary(b, {reinterpret_cast<const char*>(f.digest), sizeof f.digest});
  });
}

// module_status(Module | [Module])
task<term> module_status(call_context& cx, term modules) {
  if (modules.is_atom()) return on_loader(cx, [&impl = impl_of(cx), modules](block&) { return atom(status_of(impl, modules)); });
  std::vector<term> list;
  auto l = modules;
  for (; l.is_cons() && l.head().is_atom(); l = l.tail()) list.push_back(l.head());
  if (!l.is_nil()) throw_function_clause_in(cx.heap(), "is_loaded", make_list_of(cx.heap(), l.is_cons() ? l.head() : modules));
  return on_loader(cx, [&impl = impl_of(cx), list](block& b) {
    std::vector<term> answer;
    for (const auto m : list) answer.push_back(make_tuple_of(b, m, atom(status_of(impl, m))));
    return make_list(b, answer.data(), answer.size());
  });
}

task<term> module_status_all(call_context& cx) {
  return on_loader(cx, [&impl = impl_of(cx)](block& b) {
    auto list = nil;
    for (const auto& [module, file] : impl.server.all_loaded()) list = make_cons(b, make_tuple_of(b, module, atom(status_of(impl, module))), list);
    return list;
  });
}

task<term> modified_modules_0(call_context& cx) {
  return on_loader(cx, [&impl = impl_of(cx)](block& b) { return modified_modules(impl, b); });
}

std::vector<std::string> object_files(const std::string& dir) {
  std::vector<std::string> files;
  std::error_code error;
  for (fs::directory_iterator i{dir, error}, end; !error && i != end; i.increment(error))
    if (i->path().extension() == ".so") files.push_back(i->path().filename().native());
  return files;
}

// [{Name, File, Loaded}] of what is loaded and what could be, sorted by name.
task<term> all_available(call_context& cx) {
  return on_loader(cx, [&impl = impl_of(cx)](block& b) {
    std::map<std::string, term> all;
    for (const auto& [module, file] : impl.server.all_loaded()) {
      auto* v = impl.retain_current(module);
      if (!v) continue;
      const std::string name{atom_text(module)};
      all[name] = make_tuple_of(b, make_charlist(b, name), loaded_name(b, *v), truth(true));
      v->release();
    }
    if (!impl.embedded)
      for (const auto& dir : impl.server.path())
        for (const auto& file : object_files(dir)) {
          const auto name = file.substr(0, file.size() - 3);
          if (!all.contains(name)) all[name] = make_tuple_of(b, make_charlist(b, name), make_charlist(b, dir + "/" + file), truth(false));
        }
    auto list = nil;
    for (auto i = all.rbegin(); i != all.rend(); ++i) list = make_cons(b, i->second, list);
    return list;
  });
}

// Files of one name in several directories of the path; prints them.
task<term> clash(call_context& cx) {
  const std::function<term(block&)> work = [&impl = impl_of(cx)](block& b) {
    std::string text;
    std::vector<std::pair<std::string, std::string>> files;  // directory, file
    for (const auto& dir : impl.server.path()) {
      if (!is_directory(dir)) text += "** Bad path can't read " + dir + "\n";
      for (auto& f : object_files(dir)) files.emplace_back(dir, std::move(f));
    }
    std::size_t clashes = 0;
    for (auto i = files.begin(); i != files.end(); ++i) {
      const auto hidden = std::find_if(i + 1, files.end(), [&](const auto& f) { return f.second == i->second; });
      if (hidden == files.end()) continue;
      ++clashes;
      text += "** " + i->first + "/" + i->second + " hides " + hidden->first + "/" + hidden->second + "\n";
    }
    text += "** Found " + std::to_string(clashes) + " name clashes in code paths \n";
    return make_binary(b, text);
  };
  const term text = co_await on_loader(cx, work);
  host_functions().put_chars(cx.env(), text.bytes().data(), text.bytes().size());
  co_return names().ok;
}

// Documentation is in no module file here: as of a .beam file without it.
task<term> get_doc(call_context& cx, term module) {
  must_be_atom(module);
  return on_loader(cx, [&impl = impl_of(cx), module](block& b) {
    const bool there = impl.server.is_loaded(module) || !impl.server.which_on_path(module).empty();
    return make_tuple_of(b, atom("error"), atom(there ? "missing" : "non_existing"));
  });
}

// HiPE is gone from OTP, and was never here.
term is_module_native(cnode_env* env, term module) {
  if (!module.is_atom()) throw_error(names().badarg);
  return atom(code_of(env).is_loaded(module) ? "false" : "undefined");
}

term objfile_extension(cnode_env* env) { return make_charlist(heap_of(env), ".so"); }

}  // namespace

void add_code_file_functions(code_server& code) {
  static constexpr builtin_function functions[] = {
      {"which", 1, waiting<which>}, {"where_is_file", 1, waiting<where_is_file>}, {"where_is_file", 2, waiting<where_is_file_2>},
      {"get_object_code", 1, waiting<get_object_code>}, {"module_md5", 1, waiting<module_md5>},
      {"module_status", 1, waiting<module_status>}, {"module_status", 0, waiting<module_status_all>},
      {"modified_modules", 0, waiting<modified_modules_0>}, {"all_available", 0, waiting<all_available>}, {"clash", 0, waiting<clash>},
      {"get_doc", 1, waiting<get_doc>}, {"is_module_native", 1, plain<is_module_native>},
      {"objfile_extension", 0, plain<objfile_extension>}};
  // c:mm/0 is code:modified_modules/0.
  static constexpr builtin_function shell[] = {{"mm", 0, waiting<modified_modules_0>}};
  code.add_builtin("code", functions);
  code.add_builtin("c", shell);
}

}  // namespace cnode::actors
