// c:c/1,2, compile:file/1,2, Elixir's Code.compile_string/1,2 and compile_file/1,2: C++ built on the node with the compiler and flags it
// was built with, then loaded as load_binary loads. Shapes of answers are those of OTP's c.erl and compile.erl.
#include <filesystem>
#include <memory>
#include <utility>

#include <cnode/protocol/term_order.hpp>
#include <cnode/protocol/term_text.hpp>

#include "builtin_calls.hpp"
#include "code/code_arguments.hpp"
#include "code/compile_diagnostics.hpp"
#include "code/compile_options.hpp"
#include "code/compile_queue.hpp"
#include "gen_call.hpp"
#include "otp_atoms.hpp"
#include "terms.hpp"

namespace cnode::actors {

namespace {

namespace fs = std::filesystem;

// ---- waiting
//
// What is awaited gets its arguments by reference to named objects: g++ 12 destroys some temporaries of a co_await expression twice.

using start_function = std::function<void(std::function<void()>)>;

bool is_answer(term m, const char* tag, term ref) { return m.is_tuple() && m.size() >= 2 && m[0].same(atom(tag)) && exactly_equal(m[1], ref); }
using gen::is_down;

// Runs `start`, which must see to it that what it is given is called once, on any thread; waits for that. When the shell that asked has
// lost its connection the caller ends, and with it, by its destructors, what it waits for.
task<> finished(call_context& cx, const start_function& start) {
  auto& self = cx.self();
  auto& node = self.node();
  const term ref = node.make_ref(cx.heap());
  term watch;
  if (const term leader = self.group_leader(); leader && is_remote_pid(leader)) watch = copy(cx.heap(), self.monitor(leader));
  std::shared_ptr<block> kept{copy_to_block(ref).release(), block_deleter{}};
  start([&node, pid = self.pid(), kept] {
    auto b = block::make(8);
    b->root = make_tuple_of(*b, atom("$compiled"), copy(*b, kept->root));
    node.send(pid, std::move(b));
  });
  for (;;) {
    const term m = co_await cx.receive([=](term t) { return is_answer(t, "$compiled", ref) || is_down(t, watch); }, -1);
    if (!m.is_tuple(5)) break;
    if (m[4].same(names().noconnection)) throw_exit(names().noconnection);
    watch = {};  // the shell is closed, its node is there
  }
  if (watch) cx.self().demonitor(watch, true);
}

// io:put_chars to the group leader.
task<> print(call_context& cx, const std::string& text) {
  const term leader = cx.self().group_leader();
  if (text.empty() || !leader || !leader.is_pid()) co_return;
  auto& b = cx.heap();
  const term ref = copy(b, cx.self().monitor(leader));
  cx.self().send(leader, make_tuple_of(b, atom("io_request"), cx.self().pid(), ref,
                                       make_tuple_of(b, atom("put_chars"), atom("unicode"), make_binary(b, text))));
  const term m = co_await cx.receive([=](term t) { return is_answer(t, "io_reply", ref) || is_down(t, ref); }, -1);
  if (!m.is_tuple(5)) cx.self().demonitor(ref, true);
}

// The compiler is killed when the process that waits for it is gone.
struct cancel_at_end {
  compile_cancel flag = std::make_shared<std::atomic<bool>>(false);
  ~cancel_at_end() { *flag = true; }
};

task<std::shared_ptr<compile_result>> build(call_context& cx, const compile_request& request) {
  auto result = std::make_shared<compile_result>();
  const cancel_at_end cancel;
  auto& queue = *code_server_impl::of(cx.self().node().code()).compilations;
  const start_function start = [&queue, &cancel, &request, result](std::function<void()> done) {
    queue.post(request, cancel.flag, [result, done = std::move(done)](compile_result r) {
      *result = std::move(r);
      done();
    });
  };
  co_await finished(cx, start);
  co_return result;
}

task<std::shared_ptr<load_result>> load(call_context& cx, const compile_result& built) {
  auto result = std::make_shared<load_result>();
  auto& code = cx.self().node().code();
  const auto module = find_or_make_atom(built.module);
  std::error_code ignored;
  const auto file = built.file.empty() ? std::string{} : fs::absolute(built.file, ignored).lexically_normal().string();
  const start_function start = [&code, &built, &file, module, result](std::function<void()> done) {
    code.load_binary(module, file, built.bytes, [result, done = std::move(done)](const load_result& r) {
      *result = r;
      done();
    });
  };
  co_await finished(cx, start);
  co_return result;
}

// ---- finding the source, loader thread

bool has_source_suffix(const std::string& file) {
  for (const std::string_view suffix : source_suffixes)
    if (file.size() > suffix.size() && file.ends_with(suffix)) return true;
  return false;
}

// With a suffix as it is; without, the first there is.
std::string with_suffix(const std::string& file) {
  if (has_source_suffix(file)) return file;
  std::error_code ignored;
  for (const char* suffix : source_suffixes)
    if (fs::exists(file + suffix, ignored)) return file + suffix;
  return file + source_suffixes[0];
}

struct found {
  std::string source;
  std::string directory;          // where the module's file lies that is to be replaced
  block_ptr options;              // it was compiled with
  const char* error = nullptr;    // non_existing, preloaded, no_source
  bool recompiled = false;
};

// c:c/2 for an atom: a source file of that name, or else the source a module came from.
void find_source(code_server_impl& impl, term module, found& f) {
  std::error_code ignored;
  f.source = with_suffix(std::string{atom_text(module)});
  if (fs::exists(f.source, ignored)) return;
  f.recompiled = true;
  std::string file, source;
  if (auto* v = impl.retain_current(module)) {
    if (v->builtin()) f.error = "preloaded";
    file = code_server_impl::file(*v).path;
    if (const auto& info = code_server_impl::file(*v).compile) {
      for (auto l = info->root; l.is_cons(); l = l.tail()) {
        if (l.head()[0].same(atom("options"))) f.options = copy_to_block(l.head()[1]);
        if (l.head()[0].same(atom("source"))) chardata_to_string(l.head()[1], source);
      }
    }
    v->release();
  }
  if (f.error) return;
  if (file.empty() || !fs::exists(file, ignored)) file = impl.find_on_path(module);
  if (file.empty() && source.empty()) {
    f.error = "non_existing";
    return;
  }
  f.directory = file.empty() ? "." : fs::path{file}.parent_path().string();
  f.source = has_source_suffix(source) && fs::exists(source, ignored) ? source : with_suffix(f.directory + "/" + std::string{atom_text(module)});
  if (!fs::exists(f.source, ignored)) f.error = "no_source";
}

// ---- what the compiler said, as terms

// A shell shows a string as a string only when it is all Latin-1: not with the compiler's ‘ and ’.
std::string with_plain_quotes(std::string text) {
  for (const std::string_view quote : {"\u2018", "\u2019"})
    for (auto at = text.find(quote); at != std::string::npos; at = text.find(quote, at)) text.replace(at, quote.size(), "'");
  return text;
}

// The third element of an error is a module whose format_error/1 makes text of the second. erl_parse's takes text as it is, on any node.
term description(block& b, const compile_diagnostic& d) {
  const term place = d.line == 0 ? atom("none") : d.column == 0 ? small(d.line) : make_tuple_of(b, small(d.line), small(d.column));
  return make_tuple_of(b, place, atom("erl_parse"), make_charlist(b, with_plain_quotes(d.text)));
}

struct report {
  std::vector<compile_diagnostic> all;
  std::string other;  // what went wrong when the compiler has not said it
  bool missing = false;

