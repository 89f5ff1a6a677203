// Random releases with appups, the same for the same seed: .rel, .app and .appup files in a folder, for systools and for us.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "release_folder.hpp"

namespace cnode::test {

struct relup_case {
  std::string top;                    // .rel, without the extension
  std::vector<std::string> up, down;  // likewise
  std::vector<std::string> path;
  bool restart_emulator = false;
  bool one_order = true;              // dependencies decide the order of all modules, so that nothing is left to systools' hash tables
};

class relup_generator {
 public:
  relup_generator(unsigned seed, const release_folder& folder, std::string name) : random_(seed), folder_(folder), name_(std::move(name)) {}

  relup_case make() {
    case_.one_order = chance(60);
    const unsigned count = 1 + pick(4);
    for (unsigned a = 0; a < count; ++a) applications_.push_back(make_application(a));
    const bool two_bases = chance(20);
    write_release("top", "2.0", &application::in_new, chance(12) ? "13.3" : "13.2");
    write_release("base", "1.0", &application::in_old, "13.2");
    if (two_bases) write_release("other", "0.9", &application::in_old, chance(50) ? "13.1" : "13.2");
    for (const char* app : {"kernel-9.0", "stdlib-4.0", "sasl-4.2", "sasl-2.1"}) {
      const std::string text(app), n = text.substr(0, text.find('-')), v = text.substr(text.find('-') + 1);
      const std::string uses = n == "kernel" ? "" : n == "stdlib" ? "kernel" : "kernel,stdlib";
      write(app, n + ".app", "{application," + n + ",[{description,\"\"},{vsn,\"" + v + "\"},{modules,[]},{registered,[]},{applications,[" + uses + "]}]}.\n");
    }
    write("sasl-4.2", "sasl.appup", "{\"4.2\",[{\"2.1\",[restart_new_emulator]}],[{<<\"2\\\\..*\">>,[restart_new_emulator]}]}.\n");
    case_.top = folder_.path + "/" + name_ + "/top";
    case_.up = {folder_.path + "/" + name_ + "/base"};
    if (two_bases) case_.up.push_back(folder_.path + "/" + name_ + "/other");
    case_.down = case_.up;
    case_.restart_emulator = chance(10);
    return case_;
  }

 private:
  struct application {
    std::string name, old_vsn = "1.0", new_vsn = "1.1";
    bool in_old = true, in_new = true;
    std::vector<std::string> old_modules, new_modules, uses, includes;
  };

  unsigned pick(unsigned n) { return std::uniform_int_distribution<unsigned>(0, n - 1)(random_); }
  bool chance(unsigned percent) { return pick(100) < percent; }
  template <class T>
  void shuffle(std::vector<T>& v) {
    for (std::size_t i = v.size(); i > 1; --i) std::swap(v[i - 1], v[pick(static_cast<unsigned>(i))]);
  }
  static std::string list(const std::vector<std::string>& items) {
    std::string out = "[";
    for (const auto& i : items) out += (out.size() > 1 ? "," : "") + i;
    return out + "]";
  }

  void write(const std::string& application, const std::string& file, const std::string& text) {
    const std::string dir = name_ + "/lib/" + application + "/ebin";
    folder_.file(dir + "/" + file, text);
    const std::string full = folder_.path + "/" + dir;
    if (std::find(case_.path.begin(), case_.path.end(), full) == case_.path.end()) case_.path.push_back(full);
  }

  application make_application(unsigned number) {
    application a;
    a.name = std::string(1, static_cast<char>('a' + number)) + "pp";
    if (chance(15)) a.in_old = false;
    else if (chance(15)) a.in_new = false;
    if (chance(10)) a.new_vsn = a.old_vsn;
    for (unsigned m = 0, n = pick(7); m < n; ++m) {
      const std::string module = a.name + "_m" + std::to_string(m);
      const bool fresh = chance(12), gone = !fresh && chance(12);
      if (!fresh) a.old_modules.push_back(module);
      if (!gone) a.new_modules.push_back(module);
    }
    if (a.new_vsn == a.old_vsn) a.new_modules = a.old_modules;
    for (const auto& other : applications_) {
      if (chance(30)) a.uses.push_back(other.name);
      else if (chance(8)) a.includes.push_back(other.name);
    }
    for (const auto& [vsn, modules] : {std::pair{a.old_vsn, a.old_modules}, std::pair{a.new_vsn, a.new_modules}}) {
      auto uses = a.uses;
      uses.push_back("kernel"), uses.push_back("stdlib");
      shuffle(uses);
      write(a.name + "-" + vsn, a.name + ".app",
            "{application," + a.name + ",[{description,\"\"},{vsn,\"" + vsn + "\"},{modules," + list(modules) + "},{registered," +
                (chance(2) ? "[twice]" : "[]") + "},{applications," + list(uses) + "},{included_applications," + list(a.includes) + "}]}.\n");
    }
    if (a.new_vsn != a.old_vsn && !chance(2)) {
      const std::string up = script(a, a.old_modules, a.new_modules), down = script(a, a.new_modules, a.old_modules);
      const std::string top = chance(3) ? "7.7" : a.new_vsn;
      write(a.name + "-" + a.new_vsn, a.name + ".appup", "%% coding: utf-8\n{\"" + top + "\",\n " + versions(a, up) + ",\n " + versions(a, down) + "}.\n");
    }
    return a;
  }

