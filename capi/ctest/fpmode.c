/* fpmode.c: fpmode LIBRARY LOAD CALL prints a digest of the results of all kernels. LOAD and CALL name the
 * floating-point mode while the library is loaded and while it is called: default, or flush (to zero, subnormals as
 * zero), up, down or zero (the direction of rounding). The digest must be the same for all, also in the threads of the
 * pool, and the caller's mode must be there again after each call. */
#include "check.h"

#include <dlfcn.h>
#include <string.h>

#if defined(__x86_64__)
#include <xmmintrin.h>
static uint64_t get_mode(void) { return _mm_getcsr() & ~0x3fu; } /* but for the exception flags */
static void set_mode(uint64_t mode) { _mm_setcsr((unsigned)mode); }
static uint64_t mode_named(const char *name) {
    return !strcmp(name, "flush") ? 0x9fc0 : !strcmp(name, "up") ? 0x5f80 : !strcmp(name, "down") ? 0x3f80
         : !strcmp(name, "zero") ? 0x7f80 : 0x1f80;
}
#elif defined(__aarch64__)
static uint64_t get_mode(void) {
    uint64_t mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    return mode;
}
static void set_mode(uint64_t mode) { __asm__ volatile("msr fpcr, %0" : : "r"(mode)); }
static uint64_t mode_named(const char *name) {
    return !strcmp(name, "flush") ? 1u << 24 : !strcmp(name, "up") ? 1u << 22 : !strcmp(name, "down") ? 2u << 22
         : !strcmp(name, "zero") ? 3u << 22 : 0;
}
#endif

static uint64_t digest = 14695981039346656037u;

static void add(const void *data, size_t size) {
    for (size_t i = 0; i < size; i++) digest = (digest ^ ((const unsigned char *)data)[i]) * 1099511628211u;
}

/* Weights over many scales with a share of subnormals, from integers alone. */
static void fill(float *w, size_t n, uint32_t seed) {
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525 + 1013904223;
        uint32_t bits = (seed >> 9) | (seed >> 8 & 0x80000000u);
        uint32_t exponent = (i % 5 == 0) ? 0 : (i % 5 == 1) ? 1 + seed % 30 : 115 + (seed >> 3) % 20;
        bits |= exponent << 23;
        memcpy(&w[i], &bits, sizeof bits);
    }
}

#define CALL(kernel, args, result)                                                                  \
    do {                                                                                            \
        int (*function)(const hk_##kernel##_args *, int64_t *, hk_error *);                         \
        *(void **)&function = dlsym(library, "hk_" #kernel);                                        \
        int64_t at = 0;                                                                             \
        hk_error err;                                                                               \
        int status;                                                                                 \
        do {                                                                                        \
            set_mode(calling);                                                                      \
            status = function(&(args), &at, &err);                                                  \
            uint64_t after = get_mode();                                                            \
            set_mode(normal);                                                                       \
            CHECK(after == calling, "%s left mode %llx", #kernel, (unsigned long long)after);       \
        } while (status == HK_MORE);                                                                \
        CHECK(status == HK_OK, "%s: %s", #kernel, err.message);                                     \
        add(result, sizeof(result));                                                                \
    } while (0)

enum { N = 1024 };
static float w[N * N], gb[8 * N], xb[8 * N], yb[8 * N], rows[N], cols[N];

int main(int argc, char **argv) {
    if (argc != 4) return EXIT_FAILURE;
    uint64_t normal = get_mode(), loading = mode_named(argv[2]), calling = mode_named(argv[3]);
    set_mode(loading);
    void *library = dlopen(argv[1], RTLD_NOW);
    uint64_t after = get_mode();
    set_mode(normal);
    if (!library) {
        printf("%s\n", dlerror());
        return EXIT_FAILURE;
    }
    CHECK(after == loading, "loading left mode %llx", (unsigned long long)after);
    int (*set_threads)(int64_t, hk_error *);
    *(void **)&set_threads = dlsym(library, "hk_set_threads");
    set_mode(calling);
    set_threads(4, NULL);
    set_mode(normal);

    fill(w, N * N, 1), fill(gb, 8 * N, 2), fill(xb, 8 * N, 3), fill(rows, N, 4), fill(cols, N, 5);
    hk_array W = hk_matrix(w, N, N, N, HK_FLOAT32), ROWS = hk_vector(rows, N, HK_FLOAT32), COLS = hk_vector(cols, N, HK_FLOAT32);
    hk_array G = hk_matrix(gb, 8, N, N, HK_FLOAT32), X = hk_matrix(xb, 8, N, N, HK_FLOAT32);
    float small = 0x1p-9f;

    hk_rank1_args r = {.w = W, .g = ROWS, .x = COLS, .decay = hk_scalar(&small, HK_FLOAT32)};
    for (int k = 0; k < 8; k++) CALL(rank1, r, w);
    hk_batch_update_args b = {.w = W, .g = G, .x = X};
    CALL(batch_update, b, w);
    for (int f = HK_IDENTITY; f <= HK_BIPU; f++) {
        hk_forward_args a = {.w = W, .x = X, .out = hk_matrix(yb, 8, N, N, HK_FLOAT32), .activation = f, .slope = 0.01, .shape = 1.3};
        CALL(forward, a, yb);
    }
    double exponents[] = {0.5, 1, 1.5, 2, 2.7, 3, 4};
    for (int k = 0; k < 7; k++) {
        hk_power_sums_args a = {.w = W, .rows = ROWS, .cols = COLS, .p = exponents[k], .root = k % 2};
        CALL(power_sums, a, rows);
        add(cols, sizeof cols);
    }
    fill(rows, N, 4), fill(cols, N, 5);
    hk_gain_rule_args e = {.w = W, .post_gain = ROWS, .pre_gain = COLS, .lr = 0x1p-20, .form = HK_GAIN_EXP};
    CALL(gain_rule, e, w);
    hk_scale_args s = {.w = W, .rows = hk_scalar(&small, HK_FLOAT32), .cols = COLS};
    CALL(scale, s, w);
    hk_ema_args m = {.s = COLS, .a = X, .alpha = 0.3, .of = HK_OF_SQUARE};
    CALL(ema, m, cols);
    printf("digest %016llx\n", (unsigned long long)digest);
    return finish();
}
