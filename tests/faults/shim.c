/* Preloaded into a program under test. Below the folder $FAULTS_ROOT it makes calls fail as the file $FAULTS_CONTROL says
 * (lines "call errno probability suffix"), and writes every change, in order, to $FAULTS_TRACE, so that a test can
 * rebuild what a power loss at any moment would have left. The idea is that of ALICE (Pillai et al., OSDI 2014).
 *
 * A record: op (1 byte), pid (u32), number (u64), offset (u64), length of path (u32), length of data (u32), path, data.
 * Ops: W write, T truncate, C create, B a sync begins, S it has ended, U unlink, R rename, L link (data: the new path). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define REAL(result, name, ...) \
    static result (*real)(__VA_ARGS__); \
    if (!real) real = dlsym(RTLD_NEXT, name)

static _Atomic uint64_t numbers;
static __thread uint64_t dice;

static const char *root(void) { return getenv("FAULTS_ROOT"); }

static int below(const char *path) {
    const char *top = root();
    size_t size = top ? strlen(top) : 0;
    if (!size || strncmp(path, top, size) || path[size] != '/') return 0;
    size_t whole = strlen(path);
    return !(whole > 4 && !strcmp(path + whole - 4, "-shm"));
}

static int path_of(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
    if (size <= 0) return 0;
    path[size] = 0;
    char *gone = strstr(path, " (deleted)");
    if (gone) return 0;
    return below(path);
}

static int full_path(int at, const char *name, char *path) {
    if (name[0] == '/') {
        snprintf(path, PATH_MAX, "%s", name);
        return below(path);
    }
    char folder[PATH_MAX];
    if (at == AT_FDCWD) {
        if (!getcwd(folder, sizeof folder)) return 0;
    } else {
        char link[64];
        snprintf(link, sizeof link, "/proc/self/fd/%d", at);
        ssize_t size = syscall(SYS_readlinkat, AT_FDCWD, link, folder, PATH_MAX - 1);
        if (size <= 0) return 0;
        folder[size] = 0;
    }
    if (strlen(folder) + strlen(name) + 2 > PATH_MAX) return 0;
    stpcpy(stpcpy(stpcpy(path, folder), "/"), name);
    return below(path);
}

static double chance(void) {
    if (!dice) dice = (uint64_t)time(NULL) * 2654435761u + (uint64_t)syscall(SYS_gettid) * 40503u + 1;
    dice ^= dice << 13, dice ^= dice >> 7, dice ^= dice << 17;
    return (double)(dice >> 11) / 9007199254740992.0;
}

/* The errno that this call is to fail with; 0 for none. */
static int fault(const char *call, const char *path) {
    const char *control = getenv("FAULTS_CONTROL");
    if (!control) return 0;
    int file = (int)syscall(SYS_openat, AT_FDCWD, control, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    char text[1024];
    ssize_t size = syscall(SYS_read, file, text, sizeof text - 1);
    syscall(SYS_close, file);
    if (size <= 0) return 0;
    text[size] = 0;
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char named[32], suffix[256] = "";
        int number;
        double probability;
        if (sscanf(line, "%31s %d %lf %255s", named, &number, &probability, suffix) < 3 || strcmp(named, call)) continue;
        if (suffix[0] && !strstr(path, suffix)) continue;
        if (chance() < probability) return number;
    }
    return 0;
}

static void trace(char op, uint64_t number, uint64_t offset, const char *path, const void *data, uint32_t size) {
    const char *name = getenv("FAULTS_TRACE");
    if (!name) return;
    int kept = errno;
    static int file = -1;
    static pid_t owner;
    if (file < 0 || owner != getpid()) {
        file = (int)syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
        owner = getpid();
    }
    unsigned char head[29];
    uint32_t pid = (uint32_t)getpid(), length = (uint32_t)strlen(path);
    head[0] = (unsigned char)op;
    memcpy(head + 1, &pid, 4), memcpy(head + 5, &number, 8), memcpy(head + 13, &offset, 8);
    memcpy(head + 21, &length, 4), memcpy(head + 25, &size, 4);
    struct iovec parts[3] = {{head, sizeof head}, {(void *)path, length}, {(void *)data, size}};
    syscall(SYS_writev, file, parts, 3);
    errno = kept;
}

static uint64_t place(int fd) {
    int flags = fcntl(fd, F_GETFL);
    struct stat found;
    if (flags >= 0 && (flags & O_APPEND) && !fstat(fd, &found)) return (uint64_t)found.st_size;
    off_t at = lseek(fd, 0, SEEK_CUR);
    return at < 0 ? 0 : (uint64_t)at;
}

