/* A node in C by OTP's libei, as a neighbour of the node HOST_NODE, which has the module `worker` and a process `mirror` of the module
 * mirror. Prints what it sees: a BEAM node and a C++ node as its neighbour let it see the same.
 *   ei_neighbour connect NAME COOKIE NODE     connects to NODE
 *   ei_neighbour accept NAME COOKIE NODE      is published, prints "published", and waits for NODE to connect */
#include <ei.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static ei_cnode ec;
static int fd;
static const char *node;

static void die(const char *what) {
  printf("failed: %s (erl_errno %d)\n", what, erl_errno);
  exit(1);
}

/* The name of the neighbour becomes NODE. */
static void show(const char *what, const char *buffer, int index) {
  char *text = NULL, *at;
  if (ei_s_print_term(&text, buffer, &index) < 0) die("a term cannot be printed");
  while ((at = strstr(text, node))) {
    memcpy(at, "NODE", 4);
    memmove(at + 4, at + strlen(node), strlen(at + strlen(node)) + 1);
  }
  printf("%s: %s\n", what, text);
  free(text);
}

/* What comes next, ticks apart; its type, and its term in x. */
static int next(ei_x_buff *x, erlang_msg *message) {
  int got;
  x->index = 0;
  do got = ei_xreceive_msg_tmo(fd, message, x, 10000);
  while (got == ERL_TICK);
  if (got != ERL_MSG) die("receive");
  return message->msgtype;
}

static void show_next(const char *what) {
  ei_x_buff x;
  erlang_msg m;
  int index = 0, version;
  ei_x_new(&x);
  switch (next(&x, &m)) {
    case ERL_LINK: printf("%s: link\n", what); break;
    case ERL_UNLINK: printf("%s: unlink\n", what); break;
    case ERL_EXIT:
    case ERL_EXIT2:
    default:
      if (ei_decode_version(x.buff, &index, &version)) index = 0;
      printf("%s (%s) ", what, m.msgtype == ERL_SEND ? "sent" : m.msgtype == ERL_REG_SEND ? m.toname : m.msgtype == ERL_EXIT ? "exit" : "exit2");
      if (x.index > index) show("", x.buff, index);
      else printf("\n");
  }
  ei_x_free(&x);
}

static void rpc(const char *what, char *module, char *function, ei_x_buff *arguments) {
  ei_x_buff x;
  ei_x_new(&x);
  if (ei_rpc(&ec, fd, module, function, arguments->buff, arguments->index, &x) < 0) die(what);
  show(what, x.buff, 0);
  ei_x_free(&x);
}

static void formatted(const char *what, char *module, char *function, const char *arguments) {
  ei_x_buff a;
  ei_x_new(&a);
  if (ei_x_format_wo_ver(&a, arguments)) die(arguments);
  rpc(what, module, function, &a);
  ei_x_free(&a);
}

/* {Atom, Self, ...}, the beginning of most messages. */
static void begin(ei_x_buff *x, const char *atom, int arity) {
  ei_x_new_with_version(x);
  ei_x_encode_tuple_header(x, arity);
  ei_x_encode_atom(x, atom);
  ei_x_encode_pid(x, ei_self(&ec));
}

static void mirrored(void) {
  ei_x_buff x;
  begin(&x, "mirror", 3);
  ei_x_format_wo_ver(&x, "{hello, [1, 2.5, ~a, ~s], {}}", "an_atom", "text");
  if (ei_reg_send(&ec, fd, "mirror", x.buff, x.index)) die("ei_reg_send");
  show_next("mirrored");
  ei_x_free(&x);
}

/* A megabyte there and back. */
static void large(void) {
  const long size = 1 << 20;
  char *bytes = malloc(size), *back = malloc(size);
  ei_x_buff x, y;
  erlang_msg m;
  int index = 0, version;
  long got = 0;
  for (long i = 0; i < size; ++i) bytes[i] = (char)(i * 7);
  begin(&x, "mirror", 3);
  ei_x_encode_binary(&x, bytes, size);
  if (ei_reg_send(&ec, fd, "mirror", x.buff, x.index)) die("ei_reg_send");
  ei_x_new(&y);
  next(&y, &m);
  if (ei_decode_version(y.buff, &index, &version) || ei_decode_binary(y.buff, &index, back, &got)) die("the large message");
  printf("large: %d\n", got == size && memcmp(bytes, back, size) == 0);
  ei_x_free(&x);
  ei_x_free(&y);
  free(bytes);
  free(back);
}