  // An entry for the version, plainly or by an expression, after some that do not match.
  std::string versions(const application& a, const std::string& script) {
    std::vector<std::string> entries;
    if (chance(30)) entries.push_back("{\"0.9\",[{add_module,nowhere}]}");
    if (chance(30)) entries.push_back("{<<\"1\\\\.[1-9]\">>,[{add_module,nowhere}]}");
    if (chance(20)) entries.push_back("{<<\"1\">>,[{add_module,nowhere}]}");
    static constexpr const char* patterns[] = {"1\\\\.0", "1\\\\.\\\\d+", ".*", "(?:0|1)(\\\\.[0-9]+)*", "^1\\\\.0$", "(?<=^)1\\\\.(?!9)."};
    if (chance(99)) entries.push_back((chance(50) ? "{\"" + a.old_vsn + "\"," : std::string("{<<\"") + patterns[pick(std::size(patterns))] + "\">>,") + script + "}");
    if (chance(20)) entries.push_back("{<<\".*\">>,[]}");
    return list(entries);
  }

  std::string purge() { return chance(30) ? "soft_purge" : "brutal_purge"; }
  std::string change() { return chance(50) ? "soft" : chance(50) ? "{advanced,[]}" : "{advanced,{extra," + std::to_string(pick(100)) + "}}"; }
  std::string timeout() { return chance(33) ? "default" : chance(50) ? "infinity" : std::to_string(1 + pick(9000)); }

  std::string update(const std::string& m, const std::string& needs) {
    const bool alone = needs == "[]";
    switch (pick(9)) {
      case 0: return alone ? "{update," + m + "}" : "{update," + m + "," + needs + "}";
      case 1: return alone ? "{update," + m + ",supervisor}" : "{update," + m + "," + needs + "}";
      case 2: return alone ? "{update," + m + "," + change() + "}" : "{update," + m + "," + change() + "," + needs + "}";
      case 3: return "{update," + m + "," + change() + "," + needs + "}";
      case 4: return "{update," + m + "," + change() + "," + purge() + "," + purge() + "," + needs + "}";
      case 5: return "{update," + m + "," + timeout() + "," + change() + "," + purge() + "," + purge() + "," + needs + "}";
      default:
        return "{update," + m + "," + (chance(50) ? "static" : "dynamic") + "," + timeout() + "," + change() + "," + purge() + "," + purge() + "," + needs + "}";
    }
  }
  std::string load(const std::string& m, const std::string& needs) {
    if (needs == "[]" && chance(40)) return "{load_module," + m + "}";
    if (chance(50)) return "{load_module," + m + "," + needs + "}";
    return "{load_module," + m + "," + purge() + "," + purge() + "," + needs + "}";
  }

