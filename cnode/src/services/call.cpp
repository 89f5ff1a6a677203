#include "call.hpp"

namespace cnode::services {

term ok() {
  static const term t = atom("ok");
  return t;
}

term undefined() {
  static const term t = atom("undefined");
  return t;
}

term call::error(term reason) const { return actors::raise(env, atom("error"), reason); }
term call::badarg() const { return actors::raise_badarg(env); }
term call::badarith() const { return error(atom("badarith")); }
term call::exit(term reason) const { return actors::raise(env, atom("exit"), reason); }
term call::throw_(term value) const { return actors::raise(env, atom("throw"), value); }

namespace {

waiter& frame_of(void* frame) { return *static_cast<waiter*>(frame); }

cnode_term resume(cnode_env* env, void* frame, cnode_term message) {
  std::unique_ptr<waiter> w(&frame_of(frame));
  call c{env, nullptr};
  return w->go_on(c, term{message}).word();
}

void destroy(void* frame) { delete &frame_of(frame); }

int match(cnode_env* env, void* frame, cnode_term message) { return frame_of(frame).matches(env, term{message}); }

}  // namespace

term call::wait(std::unique_ptr<waiter> w, std::int64_t timeout_ms) const {
  env->outcome = CNODE_SUSPEND;
  env->continuation = {w.release(), resume, destroy, match, timeout_ms};
  return {};
}

std::optional<std::vector<term>> elements(term list) {
  std::vector<term> out;
  for (; list.is_cons(); list = list.tail()) out.push_back(list.head());
  if (!list.is_nil()) return std::nullopt;
  return out;
}

bool to_string(term t, std::string& out) {
  out.clear();
  if (t.is_atom()) {
    out = atom_text(t);
    return true;
  }
  if (t.is_binary()) {
    out = t.bytes();
    return true;
  }
  return t.is_list() && chardata_to_string(t, out);
}

kept keep(term t) { return std::make_shared<const block_ptr>(copy_to_block(t)); }

}  // namespace cnode::services
