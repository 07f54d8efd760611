/* A flight recorder and a saboteur, preloaded into the service by tests.
 *
 * BLACKBOX_FOLDER   only files below this folder are looked at
 * BLACKBOX_LOG      every write, truncate, sync, creation, removal and answer goes here, in one order
 * BLACKBOX_CONTROL  a small file of numbers (struct control) that a test changes while the service runs
 *
 * One record is one append, so the order of the log is the order in which the processes did these things. A write and
 * an answer are noted before they happen, a sync when it begins and again when it has ended: whatever is believed to
 * be on disk was there before the record that says so.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_KEPT 4096

struct record {
    char kind;
    char padding[3];
    uint32_t process;
    uint64_t place; /* offset, new length, or number of the sync */
    uint32_t path_length;
    uint32_t length;
};

struct control {
    int64_t clock_offset_s;
    int64_t spared_syncs;  /* so many of the next syncs work ... */
    int64_t failing_syncs; /* ... before so many give EIO; -1: all */
    int64_t stalled;       /* syncs wait until this is 0 again */
    int64_t kill_at_sync;  /* the n-th sync from now kills the process before it does anything */
    int64_t kill_before_answer;
    int64_t kill_after_answer;
    char file[64]; /* syncs of paths that end so; empty: of all */
};

