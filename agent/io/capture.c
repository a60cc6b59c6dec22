#include "io/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/cleanup.h"

enum {
        READ_SIZE = 16 * 1024,
        READS_PER_TURN = 4, /* a program that floods us gets no more of a turn than this */
};

void capture_init(struct capture *capture, size_t max, void (*ended)(void *cookie), void *cookie) {
        *capture = (struct capture){.fd = -1, .max = max, .ended = ended, .cookie = cookie};
}

int capture_open(struct capture *capture, struct error *err) {
        int fds[2];

        if (pipe2(fds, O_CLOEXEC) < 0) {
                return error_set_errno(err, errno, "pipe");
        }
        AUTO_CLOSE int write_end = fds[1];
        capture->fd = fds[0];
        if (fcntl(capture->fd, F_SETFL, O_NONBLOCK) < 0) {
                return error_set_errno(err, errno, "pipe");
        }
        return TAKE_FD(write_end);
}

void capture_close(struct capture *capture) {
        loop_watch_remove(&capture->watch);
        if (capture->fd >= 0) {
                close(capture->fd);
                capture->fd = -1;
        }
}

void capture_done(struct capture *capture) {
        capture_close(capture);
        strbuf_done(&capture->text);
}

static void keep(struct capture *capture, const char *data, size_t length) {
        size_t room = capture->max - capture->text.length;
        size_t kept = length < room ? length : room;

        strbuf_add_bytes(&capture->text, data, kept);
        capture->dropped_bytes += capture->text.failed ? length : length - kept;
}

/* False when it is at its end. */
static bool read_some(struct capture *capture) {
        char data[READ_SIZE];

        for (int i = 0; i < READS_PER_TURN; i++) {
                ssize_t n = read(capture->fd, data, sizeof(data));
                if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
                        return true;
                }
                if (n <= 0) {
                        return false;
                }
                keep(capture, data, (size_t) n);
        }
        return true;
}

static void on_readable(void *cookie, uint32_t events) {
        struct capture *capture = cookie;

        (void) events;
        if (!read_some(capture)) {
                capture_close(capture);
                capture->ended(capture->cookie);
        }
}

int capture_watch(struct capture *capture, struct loop *loop) {
        return capture->fd < 0 ? 0
                               : loop_watch_add(&capture->watch, loop, capture->fd, EPOLLIN,
                                         on_readable, capture);
}

void capture_drain(struct capture *capture) {
        if (capture->fd >= 0 && !read_some(capture)) {
                capture_close(capture);
        }
}

const char *capture_text(const struct capture *capture, size_t *ret_length) {
        const char *text = strbuf_text(&capture->text);

        *ret_length = text ? capture->text.length : 0;
        return text ? text : "";
}
