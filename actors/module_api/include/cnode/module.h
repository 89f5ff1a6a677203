/* The ABI between a cnode and its callback modules, modelled on erl_nif. Plain C.
 *
 * A module is a shared object that exports one symbol, cnode_module_entry. The host calls it once after
 * loading, hands it the table of host functions and gets back the description of the module. Nothing else
 * crosses: no C++ object, no exception, no vtable. Terms cross as words (term_layout.h) and are read inline.
 *
 * Authors use the C++ headers built on this one (gen_server.hpp, ...); this file is for those who write a
 * binding for another language.
 *
 * Threads: an entry is called on a scheduler thread; the calls for one process never overlap. The host
 * functions that take a cnode_env may be called only by the callback that got it, while it runs.
 * Lifetime: terms that a callback gets or makes are valid until it returns; for one that suspended, until it
 * has finished, however often it was resumed. */
#ifndef CNODE_MODULE_H
#define CNODE_MODULE_H

#include <cnode/term_layout.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CNODE_ABI_MAJOR 1
#define CNODE_ABI_MINOR 0

typedef struct cnode_env cnode_env;

/* An exported function. `args` holds as many terms as the export's arity.
 * Returns the value, or CNODE_NONE after it has set env->outcome. */
typedef cnode_term (*cnode_function)(cnode_env *env, const cnode_term *args);

/* A function that waits for a message. The frame belongs to the host from the moment the function returned
 * with CNODE_SUSPEND until resume or destroy is called. The env may be another one when it goes on. */
typedef struct cnode_continuation {
  void *frame;
  /* Goes on with the message that matched, or with CNODE_NONE after the timeout. Returns as a cnode_function does. */
  cnode_term (*resume)(cnode_env *env, void *frame, cnode_term message);
  /* The process is gone, or its code was purged: free everything; no host function but free ones may be called. */
  void (*destroy)(void *frame);
  /* Non-zero to take this message out of the mailbox; the others stay in order. NULL takes the first. Must not suspend. */
  int (*match)(cnode_env *env, void *frame, cnode_term message);
  int64_t timeout_ms; /* negative: wait for ever */
} cnode_continuation;

enum {
  CNODE_RAISE = 1,     /* class, reason, stacktrace are set */
  CNODE_SUSPEND = 2,   /* continuation is set */
  CNODE_TAIL_CALL = 3  /* tail_module, tail_function, tail_args (a list): an external call, made by the host after this
                          function's frames are gone; it runs the then current version of the module */
};

/* env->flags: 1 and 2 for callbacks and threads (below); 4 and 8 for a to_term. */
enum {
  CNODE_ENV_THREAD = 16, /* of start_thread: there is no mailbox that an answer could come to */
  CNODE_ENV_SHOW = 4,  /* on behalf of people (:sys.get_state, reports): huge blobs may be summarised */
  CNODE_ENV_STATE = 8  /* for a newer version: what it gives is all that is left of the object */
};

struct cnode_env {
  cnode_heap *heap;         /* terms made by this callback go here */
  uint32_t outcome;         /* read by the host only when the function returned CNODE_NONE */
  uint32_t flags;           /* 1: the process was killed while the callback runs; it should return soon. 2: a thread is asked to stop */
  cnode_term error_class;   /* error, exit or throw */
  cnode_term reason;
  cnode_term stacktrace;    /* list of {M,F,A,Location}, or CNODE_NONE: the host makes one */
  cnode_continuation continuation;
  cnode_term tail_module, tail_function, tail_args;
  void *process;            /* the host's */
};

/* A native object that lives in a state: `ops` belong to the version that made it or took it over. Counted by the host. */
typedef struct cnode_native_ops {
  const char *type;                                        /* for messages */
  cnode_term (*to_term)(cnode_env *env, const void *object);  /* what people (CNODE_ENV_SHOW) or newer versions (CNODE_ENV_STATE) see */
  void (*destroy)(void *object);
  uint64_t layout;                                         /* layout fingerprint; 0: none, never adopted */
} cnode_native_ops;

/* The native types a version knows. A list, so that headers can collect it. */
typedef struct cnode_native_type {
  const cnode_native_ops *ops;
  const struct cnode_native_type *next;
} cnode_native_type;

enum { CNODE_EXPORT_DIRTY = 1 /* known to block: run where it delays nobody */ };

typedef struct cnode_export {
  const char *name;
  uint32_t arity;
  uint32_t flags;
  cnode_function function;
} cnode_export;