static const char *folder;
static size_t folder_length;
static int log_fd = -1;
static volatile struct control *control;
static uint32_t syncs;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define WRAPS(name) \
    static __typeof__(&name) real_##name; \
    if (!real_##name) real_##name = REAL(name)

__attribute__((constructor)) static void begin(void) {
    const char *log = getenv("BLACKBOX_LOG"), *controls = getenv("BLACKBOX_CONTROL");
    folder = getenv("BLACKBOX_FOLDER");
    if (!folder) return;
    folder_length = strlen(folder);
    if (log) log_fd = REAL(open)(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (controls) {
        int fd = REAL(open)(controls, O_RDWR | O_CLOEXEC);
        void *found = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (found != MAP_FAILED) control = found;
        close(fd);
    }
}

static void note(char kind, const char *path, uint64_t place, const void *data, size_t length) {
    if (log_fd < 0) return;
    struct record record = {kind, {0}, (uint32_t)getpid(), place, (uint32_t)strlen(path), (uint32_t)length};
    struct iovec parts[3] = {{&record, sizeof record}, {(void *)path, strlen(path)}, {(void *)data, length}};
    WRAPS(writev);
    int before = errno;
    if (real_writev(log_fd, parts, 3) < 0) _exit(99);
    errno = before;
}

static int below(const char *path) {
    size_t length = strlen(path);
    if (!folder || strncmp(path, folder, folder_length)) return 0;
    if (path[folder_length] && path[folder_length] != '/') return 0;
    return !(length > 4 && !strcmp(path + length - 4, "-shm"));
}

/* The path of an open file below the folder; 0 for everything else. */
static int watched(int fd, char *path) {
    char link[64];
    if (!folder) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    return below(path);
}

static int counted_down(volatile int64_t *left) { return *left > 0 && __sync_sub_and_fetch(left, 1) == 0; }

static int is_answer(const char *data, size_t length) {
    if (!data) return 0;
    return (length > 9 && !memcmp(data, "HTTP/1.1 ", 9)) || memmem(data, length, "\rMSA|", 5);
}

static int before_sending(const void *data, size_t length) {
    if (!folder || !is_answer(data, length)) return 0;
    if (control && counted_down(&control->kill_before_answer)) raise(SIGKILL);
    note('A', "", 0, data, length < ANSWER_KEPT ? length : ANSWER_KEPT);
    return 1;
}

static void after_sending(int answer) {
    if (answer && control && counted_down(&control->kill_after_answer)) raise(SIGKILL);
}

ssize_t write(int fd, const void *data, size_t length) {
    WRAPS(write);
    char path[PATH_MAX];
    if (watched(fd, path)) {
        struct stat now;
        int appends = fcntl(fd, F_GETFL) & O_APPEND;
        off_t place = appends && !fstat(fd, &now) ? now.st_size : lseek(fd, 0, SEEK_CUR);
        note('W', path, (uint64_t)place, data, length);
        return real_write(fd, data, length);
    }
    int answer = before_sending(data, length);
    ssize_t done = real_write(fd, data, length);
    after_sending(answer);
    return done;
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t place) {
    WRAPS(pwrite);
    char path[PATH_MAX];
    if (watched(fd, path)) note('W', path, (uint64_t)place, data, length);
    return real_pwrite(fd, data, length, place);
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t place) {
    WRAPS(pwrite64);
    char path[PATH_MAX];
    if (watched(fd, path)) note('W', path, (uint64_t)place, data, length);
    return real_pwrite64(fd, data, length, place);
}

int ftruncate(int fd, off_t length) {
    WRAPS(ftruncate);
    char path[PATH_MAX];
    if (watched(fd, path)) note('T', path, (uint64_t)length, "", 0);
    return real_ftruncate(fd, length);
}

int ftruncate64(int fd, off64_t length) {
    WRAPS(ftruncate64);
    char path[PATH_MAX];
    if (watched(fd, path)) note('T', path, (uint64_t)length, "", 0);
    return real_ftruncate64(fd, length);
}

static int concerned(const char *path) {
    size_t length = strlen(path), end = strlen((const char *)control->file);
    return length >= end && !strcmp(path + length - end, (const char *)control->file);
}

static int refused(void) {
    if (control->spared_syncs > 0) {
        control->spared_syncs--;
        return 0;
    }
    int64_t left = control->failing_syncs;
    if (left > 0) control->failing_syncs = left - 1;
    return left != 0;
}

static int synced(int fd, int (*really)(int)) {
    char path[PATH_MAX];
    if (!watched(fd, path)) return really(fd);
    uint64_t number = (uint64_t)getpid() << 32 | __sync_add_and_fetch(&syncs, 1);
    int applies = control && concerned(path);
    if (applies && counted_down(&control->kill_at_sync)) raise(SIGKILL);
    note('B', path, number, "", 0);
    while (applies && control->stalled) usleep(2000);
    if (applies && refused()) {
        note('E', path, number, "", 0);
        errno = EIO;
        return -1;
    }
    int done = really(fd);
    if (!done) note('S', path, number, "", 0);
    return done;
}

int fsync(int fd) {
    WRAPS(fsync);
    return synced(fd, real_fsync);
}

int fdatasync(int fd) {
    WRAPS(fdatasync);
    return synced(fd, real_fdatasync);
}

static void opened(int fd, int flags, int existed) {
    char where[PATH_MAX];
    if (fd < 0 || (existed && !(flags & O_TRUNC)) || !watched(fd, where)) return;
    if (!existed) note('C', where, 0, "", 0);
    if (existed && flags & O_TRUNC) note('T', where, 0, "", 0);
}

#define OPENS(name) \
    int name(const char *path, int flags, ...) { \
        WRAPS(name); \
        mode_t mode = 0; \
        if (flags & (O_CREAT | O_TMPFILE)) { \
            va_list more; \
            va_start(more, flags); \
            mode = va_arg(more, mode_t); \
            va_end(more); \
        } \
        int existed = !(flags & O_CREAT) || !access(path, F_OK); \
        int fd = real_##name(path, flags, mode); \
        opened(fd, flags, existed); \
        return fd; \
    }
OPENS(open)
OPENS(open64)

int openat(int at, const char *path, int flags, ...) {
    WRAPS(openat);
    mode_t mode = 0;
    if (flags & (O_CREAT | O_TMPFILE)) {
        va_list more;
        va_start(more, flags);
        mode = va_arg(more, mode_t);
        va_end(more);
    }
    int existed = !(flags & O_CREAT) || !faccessat(at, path, F_OK, 0);
    int fd = real_openat(at, path, flags, mode);
    opened(fd, flags, existed);
    return fd;
}

int unlink(const char *path) {
    WRAPS(unlink);
    int done = real_unlink(path);
    if (!done && below(path)) note('U', path, 0, "", 0);
    return done;
}

int rename(const char *from, const char *to) {
    WRAPS(rename);
    int done = real_rename(from, to);
    if (!done && below(to)) note('R', from, 0, to, strlen(to));
    return done;
}

int mkdir(const char *path, mode_t mode) {
    WRAPS(mkdir);
    int done = real_mkdir(path, mode);
    if (!done && below(path)) note('M', path, 0, "", 0);
    return done;
}

ssize_t send(int fd, const void *data, size_t length, int flags) {
    WRAPS(send);
    int answer = before_sending(data, length);
    ssize_t done = real_send(fd, data, length, flags);
    after_sending(answer);
    return done;
}

ssize_t sendto(int fd, const void *data, size_t length, int flags, const struct sockaddr *to, socklen_t size) {
    WRAPS(sendto);
    int answer = before_sending(data, length);
    ssize_t done = real_sendto(fd, data, length, flags, to, size);
    after_sending(answer);
    return done;
}

static int before_parts(const struct iovec *parts, int count) {
    int answer = 0;
    for (int i = 0; folder && i < count; i++) answer |= before_sending(parts[i].iov_base, parts[i].iov_len);
    return answer;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    WRAPS(sendmsg);
    int answer = before_parts(message->msg_iov, (int)message->msg_iovlen);
    ssize_t done = real_sendmsg(fd, message, flags);
    after_sending(answer);
    return done;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    WRAPS(writev);
    int answer = before_parts(parts, count);
    ssize_t done = real_writev(fd, parts, count);
    after_sending(answer);
    return done;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    WRAPS(clock_gettime);
    int done = real_clock_gettime(clock, now);
    if (!done && control && clock == CLOCK_REALTIME) now->tv_sec += control->clock_offset_s;
    return done;
}

time_t time(time_t *now) {
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    if (now) *now = exact.tv_sec;
    return exact.tv_sec;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    WRAPS(gettimeofday);
    int done = real_gettimeofday(now, zone);
    if (!done && control) now->tv_sec += control->clock_offset_s;
    return done;
}
