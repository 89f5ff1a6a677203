#include "libei_codec.hpp"

#include <cstdlib>
#include <new>
#include <vector>

#include <ei.h>

#include <cnode/protocol/atom_table.hpp>

namespace cnode::bench {
namespace {

[[noreturn]] void broken() { std::abort(); }
void need(int status) {
  if (status != 0) broken();
}

// Large variables are static: the stack is ten thousand frames deep.
std::size_t read(const char* buf, int* index) {
  int type = 0, size = 0;
  need(ei_get_type(buf, index, &type, &size));
  std::size_t terms = 1;
  switch (type) {
    case ERL_SMALL_INTEGER_EXT:
    case ERL_INTEGER_EXT:
    case ERL_SMALL_BIG_EXT: {
      long long v;
      need(ei_decode_longlong(buf, index, &v));
      return terms;
    }
    case ERL_ATOM_EXT: {
      static thread_local char text[MAXATOMLEN_UTF8];
      need(ei_decode_atom(buf, index, text));
      return terms;
    }
    case ERL_FLOAT_EXT:
    case NEW_FLOAT_EXT: {
      double v;
      need(ei_decode_double(buf, index, &v));
      return terms;
    }
    case ERL_BINARY_EXT: {
      long length;
      static thread_local std::vector<char> bytes;
      if (bytes.size() < static_cast<std::size_t>(size)) bytes.resize(static_cast<std::size_t>(size));
      need(ei_decode_binary(buf, index, bytes.data(), &length));
      return terms;
    }
    case ERL_STRING_EXT: {
      static thread_local char text[65536];
      need(ei_decode_string(buf, index, text));
      return terms;
    }
    case ERL_SMALL_TUPLE_EXT:
    case ERL_LARGE_TUPLE_EXT: {
      int arity;
      need(ei_decode_tuple_header(buf, index, &arity));
      for (int i = 0; i < arity; ++i) terms += read(buf, index);
      return terms;
    }
    case ERL_MAP_EXT: {
      int arity;
      need(ei_decode_map_header(buf, index, &arity));
      for (int i = 0; i < 2 * arity; ++i) terms += read(buf, index);
      return terms;
    }
    case ERL_LIST_EXT:
    case ERL_NIL_EXT: {
      int arity;
      need(ei_decode_list_header(buf, index, &arity));
      if (arity == 0) return terms;
      for (int i = 0; i < arity; ++i) terms += read(buf, index);
      return terms + read(buf, index);
    }
    case ERL_PID_EXT: {
      static thread_local erlang_pid v;
      need(ei_decode_pid(buf, index, &v));
      return terms;
    }
    case ERL_NEW_REFERENCE_EXT: {
      static thread_local erlang_ref v;
      need(ei_decode_ref(buf, index, &v));
      return terms;
    }
    default:
      broken();
  }
}

// A term as a program on libei would keep it: a node for each, what it refers to allocated behind it.
struct tree {
  int type = 0;
  int size = 0;        // elements, bytes
  union {
    long long integer;
    double number;
    char* bytes;       // of atoms and binaries
    tree* elements;    // of tuples and lists, the tail being the last; keys and values of maps in turns
    erlang_pid* pid;
    erlang_ref* ref;
  };
  tree() : integer(0) {}
};

template <class T>
T* allocate(std::size_t n = 1) {
  auto* p = static_cast<T*>(std::malloc(n * sizeof(T) + 1));
  if (!p) broken();
  return p;
}

void build(const char* buf, int* index, tree& t);

void build_elements(const char* buf, int* index, tree& t, int n) {
  t.size = n;
  t.elements = n ? allocate<tree>(static_cast<std::size_t>(n)) : nullptr;
  for (int i = 0; i < n; ++i) build(buf, index, *new (t.elements + i) tree);
}

void build(const char* buf, int* index, tree& t) {
  need(ei_get_type(buf, index, &t.type, &t.size));
  int n;
  switch (t.type) {
    case ERL_SMALL_INTEGER_EXT:
    case ERL_INTEGER_EXT:
    case ERL_SMALL_BIG_EXT: return need(ei_decode_longlong(buf, index, &t.integer));
    case ERL_FLOAT_EXT:
    case NEW_FLOAT_EXT: return need(ei_decode_double(buf, index, &t.number));
    case ERL_ATOM_EXT:
      t.bytes = allocate<char>(static_cast<std::size_t>(t.size) * 2);  // UTF-8 of as many characters
      return need(ei_decode_atom_as(buf, index, t.bytes, 2 * t.size + 1, ERLANG_UTF8, nullptr, nullptr));
    case ERL_BINARY_EXT: {
      long length;
      t.bytes = allocate<char>(static_cast<std::size_t>(t.size));
      return need(ei_decode_binary(buf, index, t.bytes, &length));
    }
    case ERL_STRING_EXT:
      t.bytes = allocate<char>(static_cast<std::size_t>(t.size));
      return need(ei_decode_string(buf, index, t.bytes));
    case ERL_SMALL_TUPLE_EXT:
    case ERL_LARGE_TUPLE_EXT:
      need(ei_decode_tuple_header(buf, index, &n));
      return build_elements(buf, index, t, n);
    case ERL_MAP_EXT:
      need(ei_decode_map_header(buf, index, &n));
      return build_elements(buf, index, t, 2 * n);
    case ERL_LIST_EXT:
    case ERL_NIL_EXT:
      need(ei_decode_list_header(buf, index, &n));
      return build_elements(buf, index, t, n ? n + 1 : 0);
    case ERL_PID_EXT:
      t.pid = allocate<erlang_pid>();
      return need(ei_decode_pid(buf, index, t.pid));
    case ERL_NEW_REFERENCE_EXT:
      t.ref = allocate<erlang_ref>();
      return need(ei_decode_ref(buf, index, t.ref));
    default: broken();
  }
}

void destroy(tree& t) {
  switch (t.type) {
    case ERL_SMALL_INTEGER_EXT:
    case ERL_INTEGER_EXT:
    case ERL_SMALL_BIG_EXT:
    case ERL_FLOAT_EXT:
    case NEW_FLOAT_EXT: return;
    case ERL_SMALL_TUPLE_EXT:
    case ERL_LARGE_TUPLE_EXT:
    case ERL_MAP_EXT:
    case ERL_LIST_EXT:
    case ERL_NIL_EXT:
      for (int i = 0; i < t.size; ++i) destroy(t.elements[i]);
      [[fallthrough]];
    default: std::free(t.bytes);
  }
}

void fill_node(char* node, term t) {
  const auto text = atom_text(node_of(t).node);
  text.copy(node, text.size());
  node[text.size()] = 0;
}

void write(ei_x_buff* x, term t) {
  if (t.is_small()) {
    need(ei_x_encode_longlong(x, t.small()));
  } else if (t.is_atom()) {
    const auto text = atom_text(t);
    need(ei_x_encode_atom_len(x, text.data(), static_cast<int>(text.size())));
  } else if (t.is_nil()) {
    need(ei_x_encode_empty_list(x));
  } else if (t.is_cons()) {
    term end = t;
    long n = 0;
    for (; end.is_cons(); end = end.tail()) ++n;
    need(ei_x_encode_list_header(x, n));
    for (; t.is_cons(); t = t.tail()) write(x, t.head());
    write(x, end);
  } else if (t.is_tuple()) {
    need(ei_x_encode_tuple_header(x, static_cast<long>(t.arity())));
    for (std::uint64_t i = 0; i < t.arity(); ++i) write(x, t[i]);
  } else if (t.is_map()) {
    need(ei_x_encode_map_header(x, static_cast<long>(t.map_size())));
    for (std::uint64_t i = 0; i < t.map_size(); ++i) write(x, t.map_key(i)), write(x, t.map_value(i));
  } else if (t.is_float()) {
    need(ei_x_encode_double(x, t.float_value()));
  } else if (t.is_binary()) {
    need(ei_x_encode_binary(x, t.bytes().data(), static_cast<int>(t.bytes().size())));
  } else if (t.is_pid()) {
    static thread_local erlang_pid p;
    fill_node(p.node, t);
    p.num = pid_id(t), p.serial = pid_serial(t), p.creation = node_of(t).creation;
    need(ei_x_encode_pid(x, &p));
  } else if (t.is_ref()) {
    static thread_local erlang_ref r;
    fill_node(r.node, t);
    r.len = 3, r.creation = node_of(t).creation;
    need(ei_x_encode_ref(x, &r));
  } else {
    broken();
  }
}

}  // namespace

bool libei_skip(const std::string& bytes) {
  int index = 0, version = 0;
  return ei_decode_version(bytes.data(), &index, &version) == 0 && ei_skip_term(bytes.data(), &index) == 0 &&
      static_cast<std::size_t>(index) == bytes.size();
}
std::size_t libei_decode(const std::string& bytes) {
  int index = 0, version = 0;
  need(ei_decode_version(bytes.data(), &index, &version));
  const auto n = read(bytes.data(), &index);
  if (static_cast<std::size_t>(index) != bytes.size()) broken();
  return n;
}
void libei_build(const std::string& bytes) {
  int index = 0, version = 0;
  tree t;
  need(ei_decode_version(bytes.data(), &index, &version));
  build(bytes.data(), &index, t);
  if (static_cast<std::size_t>(index) != bytes.size()) broken();
  destroy(t);
}
std::size_t libei_encode(term t) {
  static thread_local ei_x_buff x = [] {
    ei_x_buff b;
    need(ei_x_new(&b));
    return b;
  }();
  x.index = 0;
  need(ei_x_encode_version(&x));
  write(&x, t);
  return static_cast<std::size_t>(x.index);
}

}  // namespace cnode::bench
