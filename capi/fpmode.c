//go:build cgo && linux

/* fpmode.c: the floating-point control word.
 *
 * The numeric contract wants round-to-nearest with subnormals honoured. A caller may have set anything, and threads
 * inherit the mode of the thread that creates them. So every export sets the default and gives the caller's mode
 * back, and the mode is also set while the library is being loaded: the Go runtime creates its first thread then, and
 * all its later threads come from that one or from callers inside an export. */
#include "internal.h"

#if defined(__x86_64__)
#include <xmmintrin.h>

/* all exceptions masked, round to nearest, no flush-to-zero, no denormals-are-zero */
enum { DEFAULT_MODE = 0x1f80 };

uint64_t hki_fp_enter(void) {
    unsigned mode = _mm_getcsr();
    if (mode != DEFAULT_MODE) _mm_setcsr(DEFAULT_MODE);
    return mode;
}

void hki_fp_leave(uint64_t mode) {
    /* always: the work may have raised sticky exception flags, which are the caller's */
    _mm_setcsr((unsigned)mode);
}
#elif defined(__aarch64__)
uint64_t hki_fp_enter(void) {
    uint64_t mode, zero = 0;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    if (mode) __asm__ volatile("msr fpcr, %0" : : "r"(zero));
    return mode;
}

void hki_fp_leave(uint64_t mode) {
    if (mode) __asm__ volatile("msr fpcr, %0" : : "r"(mode));
}
#else
#error "hebbkern's C library is built for x86-64 and arm64"
#endif

int hki_derivative(hk_derivative f, void *context, const double *w, double *slope, int64_t n) {
    int status = f(context, w, slope, n);
    hki_fp_enter(); /* whatever it has left */
    return status;
}

static uint64_t loading_mode;

/* 101 is the first priority open to programs: before the constructor of the Go runtime, which has none. */
__attribute__((constructor(101))) static void before_runtime(void) { loading_mode = hki_fp_enter(); }

/* Without a priority, and linked behind Go's object: after it. */
__attribute__((constructor)) static void after_runtime(void) { hki_fp_leave(loading_mode); }