  report(const compile_result& r, const std::string& source) : all{parse_diagnostics(r.diagnostics)} {
    for (auto& d : all)
      if (d.file.empty()) d.file = source;
    bool explained = false;
    for (const auto& d : all) explained |= !d.warning || r.compiler_failed;
    std::error_code ignored;
    missing = !r.ok && !r.compiler_failed && r.diagnostics.empty() && !fs::exists(source, ignored) && r.error.starts_with("no such source file");
    if (!r.ok && !(r.compiler_failed && explained)) other = missing ? "no such file or directory" : r.error;
  }

  // [{File, [{Place, Module, What}]}] of the errors or of the warnings.
  term list(block& b, bool warnings, const std::string& source) const {
    std::vector<std::pair<std::string, std::vector<term>>> files;
    const auto of = [&](const std::string& file) -> std::vector<term>& {
      for (auto& f : files)
        if (f.first == file) return f.second;
      return files.emplace_back(file, std::vector<term>{}).second;
    };
    for (const auto& d : all)
      if (d.warning == warnings) of(d.file).push_back(description(b, d));
    if (!warnings && !other.empty()) {
      const term what = missing ? make_tuple_of(b, atom("epp"), atom("enoent")) : make_charlist(b, other);
      of(source).push_back(make_tuple_of(b, atom("none"), atom(missing ? "compile" : "erl_parse"), what));
    }
    auto terms = nil;
    for (auto f = files.rbegin(); f != files.rend(); ++f)
      terms = make_cons(b, make_tuple_of(b, make_charlist(b, f->first), make_list(b, f->second.data(), f->second.size())), terms);
    return terms;
  }

