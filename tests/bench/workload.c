/* SPDX-License-Identifier: Apache-2.0
 *
 * What the containers of the benchmarks do. Static, and needs nothing but the
 * kernel and, for the last two, the folder /bench it shares with whoever
 * measures. Times are nanoseconds of CLOCK_MONOTONIC, which a container shares
 * with its host.
 *
 *   workload fork COUNT           programs executed one after the other
 *   workload open COUNT           a file opened and closed; of 1000, in turn
 *     each prints the nanoseconds of one
 *   workload pace RATE SECONDS CPU
 *     so many opens a second, on that processor; prints how many it made and
 *     in how many nanoseconds, makes /marks/end
 *   workload violate ID ADDRESS PROCESSES [churn]
 *     says in /bench/ID.ready when it has so many processes, and when told so
 *     by /bench/ID.go connects to the address, the time of which is in
 *     /bench/ID.times; "churn": each process but the first is replaced by a
 *     child of its own, again and again
 *   workload burst ID ADDRESS COUNT PERIOD_US
 *     the same with one process for each connect, one a period, whatever became
 *     of those before; when the last has died, or after 5 s, says so in
 *     /bench/ID.ready once more; /bench/ID.times has, of each, when it
 * connected and when it was seen dead, 0 if never
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL
#define FILES 1000

struct times {
  int64_t connected;
  int64_t dead;
};

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * SECOND + time.tv_nsec;
}

static struct timespec span(int64_t ns) {
  const struct timespec time = {.tv_sec = ns / SECOND, .tv_nsec = ns % SECOND};
  return time;
}

static void die(const char* what) {
  perror(what);
  exit(1);
}

static void open_one(int number) {
  char path[32];
  snprintf(path, sizeof path, "/srv/%d", number % FILES);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) die(path);
  close(fd);
}

static void execute_one(void) {
  const pid_t child = vfork();
  if (child == 0) {
    execl("/bin/workload", "workload", "nothing", NULL);
    _exit(1);
  }
  int status = 0;
  if (waitpid(child, &status, 0) != child || status != 0) die("execute");
}

static void pace(int rate, int seconds, int processor) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(processor, &one);
  if (sched_setaffinity(0, sizeof one, &one) != 0) die("sched_setaffinity");
  const int64_t begin = now(), end = begin + seconds * SECOND;
  int made = 0;
  for (int64_t time = begin; time < end; time = now()) {
    const int64_t due = (time - begin) * rate / SECOND;
    for (; made < due; ++made) open_one(made);
    const struct timespec pause = span(SECOND / 1000);
    nanosleep(&pause, NULL);
  }
  printf("%d %lld\n", made, (long long)(now() - begin));
  mkdir("/marks/end", 0700);
}

/* /bench/ID.SUFFIX */
static int shared(const char* id, const char* suffix) {
  char path[128];
  snprintf(path, sizeof path, "/bench/%s.%s", id, suffix);
  const int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) die(path);
  return fd;
}

static struct times* times_of(const char* id, int count) {
  const size_t size = (size_t)count * sizeof(struct times);
  const int fd = shared(id, "times");
  if (ftruncate(fd, (off_t)size) != 0) die("ftruncate");
  void* memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) die("mmap");
  memset(memory, 0, size); /* no page of it is made later */
  return memory;
}

static void violate(const char* address, volatile struct times* times) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(1389)};
  inet_pton(AF_INET, address, &to.sin_addr);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  times->connected = now();
  connect(fd, (const struct sockaddr*)&to, sizeof to);
}

static void say(int fd) {
  if (write(fd, "!", 1) != 1) die("write");
}

static void await(int fd) {
  char byte;
  if (read(fd, &byte, 1) != 1) die("read");
}

static void spread(int processes, int churn) {
  signal(SIGCHLD, SIG_IGN); /* nobody is left to be waited for */
  for (int i = 1; i < processes; ++i) {
    const pid_t child = fork();
    if (child < 0) die("fork");
    if (child > 0) continue;
    while (!churn) pause();
    for (;;) {
      if (fork() > 0) _exit(0);
    }
  }
}

static void burst(const char* address, struct times* times, int count,
                  int64_t period) {
  pid_t* children = calloc((size_t)count, sizeof *children);
  sigset_t ended;
  sigemptyset(&ended);
  sigaddset(&ended, SIGCHLD);
  int made = 0, dead = 0;
  int64_t next = now();
  const int64_t give_up = next + count * period + 5 * SECOND;
  while (dead < count && now() < give_up) {
    if (made < count && now() >= next) {
      children[made] = fork();
      if (children[made] == 0) {
        violate(address, &times[made]);
        for (;;) pause();
      }
      if (children[made] < 0) die("fork");
      ++made;
      next += period;
    }
    const int64_t until = (made < count ? next : give_up) - now();
    const struct timespec wait = span(until > 0 ? until : 0);
    sigtimedwait(&ended, NULL, &wait);
    for (pid_t child; (child = waitpid(-1, NULL, WNOHANG)) > 0; ++dead) {
      int i = made - 1;
      while (children[i] != child) --i;
      times[i].dead = now();
    }
  }
  for (int i = 0; i < made; ++i) {
    if (times[i].dead == 0) kill(children[i], SIGKILL);
  }
  free(children);
}

int main(int argc, char** argv) {
  const char* what = argc > 1 ? argv[1] : "";
  if (!strcmp(what, "nothing")) return 0;
  if (argc == 3 && (!strcmp(what, "fork") || !strcmp(what, "open"))) {
    const int count = atoi(argv[2]);
    const int64_t begin = now();
    for (int i = 0; i < count; ++i) {
      what[0] == 'f' ? execute_one() : open_one(i);
    }
    printf("%.1f\n", (double)(now() - begin) / count);
    return 0;
  }
  if (argc == 5 && !strcmp(what, "pace")) {
    pace(atoi(argv[2]), atoi(argv[3]), atoi(argv[4]));
    return 0;
  }
  if (argc >= 5 && !strcmp(what, "violate")) {
    struct times* times = times_of(argv[2], 1);
    spread(atoi(argv[4]), argc == 6);
    say(shared(argv[2], "ready"));
    await(shared(argv[2], "go"));
    violate(argv[3], times);
    for (;;) pause();
  }
  if (argc == 6 && !strcmp(what, "burst")) {
    const int count = atoi(argv[4]);
    struct times* times = times_of(argv[2], count);
    sigset_t ended;
    sigemptyset(&ended);
    sigaddset(&ended, SIGCHLD);
    sigprocmask(SIG_BLOCK, &ended, NULL);
    say(shared(argv[2], "ready"));
    await(shared(argv[2], "go"));
    burst(argv[3], times, count, atoll(argv[5]) * 1000);
    say(shared(argv[2], "ready"));
    for (;;) pause();
  }
  fprintf(stderr, "workload: unknown work '%s'\n", what);
  return 2;
}
