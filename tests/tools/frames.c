/* SPDX-License-Identifier: Apache-2.0
 * Frames counted and compared on X displays whose framebuffers lie in files.
 *
 *   frames anim SECONDS FPS W H     in the target's DISPLAY: an animation whose every frame carries
 *                                   its number as a row of 17 black and white cells
 *   frames watch FILE SECONDS       on the client's Xvfb -fbdir file: count the numbers that arrive
 *   frames compare FILE FILE        mean difference of a colour channel between two screens, 0…255
 *
 * FILE is in XWD form, as Xvfb -fbdir and xwd write it, 32 bits a pixel.
 */
#include <X11/Xlib.h>
#include <X11/Xutil.h>
#include <X11/extensions/XShm.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CELL_PX   16
#define CODE_BITS 16  /* and one parity cell behind them */
#define AT_PX     100 /* where the animation's window lies, both ways */

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void sleep_until(double when_s)
{
    double left = when_s - now_s();
    struct timespec t = {(time_t)left, (long)((left - (double)(time_t)left) * 1e9)};

    if (left > 0)
        nanosleep(&t, NULL);
}

/* --- the animation ---------------------------------------------------------------------------- */

struct canvas {
    uint8_t *data;
    int width, height;
    size_t stride;
};

static uint32_t *row_of(const struct canvas *c, int y)
{
    return (uint32_t *)(void *)(c->data + (size_t)y * c->stride);
}

static void fill(const struct canvas *c, int x, int y, int w, int h, uint32_t colour)
{
    for (int j = y; j < y + h && j < c->height; j++)
        for (int i = x; i < x + w && i < c->width; i++)
            row_of(c, j)[i] = colour;
}

/* A moving gradient with flat boxes over it, so that no codec has it too easy or too hard. */
static void draw_frame(const struct canvas *c, unsigned n)
{
    uint32_t code = n & 0xffff;

    for (int j = 0; j < c->height; j++)
        for (int i = 0; i < c->width; i++)
            row_of(c, j)[i] = (((unsigned)i + n * 4) & 255) << 16 |
                              (((unsigned)j + n * 2) & 255) << 8 |
                              (((unsigned)(i * j / 64) + n * 3) & 255);
    for (unsigned k = 0; k < 8; k++)
        fill(c, (int)((k * 97 + n * (k + 1)) % (unsigned)(c->width - 60)),
             (int)((k * 53 + n * 2) % (unsigned)(c->height - 80)) + 30, 60, 40, 0x202020 * k);
    for (int b = 0; b <= CODE_BITS; b++) {
        bool is_white = b < CODE_BITS ? (code >> b & 1) != 0 : (__builtin_popcount(code) & 1) != 0;
        fill(c, b * CELL_PX, 0, CELL_PX, CELL_PX, is_white ? 0xffffff : 0);
    }
}

static Window open_window(Display *d, int w, int h)
{
    XSetWindowAttributes a = {.override_redirect = True};
    Window window = XCreateWindow(d, DefaultRootWindow(d), AT_PX, AT_PX, (unsigned)w, (unsigned)h,
                                  0, CopyFromParent, InputOutput, CopyFromParent,
                                  CWOverrideRedirect | CWBackPixel, &a);

    XMapRaised(d, window);
    return window;
}

static int anim(double seconds, int fps, int w, int h)
{
    Display *d = XOpenDisplay(NULL);
    XShmSegmentInfo shm = {0};

    if (!d || fps <= 0 || w < (CODE_BITS + 1) * CELL_PX || h < 160)
        return 2;
    Window window = open_window(d, w, h);
    GC gc = XCreateGC(d, window, 0, NULL);
    int screen = DefaultScreen(d);
    XImage *image = XShmCreateImage(d, DefaultVisual(d, screen), (unsigned)DefaultDepth(d, screen),
                                    ZPixmap, NULL, &shm, (unsigned)w, (unsigned)h);
    size_t stride = (size_t)image->bytes_per_line;
    shm.shmid = shmget(IPC_PRIVATE, stride * (size_t)h, IPC_CREAT | 0666);
    shm.shmaddr = shmat(shm.shmid, NULL, 0);
    if (shm.shmaddr == (void *)-1)
        return 2;
    image->data = shm.shmaddr;
    XShmAttach(d, &shm);
    XSync(d, False);
    shmctl(shm.shmid, IPC_RMID, NULL);

    struct canvas canvas = {(uint8_t *)shm.shmaddr, w, h, stride};
    double start = now_s();
    unsigned n = 0;
    for (; (double)n / fps < seconds; n++) {
        draw_frame(&canvas, n);
        XShmPutImage(d, window, gc, image, 0, 0, 0, 0, (unsigned)w, (unsigned)h, False);
        XSync(d, False);
        sleep_until(start + (double)(n + 1) / fps);
    }
    printf("{\"frames\": %u, \"seconds\": %.2f}\n", n, now_s() - start);
    XCloseDisplay(d);
    return 0;
}

