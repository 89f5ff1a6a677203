#include "code/waiting.hpp"

#include <atomic>

#include <cnode/actors/runtime.hpp>
#include <cnode/protocol/atom_table.hpp>
#include <cnode/protocol/term_order.hpp>

#include "code/code_impl.hpp"
#include "core.hpp"

namespace cnode::actors {

namespace {

term answer_tag() {
  static const term t = atom("$code_server_answer");
  return t;
}

// A question on its way: an answer to one that is no more is dropped.
struct question {
  question(cnode_env* env, const std::function<void(answer_to)>& start) {
    auto& p = self(env);
    auto& node = p.node();
    ref = node.make_ref(heap_of(env));
    std::shared_ptr<block> kept{copy_to_block(ref).release(), block_deleter{}};
    start([&node, pid = p.pid(), kept, dropped = dropped](const build_answer& build) {
      if (*dropped) return;
      auto b = block::make(24);
      const auto payload = build(*b);
      b->root = make_tuple_of(*b, answer_tag(), copy(*b, kept->root), payload);
      node.send(pid, std::move(b));
    });
  }
  question(const question&) = delete;
  ~question() { *dropped = true; }
  bool is_answered_by(term m) const { return m.is_tuple(3) && m[0].same(answer_tag()) && exactly_equal(m[1], ref); }

  term ref;
  std::shared_ptr<std::atomic<bool>> dropped = std::make_shared<std::atomic<bool>>(false);
};

struct answer_frame {
  question asked;
  std::function<cnode_term(cnode_env*, term)> then;
};

int is_answer(cnode_env*, void* frame, cnode_term message) {
  return static_cast<answer_frame*>(frame)->asked.is_answered_by(term{message}) ? 1 : 0;
}

cnode_term resume_answer(cnode_env* env, void* frame, cnode_term message) {
  std::unique_ptr<answer_frame> f{static_cast<answer_frame*>(frame)};
  env->outcome = 0;
  return f->then(env, term{message}[2]);
}

// A nested call that waits keeps its version, and purge finds the process through it.
struct nested_frame {
  cnode_continuation inner;
  function_ref ref;
  code_server_impl* code;
  cnode_term pid;