/* A gen_server call with a reference as its tag. */
static void call(const char *what, erlang_pid *server, const char *name, const char *request) {
  ei_x_buff x, y;
  erlang_ref ref, tag;
  erlang_msg m;
  int index = 0, version, arity;
  if (ei_make_ref(&ec, &ref)) die("ei_make_ref");
  ei_x_new_with_version(&x);
  ei_x_encode_tuple_header(&x, 3);
  ei_x_encode_atom(&x, "$gen_call");
  ei_x_encode_tuple_header(&x, 2);
  ei_x_encode_pid(&x, ei_self(&ec));
  ei_x_encode_ref(&x, &ref);
  if (strcmp(request, "link") == 0) {
    ei_x_encode_tuple_header(&x, 2);
    ei_x_encode_atom(&x, "link");
    ei_x_encode_pid(&x, ei_self(&ec));
  } else {
    ei_x_format_wo_ver(&x, request);
  }
  if (server ? ei_send(fd, server, x.buff, x.index) : ei_reg_send(&ec, fd, (char *)name, x.buff, x.index)) die(what);
  ei_x_new(&y);
  while (next(&y, &m) == ERL_LINK) printf("%s: link\n", what);
  if (ei_decode_version(y.buff, &index, &version) || ei_decode_tuple_header(y.buff, &index, &arity) || arity != 2 ||
      ei_decode_ref(y.buff, &index, &tag) || ei_cmp_refs(&ref, &tag)) {
    show(what, y.buff, 1);
    die("not the reply");
  }
  show(what, y.buff, index);
  ei_x_free(&x);
  ei_x_free(&y);
}

/* A worker that tells this node what happens to it. */
static erlang_pid worker(const char *name, const char *options) {
  ei_x_buff a, x, y;
  erlang_pid pid;
  erlang_msg m;
  int index = 0, arity;
  ei_x_new(&a);
  ei_x_encode_list_header(&a, 3);
  ei_x_encode_atom(&a, "worker");
  ei_x_encode_tuple_header(&a, 3);
  ei_x_encode_pid(&a, ei_self(&ec));
  ei_x_encode_atom(&a, name);
  ei_x_format_wo_ver(&a, options);
  ei_x_encode_empty_list(&a);
  ei_x_encode_empty_list(&a);
  ei_x_new(&x);
  if (ei_rpc_to(&ec, fd, "gen_server", "start", a.buff, a.index) < 0) die("a worker");
  /* {started, Name, Pid}, then {rex, {ok, Pid}} */
  show_next("worker");
  ei_x_new(&y);
  next(&y, &m);
  {
    int version;
    char atom[MAXATOMLEN];
    if (ei_decode_version(y.buff, &index, &version) || ei_decode_tuple_header(y.buff, &index, &arity) || ei_decode_atom(y.buff, &index, atom) ||
        ei_decode_tuple_header(y.buff, &index, &arity) || ei_decode_atom(y.buff, &index, atom) || ei_decode_pid(y.buff, &index, &pid))
      die("a worker's pid");
  }
  ei_x_free(&a);
  ei_x_free(&x);
  ei_x_free(&y);
  return pid;
}

static void links(void) {
  erlang_pid w = worker("linked", "[]");
  ei_x_buff x;
  call("linked by it", &w, NULL, "link");
  ei_x_new_with_version(&x);
  ei_x_format_wo_ver(&x, "{~a, {own_exit, {because, [1, 2]}}}", "$gen_cast");
  if (ei_send(fd, &w, x.buff, x.index)) die("a cast");
  show_next("its last words");
  show_next("its end");
  ei_x_free(&x);
}

static void conversation(void) {
  formatted("node", "erlang", "node", "[]");
  formatted("lists", "lists", "reverse", "[[a, b, {c, 1}]]");
  formatted("undef", "no_module", "no_function", "[1]");
  formatted("exit", "erlang", "exit", "[bye]");
  formatted("throw", "erlang", "throw", "[ball]");
  mirrored();
  large();
  call("call by name", NULL, "mirror", "{a, [call]}");
  links();
}

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  setvbuf(stdout, NULL, _IOLBF, 0);
  node = argv[4];
  ei_init();
  char whole[128];
  snprintf(whole, sizeof whole, "%s@localhost", argv[2]);
  struct in_addr loopback = {.s_addr = htonl(INADDR_LOOPBACK)};
  if (ei_connect_xinit(&ec, "localhost", argv[2], whole, &loopback, argv[3], 1) < 0) die("ei_connect_xinit");
  if (strcmp(argv[1], "connect") == 0) {
    if ((fd = ei_connect(&ec, argv[4])) < 0) die("ei_connect");
    conversation();
    /* A worker that traps exits hears that this node has gone. */
    erlang_pid w = worker("left", "[trap]");
    call("linked at the end", &w, NULL, "link");
  } else {
    int port = 0, listener = ei_listen(&ec, &port, 5);
    ErlConnect peer;
    if (listener < 0 || ei_publish(&ec, port) < 0) die("ei_publish");
    printf("published\n");
    if ((fd = ei_accept_tmo(&ec, listener, &peer, 20000)) < 0) die("ei_accept");
    printf("accepted: %s\n", strcmp(peer.nodename, argv[4]) == 0 ? "NODE" : peer.nodename);
    show_next("first message");
    conversation();
  }
  close(fd);
  return 0;
}