  // From one set of modules to another.
  std::string script(const application& a, const std::vector<std::string>& from, const std::vector<std::string>& to) {
    if (chance(8)) return "[{restart_application," + a.name + "}]";
    std::vector<std::string> modules = to;
    for (const auto& m : from)
      if (std::find(to.begin(), to.end(), m) == to.end()) modules.push_back(m);
    std::erase_if(modules, [&](const auto&) { return chance(15); });
    shuffle(modules);
    // Dependencies run along this order; in the circle of the last two, back as well.
    std::vector<std::string> instructions;
    for (std::size_t i = 0; i < modules.size(); ++i) {
      const auto& m = modules[i];
      std::vector<std::string> needs;
      const bool linked = case_.one_order ? i + 1 < modules.size() && chain_ : false;
      if (linked) needs.push_back(modules[i + 1]);
      for (std::size_t k = i + 1; k < modules.size(); ++k)
        if (chance(case_.one_order ? (chain_ && k > i + 1 ? 20 : 0) : 25)) needs.push_back(modules[k]);
      if (i + 1 == modules.size() && i > 0 && !needs.empty() && chance(50)) needs.push_back(modules[i - 1]);
      if (i + 1 == modules.size() && i > 0 && chain_ && chance(30)) needs.push_back(modules[i - 1]);
      if (chance(1)) needs.push_back("unheard_of");
      const bool added = std::find(from.begin(), from.end(), m) == from.end();
      const bool removed = std::find(to.begin(), to.end(), m) == to.end();
      const std::string n = list(needs);
      if (removed) instructions.push_back(needs.empty() && chance(50) ? "{delete_module," + m + "}" : "{delete_module," + m + "," + n + "}");
      else if (added && chance(90)) instructions.push_back(needs.empty() && chance(50) ? "{add_module," + m + "}" : "{add_module," + m + "," + n + "}");
      else instructions.push_back(chance(65) ? update(m, n) : load(m, n));
      if (chance(2)) instructions.push_back("{load_module," + m + "}");
    }
    chain_ = !chain_;
    shuffle(instructions);
    static constexpr const char* others[] = {
        "{apply,{lists,sum,[[1,2]]}}", "{sync_nodes,x,[n@h]}", "{sync_nodes,{a,1},{m,f,[]}}", "restart_new_emulator", "restart_emulator", "{suspend,[s1,{s2,50}]}",
        "{stop,[p1]}", "{start,[p1]}", "{purge,[q]}", "{remove,{q,soft_purge,brutal_purge}}", "{code_change,[{s1,x}]}", "{code_change,down,[{s1,x}]}", "[]", "[{purge,[r]},{purge,[q]}]",
        "{load,{nowhere,brutal_purge,brutal_purge}}", "mnesia_backup", "{apply,{m,f,x}}", "{update,m,hard,brutal_purge,brutal_purge,[]}", "{load_module,\"m\"}", "{update,m,0,soft,brutal_purge,brutal_purge,[]}",
        "{add_application,nosuch}", "{remove_application,app}", "{purge,all}", "strange", "{resume,[s1]}", "{suspend,[s1,s2]}", "{add_application,app,often}", "{code_change,up,[s1]}"};
    for (unsigned n = pick(3); n > 0; --n) {
      const auto at = instructions.begin() + pick(static_cast<unsigned>(instructions.size() + 1));
      instructions.insert(at, others[chance(93) ? pick(5) : pick(std::size(others))]);
    }
    if (chance(15)) instructions.insert(instructions.begin(), "{suspend,[s1,{s2,50}]}"), instructions.push_back("{resume,[s2,s1]}");
    if (chance(15)) instructions.insert(instructions.begin(), "{stop,[p1,p2]}"), instructions.push_back("{start,[p2,p1]}");
    if (chance(20)) {
      const std::string code = "{load_object_code,{" + a.name + ",\"" + (chance(90) ? (from == a.old_modules ? a.new_vsn : a.old_vsn) : "8.8") + "\",[low1,low2]}}";
      instructions.insert(instructions.begin(), {code, chance(80) ? "{apply,{io,nl,[]}}" : "{purge,[x]}", "point_of_no_return"});
      instructions.push_back("{load,{low2,soft_purge,soft_purge}}");
      if (chance(10)) instructions.push_back("point_of_no_return");
    }
    return list(instructions);
  }

  void write_release(const std::string& file, const std::string& vsn, bool application::*in, const std::string& erts) {
    std::vector<std::string> lines{"{stdlib,\"4.0\"}", "{kernel,\"9.0\"}"};
    if (!chance(2)) lines.push_back(file != "top" && chance(8) ? "{sasl,\"2.1\"}" : "{sasl,\"4.2\"}");
    for (const auto& a : applications_) {
      if (!(a.*in)) continue;
      static constexpr const char* types[] = {"permanent", "transient", "temporary", "load", "none"};
      std::string line = "{" + a.name + ",\"" + (file == "top" ? a.new_vsn : a.old_vsn) + "\"";
      if (chance(30)) line += std::string(",") + types[pick(5)];
      if (!a.includes.empty() && chance(20)) line += "," + list(chance(80) ? a.includes : std::vector<std::string>{});
      lines.push_back(line + "}");
    }
    shuffle(lines);
    folder_.file(name_ + "/" + file + ".rel", "{release,{\"hot\",\"" + vsn + "\"},{erts,\"" + erts + "\"},\n " + list(lines) + "}.\n");
  }

  std::mt19937 random_;
  const release_folder& folder_;
  std::string name_;
  relup_case case_;
  std::vector<application> applications_;
  bool chain_ = true;
};

}  // namespace cnode::test