ssize_t write(int fd, const void *data, size_t size) {
    REAL(ssize_t, "write", int, const void *, size_t);
    char path[PATH_MAX];
    if (!root() || !path_of(fd, path)) return real(fd, data, size);
    int number = fault("write", path);
    if (number == ENOSPC && size > 1 && chance() < 0.5) size /= 2; /* a part of it still fits */
    else if (number) return errno = number, -1;
    uint64_t at = place(fd);
    ssize_t done = real(fd, data, size);
    if (done > 0) trace('W', 0, at, path, data, (uint32_t)done);
    return done;
}

static ssize_t placed(ssize_t (*real)(int, const void *, size_t, off_t), int fd, const void *data, size_t size, off_t at) {
    char path[PATH_MAX];
    if (!root() || !path_of(fd, path)) return real(fd, data, size, at);
    int number = fault("write", path);
    if (number) return errno = number, -1;
    ssize_t done = real(fd, data, size, at);
    if (done > 0) trace('W', 0, (uint64_t)at, path, data, (uint32_t)done);
    return done;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
    REAL(ssize_t, "pwrite", int, const void *, size_t, off_t);
    return placed(real, fd, data, size, at);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off_t at) {
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off_t);
    return placed(real, fd, data, size, at);
}

static int truncated(int (*real)(int, off_t), int fd, off_t size) {
    char path[PATH_MAX];
    int ours = root() && path_of(fd, path), done = real(fd, size);
    if (ours && !done) trace('T', 0, (uint64_t)size, path, "", 0);
    return done;
}

int ftruncate(int fd, off_t size) {
    REAL(int, "ftruncate", int, off_t);
    return truncated(real, fd, size);
}

int ftruncate64(int fd, off_t size) {
    REAL(int, "ftruncate64", int, off_t);
    return truncated(real, fd, size);
}

static int synced(int (*real)(int), int fd) {
    char path[PATH_MAX];
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    if (!root()) return real(fd);
    ssize_t size = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
    path[size > 0 ? size : 0] = 0;
    if (!below(path) && strcmp(path, root())) return real(fd);
    int number = fault("fsync", path);
    if (number) return errno = number, -1;
    uint64_t begun = ++numbers;
    trace('B', begun, 0, path, "", 0);
    int done = real(fd);
    if (!done) trace('S', begun, 0, path, "", 0);
    return done;
}

int fsync(int fd) {
    REAL(int, "fsync", int);
    return synced(real, fd);
}

int fdatasync(int fd) {
    REAL(int, "fdatasync", int);
    return synced(real, fd);
}

static int opened(int at, const char *name, int flags, mode_t mode) {
    char path[PATH_MAX];
    int ours = root() && full_path(at, name, path);
    int number = ours ? fault("open", path) : 0;
    if (number) return errno = number, -1;
    struct stat found;
    int there = ours && !fstatat(AT_FDCWD, path, &found, 0);
    int fd = (int)syscall(SYS_openat, at, name, flags | O_LARGEFILE, mode);
    if (ours && fd >= 0 && (flags & O_CREAT) && !there) trace('C', 0, 0, path, "", 0);
    if (ours && fd >= 0 && (flags & O_TRUNC) && there) trace('T', 0, 0, path, "", 0);
    return fd;
}

#define MODE(flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { \
        va_list more; \
        va_start(more, flags); \
        mode = va_arg(more, mode_t); \
        va_end(more); \
    }

int open(const char *name, int flags, ...) { MODE(flags) return opened(AT_FDCWD, name, flags, mode); }
int open64(const char *name, int flags, ...) { MODE(flags) return opened(AT_FDCWD, name, flags, mode); }
int openat(int at, const char *name, int flags, ...) { MODE(flags) return opened(at, name, flags, mode); }
int openat64(int at, const char *name, int flags, ...) { MODE(flags) return opened(at, name, flags, mode); }

int unlink(const char *name) {
    REAL(int, "unlink", const char *);
    char path[PATH_MAX];
    int ours = root() && full_path(AT_FDCWD, name, path), done = real(name);
    if (ours && !done) trace('U', 0, 0, path, "", 0);
    return done;
}

int rename(const char *from, const char *to) {
    REAL(int, "rename", const char *, const char *);
    char a[PATH_MAX], b[PATH_MAX];
    int ours = root() && full_path(AT_FDCWD, from, a) && full_path(AT_FDCWD, to, b), done = real(from, to);
    if (ours && !done) trace('R', 0, 0, a, b, (uint32_t)strlen(b));
    return done;
}

int linkat(int at, const char *from, int to_at, const char *to, int flags) {
    REAL(int, "linkat", int, const char *, int, const char *, int);
    char a[PATH_MAX], b[PATH_MAX];
    int ours = root() && full_path(at, from, a) && full_path(to_at, to, b), done = real(at, from, to_at, to, flags);
    if (ours && !done) trace('L', 0, 0, a, b, (uint32_t)strlen(b));
    return done;
}

int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }
