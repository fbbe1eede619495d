/*
 * Faults that no file system offers on demand. Loaded in front of the C library
 * (LD_PRELOAD), it acts while a file of that name stands in the directory
 * $FAULTS; the file's text is a number:
 *
 *   write       writes to a place in a file fail, with this error number
 *   write-meta  those of less than a page do: in LMDB, only the last step of a
 *               commit is one
 *   sync        fdatasync fails, with this error number
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The fault's number, or zero while there is no such fault. */
static long fault(const char *name)
{
    char path[4096], text[32] = "";
    const char *faults = getenv("FAULTS");
    int saved = errno, file = -1;
    if (faults && snprintf(path, sizeof path, "%s/%s", faults, name) < (int)sizeof path)
        file = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (file >= 0) {
        if (read(file, text, sizeof text - 1) < 0)
            text[0] = 0;
        close(file);
    }
    errno = saved;
    return atol(text);
}

static int fails(const char *name)
{
    long number = fault(name);
    if (number)
        errno = number;
    return number != 0;
}

ssize_t pwrite64(int file, const void *bytes, size_t length, off64_t offset)
{
    if (fails("write") || (length < 4096 && fails("write-meta")))
        return -1;
    return syscall(SYS_pwrite64, file, bytes, length, offset);
}

ssize_t pwrite(int file, const void *bytes, size_t length, off_t offset)
{
    return pwrite64(file, bytes, length, offset);
}

int fdatasync(int file)
{
    return fails("sync") ? -1 : syscall(SYS_fdatasync, file);
}
