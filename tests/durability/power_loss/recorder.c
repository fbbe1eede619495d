/*
 * Records, in their order, what a server asks of the disk for its database and
 * its journal, and what it answers. Loaded in front of the C library
 * (LD_PRELOAD), it appends to the file $RECORD five numbers of 64 bits (kind,
 * file, place, length, time in nanoseconds), and then the bytes:
 *
 *   W  bytes are about to be written to a place in a file
 *   D  the last such bytes of the file are on the disk (O_DSYNC)
 *   S  everything written to the file so far is on the disk
 *   N  the file is about to get its name
 *   R  a reply is about to be sent
 *
 * The files are 0, the database, and 1, the journal.
 *
 * A call that fails, or that writes less than it should, ends the process: the
 * record would be wrong from there on.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static void note(char kind, long which, off_t place, const struct iovec *pieces, int count)
{
    struct timespec now;
    struct iovec record[1 + 64];
    unsigned long head[5] = { kind, which, place, 0, 0 };
    const char *path = getenv("RECORD");
    int file = path ? syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;
    clock_gettime(CLOCK_MONOTONIC, &now);
    head[4] = now.tv_sec * 1000000000ul + now.tv_nsec;
    record[0] = (struct iovec){ head, sizeof head };
    for (int i = 0; i < count && i < 64; i++) {
        record[1 + i] = pieces[i];
        head[3] += pieces[i].iov_len;
    }
    if (file < 0 || count > 64 ||
        syscall(SYS_writev, file, record, 1 + count) != (long)(sizeof head + head[3]))
        abort();
    close(file);
}

static int ends_with(const char *path, const char *end)
{
    size_t length = strlen(path), wanted = strlen(end);
    return length >= wanted && strcmp(path + length - wanted, end) == 0;
}

static int leads_to(int file, const char *wanted)
{
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return wanted ? ends_with(path, wanted) : strncmp(path, "socket:", 7) == 0;
}

/* The number of the file, or -1 for others. */
static long which(int file)
{
    if (leads_to(file, "/postgrey.mdb") || leads_to(file, "/postgrey.mdb.new"))
        return 0;
    if (leads_to(file, "/postgrey.journal") || leads_to(file, "/postgrey.journal.new"))
        return 1;
    return -1;
}

static ssize_t written(int file, ssize_t result, const struct iovec *pieces, int count)
{
    ssize_t wanted = 0;
    for (int i = 0; i < count; i++)
        wanted += pieces[i].iov_len;
    if (result != wanted)
        abort();
    if (fcntl(file, F_GETFL) & O_DSYNC)
        note('D', which(file), 0, NULL, 0);
    return result;
}

ssize_t pwrite64(int file, const void *bytes, size_t length, off64_t place)
{
    struct iovec piece = { (void *)bytes, length };
    if (which(file) < 0)
        return syscall(SYS_pwrite64, file, bytes, length, place);
    note('W', which(file), place, &piece, 1);
    return written(file, syscall(SYS_pwrite64, file, bytes, length, place), &piece, 1);
}

ssize_t pwrite(int file, const void *bytes, size_t length, off_t place)
{
    return pwrite64(file, bytes, length, place);
}

ssize_t writev(int file, const struct iovec *pieces, int count)
{
    if (leads_to(file, NULL))
        note('R', 0, 0, pieces, count);
    if (which(file) < 0)
        return syscall(SYS_writev, file, pieces, count);
    note('W', which(file), lseek(file, 0, SEEK_CUR), pieces, count);
    return written(file, syscall(SYS_writev, file, pieces, count), pieces, count);
}

ssize_t write(int file, const void *bytes, size_t length)
{
    struct iovec piece = { (void *)bytes, length };
    if (leads_to(file, NULL))
        note('R', 0, 0, &piece, 1);
    if (which(file) < 0)
        return syscall(SYS_write, file, bytes, length);
    note('W', which(file), lseek(file, 0, SEEK_CUR), &piece, 1);
    return written(file, syscall(SYS_write, file, bytes, length), &piece, 1);
}

ssize_t send(int file, const void *bytes, size_t length, int flags)
{
    struct iovec piece = { (void *)bytes, length };
    note('R', 0, 0, &piece, 1);
    return syscall(SYS_sendto, file, bytes, length, flags, NULL, 0);
}

static int synced(int file, long call)
{
    int result = syscall(call, file);
    if (which(file) >= 0) {
        if (result != 0)
            abort();
        note('S', which(file), 0, NULL, 0);
    }
    return result;
}

int fdatasync(int file)
{
    return synced(file, SYS_fdatasync);
}

int fsync(int file)
{
    return synced(file, SYS_fsync);
}

int rename(const char *from, const char *to)
{
    if (ends_with(to, "/postgrey.mdb"))
        note('N', 0, 0, NULL, 0);
    if (ends_with(to, "/postgrey.journal"))
        note('N', 1, 0, NULL, 0);
    return syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
}
