/*
 * Thousands of players in one light process, over RTMP or HTTP. Each connects, plays a stream, and
 * discards what it receives without copying it out of the kernel. Linux only.
 *
 * It never waits for a socket; it sleeps, then reads what has arrived. A process that waits for a
 * socket is woken by the process that writes to it. On one machine, the server pays for that with
 * an interrupt to the other core per write, up to half the cost of the write, and more often the
 * faster the load is. Remote players cost a server nothing like it.
 *
 * One JSON object per line on standard output: "tick" once a second, "begin" when all players have
 * started and warmed up or on SIGUSR1, "end" after the measured seconds or on SIGTERM. The figures
 * of "end" cover the players that played all the time and read as fast as they could.
 *
 * On SIGUSR2 it attributes the silence so far to the source, which was paused.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum {
  HANDSHAKE_HALF = 1 + 1536,
  HANDSHAKE_BYTES = HANDSHAKE_HALF + 1536,
  /* S0, S1, S2 and the answers to connect and createStream. */
  INBOX_BYTES = HANDSHAKE_BYTES + 8192,
  /* A player has started with 4 KiB of media; statuses and headers come before that. */
  START_BYTES = 4096 + 1024,
  /* About what servers ask for in Window Acknowledgement Size. */
  ACK_WINDOW_BYTES = 2500000,
  READ_BYTES = 1 << 20,
  PLAYERS_PER_ADDRESS = 10000,
  MAX_EVENTS = 512,
  READ_EVERY_US = 2000,
  PACE_MS = 5,
  SLOW_READ_MS = 100,
  SLOW_RECEIVE_BUFFER = 64 * 1024,
  /*
   * Ethernet's size. With loopback's large segments, the server's kernel buffers megabytes before
   * the server notices.
   */
  SLOW_SEGMENT_BYTES = 1448,
  READY_TIMEOUT_MS = 60000,
};

enum state { CLOSED, CONNECTING, HANDSHAKING, ASKING_APP, ASKING_STREAM, ASKING_HTTP, READY, PLAYING };

struct player {
  int fd;
  enum state state;
  uint8_t is_slow;
  uint8_t is_measured;
  uint8_t has_started;
  uint8_t *inbox;
  int inbox_used;
  int64_t bytes;
  int64_t bytes_at_begin;
  int64_t acknowledged;
  double open_ms;
  double play_ms;
  double last_read_ms;
  double longest_gap_ms;
};

static struct {
  const char *app, *stream, *http_path;
  int port, players, rate, is_raw, has_own_streams, is_together, does_reopen, churn, slow_percent, slow_rate;
  double warm_s, measure_s;
} options = {.app = "live", .stream = "bench", .players = 1, .rate = 2000, .warm_s = 2, .measure_s = 5};

static struct player *players;
static int epoll_fd;
static double now_ms;
static double *start_times, *join_times;
static int start_count;
static long long total_bytes, closed_count, opened_count, failed_count;
static int playing_count, ready_count;
static volatile sig_atomic_t is_stopped, is_to_begin, is_excused;

static double clock_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void on_signal(int number) {
  if (number == SIGUSR1) is_to_begin = 1;
  else if (number == SIGUSR2) is_excused = 1;
  else is_stopped = 1;
}

/* ---- RTMP: just enough of it to play ---- */

static uint8_t *put_string(uint8_t *at, const char *text) {
  size_t length = strlen(text);
  *at++ = (uint8_t)(length >> 8);
  *at++ = (uint8_t)length;
  memcpy(at, text, length);
  return at + length;
}

static uint8_t *put_text(uint8_t *at, const char *text) {
  *at++ = 0x02;
  return put_string(at, text);
}

static uint8_t *put_number(uint8_t *at, double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  *at++ = 0x00;
  for (int shift = 56; shift >= 0; shift -= 8) *at++ = (uint8_t)(bits >> shift);
  return at;
}

static uint8_t *put_command(uint8_t *at, const char *name, int transaction) {
  return put_number(put_text(at, name), transaction);
}

static int send_all(struct player *p, const uint8_t *bytes, size_t length) {
  /* A few hundred bytes always fit into the buffer of a socket that sends nothing else. */
  return send(p->fd, bytes, length, MSG_NOSIGNAL) == (ssize_t)length;
}

