// Config files: application_controller:check_conf/0, conf_param_to_conf/1, check_conf_sys/4.
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <cnode/protocol/term_text.hpp>

#include "application_spec.hpp"
#include "sys_config.hpp"

namespace cnode::actors {

namespace fs = std::filesystem;

namespace {

constexpr std::uintmax_t largest_file = 128 << 20;  // as OTP's for -configfd

// "other" and "other.config" are the same file.
std::string with_extension(const std::string& file) { return file.ends_with(".config") ? file : file + ".config"; }

// load_file/1: the one list of the file. False: `error` says what is wrong, without the file's name.
bool load_file(const std::string& file, block_ptr& out, std::string& error) {
  std::error_code e;
  const auto kind = fs::status(file, e).type();
  if (kind == fs::file_type::not_found) return error = std::strerror(ENOENT), false;
  if (e) return error = e.message(), false;
  if (kind == fs::file_type::directory) return error = std::strerror(EISDIR), false;
  if (kind == fs::file_type::regular && fs::file_size(file, e) > largest_file) return error = "is larger than 128 MiB", false;
  std::ifstream in(file, std::ios::binary);
  if (!in) return error = std::strerror(errno), false;
  std::ostringstream text;
  text << in.rdbuf();
  if (in.bad()) return error = "cannot be read", false;
  auto terms = parse_terms(text.str());
  if (!terms) return error = to_string(terms.error()), false;
  const term list = (*terms)->root;
  if (!list.is_cons() || !list.tail().is_nil()) return error = "must hold one list of {Application, [{Key, Value}]} and a full stop", false;
  if (list_length(list.head()) < 0) return error = to_text(list.head()).substr(0, 100) + " is not a list of {Application, [{Key, Value}]}", false;
  out = std::move(*terms);
  out->root = list.head();
  return true;
}

bool is_name_of_file(term t) {
  std::string text;
  return t.is_cons() && chardata_to_string(t, text) && !text.empty();
}

std::string beside(const std::string& file, const std::string& directory) {
  const auto name = with_extension(file);
  if (fs::path(name).is_absolute() || directory.empty()) return name;
  const auto near = (fs::path(directory) / name).string();
  std::error_code ignored;
  return fs::exists(near, ignored) ? near : name;
}

}  // namespace

term include_config_files(block& b, term config, const std::string& directory, std::vector<config_mistake>& mistakes) {
  term merged = nil;
  for (; config.is_cons(); config = config.tail()) {
    const term entry = config.head();
    if (!is_name_of_file(entry)) {
      // What is no {App, Env} is found by check_config; merging passes over it as OTP does.
      merged = merge_env(b, merged, make_list_of(b, entry));
      continue;
    }
    std::string name, error;
    chardata_to_string(entry, name);
    const auto file = beside(name, directory);
    block_ptr more;
    if (!load_file(file, more, error)) {
      mistakes.push_back({file, error});
      continue;
    }
    if (auto wrong = check_config(more->root); !wrong.empty()) {
      mistakes.push_back({file, wrong});
      continue;
    }
    merged = merge_env(b, merged, copy(b, more->root));
  }
  return merged;
}

bool read_config(const std::string& file, block_ptr& out, std::string& error) {
  const auto refuse = [&](const std::string& name, const std::string& why) { return error = name + ": " + why, false; };
  // As typed; with the ending that OTP adds when there is no such file.
  std::error_code ignored;
  const auto path = fs::exists(file, ignored) ? file : fs::exists(with_extension(file), ignored) ? with_extension(file) : file;
  block_ptr read;
  std::string why;
  if (!load_file(path, read, why)) return refuse(path, why);
  term config = read->root;
  auto b = block::make(256);
  try {
    if (fs::path(path).filename() == "sys.config") {
      for (term l = config; l.is_cons(); l = l.tail())
        if (!l.head().is_tuple(2) && !is_name_of_file(l.head())) return refuse(path, check_config(make_list_of(*b, l.head())));
      std::vector<config_mistake> mistakes;
      config = include_config_files(*b, config, fs::path(path).parent_path().string(), mistakes);
      if (!mistakes.empty()) return refuse(mistakes.front().file, mistakes.front().text);
    }
  } catch (const raised&) {
    return refuse(path, "holds an environment that is no list of {Key, Value}");
  }
  if (auto wrong = check_config(config); !wrong.empty()) return refuse(path, wrong);
  out = copy_to_block(config);
  return true;
}

}  // namespace cnode::actors
