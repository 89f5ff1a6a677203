/* The server of the wire's benchmarks on libei. For the record: it sends no reply to an alias, and a monitor that a caller sets on it
   never fires. libei_server NAME COOKIE prints its port. */
#include <arpa/inet.h>
#include <ei.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static long count;

/* {'$gen_call', {Pid, Tag}, Request} or {'$gen_cast', Request} */
static void serve(ei_cnode* node, int fd, ei_x_buff* in, ei_x_buff* out) {
  int i = 0, version, arity, tag_at, tag_end, request_at;
  char kind[MAXATOMLEN_UTF8], request[MAXATOMLEN_UTF8];
  erlang_pid from;
  if (ei_decode_version(in->buff, &i, &version) || ei_decode_tuple_header(in->buff, &i, &arity) || ei_decode_atom(in->buff, &i, kind)) return;
  if (strcmp(kind, "$gen_cast") == 0) {
    ++count;
    return;
  }
  if (strcmp(kind, "$gen_call") != 0 || ei_decode_tuple_header(in->buff, &i, &arity) || ei_decode_pid(in->buff, &i, &from)) return;
  tag_at = i;
  if (ei_skip_term(in->buff, &i)) return;
  tag_end = request_at = i;
  out->index = 0;
  ei_x_encode_version(out);
  ei_x_encode_tuple_header(out, 2);
  ei_x_append_buf(out, in->buff + tag_at, tag_end - tag_at);
  if (ei_decode_atom(in->buff, &i, request) == 0) {
    if (strcmp(request, "inc") == 0) ei_x_encode_long(out, ++count);
    else if (strcmp(request, "get") == 0) ei_x_encode_long(out, count);
    else ei_x_encode_pid(out, ei_self(node));
  } else {
    i = request_at;
    if (ei_decode_tuple_header(in->buff, &i, &arity) || ei_decode_atom(in->buff, &i, request)) return;
    tag_at = i;
    ei_skip_term(in->buff, &i);
    ei_x_append_buf(out, in->buff + tag_at, i - tag_at);
  }
  ei_send(fd, &from, out->buff, out->index);
}

int main(int argc, char** argv) {
  ei_cnode node;
  ErlConnect peer;
  struct in_addr host = {htonl(INADDR_LOOPBACK)};
  struct sockaddr_in a;
  socklen_t size = sizeof a;
  char full[256];
  int listener = socket(AF_INET, SOCK_STREAM, 0), fd;
  if (argc < 3) return 2;
  memset(&a, 0, sizeof a);
  a.sin_family = AF_INET;
  a.sin_addr = host;
  snprintf(full, sizeof full, "%s@localhost", argv[1]);
  ei_init();
  if (bind(listener, (struct sockaddr*)&a, size) || listen(listener, 4) || getsockname(listener, (struct sockaddr*)&a, &size) ||
      ei_connect_xinit(&node, "localhost", argv[1], full, &host, argv[2], 1) < 0)
    return 1;
  printf("%d\n", ntohs(a.sin_port));
  fflush(stdout);
  for (;;) {
    ei_x_buff in, out;
    erlang_msg message;
    int got;
    if ((fd = ei_accept(&node, listener, &peer)) < 0) continue;
    ei_x_new(&in);
    ei_x_new(&out);
    for (;;) {
      message.msgtype = 0;
      got = ei_xreceive_msg(fd, &message, &in);
      if (got == ERL_MSG && (message.msgtype == ERL_SEND || message.msgtype == ERL_REG_SEND)) serve(&node, fd, &in, &out);
      /* libei calls MONITOR_P (19) and DEMONITOR_P (20) errors, less 10 as if they had a trace token; the connection is as good as before. */
      if (got == ERL_ERROR && message.msgtype != 9 && message.msgtype != 10) break;
    }
    ei_x_free(&in);
    ei_x_free(&out);
    close(fd);
  }
}
