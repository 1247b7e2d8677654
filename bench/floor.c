/*
 * The kernel's share of the cost: accepts connections and writes one shared buffer to each once per
 * period, spread over four ticks and in order, as the server does. No RTMP. Prints the port it
 * listens on. Linux only.
 *
 * Periods in which it was stopped (SIGSTOP) are left out.
 *
 *     floor BYTES PERIOD_MS
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { TICKS = 4, MAX_SOCKETS = 65536 };

static int sockets[MAX_SOCKETS];
/* Bytes of the current period that a full socket did not take. */
static size_t rests[MAX_SOCKETS];
static int count;

static double clock_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static int listen_on_loopback(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (bind(fd, (struct sockaddr *)&address, length) < 0 || listen(fd, 4096) < 0) {
    perror("listen");
    exit(1);
  }
  getsockname(fd, (struct sockaddr *)&address, &length);
  printf("listening on %d\n", ntohs(address.sin_port));
  fflush(stdout);
  return fd;
}

static void accept_all(int listener) {
  int fd, one = 1;
  while (count < MAX_SOCKETS && (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    sockets[count++] = fd;
  }
}

/* The buffer holds two periods; a socket that is further behind skips. */
static void write_to(int index, const char *buffer, size_t size) {
  size_t length = size + rests[index];
  ssize_t written = write(sockets[index], buffer, length);
  if (written < 0 && errno != EAGAIN) {
    close(sockets[index]);
    sockets[index] = sockets[--count];
    rests[index] = rests[count];
    return;
  }
  size_t rest = length - (written < 0 ? 0 : (size_t)written);
  rests[index] = rest < size ? rest : size;
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  size_t size = (size_t)atoi(argv[1]);
  double period_ms = atof(argv[2]), tick_ms = period_ms / TICKS;
  char *buffer = malloc(2 * size);
  /* Untouched memory is one page of zeros, which is cheaper to read. */
  memset(buffer, 1, 2 * size);
  signal(SIGPIPE, SIG_IGN);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  int listener = listen_on_loopback();
  double next_ms = clock_ms();
  for (int tick = 0;; tick = (tick + 1) % TICKS) {
    next_ms += tick_ms;
    if (clock_ms() - next_ms > period_ms) next_ms = clock_ms();
    struct pollfd wait = {.fd = listener, .events = POLLIN};
    for (double left; (left = next_ms - clock_ms()) > 0;) {
      if (poll(&wait, 1, (int)left + 1) > 0) accept_all(listener);
    }
    int first = (int)((int64_t)count * tick / TICKS);
    int end = (int)((int64_t)count * (tick + 1) / TICKS);
    for (int i = first; i < end && i < count; i++) write_to(i, buffer, size);
  }
}
