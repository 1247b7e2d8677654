/*
 * Keeps the core that it runs on from falling asleep, in what time nobody else wants there. To wake a core of a
 * virtual machine is the host's work, and at times takes it longer than all that is measured. Linux only.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

/* More than a benchmark takes, should nobody end it. */
enum { LONGEST_SECONDS = 1800 };

int main(void) {
  struct sched_param param = {0};
  if (sched_setscheduler(0, SCHED_IDLE, &param) < 0) {
    perror("sched_setscheduler");
    return 1;
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  alarm(LONGEST_SECONDS);
  for (;;) {
#ifdef __x86_64__
    __builtin_ia32_pause();
#endif
  }
}
