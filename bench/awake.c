/*
 * Keeps its core from going to sleep, using only time that no other process wants. Waking a core of
 * a virtual machine is up to the host, and at times takes longer than everything that is measured.
 * Linux only.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Longer than any benchmark; ends the program if it is left over. */
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
