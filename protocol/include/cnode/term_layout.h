/* How a term lies in memory: the words that host and callback modules share.
 *
 * This header is the only one both sides include. It is plain C, it is part of the module ABI
 * (a module carries the hash of it in its stamp), and nothing in it calls anything.
 *
 * A term is one 64-bit word. Its two low bits say what it is:
 *
 *   ...00  pointer to a boxed object (the first word there is a header)
 *   ...01  pointer to a cons cell {head, tail}, plus 1
 *   ...10  another immediate, told apart by the six low bits: atom, [], a pid of this node
 *   ...11  a small integer, 62 bits, two's complement
 *
 * The word 0 is no term ("none"): what a function returns when it raised, suspended or has nothing.
 *
 * A boxed object begins with a header: kind in the low 8 bits, a size in the 56 bits above it.
 * Boxed objects and cons cells lie in blocks (heaps); pointers stay valid as long as the block. */
#ifndef CNODE_TERM_LAYOUT_H
#define CNODE_TERM_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef uint64_t cnode_term;

enum { CNODE_NONE = 0 };

/* two low bits */
enum { CNODE_TAG_BOXED = 0, CNODE_TAG_CONS = 1, CNODE_TAG_IMMEDIATE = 2, CNODE_TAG_SMALL = 3, CNODE_TAG_MASK = 3 };

/* six low bits of an immediate */
enum {
  CNODE_IMM_ATOM = 0x02, /* bits 6..37: index in the node's atom table */
  CNODE_IMM_NIL = 0x06,  /* the empty list; no further bits */
  CNODE_IMM_PID = 0x0a,  /* a pid of this node: bits 6..37 id, bits 38..63 serial */
  CNODE_IMM_MASK = 0x3f
};
#define CNODE_NIL ((cnode_term)CNODE_IMM_NIL)

/* header kinds; "size" is what the header's upper 56 bits hold */
enum {
  CNODE_TUPLE = 1,   /* size = arity; the elements follow */
  CNODE_MAP = 2,     /* size = pairs; all keys in key order (as erts_cmp's exact order), then their values */
  CNODE_FLOAT = 3,   /* size = 1; one IEEE double, never NaN or infinite */
  CNODE_BIG_POS = 4, /* size = limbs; magnitude, least significant 64-bit limb first, no zero limb on top; */
  CNODE_BIG_NEG = 5, /*   never a value that fits a small integer */
  CNODE_BITS = 6,    /* size = bits (8 x bytes for a binary); the bytes follow, the last one's unused low bits are 0 */
  CNODE_BITS_SHARED = 7, /* size = bits; words: next off-heap object, cnode_buffer *, first byte's address */
  CNODE_PID = 8,     /* a pid of another node or of an earlier life of this one. size = 2; words: node, id | serial << 32 */
  CNODE_PORT = 9,    /* size = 2; words: node, id */
  CNODE_REF = 10,    /* size = number of 32-bit id words, 1..5; words: node, then id words packed two a word */
  CNODE_EXPORT = 11, /* fun M:F/A. size = 3; words: module, function, arity (all terms) */
  CNODE_FUN = 12,    /* a closure of some BEAM. size = words that follow: uniq (2 raw words, bytes as on the wire),
                        arity << 32 | index, module, old_index, old_uniq, pid, free variables (terms) */
  CNODE_RECORD = 13, /* tag 67 of OTP 29. size = words that follow: all terms, see erl_ext_dist "RECORD_EXT" */
  CNODE_NATIVE = 14  /* a native object of a module. size = 2; words: next off-heap object, cnode_native * */
};
/* "node" word of pid, port and ref: atom index of the node name | creation << 32 */

#define CNODE_HEADER(kind, size) (((cnode_term)(size) << 8) | (cnode_term)(kind))
static inline unsigned cnode_header_kind(cnode_term header) { return (unsigned)(header & 0xff); }
static inline uint64_t cnode_header_size(cnode_term header) { return header >> 8; }

/* What a block's bump allocator looks like from a module. Terms made by a callback go here. */
typedef struct cnode_heap {
  cnode_term *top;     /* next free word */
  cnode_term *end;     /* one past the last usable word of the current chunk */
  cnode_term off_heap; /* boxed BITS_SHARED and NATIVE objects of this heap, linked through their second word */
} cnode_heap;

/* Bytes shared by any number of binaries. Counted; freed by the host. */
typedef struct cnode_buffer cnode_buffer;

static inline int cnode_is_boxed(cnode_term t) { return (t & CNODE_TAG_MASK) == CNODE_TAG_BOXED && t != 0; }
static inline int cnode_is_cons(cnode_term t) { return (t & CNODE_TAG_MASK) == CNODE_TAG_CONS; }
static inline int cnode_is_small(cnode_term t) { return (t & CNODE_TAG_MASK) == CNODE_TAG_SMALL; }
static inline int cnode_is_nil(cnode_term t) { return t == CNODE_NIL; }
static inline int cnode_is_atom(cnode_term t) { return (t & CNODE_IMM_MASK) == CNODE_IMM_ATOM; }
static inline int cnode_is_local_pid(cnode_term t) { return (t & CNODE_IMM_MASK) == CNODE_IMM_PID; }
static inline cnode_term *cnode_boxed_ptr(cnode_term t) { return (cnode_term *)(uintptr_t)t; }
static inline cnode_term *cnode_cons_ptr(cnode_term t) { return (cnode_term *)(uintptr_t)(t - CNODE_TAG_CONS); }
static inline unsigned cnode_kind(cnode_term t) { return cnode_is_boxed(t) ? cnode_header_kind(*cnode_boxed_ptr(t)) : 0; }
static inline uint64_t cnode_size(cnode_term t) { return cnode_header_size(*cnode_boxed_ptr(t)); }

static inline cnode_term cnode_make_small(int64_t v) { return ((cnode_term)v << 2) | CNODE_TAG_SMALL; }
static inline int64_t cnode_small_value(cnode_term t) { return (int64_t)t >> 2; }
static inline int cnode_fits_small(int64_t v) { return v >= -((int64_t)1 << 61) && v < ((int64_t)1 << 61); }
static inline cnode_term cnode_make_atom(uint32_t index) { return ((cnode_term)index << 6) | CNODE_IMM_ATOM; }
static inline uint32_t cnode_atom_index(cnode_term t) { return (uint32_t)(t >> 6); }
static inline cnode_term cnode_make_local_pid(uint32_t id, uint32_t serial) {
  return ((cnode_term)serial << 38) | ((cnode_term)id << 6) | CNODE_IMM_PID;
}
static inline uint32_t cnode_local_pid_id(cnode_term t) { return (uint32_t)(t >> 6); }
static inline uint32_t cnode_local_pid_serial(cnode_term t) { return (uint32_t)(t >> 38); }
static inline cnode_term cnode_make_boxed(const cnode_term *p) { return (cnode_term)(uintptr_t)p; }
static inline cnode_term cnode_make_cons(const cnode_term *p) { return (cnode_term)(uintptr_t)p + CNODE_TAG_CONS; }
static inline cnode_term cnode_head(cnode_term t) { return cnode_cons_ptr(t)[0]; }
static inline cnode_term cnode_tail(cnode_term t) { return cnode_cons_ptr(t)[1]; }

/* Bit strings of both kinds. */
static inline const uint8_t *cnode_bits_data(cnode_term t) {
  const cnode_term *p = cnode_boxed_ptr(t);
  return cnode_header_kind(*p) == CNODE_BITS ? (const uint8_t *)(p + 1) : (const uint8_t *)(uintptr_t)p[3];
}

#ifdef __cplusplus
}
#endif
#endif
