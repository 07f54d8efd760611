/* A slow disk for `troughline bench`, preloaded into the processes it measures: every sync takes longer.
 *
 * TROUGHLINE_BENCH_SYNC_DELAY_US  microseconds each fsync and fdatasync waits after the real one has ended
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

static void wait_for_the_disk(void) {
    const char *told = getenv("TROUGHLINE_BENCH_SYNC_DELAY_US");
    long us = told ? atol(told) : 0;
    int before = errno;
    struct timespec left = {us / 1000000, us % 1000000 * 1000};
    while (nanosleep(&left, &left) && errno == EINTR) {
    }
    errno = before;
}

static int synced(const char *name, int fd) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    int result = real(fd);
    wait_for_the_disk();
    return result;
}

int fsync(int fd) { return synced("fsync", fd); }

int fdatasync(int fd) { return synced("fdatasync", fd); }