  void enter() {
    std::lock_guard guard{code->users_lock};
    ++code_server_impl::file(*ref.version).waiting[pid];
  }
  void leave() {
    std::lock_guard guard{code->users_lock};
    auto& waiting = code_server_impl::file(*ref.version).waiting;
    if (auto i = waiting.find(pid); i != waiting.end() && --i->second == 0) waiting.erase(i);
  }
};

cnode_term after_nested(cnode_env* env, cnode_term value, std::unique_ptr<nested_frame> f);

int match_nested(cnode_env* env, void* frame, cnode_term message) {
  auto& inner = static_cast<nested_frame*>(frame)->inner;
  return inner.match(env, inner.frame, message);
}

cnode_term resume_nested(cnode_env* env, void* frame, cnode_term message) {
  std::unique_ptr<nested_frame> f{static_cast<nested_frame*>(frame)};
  f->leave();
  env->outcome = 0;
  const auto value = f->inner.resume(env, f->inner.frame, message);
  return after_nested(env, value, std::move(f));
}

void destroy_nested(void* frame) {
  std::unique_ptr<nested_frame> f{static_cast<nested_frame*>(frame)};
  f->leave();
  f->inner.destroy(f->inner.frame);
  f->ref.version->release();
}

cnode_term after_nested(cnode_env* env, cnode_term value, std::unique_ptr<nested_frame> f) {
  if (value == CNODE_NONE && env->outcome == CNODE_SUSPEND) {
    f->inner = env->continuation;
    f->enter();
    env->continuation = {f.get(), resume_nested, destroy_nested, f->inner.match ? match_nested : nullptr, f->inner.timeout_ms};
    f.release();
    return CNODE_NONE;
  }
  f->ref.version->release();
  if (value == CNODE_NONE && env->outcome == CNODE_TAIL_CALL)
    return apply(env, term{env->tail_module}, term{env->tail_function}, term{env->tail_args});
  return value;
}

// Says where it was raised, for a function that did not. As on BEAM: an undefined function, one that no clause fits and a BIF say with
// what arguments, all others with how many; and a shell makes the text "1st argument: not an atom" of a BIF's error_info.
void add_frame(cnode_env* env, const function_ref& ref, term module, term function, term args) {
  static const term error = atom("error"), undef = atom("undef"), function_clause = atom("function_clause");
  if (env->outcome != CNODE_RAISE || env->stacktrace != CNODE_NONE) return;
  const bool with_args = term{env->error_class}.same(error) &&
                         ((ref.version->builtin() && term{env->reason}.is_atom()) || term{env->reason}.same(undef) || term{env->reason}.same(function_clause));
  auto& b = heap_of(env);
  const term third = with_args ? args : small(list_length(args));
  env->stacktrace = make_list_of(b, make_tuple_of(b, module, function, third, with_args ? error_info_of(b, module) : nil)).word();
}

cnode_term call_found(cnode_env* env, const function_ref& ref, const cnode_term* args, term module, term function, term list) {
  auto& p = self(env);
  env->outcome = 0;
  calling(ref);
  const auto value = ref.function(env, args);
  if (value == CNODE_NONE) add_frame(env, ref, module, function, list);
  const bool over = value != CNODE_NONE || (env->outcome != CNODE_SUSPEND && env->outcome != CNODE_TAIL_CALL);
  // Builtin functions are never purged: nothing need be held while one of them waits.
  if (over || (ref.version->builtin() && env->outcome == CNODE_SUSPEND)) {
    ref.version->release();
    return value;
  }
  auto f = std::make_unique<nested_frame>();
  f->ref = ref;
  f->code = &code_server_impl::of(p.node().code());
  f->pid = p.pid().word();
  return after_nested(env, value, std::move(f));
}

cnode_term apply_once(cnode_env* env, term module, term function, term args, bool load) {
  const auto n = list_length(args);
  if (!module.is_atom() || !function.is_atom() || n < 0 || n > 255) return raise_badarg(env).word();
  auto& code = self(env).node().code();
  if (auto ref = code.find(module, function, static_cast<std::uint32_t>(n))) {
    cnode_term a[256];
    std::size_t i = 0;
    for (auto l = args; l.is_cons(); l = l.tail()) a[i++] = l.head().word();
    return call_found(env, ref, a, module, function, args);
  }
  if (!load || code.look(module) != code_server::presence::loadable) return raise_undef(env, module, function, args).word();
  return await_answer(
      env,
      [&](answer_to answer) {
        code.ensure_loaded(module, [answer](const load_result& r) { answer([ok = r.ok](block&) { return atom(ok ? "true" : "false"); }); },
                           self(env).pid());
      },
      [=](cnode_env* e, term) { return apply_once(e, module, function, args, false); });
}

}  // namespace

cnode_term await_answer(cnode_env* env, const std::function<void(answer_to)>& start,
                        std::function<cnode_term(cnode_env*, term)> then) {
  auto* f = new answer_frame{{env, start}, std::move(then)};
  env->continuation = {f, resume_answer, [](void* frame) { delete static_cast<answer_frame*>(frame); }, is_answer, -1};
  env->outcome = CNODE_SUSPEND;
  return CNODE_NONE;
}

task<term> answered(call_context& cx, std::function<void(answer_to)> start) {
  const question asked{cx.env(), start};
  const call_context::matcher match = [&asked](term m) { return asked.is_answered_by(m); };
  const term m = co_await cx.receive(match, -1);
  co_return m[2];
}

term error_info_of(block& b, term module) {
  static const term erlang = atom("erlang"), error_info = atom("error_info"), key = atom("module"), value = atom("erl_erts_errors");
  if (!module.same(erlang)) return nil;
  return make_list_of(b, make_tuple_of(b, error_info, make_map(b, &key, &value, 1)));
}

cnode_term apply_in(cnode_env* env, const function_ref& ref, term module, term function) {
  return call_found(env, ref, nullptr, module, function, nil);
}

cnode_term apply(cnode_env* env, term module, term function, term args) {
  const auto value = apply_once(env, module, function, args, true);
  if (value == CNODE_NONE && env->outcome == CNODE_SUSPEND) core::pin(self(env));
  return value;
}

}  // namespace cnode::actors