/* Sends one message in one chunk of at most 128 bytes. */
static int send_message(struct player *p, int csid, int type, int msid, const uint8_t *body, size_t length) {
  uint8_t message[12 + 128] = {(uint8_t)csid, 0, 0, 0, 0, 0, (uint8_t)length, (uint8_t)type, (uint8_t)msid};
  if (length > 128) {
    fprintf(stderr, "a name is too long\n");
    exit(1);
  }
  memcpy(message + 12, body, length);
  return send_all(p, message, 12 + length);
}

static int send_hello(struct player *p) {
  uint8_t hello[HANDSHAKE_HALF] = {3};
  for (int i = 9; i < HANDSHAKE_HALF; i++) hello[i] = (uint8_t)i;
  return send_all(p, hello, sizeof hello);
}

static int send_connect(struct player *p) {
  uint8_t body[512], *at = put_command(body, "connect", 1);
  char url[128];
  snprintf(url, sizeof url, "rtmp://127.0.0.1:%d/%s", options.port, options.app);
  *at++ = 0x03;
  at = put_text(put_string(at, "app"), options.app);
  at = put_text(put_string(at, "tcUrl"), url);
  memcpy(at, "\0\0\x09", 3);
  return send_message(p, 3, 20, 0, body, (size_t)(at + 3 - body));
}

static int send_create_stream(struct player *p) {
  uint8_t body[64], *at = put_command(body, "createStream", 2);
  *at++ = 0x05;
  return send_message(p, 3, 20, 0, body, (size_t)(at - body));
}

static int send_play(struct player *p) {
  uint8_t body[256], *at = put_command(body, "play", 3);
  char own[128];
  snprintf(own, sizeof own, "%s-%d", options.stream, (int)(p - players));
  *at++ = 0x05;
  at = put_text(at, options.has_own_streams ? own : options.stream);
  return send_message(p, 8, 20, 1, body, (size_t)(at - body));
}

static int send_acknowledgement(struct player *p) {
  uint32_t count = htonl((uint32_t)p->bytes);
  return send_message(p, 2, 3, 0, (const uint8_t *)&count, sizeof count);
}

/* ---- HTTP ---- */

static int send_get(struct player *p) {
  char text[512];
  int length = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n",
                        options.http_path, options.port);
  return length < (int)sizeof text && send_all(p, (const uint8_t *)text, (size_t)length);
}

/* ---- Players ---- */

static void watch(struct player *p, int operation, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = p};
  if (epoll_ctl(epoll_fd, operation, p->fd, &event) < 0) die("epoll_ctl");
}

static void close_player(struct player *p) {
  if (p->state == PLAYING) playing_count--;
  if (p->state == READY) ready_count--;
  close(p->fd);
  free(p->inbox);
  p->inbox = NULL;
  p->state = CLOSED;
  p->is_measured = 0;
}

/* The server, or the path to it, closed the connection. */
static void lose(struct player *p) {
  if (p->state == PLAYING) closed_count++;
  else failed_count++;
  close_player(p);
}

