#include "code_exchange.hpp"

#include <cnode/actors/code_server.hpp>

#include "release/term_file.hpp"

namespace cnode::release_handler {

using release::is;
using release::is_tagged;

routine<bool> purge(session& s, term module, bool soft) {
  const std::function<void(std::function<void(bool)>)> start = [&s, module, soft](std::function<void(bool)> done) {
    s.node().code().purge(module, soft, std::move(done));
  };
  co_return co_await s.value_of<bool>(start);
}

terms check_old_processes(session& s, const terms& script, bool soft) {
  terms out;
  auto& code = s.node().code();
  for (const term i : script) {
    if ((!is_tagged(i, "load", 2) && !is_tagged(i, "remove", 2)) || !i[1].is_tuple(3)) continue;
    if (is(i[1][1], "soft_purge") != soft) continue;
    const term module = i[1][0];
    switch (actors::users_of_old_code(code, module)) {
      case actors::old_code::none: break;
      case actors::old_code::unused: out.push_back(module); break;
      case actors::old_code::used:
        if (soft) throw failure{s.tuple(atom("error"), module)};
        break;
    }
  }
  return out;
}

routine<void> code_exchange::prepare(const library& lib, const terms& modules) {
  struct opened {
    actors::prepared_version_ptr version;
    term error;
    std::string text;
  };
  auto& code = s_.node().code();
  for (const term module : modules) {
    const std::string file = s_.below_root(lib.dir) + "/ebin/" + std::string(atom_text(module)) + ".so";
    std::string bytes;
    if (!release::read_whole(file, bytes)) throw failure{s_.tuple(atom("no_such_file"), s_.text(file))};
    const std::function<void(std::function<void(opened)>)> start = [&code, module, &file, &bytes](std::function<void(opened)> done) {
      actors::prepare_version(code, module, file, std::move(bytes), [done = std::move(done)](actors::prepared_version_ptr v, const actors::load_result& r) {
        done({std::move(v), r.error, r.text});
      });
    };
    opened got = co_await s_.value_of<opened>(start);
    if (!got.version) throw failure{s_.tuple(atom("bad_object_code"), module, s_.text(file), got.error ? got.error : atom("badfile"), s_.text(got.text))};
    auto& c = modules_[module.word()];
    c.old_vsn = actors::vsn_of(s_.heap(), actors::hold_current(code, module));
    c.new_vsn = actors::vsn_of(s_.heap(), *got.version);
    c.prepared = std::move(got.version);
    c.file = file;
  }
}

void code_exchange::replace_paths(const libraries& libs) {
  for (const auto& lib : libs) {
    const auto dir = s_.below_root(lib.dir) + "/ebin";
    if (!actors::replace_path(s_.node().code(), std::string(atom_text(lib.name)), dir)) throw failure{s_.tuple(atom("no_such_directory"), s_.text(dir))};
  }
}

code_exchange::change& code_exchange::begin_change(term module, bool soft_post_purge) {
  auto& c = modules_[module.word()];
  if (!c.changed) {
    c.before = actors::hold_current(s_.node().code(), module);
    c.changed = true;
    order_.push_back(module);
  }
  c.soft_post_purge = soft_post_purge;
  return c;
}

routine<void> code_exchange::load(term module, bool soft_post_purge) {
  const auto known = modules_.find(module.word());
  if (known == modules_.end() || !known->second.prepared) throw failure{s_.tuple(atom("no_object_code"), module)};
  auto& c = begin_change(module, soft_post_purge);
  auto& code = s_.node().code();
  const auto version = std::exchange(c.prepared, nullptr);
  const std::function<void(std::function<void(actors::load_result)>)> start = [&code, &version](std::function<void(actors::load_result)> done) {
    actors::load_prepared(code, version, std::move(done));
  };
  const auto result = co_await s_.value_of<actors::load_result>(start);
  if (!result.ok)
    throw failure{s_.tuple(atom("load_failed"), module, s_.text(c.file), result.error ? result.error : atom("badfile"), s_.text(result.text))};
  c.after = actors::hold_current(code, module);
}

routine<void> code_exchange::remove(term module, bool soft_post_purge) {
  begin_change(module, soft_post_purge);
  co_await purge(s_, module, false);
  s_.node().code().delete_module(module);
}

routine<std::vector<unpurged_module>> code_exchange::settle() {
  std::vector<unpurged_module> out;
  for (const term module : order_) {
    auto& c = modules_[module.word()];
    c.before = {};
    c.after = {};
    const bool clean = co_await purge(s_, module, true);
    if (!clean) out.push_back({module, c.soft_post_purge});
  }
  co_return out;
}

routine<void> code_exchange::put_back() {
  auto& code = s_.node().code();
  for (auto module = order_.rbegin(); module != order_.rend(); ++module) {
    const auto& before = modules_[module->word()].before;
    const std::function<void(std::function<void()>)> start = [&code, name = *module, &before](std::function<void()> done) {
      actors::put_back(code, name, before, std::move(done));
    };
    co_await s_.finished(start);
  }
  actors::set_path(code, path_);
}

term code_exchange::vsn_told(term module, bool down) const {
  const auto i = modules_.find(module.word());
  const bool read = i != modules_.end() && i->second.new_vsn;
  const term vsn = !read ? atom("undefined") : down ? i->second.new_vsn : i->second.old_vsn;
  return down ? s_.tuple(atom("down"), vsn) : vsn;
}

bool code_exchange::is_of_before(term module, const actors::held_process& p) const {
  const auto i = modules_.find(module.word());
  return i != modules_.end() && i->second.before && p.born_in == i->second.before.get();
}

}  // namespace cnode::release_handler