/* --- screens in files ---------------------------------------------------------------------------
 */

struct screen {
    const uint8_t *pixels; /* BGRX, stride bytes a row */
    uint32_t width, height, stride;
};

/* The XWD header is 25 big-endian words and a name; a colour map of 12-byte entries follows. */
static bool screen_open(const char *path, struct screen *out)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &st) || st.st_size < 100)
        return false;
    const uint8_t *base = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (base == MAP_FAILED)
        return false;
    uint32_t h[25];
    memcpy(h, base, sizeof(h));
    for (size_t i = 0; i < 25; i++)
        h[i] = ntohl(h[i]);
    uint64_t need = (uint64_t)h[0] + 12ull * h[19] + (uint64_t)h[12] * h[5];
    if (h[11] != 32 || (uint64_t)st.st_size < need || h[12] < h[4] * 4ull)
        return false;
    *out = (struct screen){base + h[0] + 12 * (size_t)h[19], h[4], h[5], h[12]};
    return true;
}

static const uint8_t *pixel_at(const struct screen *s, uint32_t x, uint32_t y)
{
    return s->pixels + (size_t)y * s->stride + (size_t)x * 4;
}

/* The frame number shown, or -1 while a frame is torn or none is there. */
static int code_read(const struct screen *s)
{
    uint32_t value = 0, parity = 0;

    for (uint32_t b = 0; b <= CODE_BITS; b++) {
        const volatile uint8_t *p =
            pixel_at(s, AT_PX + b * CELL_PX + CELL_PX / 2, AT_PX + CELL_PX / 2);
        int light = (p[0] + p[1] + p[2]) / 3;
        if (light >= 76 && light <= 180)
            return -1;
        if (b < CODE_BITS)
            value |= (uint32_t)(light > 180) << b;
        else
            parity = light > 180;
    }
    return ((uint32_t)__builtin_popcount(value) & 1) == parity ? (int)value : -1;
}

static int watch(const char *path, double seconds)
{
    struct screen s;
    long count = 0;
    int last = -1;

    if (!screen_open(path, &s) || s.width < AT_PX + (CODE_BITS + 1) * CELL_PX)
        return 2;
    double start = now_s();
    while (now_s() - start < seconds) {
        int code = code_read(&s);
        if (code >= 0 && code != last) {
            last = code;
            count++;
        }
        usleep(1000);
    }
    printf("{\"frames\": %ld, \"fps\": %.2f}\n", count, (double)count / seconds);
    return 0;
}

static int compare(const char *one, const char *two)
{
    struct screen a, b;
    uint64_t sum = 0;

    if (!screen_open(one, &a) || !screen_open(two, &b))
        return 2;
    uint32_t w = a.width < b.width ? a.width : b.width;
    uint32_t h = a.height < b.height ? a.height : b.height;
    for (uint32_t y = 0; y < h; y++)
        for (uint32_t x = 0; x < w; x++)
            for (int c = 0; c < 3; c++)
                sum += (uint64_t)abs(pixel_at(&a, x, y)[c] - pixel_at(&b, x, y)[c]);
    printf("%.3f\n", (double)sum / (3.0 * w * h));
    return 0;
}

int main(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";

    if (!strcmp(verb, "anim") && argc == 6)
        return anim(strtod(argv[2], NULL), (int)strtol(argv[3], NULL, 10),
                    (int)strtol(argv[4], NULL, 10), (int)strtol(argv[5], NULL, 10));
    if (!strcmp(verb, "watch") && argc == 4)
        return watch(argv[2], strtod(argv[3], NULL));
    if (!strcmp(verb, "compare") && argc == 4)
        return compare(argv[2], argv[3]);
    fputs("usage: frames anim SECONDS FPS W H | watch FILE SECONDS | compare FILE FILE\n", stderr);
    return 2;
}