typedef struct cnode_module {
  uint32_t size; /* sizeof(cnode_module) as the module was compiled */
  uint16_t abi_major, abi_minor;
  const char *name;       /* the whole atom: "Elixir.Inc" */
  const char *vsn;        /* a term in Erlang syntax, or NULL: made from the file's digest */
  const char *behaviour;  /* "gen_server", or NULL */
  const cnode_export *exports;
  uint32_t export_count;
  /* Called once before the version becomes current; returns the atom ok, anything else refuses the load. May be NULL. */
  cnode_function on_load;
  /* Where the list of its native types begins; may be NULL. When older code is purged the host gives objects of the same type and
   * layout to these operations without calling any code of the module; any other object becomes a term. */
  const cnode_native_type *const *natives;
  /* For module_info(compile); both may be NULL. The source's path, and a list of options in Erlang syntax. */
  const char *source;
  const char *options;
} cnode_module;

/* Monitor targets, send targets: pid, atom (registered here), {Name, Node}; send also takes an alias (reference). */
enum { CNODE_MONITOR_ALIAS = 1 /* the reference is an alias too, until a reply or a DOWN comes through it (reply_demonitor) */ };
enum { CNODE_SPAWN_LINK = 1, CNODE_SPAWN_MONITOR = 2 };

typedef struct cnode_host {
  uint32_t size;
  uint16_t abi_major, abi_minor;

  /* -- no process needed */
  cnode_term (*atom)(const char *utf8, size_t length);              /* CNODE_NONE: no legal atom, or table full */
  const char *(*atom_text)(cnode_term atom, size_t *length);        /* valid for ever */
  int (*compare)(cnode_term a, cnode_term b);                       /* Erlang's ==-order: <0, 0, >0 */
  int (*exactly_equal)(cnode_term a, cnode_term b);
  cnode_term (*map_get)(cnode_term map, cnode_term key);            /* CNODE_NONE: not there */
  int64_t (*monotonic_ns)(void);
  int64_t (*system_ns)(void);
  void (*log)(int level, const char *text, size_t length);          /* the node's own log; 0 debug .. 4 error */

  /* -- terms */
  cnode_term *(*heap_grow)(cnode_heap *heap, size_t words);         /* `words` consecutive words; never NULL */
  cnode_term (*make_binary)(cnode_heap *heap, const char *bytes, size_t n);
  cnode_term (*make_big)(cnode_heap *heap, int negative, const uint64_t *limbs, size_t n);
  cnode_term (*make_map)(cnode_heap *heap, const cnode_term *keys, const cnode_term *values, size_t n); /* sorts; last of equals wins */
  cnode_term (*make_ref)(cnode_env *env);
  cnode_term (*copy)(cnode_heap *heap, cnode_term t);
  /* Text of a term; written to heap as a binary. style 0: Erlang ~p, 1: Erlang ~w, 2: Elixir inspect. */
  cnode_term (*format)(cnode_heap *heap, cnode_term t, int style);
  cnode_term (*parse)(cnode_heap *heap, const char *text, size_t n);  /* Erlang syntax; CNODE_NONE: no term */
  /* Everything made or received after the mark goes when released. Marks nest. */
  void *(*heap_mark)(cnode_env *env);
  void (*heap_release)(cnode_env *env, void *mark);

  /* -- native objects */
  cnode_term (*make_native)(cnode_env *env, void *object, const cnode_native_ops *ops); /* takes ownership of object */
  void *(*native_object)(cnode_term native, const cnode_native_ops **ops);
  /* The term with every native object in it replaced, by the operations of the version that owns it; with CNODE_ENV_SHOW in env as
   * people see it. CNODE_NONE: a conversion failed, the outcome is set. code_change gets the state with its native objects. */
  cnode_term (*native_to_term)(cnode_env *env, cnode_term t);

  /* -- the process that runs */
  cnode_term (*self)(cnode_env *env);
  void (*send)(cnode_env *env, cnode_term to, cnode_term message);
  cnode_term (*spawn)(cnode_env *env, cnode_term module, cnode_term function, cnode_term args, uint32_t flags); /* pid or {pid, ref} */
  cnode_term (*monitor)(cnode_env *env, cnode_term target, uint32_t flags);
  int (*demonitor)(cnode_env *env, cnode_term ref, int flush);
  cnode_term (*alias)(cnode_env *env);
  int (*unalias)(cnode_env *env, cnode_term alias);
  void (*link)(cnode_env *env, cnode_term pid);
  void (*unlink)(cnode_env *env, cnode_term pid);
  void (*exit_signal)(cnode_env *env, cnode_term pid, cnode_term reason);   /* exit/2 */
  int (*trap_exit)(cnode_env *env, int on);                                 /* the former value */
  cnode_term (*dictionary_put)(cnode_env *env, cnode_term key, cnode_term value);  /* value CNODE_NONE erases; the former value or `undefined` */
  cnode_term (*dictionary_get)(cnode_env *env, cnode_term key);
  cnode_term (*group_leader)(cnode_env *env);
  int (*register_name)(cnode_env *env, cnode_term name, cnode_term pid);    /* 0: badarg */
  int (*unregister_name)(cnode_env *env, cnode_term name);
  cnode_term (*whereis)(cnode_env *env, cnode_term name);                   /* pid or `undefined` */
  cnode_term (*send_after)(cnode_env *env, int64_t ms, cnode_term to, cnode_term message);  /* timer reference */
  int64_t (*cancel_timer)(cnode_env *env, cnode_term ref);                  /* milliseconds left, -1: no such timer */
  /* Text for the group leader, by the io protocol; does not wait for the answer. UTF-8. */
  void (*put_chars)(cnode_env *env, const char *text, size_t n);
  /* Another function of any module of this node, in the same process: an external call. Returns as that function does; if it
   * suspended, the caller's coroutine must adopt the continuation (coroutine.hpp does). */
  cnode_term (*apply)(cnode_env *env, cnode_term module, cnode_term function, cnode_term args);
  cnode_term (*node)(cnode_env *env, cnode_term pid_or_none);               /* node(), node(Pid) */
  /* A newer version takes the live object over: from now on `ops` (of the calling module) are its operations, and it no longer holds
   * the version that made it. Non-zero: done (or they were its operations already). 0: no native, or its layout fingerprint is 0 or another. */
  int (*adopt_native)(cnode_env *env, cnode_term native, const cnode_native_ops *ops);

  /* -- threads that the host owns. Such a thread belongs to the process that started it and keeps this version mapped until it has
   * returned. Its `run` gets an env of its own: send, make terms, spawn, look up names; the process's mailbox, links and dictionary are
   * out of reach. When its process ends, or its code is purged, flag 1 is set and what it sends is dropped. An outcome of CNODE_RAISE
   * ends its process as a linked process's would, so does a purge (reason `killed`).
   * `destroy` is called after `run`, on the same thread. The value is a reference; CNODE_NONE: system_limit was raised. */
  cnode_term (*start_thread)(cnode_env *env, const char *name, void (*run)(cnode_env *thread, void *argument),
                             void (*destroy)(void *argument), void *argument);
  /* Asks the thread to stop: its flag 2 is set, what it sends still goes. 0: no such thread of this node (any more). */
  int (*stop_thread)(cnode_env *env, cnode_term thread);
  /* For the thread itself: waits so long (negative: for ever) or until it is asked to stop. Non-zero: it is. */
  int (*thread_wait)(cnode_env *thread, int64_t ms);

  /* What `native` refers to becomes `object` with `ops` (of the calling module), everywhere; the former object is destroyed by its own
   * operations. 0: not a native object of a module, and `object` stays the caller's. */
  int (*replace_native)(cnode_env *env, cnode_term native, void *object, const cnode_native_ops *ops);

  /* The env of the function that runs on this thread: what `destroy` of a continuation has, which gets none. */
  cnode_env *(*running_env)(void);
  /* Memory for the frames of functions that wait: small, and there may be one of it per process. Given back with the same size, on any
   * thread. NULL: there is none. */
  void *(*take_frame)(size_t bytes);
  void (*give_frame)(void *frame, size_t bytes);
} cnode_host;

