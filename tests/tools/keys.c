/* SPDX-License-Identifier: Apache-2.0
 * The time from a key press at a client to the pixel that answers it.
 *
 *   keys target           in the target's DISPLAY: a window that flips black and white with each
 * key keys press FILE N     in the client's DISPLAY, an Xvfb whose -fbdir file is FILE: press a key
 * N times and print the milliseconds until the window flipped, one a line
 */
#include <X11/Xlib.h>
#include <X11/extensions/XTest.h>
#include <X11/keysym.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LEFT_PX   700
#define TOP_PX    500
#define SIDE_PX   128
#define PATIENCE  1.5    /* s until a press counts as lost     */
#define PAUSE_US  150000 /* between presses, and up to as much */
#define SPREAD_US 100000

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int target(void)
{
    Display *d = XOpenDisplay(NULL);
    XSetWindowAttributes a = {.override_redirect = True,
                              .event_mask = KeyPressMask | ExposureMask | StructureNotifyMask};
    bool is_white = false;

    if (d == NULL)
        return 2;
    Window w = XCreateWindow(d, DefaultRootWindow(d), LEFT_PX, TOP_PX, SIDE_PX, SIDE_PX, 0,
                             CopyFromParent, InputOutput, CopyFromParent,
                             CWOverrideRedirect | CWBackPixel | CWEventMask, &a);
    XMapRaised(d, w);
    GC gc = XCreateGC(d, w, 0, NULL);
    for (;;) {
        XEvent e;

        XNextEvent(d, &e);
        if (e.type == MapNotify)
            XSetInputFocus(d, w, RevertToParent, CurrentTime);
        if (e.type == KeyPress)
            is_white = !is_white;
        if (e.type == KeyPress || e.type == Expose) {
            XSetForeground(d, gc, is_white ? 0xffffff : 0);
            XFillRectangle(d, w, gc, 0, 0, SIDE_PX, SIDE_PX);
            XFlush(d);
        }
    }
}

/* The middle of the window in an XWD file of 32 bits a pixel, or NULL. */
static const volatile uint8_t *pixel_of(const char *path)
{
    struct stat st;
    uint32_t h[25];
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &st) != 0 || st.st_size < (off_t)sizeof(h))
        return NULL;
    const uint8_t *base = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (base == MAP_FAILED)
        return NULL;
    memcpy(h, base, sizeof(h));
    for (size_t i = 0; i < 25; i++)
        h[i] = ntohl(h[i]);
    size_t at = h[0] + 12 * (size_t)h[19] + (size_t)(TOP_PX + SIDE_PX / 2) * h[12] +
                (size_t)(LEFT_PX + SIDE_PX / 2) * 4;
    return h[11] == 32 && at + 4 <= (size_t)st.st_size ? base + at : NULL;
}

static bool is_light(const volatile uint8_t *p)
{
    return (p[0] + p[1] + p[2]) / 3 > 127;
}

static int press(const char *path, long count)
{
    const volatile uint8_t *p = pixel_of(path);
    Display *d = XOpenDisplay(NULL);

    if (p == NULL || d == NULL)
        return 2;
    KeyCode key = XKeysymToKeycode(d, XK_a);
    for (long i = 0; i < count; i++) {
        bool was = is_light(p);
        double start = now_s(), took = -1;

        XTestFakeKeyEvent(d, key, True, 0);
        XFlush(d);
        while (took < 0 && now_s() - start < PATIENCE) {
            if (is_light(p) != was)
                took = now_s() - start;
            else
                usleep(50);
        }
        XTestFakeKeyEvent(d, key, False, 0);
        XFlush(d);
        printf("%.3f\n", took < 0 ? -1 : took * 1e3);
        fflush(stdout);
        /* Not in step with any frame clock. */
        usleep(PAUSE_US + (unsigned)(i * 7919) % SPREAD_US);
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "target") == 0)
        return target();
    if (argc == 4 && strcmp(argv[1], "press") == 0)
        return press(argv[2], strtol(argv[3], NULL, 10));
    fputs("usage: keys target | keys press FILE N\n", stderr);
    return 2;
}
