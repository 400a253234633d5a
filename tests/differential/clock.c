// A clock for Node's loop that moves only while the loop would sleep, so that traces do not depend on the machine.
//
// It is preloaded into Node. On the main thread the monotonic clock stands still; where the loop would wait for the
// next timer and nothing else has happened, the clock jumps there. `os.getPriority(-n)` lets n milliseconds pass, as code
// that takes its time does: that function of Node does nothing but call `getpriority`.
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ms = 1000000;

static int is_main_thread(void) {
  static __thread int known;
  if (known == 0) known = syscall(SYS_gettid) == getpid() ? 1 : 2;
  return known == 1;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  int is_monotonic = clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_COARSE;
  if (!is_monotonic || !is_main_thread()) return syscall(SYS_clock_gettime, clock, time);
  time->tv_sec = now_ms / 1000;
  time->tv_nsec = now_ms % 1000 * 1000000;
  return 0;
}

int epoll_pwait(int epoll, struct epoll_event *events, int most, int timeout, const sigset_t *mask) {
  int jumps = timeout > 0 && is_main_thread();
  int count = syscall(SYS_epoll_pwait, epoll, events, most, jumps ? 0 : timeout, mask, _NSIG / 8);
  if (jumps && count == 0) now_ms += timeout;
  return count;
}

int epoll_wait(int epoll, struct epoll_event *events, int most, int timeout) {
  return epoll_pwait(epoll, events, most, timeout, NULL);
}

#undef getpriority
int getpriority(__priority_which_t which, id_t who) {
  if (which == PRIO_PROCESS && (int32_t)who < 0) {
    now_ms -= (int32_t)who;
    return 0;
  }
  // The system call gives 20 - priority, so that it is never an error.
  int result = syscall(SYS_getpriority, which, who);
  return result < 0 ? result : 20 - result;
}