/* The one symbol a module exports. NULL: the module does not want this host. */
const cnode_module *cnode_module_entry(const cnode_host *host);
typedef const cnode_module *(*cnode_module_entry_function)(const cnode_host *host);

/* The stamp: an ELF note that the loader reads before any code of the module runs. cnode_add_module and the C++ headers write it. */
#define CNODE_NOTE_SECTION ".note.cnode"
#define CNODE_NOTE_OWNER "cnode"
enum { CNODE_NOTE_TYPE = 1 };
enum { CNODE_SANITIZE_NONE = 0, CNODE_SANITIZE_ADDRESS = 1, CNODE_SANITIZE_THREAD = 2 };
enum { CNODE_CXX11_ABI_OLD = 0, CNODE_CXX11_ABI_NEW = 1, CNODE_CXX11_ABI_NONE = 2 /* plain C, or not libstdc++ */ };
typedef struct cnode_stamp {
  uint32_t size; /* sizeof(cnode_stamp) */
  uint16_t abi_major, abi_minor;
  uint32_t pointer_size;
  uint32_t sanitizer;
  uint64_t header_hash;    /* of the ABI structures' sizes and offsets */
  uint32_t cxx11_abi;      /* _GLIBCXX_USE_CXX11_ABI */
  uint32_t debug_mode;     /* 1: _GLIBCXX_DEBUG */
  uint32_t cplusplus;      /* __cplusplus; 0: plain C. Shown, not compared */
  uint32_t libstdcxx;      /* _GLIBCXX_RELEASE, or 0. Shown, not compared */
  char module_name[256 * 4];
  char vsn[256];
  char compiler[64];
} cnode_stamp;

#ifdef __cplusplus
}
#endif
#endif
