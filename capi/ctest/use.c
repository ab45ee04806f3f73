/* use.c: a C program that uses every function of hebbkern.h, in both element types. The expected values are small
 * integers and powers of two, so that they are exact whatever the order of the sums; transcendental results are
 * compared with libm's within a few units of the last place of float32. */
#include "check.h"

#include <math.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

/* One set of tests for an element type REAL with code DTYPE. */
#define REAL float
#define DTYPE HK_FLOAT32
#define NAME(x) x##_f32
#include "use_typed.h"
#undef REAL
#undef DTYPE
#undef NAME
#define REAL double
#define DTYPE HK_FLOAT64
#define NAME(x) x##_f64
#include "use_typed.h"

static void test_library(void) {
    CHECK(hk_abi_version() == HK_ABI_VERSION, "%d", (int)hk_abi_version());
    CHECK(hk_sizeof("hk_array") == sizeof(hk_array), "hk_array");
    CHECK(hk_sizeof("hk_error") == sizeof(hk_error), "hk_error");
    CHECK(hk_sizeof("hk_rank1_args") == sizeof(hk_rank1_args), "hk_rank1_args");
    CHECK(hk_sizeof("hk_batch_update_args") == sizeof(hk_batch_update_args), "hk_batch_update_args");
    CHECK(hk_sizeof("hk_forward_args") == sizeof(hk_forward_args), "hk_forward_args");
    CHECK(hk_sizeof("hk_power_sums_args") == sizeof(hk_power_sums_args), "hk_power_sums_args");
    CHECK(hk_sizeof("hk_scale_args") == sizeof(hk_scale_args), "hk_scale_args");
    CHECK(hk_sizeof("hk_ema_args") == sizeof(hk_ema_args), "hk_ema_args");
    CHECK(hk_sizeof("hk_threshold_args") == sizeof(hk_threshold_args), "hk_threshold_args");
    CHECK(hk_sizeof("hk_intrinsic_plasticity_args") == sizeof(hk_intrinsic_plasticity_args), "hk_intrinsic_plasticity_args");
    CHECK(hk_sizeof("hk_stdp_args") == sizeof(hk_stdp_args), "hk_stdp_args");
    CHECK(hk_sizeof("hk_triplet_stdp_args") == sizeof(hk_triplet_stdp_args), "hk_triplet_stdp_args");
    CHECK(hk_sizeof("hk_windows") == sizeof(hk_windows), "hk_windows");
    CHECK(hk_sizeof("hk_patches_args") == sizeof(hk_patches_args), "hk_patches_args");
    CHECK(hk_sizeof("hk_conv_forward_args") == sizeof(hk_conv_forward_args), "hk_conv_forward_args");
    CHECK(hk_sizeof("hk_pool_args") == sizeof(hk_pool_args), "hk_pool_args");
    CHECK(hk_sizeof("hk_gain_rule_args") == sizeof(hk_gain_rule_args), "hk_gain_rule_args");
    CHECK(hk_sizeof("no such struct") == 0 && hk_sizeof(NULL) == 0, "unknown names");

    int64_t size = hk_info(NULL, 0);
    CHECK(size > 2, "%lld", (long long)size);
    char *info = malloc((size_t)size + 1);
    info[size] = 'x';
    CHECK(hk_info(info, (size_t)size) == size, "%lld", (long long)size);
    CHECK(strlen(info) == (size_t)size - 1 && info[size] == 'x', "%s", info);
    CHECK(strstr(info, "\"version\"") && strstr(info, "\"isa\""), "%s", info);
    char cut[8] = "1234567";
    CHECK(hk_info(cut, 4) == size && strlen(cut) == 3 && cut[4] == '5', "%s", cut);
    free(info);

    hk_error err;
    int64_t before = hk_get_threads();
    CHECK(before >= 1, "%lld", (long long)before);
    CHECK(hk_set_threads(3, &err) == HK_OK && hk_get_threads() == 3, "%s", err.message);
    CHECK(hk_set_threads(0, &err) == HK_E_VALUE && strlen(err.message), "%s", err.message);
    CHECK(hk_set_threads(-1, NULL) == HK_E_VALUE, "no err");
    CHECK(hk_get_threads() == 3, "%lld", (long long)hk_get_threads());
    CHECK(hk_set_threads(before, NULL) == HK_OK, "back");
}