static void open_player(struct player *p) {
  int index = (int)(p - players), one = 1;
  struct sockaddr_in address = {.sin_family = AF_INET};
  opened_count++;
  p->bytes = p->acknowledged = 0;
  p->has_started = 0;
  p->open_ms = clock_ms();
  p->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (p->fd < 0) die("socket");
  setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (p->is_slow) {
    int size = SLOW_RECEIVE_BUFFER, segment = SLOW_SEGMENT_BYTES;
    setsockopt(p->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    setsockopt(p->fd, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment);
  }
  /* Several addresses, because each has only 28,000 ports. */
  setsockopt(p->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(1 + index / PLAYERS_PER_ADDRESS));
  if (bind(p->fd, (struct sockaddr *)&address, sizeof address) < 0) die("bind");
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons((uint16_t)options.port);
  p->state = CONNECTING;
  watch(p, EPOLL_CTL_ADD, EPOLLOUT);
  if (connect(p->fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS) lose(p);
}

static int speaks_rtmp(void) {
  return !options.is_raw && options.http_path == NULL;
}

static void begin_to_play(struct player *p) {
  p->state = PLAYING;
  p->last_read_ms = clock_ms();
  p->longest_gap_ms = 0;
  playing_count++;
  /* Slow players are read by timer. */
  if (p->is_slow) watch(p, EPOLL_CTL_DEL, 0);
}

static void play(struct player *p) {
  p->play_ms = clock_ms();
  begin_to_play(p);
  if (speaks_rtmp() && !send_play(p)) lose(p);
}

static void on_connected(struct player *p) {
  int error = 0;
  socklen_t length = sizeof error;
  getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &length);
  if (error != 0) return lose(p);
  watch(p, EPOLL_CTL_MOD, EPOLLIN);
  if (options.is_raw) return play(p);
  if (options.http_path != NULL) {
    p->state = ASKING_HTTP;
    p->play_ms = clock_ms();
    if (!send_get(p)) lose(p);
    return;
  }
  p->inbox = malloc(INBOX_BYTES);
  p->inbox_used = 0;
  p->state = HANDSHAKING;
  if (!send_hello(p)) lose(p);
}

static int count_results(const struct player *p) {
  const uint8_t *at = p->inbox + HANDSHAKE_BYTES, *end = p->inbox + p->inbox_used;
  int count = 0;
  while ((at = memmem(at, (size_t)(end - at), "_result", 7)) != NULL) {
    count++;
    at += 7;
  }
  return count;
}

static void on_answer(struct player *p) {
  ssize_t count = recv(p->fd, p->inbox + p->inbox_used, (size_t)(INBOX_BYTES - p->inbox_used), 0);
  if (count < 0 && errno == EAGAIN) return;
  if (count <= 0) return lose(p);
  p->inbox_used += (int)count;
  if (p->inbox_used < HANDSHAKE_BYTES) return;
  if (p->state == HANDSHAKING) {
    p->state = ASKING_APP;
    if (!send_all(p, p->inbox + 1, HANDSHAKE_BYTES - HANDSHAKE_HALF) || !send_connect(p)) return lose(p);
  }
  if (p->state == ASKING_APP && count_results(p) >= 1) {
    p->state = ASKING_STREAM;
    if (!send_create_stream(p)) return lose(p);
  }
  if (p->state == ASKING_STREAM && count_results(p) >= 2) {
    free(p->inbox);
    p->inbox = NULL;
    if (!options.is_together) return play(p);
    p->state = READY;
    ready_count++;
  } else if (p->inbox_used == INBOX_BYTES) {
    lose(p);
  }
}

/* Checks the status only; the head is drained with the rest. */
static void on_http_answer(struct player *p) {
  char line[12];
  ssize_t count = recv(p->fd, line, sizeof line, MSG_PEEK);
  if (count < 0 && errno == EAGAIN) return;
  if (count <= 0) return lose(p);
  if (count < (ssize_t)sizeof line) return;
  if (memcmp(line, "HTTP/1.1 200", sizeof line) != 0) return lose(p);
  begin_to_play(p);
}

static void drain(struct player *p, size_t limit) {
  ssize_t count = recv(p->fd, NULL, limit, MSG_TRUNC | MSG_DONTWAIT);
  if (count < 0 && errno == EAGAIN) return;
  if (count <= 0) return lose(p);
  p->bytes += count;
  total_bytes += count;
  double gap_ms = now_ms - p->last_read_ms;
  if (gap_ms > p->longest_gap_ms) p->longest_gap_ms = gap_ms;
  p->last_read_ms = now_ms;
  if (!p->has_started && p->bytes >= START_BYTES) {
    p->has_started = 1;
    if (start_count < options.players) {
      double started_ms = clock_ms();
      join_times[start_count] = started_ms - p->open_ms;
      start_times[start_count++] = started_ms - p->play_ms;
    }
  }
  if (speaks_rtmp() && p->bytes - p->acknowledged >= ACK_WINDOW_BYTES) {
    p->acknowledged = p->bytes;
    if (!send_acknowledgement(p)) lose(p);
  }
}

static void on_event(struct player *p) {
  switch (p->state) {
    case CONNECTING: return on_connected(p);
    case HANDSHAKING:
    case ASKING_APP:
    case ASKING_STREAM: return on_answer(p);
    case ASKING_HTTP: return on_http_answer(p);
    case READY:
    case PLAYING: return drain(p, READ_BYTES);
    case CLOSED: return;
  }
}

/* ---- Timers ---- */

static void open_due(double elapsed_ms) {
  static int next;
  static double due;
  due = options.rate == 0 ? options.players : due + options.rate * elapsed_ms / 1e3;
  for (; next < options.players && due >= 1; due--) open_player(&players[next++]);
  if (next < options.players || !options.does_reopen) return;
  static int at;
  for (int i = 0; i < options.players && due >= 1; i++) {
    at = (at + 1) % options.players;
    if (players[at].state != CLOSED) continue;
    open_player(&players[at]);
    due--;
  }
  if (due > options.rate) due = options.rate;
}

static void churn(double elapsed_ms) {
  static double due;
  for (due += options.churn * elapsed_ms / 1e3; due >= 1; due--) {
    struct player *p = &players[rand() % options.players];
    if (p->state == PLAYING) close_player(p);
  }
}

static void read_slowly(void) {
  static double next_ms;
  if (now_ms < next_ms) return;
  next_ms = now_ms + SLOW_READ_MS;
  size_t limit = (size_t)options.slow_rate * SLOW_READ_MS / 1000;
  for (int i = 0; i < options.players; i++) {
    if (players[i].is_slow && players[i].state == PLAYING) drain(&players[i], limit);
  }
}

static void play_together(void) {
  if (!options.is_together || ready_count < options.players) return;
  for (int i = 0; i < options.players; i++) play(&players[i]);
  ready_count = 0;
}

/* ---- Report ---- */

static int compare(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

static void print_quantiles(const char *name, double *values, int count) {
  qsort(values, (size_t)count, sizeof *values, compare);
  if (count == 0) {
    printf(",\"%s\":null", name);
    return;
  }
  printf(",\"%s\":{\"min\":%.2f,\"median\":%.2f,\"p99\":%.2f,\"max\":%.2f}", name, values[0],
         values[count / 2], values[(int)((count - 1) * 0.99 + 0.5)], values[count - 1]);
}

static void print_head(const char *type) {
  printf("{\"type\":\"%s\",\"ms\":%.0f,\"playing\":%d,\"bytes\":%lld,\"opened\":%lld,\"closed\":%lld,\"failed\":%lld",
         type, now_ms, playing_count, total_bytes, opened_count, closed_count, failed_count);
}

static void print_line(const char *type) {
  print_head(type);
  puts("}");
}

static void begin(void) {
  for (int i = 0; i < options.players; i++) {
    struct player *p = &players[i];
    p->is_measured = p->state == PLAYING && !p->is_slow;
    p->bytes_at_begin = p->bytes;
    p->longest_gap_ms = 0;
  }
  print_line("begin");
}

static void excuse_silence(void) {
  for (int i = 0; i < options.players; i++) players[i].last_read_ms = now_ms;
}

static void end(double seconds) {
  double *values = malloc(sizeof *values * (size_t)options.players);
  int count = 0;
  print_head("end");
  printf(",\"seconds\":%.3f,\"started\":%d", seconds, start_count);
  for (int i = 0; i < options.players; i++) {
    struct player *p = &players[i];
    if (p->is_measured) values[count++] = (double)(p->bytes - p->bytes_at_begin);
  }
  print_quantiles("playerBytes", values, count);
  count = 0;
  for (int i = 0; i < options.players; i++) {
    struct player *p = &players[i];
    if (!p->is_measured) continue;
    /* The silence at the end counts, too. */
    double gap_ms = now_ms - p->last_read_ms;
    values[count++] = gap_ms > p->longest_gap_ms ? gap_ms : p->longest_gap_ms;
  }
  print_quantiles("longestGapMs", values, count);
  print_quantiles("startMs", start_times, start_count);
  print_quantiles("joinMs", join_times, start_count);
  puts("}");
  free(values);
}

/* Reads events that have arrived, possibly not all; the caller repeats. */
static int look(struct epoll_event *events) {
  static int count;
  if (count < MAX_EVENTS) usleep(READ_EVERY_US);
  count = epoll_wait(epoll_fd, events, MAX_EVENTS, 0);
  return count;
}

static void run(void) {
  struct epoll_event events[MAX_EVENTS];
  double started_ms = clock_ms(), last_ms = started_ms, tick_ms = started_ms + 1000;
  double playing_since_ms = 0, begun_ms = 0;
  while (!is_stopped) {
    int count = look(events);
    now_ms = clock_ms();
    for (int i = 0; i < count; i++) on_event(events[i].data.ptr);
    if (now_ms - last_ms >= PACE_MS) {
      if (begun_ms > 0) churn(now_ms - last_ms);
      open_due(now_ms - last_ms);
      last_ms = now_ms;
    }
    if (options.slow_rate > 0) read_slowly();
    play_together();
    if (is_excused) {
      is_excused = 0;
      excuse_silence();
    }
    if (playing_since_ms == 0) {
      int is_ready = playing_count == options.players || now_ms - started_ms > READY_TIMEOUT_MS;
      if (is_ready) playing_since_ms = now_ms;
    } else if (begun_ms == 0 && (is_to_begin || now_ms - playing_since_ms >= options.warm_s * 1e3)) {
      begun_ms = now_ms;
      begin();
    } else if (begun_ms > 0 && now_ms - begun_ms >= options.measure_s * 1e3) {
      break;
    }
    if (now_ms >= tick_ms) {
      tick_ms += 1000;
      print_line("tick");
    }
  }
  if (begun_ms > 0) end((now_ms - begun_ms) / 1e3);
}

static void read_options(int argc, char **argv) {
  static const struct option known[] = {
      {"port", 1, 0, 'p'}, {"app", 1, 0, 'a'}, {"stream", 1, 0, 's'}, {"players", 1, 0, 'n'},
      {"rate", 1, 0, 'r'}, {"warm", 1, 0, 'w'}, {"seconds", 1, 0, 'd'}, {"raw", 0, 0, 'x'},
      {"together", 0, 0, 't'}, {"reopen", 0, 0, 'o'}, {"churn", 1, 0, 'c'},
      {"slow-percent", 1, 0, 'l'}, {"slow-rate", 1, 0, 'b'}, {"http", 1, 0, 'h'},
      {"own-streams", 0, 0, 'e'}, {0, 0, 0, 0}};
  for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
    switch (c) {
      case 'p': options.port = atoi(optarg); break;
      case 'a': options.app = optarg; break;
      case 's': options.stream = optarg; break;
      case 'n': options.players = atoi(optarg); break;
      case 'r': options.rate = atoi(optarg); break; /* connections per second, 0: all at once */
      case 'w': options.warm_s = atof(optarg); break;
      case 'd': options.measure_s = atof(optarg); break;
      case 'x': options.is_raw = 1; break; /* no RTMP: just read */
      case 't': options.is_together = 1; break; /* send "play" only when all are connected */
      case 'o': options.does_reopen = 1; break; /* reopen closed players */
      case 'c': options.churn = atoi(optarg); break; /* players per second that leave */
      case 'l': options.slow_percent = atoi(optarg); break;
      case 'b': options.slow_rate = atoi(optarg); break; /* bytes per second that slow players read */
      case 'h': options.http_path = optarg; break; /* GET this instead of RTMP */
      case 'e': options.has_own_streams = 1; break; /* player N plays STREAM-N */
      default: exit(2);
    }
  }
  if (options.port == 0 || options.players < 1) {
    fprintf(stderr, "usage: load --port PORT --players N ...\n");
    exit(2);
  }
}

int main(int argc, char **argv) {
  read_options(argc, argv);
  signal(SIGTERM, on_signal);
  signal(SIGINT, on_signal);
  signal(SIGUSR1, on_signal);
  signal(SIGUSR2, on_signal);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  setvbuf(stdout, NULL, _IOLBF, 0);
  players = calloc((size_t)options.players, sizeof *players);
  start_times = calloc((size_t)options.players, sizeof *start_times);
  join_times = calloc((size_t)options.players, sizeof *join_times);
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (players == NULL || start_times == NULL || join_times == NULL || epoll_fd < 0) die("start");
  for (int i = 0; i < options.players; i++) {
    players[i].is_slow = options.slow_rate > 0 && i % 100 < options.slow_percent;
  }
  run();
  return 0;
}
