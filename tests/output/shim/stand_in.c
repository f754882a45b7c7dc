/* An LD_PRELOAD stand-in for one v4l2loopback node: programs that write to it run unchanged, without the kernel module.
 *
 * open, ioctl, write and close of LIVECAM_SHIM_DEVICE (an existing plain file) are answered here, with the states of
 * v4l2loopback 0.12: output is taken away at the first write, and given back by who closes after STREAMON; formats are
 * kept while anybody has the node open. Within one process only.
 *
 * LIVECAM_SHIM_OUT           file to which every write is added, behind a struct header; without it, pictures are
 *                            copied into memory, as the driver does
 * LIVECAM_SHIM_OPEN_ERRNO    every open fails so
 * LIVECAM_SHIM_WRITE_ERRNO   every write fails so; ENODEV takes the node away from then on
 * LIVECAM_SHIM_WRITE_SHORT   every write takes so many bytes less
 * LIVECAM_SHIM_WRITE_MS      every write takes so long
 * All are looked at on every call, so that a test may change them while it runs.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define MOST_FDS 4096
#define BUFFERS 8

struct header {
    char magic[4];
    unsigned width, height, fourcc, length, sequence;
    unsigned long long monotonic_ns;
};

static char is_node[MOST_FDS], is_writer[MOST_FDS];
static int openers, readable, writable = 1, gone;
static unsigned sequence;
static struct v4l2_pix_format carried;
static char *memory[BUFFERS];

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int number(const char *name) {
    const char *text = getenv(name);
    return text ? atoi(text) : 0;
}

static int refused(int error) {
    errno = error;
    return -1;
}

static int opened(const char *path, int flags, mode_t mode, int (*real)(const char *, int, ...)) {
    const char *device = getenv("LIVECAM_SHIM_DEVICE");
    if (!device || strcmp(path, device)) return real(path, flags, mode);
    if (gone) return refused(ENODEV);
    if (number("LIVECAM_SHIM_OPEN_ERRNO")) return refused(number("LIVECAM_SHIM_OPEN_ERRNO"));
    int fd = real(path, flags, mode);
    if (fd >= 0 && fd < MOST_FDS) {
        is_node[fd] = 1, is_writer[fd] = 0;
        openers++;
    }
    return fd;
}

int open(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return opened(path, flags, mode, REAL(open));
}

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return opened(path, flags, mode, REAL(open64));
}

static int ours(int fd) { return fd >= 0 && fd < MOST_FDS && is_node[fd]; }

static void describe(struct v4l2_capability *caps) {
    memset(caps, 0, sizeof *caps);
    strcpy((char *)caps->driver, "v4l2 loopback");
    strcpy((char *)caps->card, "stand-in");
    caps->device_caps = V4L2_CAP_READWRITE | V4L2_CAP_STREAMING | (readable ? V4L2_CAP_VIDEO_CAPTURE : 0) |
                        (writable ? V4L2_CAP_VIDEO_OUTPUT : 0);
    caps->capabilities = caps->device_caps | V4L2_CAP_DEVICE_CAPS;
}

static void set_format(struct v4l2_format *format) {
    if (!readable) {
        carried = format->fmt.pix;
        carried.sizeimage = (carried.width * carried.height * 3 / 2 + 4095) & ~4095u;
    }
    /* With pictures flowing, the driver keeps the old one and reports success. */
    format->fmt.pix = carried;
}

int ioctl(int fd, unsigned long request, ...) {
    va_list rest;
    va_start(rest, request);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    if (!ours(fd)) return REAL(ioctl)(fd, request, argument);
    if (gone) return refused(ENODEV);
    switch (request & 0xffffffff) {
        case VIDIOC_QUERYCAP: describe(argument); return 0;
        case VIDIOC_S_FMT: set_format(argument); return 0;
        case VIDIOC_G_FMT: ((struct v4l2_format *)argument)->fmt.pix = carried; return 0;
        case VIDIOC_S_PARM: return 0;
        case VIDIOC_STREAMON: is_writer[fd] = readable = 1, writable = 0; return 0;
        default: return refused(EINVAL);
    }
}

static int put(int out, const void *data, size_t length) {
    for (size_t done = 0; done < length;) {
        ssize_t step = REAL(write)(out, (const char *)data + done, length - done);
        if (step < 0) return -1;
        done += step;
    }
    return 0;
}

static void keep_in_memory(const void *picture, size_t length) {
    char **slot = &memory[sequence % BUFFERS];
    if (!*slot) *slot = malloc(carried.sizeimage);
    if (*slot && length <= carried.sizeimage) memcpy(*slot, picture, length);
}

static int keep(const void *picture, size_t length) {
    const char *path = getenv("LIVECAM_SHIM_OUT");
    struct timespec now;
    if (!path || !*path) return keep_in_memory(picture, length), 0;
    clock_gettime(CLOCK_MONOTONIC, &now);
    struct header header = {"SHIM", carried.width, carried.height, carried.pixelformat, (unsigned)length, sequence,
                            now.tv_sec * 1000000000ull + now.tv_nsec};
    int out = REAL(open)(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    int failed = out < 0 || put(out, &header, sizeof header) || put(out, picture, length);
    if (out >= 0) REAL(close)(out);
    return failed ? -1 : 0;
}

ssize_t write(int fd, const void *picture, size_t length) {
    if (!ours(fd)) return REAL(write)(fd, picture, length);
    int error = number("LIVECAM_SHIM_WRITE_ERRNO");
    gone |= error == ENODEV;
    if (gone) return refused(ENODEV);
    if (error) return refused(error);
    writable = 0, readable = 1;
    usleep(1000 * number("LIVECAM_SHIM_WRITE_MS"));
    length -= number("LIVECAM_SHIM_WRITE_SHORT");
    if (length > carried.sizeimage) length = carried.sizeimage;
    if (keep(picture, length)) return -1;
    sequence++;
    return length;
}

int close(int fd) {
    if (ours(fd)) {
        is_node[fd] = 0;
        writable |= is_writer[fd];
        if (!--openers) readable = 0;
    }
    return REAL(close)(fd);
}