/* Large work comes back in pieces of bounded length; its result is that of the pieces' rows alone. */
static void test_pieces(void) {
    enum { M = 8192, N = 4096 };
    float *w = malloc(sizeof(float) * M * N), rows[M], cols[N], one[1];
    for (int64_t k = 0; k < (int64_t)M * N; k++) w[k] = (float)(k % 97) / 16;
    memset(rows, 0, sizeof rows);
    hk_power_sums_args args = {.w = hk_matrix(w, M, N, N, HK_FLOAT32), .rows = hk_vector(rows, M, HK_FLOAT32),
                               .cols = hk_vector(cols, N, HK_FLOAT32), .p = 2.7};
    int64_t at = 0;
    int status, steps = 0;
    double longest = 0;
    do {
        struct timespec a, b;
        int64_t from = at;
        clock_gettime(CLOCK_MONOTONIC, &a);
        status = hk_power_sums(&args, &at, NULL);
        clock_gettime(CLOCK_MONOTONIC, &b);
        double ms = 1e3 * (double)(b.tv_sec - a.tv_sec) + 1e-6 * (double)(b.tv_nsec - a.tv_nsec);
        if (ms > longest) longest = ms;
        CHECK(at > from, "no progress at %lld", (long long)at);
        steps++;
    } while (status == HK_MORE);
    CHECK(status == HK_OK, "%d", status);
    CHECK(steps > 1, "%d steps", steps);
    printf("power sums of 8192 x 4096 by row and column, p = 2.7: %d calls, the longest %.1f ms\n", steps, longest);
    for (int i = 0; i < N; i += 1023) {
        hk_power_sums_args row = {.w = hk_matrix(w + (int64_t)i * N, 1, N, N, HK_FLOAT32), .rows = hk_vector(one, 1, HK_FLOAT32),
                                  .p = 2.7};
        RUN(status, power_sums, row);
        CHECK(one[0] == rows[i], "row %d: %g, %g", i, (double)one[0], (double)rows[i]);
        hk_power_sums_args col = {.w = hk_matrix(w + i, M, 1, N, HK_FLOAT32), .cols = hk_vector(one, 1, HK_FLOAT32), .p = 2.7};
        RUN(status, power_sums, col);
        CHECK(one[0] == cols[i], "column %d: %g, %g", i, (double)one[0], (double)cols[i]);
    }
    at = M + N + 1;
    CHECK(hk_power_sums(&args, &at, NULL) == HK_E_VALUE, "at beyond the end");
    at = -1;
    CHECK(hk_power_sums(&args, &at, NULL) == HK_E_VALUE, "at before the start");
    free(w);
}

/* Long sequences of spikes come back in pieces; the pieces have the bits of the steps one by one. */
static void test_steps(void) {
    enum { OUT = 300, IN = 500, STEPS = 3000 };
    static float w[2][OUT * IN], pre_trace[2][IN], post_trace[2][OUT];
    static unsigned char pre[STEPS * IN], post[STEPS * OUT];
    uint32_t seed = 1;
    for (int64_t k = 0; k < STEPS * IN; k++) pre[k] = (seed = seed * 1664525u + 1013904223u) >> 28 < 2;
    for (int64_t k = 0; k < STEPS * OUT; k++) post[k] = (seed = seed * 1664525u + 1013904223u) >> 28 < 2;
    for (int k = 0; k < OUT * IN; k++) w[0][k] = w[1][k] = (float)(k % 97) / 97;
    hk_stdp_args args = {.w = hk_matrix(w[0], OUT, IN, IN, HK_FLOAT32), .pre = hk_matrix(pre, STEPS, IN, IN, HK_BOOL),
                         .post = hk_matrix(post, STEPS, OUT, OUT, HK_BOOL), .a_pre = hk_vector(pre_trace[0], IN, HK_FLOAT32),
                         .a_post = hk_vector(post_trace[0], OUT, HK_FLOAT32), .tau_plus = 20, .tau_minus = 20, .a_plus = 0.01,
                         .a_minus = -0.0105, .dt = 1, .w_min = 0, .w_max = 1};
    int64_t at = 0;
    int status, pieces = 0;
    do {
        int64_t from = at;
        status = hk_stdp(&args, &at, NULL);
        CHECK(at > from, "no progress at %lld", (long long)at);
        pieces++;
    } while (status == HK_MORE);
    CHECK(status == HK_OK && at == STEPS, "%d", status);
    printf("STDP, %d steps of %d x %d: %d calls\n", STEPS, OUT, IN, pieces);
    args.w.data = w[1], args.a_pre.data = pre_trace[1], args.a_post.data = post_trace[1];
    for (int t = 0; t < STEPS; t++) {
        args.pre = hk_vector(pre + t * IN, IN, HK_BOOL), args.post = hk_vector(post + t * OUT, OUT, HK_BOOL);
        RUN(status, stdp, args);
    }
    CHECK(!memcmp(w[0], w[1], sizeof w[0]) && !memcmp(pre_trace[0], pre_trace[1], sizeof pre_trace[0]), "steps one by one");
}

static void *many_calls(void *result) {
    enum { N = 300 };
    float *w = calloc(N * N, sizeof *w), g[N], x[N];
    for (int i = 0; i < N; i++) g[i] = (float)(i % 7), x[i] = (float)(i % 5);
    hk_rank1_args args = {.w = hk_matrix(w, N, N, N, HK_FLOAT32), .g = hk_vector(g, N, HK_FLOAT32),
                          .x = hk_vector(x, N, HK_FLOAT32)};
    int wrong = 0;
    for (int k = 0; k < 200; k++) {
        int64_t at = 0;
        while (hk_rank1(&args, &at, NULL) == HK_MORE) {}
    }
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) wrong += w[i * N + j] != 200 * g[i] * x[j];
    *(int *)result = wrong;
    free(w);
    return NULL;
}

static void test_threads(void) {
    pthread_t thread[4];
    int wrong[4];
    for (int k = 0; k < 4; k++) pthread_create(&thread[k], NULL, many_calls, &wrong[k]);
    for (int k = 0; k < 4; k++) {
        pthread_join(thread[k], NULL);
        CHECK(!wrong[k], "thread %d: %d wrong weights", k, wrong[k]);
    }
}

int main(void) {
    test_library();
    test_all_f32();
    test_all_f64();
    test_pieces();
    test_steps();
    test_threads();
    return finish();
}
