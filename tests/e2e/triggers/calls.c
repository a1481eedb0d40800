/* SPDX-License-Identifier: Apache-2.0
 *
 * calls CALL...: makes each system call and says what became of it, as
 * "CALL=done" or "CALL=EPERM". Needs nothing but the kernel.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* As a 32-bit program makes it: its addresses have 32 bits. */
static long call32(long number, long a, long b, long c) {
  long result;
  __asm__ volatile("int $0x80"
                   : "=a"(result)
                   : "a"(number), "b"(a), "c"(b), "d"(c)
                   : "memory", "r8", "r9", "r10", "r11");
  if (result < 0 && result > -4096) {
    errno = (int)-result;
    return -1;
  }
  return result;
}

static char* low_memory(void) {
  void* memory = mmap(0, 4096, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  return memory == MAP_FAILED ? NULL : memory;
}

/* By a child, which ends at once: whoever is traced stops for good at the next
 * signal, if its tracer is a runtime that looks for none and forwards one. */
static long be_traced(void) {
  const pid_t child = fork();
  if (child == 0) _exit(ptrace(PTRACE_TRACEME, 0, 0, 0) == 0 ? 0 : errno);
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) return -1;
  errno = WEXITSTATUS(status);
  return status == 0 ? 0 : -1;
}

static char flipped[16];

/* Two paths by turns, for as long as its process runs. */
static void* flip(void* unused) {
  (void)unused;
  for (;;) {
    strcpy(flipped, "/tmp/free");
    __asm__ volatile("" ::: "memory");
    strcpy(flipped, "/tmp/trap");
    __asm__ volatile("" ::: "memory");
  }
}

/* Makes folders of a path that changes all the time, until 200 were refused. */
static long be_refused(void) {
  pthread_t thread;
  strcpy(flipped, "/tmp/free");
  if (pthread_create(&thread, NULL, flip, NULL) != 0) return -1;
  for (int refused = 0; refused < 200;) {
    if (mkdir(flipped, 0700) != 0 && errno == EPERM) ++refused;
  }
  errno = EPERM;
  return -1;
}

static long make(const char* name) {
  if (!strcmp(name, "mkdir-flipped")) return be_refused();
  if (!strcmp(name, "ptrace")) return be_traced();
  if (!strcmp(name, "packet")) return socket(AF_PACKET, SOCK_RAW, 0);
  /* The kernel takes the lower half of the domain. */
  if (!strcmp(name, "packet-wide")) {
    return syscall(SYS_socket, 1L << 32 | AF_PACKET, SOCK_RAW, 0);
  }
  if (!strcmp(name, "unix")) return socket(AF_UNIX, SOCK_STREAM, 0);
  if (!strcmp(name, "inet")) return socket(AF_INET, SOCK_STREAM, 0);
  if (!strcmp(name, "packet32")) return call32(359, AF_PACKET, SOCK_RAW, 0);
  if (!strcmp(name, "packet-mux32") || !strcmp(name, "unix-mux32")) {
    int* arguments = (int*)low_memory();
    arguments[0] = !strcmp(name, "unix-mux32") ? AF_UNIX : AF_PACKET;
    arguments[1] = SOCK_STREAM;
    arguments[2] = 0;
    return call32(102, 1, (long)arguments, 0);
  }
  if (!strcmp(name, "mkdir")) return mkdir("/tmp/trap", 0700);
  if (!strcmp(name, "mkdir-free")) return mkdir("/tmp/free", 0700);
  if (!strcmp(name, "mkdir32")) {
    char* path = low_memory();
    strcpy(path, "/tmp/trap");
    return call32(39, (long)path, 0700, 0);
  }
  if (!strcmp(name, "mkdir-nowhere")) {
    return syscall(SYS_mkdir, 16L, 0700);
  }
  if (!strcmp(name, "mkdir-blocked")) {
    /* A path in memory that is there when somebody fills it in: nobody does. */
    int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
    struct uffdio_api api = {.api = UFFD_API};
    char* memory = mmap(0, 4096, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct uffdio_register range = {
        .range = {.start = (unsigned long)memory, .len = 4096},
        .mode = UFFDIO_REGISTER_MODE_MISSING};
    if (fd < 0 || ioctl(fd, UFFDIO_API, &api) != 0 ||
        ioctl(fd, UFFDIO_REGISTER, &range) != 0) {
      return -1;
    }
    printf("making\n");
    fflush(stdout);
    return mkdir(memory, 0700);
  }
  if (!strcmp(name, "ring")) {
    struct io_uring_params parameters;
    memset(&parameters, 0, sizeof parameters);
    return syscall(SYS_io_uring_setup, 4, &parameters);
  }
  if (!strcmp(name, "open")) return open("/etc/passwd", O_RDONLY);
  if (!strcmp(name, "open-secret")) return open("/etc/secret", O_RDONLY);
  if (!strcmp(name, "open-relative")) {
    return chdir("/etc") != 0 ? -1 : open("../etc/secret", O_RDONLY);
  }
  if (!strcmp(name, "open-deep")) {
    /* Relative to a folder whose own path is longer than any path may be. */
    enum { kNames = 2 * 4096 / 251 };
    char folder[251] = {0}, path[3 * kNames + 32] = "../";
    memset(folder, 'd', sizeof folder - 1);
    if (chdir("/tmp") != 0) return -1;
    for (int i = 0; i < kNames; ++i) {
      if (mkdir(folder, 0700) != 0 || chdir(folder) != 0) return -1;
      strcat(path, "../");
    }
    return open(strcat(path, "etc/secret"), O_RDONLY);
  }
  errno = ENOSYS;
  return -1;
}

static int compare(const void* a, const void* b) {
  const long x = *(const long*)a, y = *(const long*)b;
  return (x > y) - (x < y);
}

/* "p50=… p99=…": microseconds of a call that is let go on. */
static void measure(const char* name, int count) {
  long* took = calloc((size_t)count, sizeof *took);
  for (int i = 0; i < count; ++i) {
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    long fd = make(name);
    clock_gettime(CLOCK_MONOTONIC, &after);
    if (fd > 2) close((int)fd);
    took[i] = (after.tv_sec - before.tv_sec) * 1000000000L + after.tv_nsec -
              before.tv_nsec;
  }
  qsort(took, (size_t)count, sizeof *took, compare);
  printf("%s p50_us=%.1f p99_us=%.1f\n", name, (double)took[count / 2] / 1e3,
         (double)took[count * 99L / 100] / 1e3);
}

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (!strcmp(argv[i], "measure") && i + 2 < argc) {
      measure(argv[i + 1], atoi(argv[i + 2]));
      i += 2;
      continue;
    }
    const long result = make(argv[i]);
    printf("%s=%s\n", argv[i], result >= 0 ? "done" : strerrorname_np(errno));
    fflush(stdout);
  }
  return 0;
}