  // As printed: all of it as the compiler wrote it, or only one kind.
  std::string text(const compile_result& r, bool errors, bool warnings, const std::string& source) const {
    std::string t;
    if (errors && warnings) t = r.diagnostics;
    else
      for (const auto& d : all)
        if (d.warning ? warnings : errors) t += d.block;
    if (!t.empty() && t.back() != '\n') t += '\n';
    if (errors && !other.empty()) t += (other.starts_with(source) ? "" : source + ": ") + other + "\n";
    return t;
  }
};

std::string joined(const std::vector<std::string>& words) {
  std::string line;
  for (const auto& w : words) (line += line.empty() ? "" : " ") += w;
  return line;
}

struct compilation {
  compile_options options;
  std::shared_ptr<compile_result> result;
  term answer;
};

void limit_time(compile_request& request, const compile_options& options) {
  if (options.time_limit.count() > 0 && options.time_limit < request.time_limit) request.time_limit = options.time_limit;
}

// compile:file/2
task<> compile_file(call_context& cx, const std::string& source, compilation& c, bool load_after) {
  compile_request request;
  const auto& o = c.options;
  request.source = source;
  if (!o.outdir.empty()) request.directory = o.outdir;
  request.write = !o.binary;
  request.options = o.cxx;
  request.recorded_options = o.recorded;
  limit_time(request, o);
  if (o.verbose) {
    const auto line = joined(compile_command(request, (o.outdir.empty() ? "." : o.outdir) + "/MODULE.so", "exports.map")) + "\n";
    co_await print(cx, line);
  }
  if (o.refused.empty()) {
    c.result = co_await build(cx, request);
  } else {
    c.result = std::make_shared<compile_result>();
    c.result->error = o.refused;
  }
  const auto& r = *c.result;
  const report said{r, source};
  const auto text = said.text(r, o.report_errors, o.report_warnings, source);
  co_await print(cx, text);
  auto& b = cx.heap();
  const term warnings = said.list(b, true, source);
  if (!r.ok) {
    c.answer = o.return_errors ? make_tuple_of(b, names().error, said.list(b, false, source), warnings) : names().error;
    co_return;
  }
  std::vector<term> answer{names().ok, find_or_make_atom(r.module)};
  if (o.binary) answer.push_back(make_binary(b, r.bytes));
  if (o.return_warnings) answer.push_back(warnings);
  c.answer = make_tuple(b, answer.data(), answer.size());
  if (!load_after) co_return;
  if (o.binary) {
    const std::string line = "** Warning: No object file created - nothing loaded **\n";
    co_await print(cx, line);
    c.answer = names().ok;
    co_return;
  }
  const auto loaded = co_await load(cx, r);
  auto& now = cx.heap();
  if (loaded->ok) {
    c.answer = make_tuple_of(now, names().ok, find_or_make_atom(r.module));  // c:c/2 drops the warnings it has printed
    co_return;
  }
  const auto why = source + ": " + r.module + " is not loaded: " + loaded->text + "\n";
  co_await print(cx, why);
  c.answer = make_tuple_of(cx.heap(), names().error, loaded->error);
}

// ---- c, compile

task<term> c_c(call_context& cx, term what, term options) {
  check_remote_code(cx.env());
  compilation c;
  if (!read_compile_options(options, c.options)) throw_error(names().function_clause);
  c.options.report_errors = c.options.report_warnings = true;
  std::string file;
  if (!file_name(what, file)) throw_error(names().function_clause);
  auto f = std::make_shared<found>();
  auto& impl = code_server_impl::of(cx.self().node().code());
  const start_function look = [&impl, f, &file, what](std::function<void()> done) {
    impl.post([&impl, f, file, what, done = std::move(done)] {
      if (what.is_atom()) find_source(impl, what, *f);
      else f->source = with_suffix(file);
      done();
    });
  };
  co_await finished(cx, look);
  if (f->error) co_return make_tuple_of(cx.heap(), names().error, atom(f->error));
  if (f->recompiled) {
    compile_options former;
    if (f->options) read_compile_options(f->options->root, former);
    former.cxx.insert(former.cxx.end(), c.options.cxx.begin(), c.options.cxx.end());
    c.options.cxx = std::move(former.cxx);
    if (!former.recorded.empty()) c.options.recorded = (c.options.recorded.empty() ? "" : c.options.recorded + ",") + former.recorded;
    if (c.options.outdir.empty()) c.options.outdir = f->directory;
    const auto line = "Recompiling " + f->source + "\n";
    co_await print(cx, line);
  }
  co_await compile_file(cx, f->source, c, true);
  co_return c.answer;
}

task<term> compile_file_2(call_context& cx, term what, term options) {
  check_remote_code(cx.env());
  compilation c;
  std::string file;
  if (!read_compile_options(options, c.options) || !file_name(what, file)) throw_error(names().badarg);
  auto source = std::make_shared<std::string>();
  auto& impl = code_server_impl::of(cx.self().node().code());
  const start_function look = [&impl, source, &file](std::function<void()> done) {
    impl.post([source, file, done = std::move(done)] {
      *source = with_suffix(file);
      done();
    });
  };
  co_await finished(cx, look);
  co_await compile_file(cx, *source, c, false);
  co_return c.answer;
}

// ---- Elixir.Code

void put(block&, std::vector<std::pair<term, term>>& fields, const char* key, term value) { fields.emplace_back(atom(key), value); }

[[noreturn]] void raise_elixir(call_context& cx, const char* type, std::vector<std::pair<term, term>> fields) {
  auto& b = cx.heap();
  put(b, fields, "__exception__", names().true_);
  put(b, fields, "__struct__", atom(type));
  std::vector<term> keys, values;
  for (const auto& [k, v] : fields) keys.push_back(k), values.push_back(v);
  throw_error(make_map(b, keys.data(), values.data(), keys.size()));
}

[[noreturn]] void raise_compile_error(call_context& cx, const std::string& file, int line, std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  auto& b = cx.heap();
  std::vector<std::pair<term, term>> fields;
  put(b, fields, "file", make_binary(b, file));
  put(b, fields, "line", line > 0 ? small(line) : names().nil_);
  put(b, fields, "description", make_binary(b, text));
  raise_elixir(cx, "Elixir.CompileError", std::move(fields));
}

// [{Module, Binary}], loaded. Warnings are printed, errors are the exception.
task<term> compile_and_load(call_context& cx, compile_request& request) {
  const auto source = request.source;
  request.write = false;
  const auto built = co_await build(cx, request);
  const report said{*built, source};
  if (!built->ok) {
    int line = 0;
    std::string file = source;
    for (const auto& d : said.all)
      if (!d.warning) {
        line = d.line;
        file = d.file;
        break;
      }
    raise_compile_error(cx, file, line, said.text(*built, true, true, source));
  }
  const auto warnings = said.text(*built, false, true, source);
  co_await print(cx, warnings);
  const auto loaded = co_await load(cx, *built);
  if (!loaded->ok) raise_compile_error(cx, source, 0, built->module + " is not loaded: " + loaded->text);
  auto& b = cx.heap();
  co_return make_list_of(b, make_tuple_of(b, loaded->module, make_binary(b, built->bytes)));
}

task<term> compile_string(call_context& cx, term text, term file) {
  check_remote_code(cx.env());
  compile_request request;
  request.text.emplace();
  if (!(text.is_binary() || text.is_list()) || !chardata_to_string(text, *request.text) || !file.is_binary()) throw_error(names().function_clause);
  request.source = file.bytes();
  co_return co_await compile_and_load(cx, request);
}

task<term> ex_compile_file(call_context& cx, term file, term relative_to) {
  check_remote_code(cx.env());
  std::string name, base;
  const bool relative = !relative_to.same(names().nil_);
  if (!file_name(file, name) || (relative && !file_name(relative_to, base))) throw_error(names().function_clause);
  std::error_code ignored;
  compile_request request;
  request.source = (fs::absolute(base, ignored) / name).lexically_normal().string();
  if (!relative) request.source = fs::absolute(name, ignored).lexically_normal().string();
  if (!fs::is_regular_file(request.source, ignored)) {
    auto& b = cx.heap();
    std::vector<std::pair<term, term>> fields;
    put(b, fields, "file", make_binary(b, request.source));
    put(b, fields, "reason", atom("enoent"));
    put(b, fields, "message", make_binary(b, "could not load " + request.source + ". Reason: enoent"));
    raise_elixir(cx, "Elixir.Code.LoadError", std::move(fields));
  }
  co_return co_await compile_and_load(cx, request);
}

// compile:file/1 is file(File, [verbose, report]).
task<term> compile_file_1(call_context& cx, term what) { return compile_file_2(cx, what, make_list_of(cx.heap(), atom("report"))); }
task<term> compile_string_1(call_context& cx, term text) { return compile_string(cx, text, make_binary(cx.heap(), "nofile")); }

}  // namespace

void add_compile_functions(code_server& code) {
  static constexpr builtin_function shell[] = {{"c", 1, waiting<c_c, 0, empty_list>}, {"c", 2, waiting<c_c>}};
  static constexpr builtin_function compiler[] = {
      {"file", 1, waiting<compile_file_1>}, {"file", 2, waiting<compile_file_2>}, {"noenv_file", 2, waiting<compile_file_2>}};
  static constexpr builtin_function elixir[] = {
      {"compile_string", 1, waiting<compile_string_1>}, {"compile_string", 2, waiting<compile_string>},
      {"compile_file", 1, waiting<ex_compile_file, 0, &otp_atoms::nil_>}, {"compile_file", 2, waiting<ex_compile_file>}};
  code.add_builtin("c", shell);
  code.add_builtin("compile", compiler);
  code.add_builtin("Elixir.Code", elixir);
}

}  // namespace cnode::actors
