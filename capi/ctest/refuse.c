/* refuse.c: every kind of bad argument is refused with its index and a reason in words, and nothing is written. */
#include "check.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

enum { OUT = 4, IN = 6, STRIDE = 8, SAMPLES = 3 };

/* All memory that a test may touch, so that one comparison shows that none of it changed. */
static struct memory {
    double w[OUT * STRIDE], e[OUT * IN], spare[OUT * IN], square[OUT * OUT], g[SAMPLES * OUT], x[SAMPLES * IN], rows[OUT], cols[IN], scalar, nan, infinite;
    float single[64];
    unsigned char mask[OUT * IN], bytes[64];
} m, before;

static hk_array W(void) { return hk_matrix(m.w, OUT, IN, STRIDE, HK_FLOAT64); }
static hk_array ROWS(void) { return hk_vector(m.rows, OUT, HK_FLOAT64); }
static hk_array COLS(void) { return hk_vector(m.cols, IN, HK_FLOAT64); }
static hk_array G(void) { return hk_matrix(m.g, SAMPLES, OUT, OUT, HK_FLOAT64); }
static hk_array X(void) { return hk_matrix(m.x, SAMPLES, IN, IN, HK_FLOAT64); }

static hk_rank1_args rank1(void) { return (hk_rank1_args){.w = W(), .g = ROWS(), .x = COLS()}; }
static hk_batch_update_args batch_update(void) { return (hk_batch_update_args){.w = W(), .g = G(), .x = X()}; }
static hk_forward_args forward(void) { return (hk_forward_args){.w = W(), .x = X(), .out = G()}; }
static hk_power_sums_args power_sums(void) { return (hk_power_sums_args){.w = W(), .rows = ROWS(), .p = 2}; }
static hk_scale_args scale(void) { return (hk_scale_args){.w = W(), .rows = ROWS(), .cols = COLS()}; }
static hk_ema_args ema(void) { return (hk_ema_args){.s = COLS(), .a = X(), .alpha = 0.5}; }
static hk_gain_rule_args gain_rule(void) {
    return (hk_gain_rule_args){.w = W(), .post_gain = ROWS(), .pre_gain = COLS(), .lr = 0.1};
}

static hk_average_gain_args average_gain(void) {
    return (hk_average_gain_args){.sigma = COLS(), .z = X(), .alpha = 0.5, .gain_of = HK_OF_DERIVATIVE, .reduction = HK_MEAN};
}
static hk_windowed_gain_args windowed_gain(void) {
    return (hk_windowed_gain_args){.sigma = COLS(), .z = X(), .values = W(), .sum = hk_vector(m.g, IN, HK_FLOAT64),
                                   .gain_of = HK_OF_DERIVATIVE, .reduction = HK_MEAN};
}

static hk_learn_args learn(void) {
    return (hk_learn_args){.w = W(), .x = X(), .y = G(), .rule = HK_WTA, .lr = 0.1, .compute = 1, .k = 1};
}

/* The index of a member of hk_learn_args: arrays first, then scalars. */
#define LEARN(member)                                                                                             \
    (int)(offsetof(hk_learn_args, member) < offsetof(hk_learn_args, rule)                                         \
              ? offsetof(hk_learn_args, member) / sizeof(hk_array)                                                \
              : offsetof(hk_learn_args, rule) / sizeof(hk_array) +                                                \
                    (offsetof(hk_learn_args, member) - offsetof(hk_learn_args, rule)) / 8)

static hk_given_args given(void) {
    return (hk_given_args){.w = W(), .x = X(), .g = G(), .decay = G()};
}
static hk_contrastive_args contrastive(void) {
    return (hk_contrastive_args){.w = W(), .x = X(), .y = G(), .x_free = X(), .y_free = G(), .lr = 0.1};
}
static hk_three_factor_args three_factor(void) {
    return (hk_three_factor_args){.w = W(), .x = X(), .y = G(), .modulator = hk_vector(m.rows, SAMPLES, HK_FLOAT64),
                                  .e = hk_matrix(m.e, OUT, IN, IN, HK_FLOAT64), .lr = 0.1, .tau_e = 10, .dt = 1};
}
static hk_foldiak_args foldiak(void) {
    return (hk_foldiak_args){.w = W(), .x = X(), .y = G(), .lateral = hk_matrix(m.square, OUT, OUT, OUT, HK_FLOAT64), .threshold = ROWS(),
                             .lr = 0.1, .p = 0.5, .compute = 1, .slope = 1, .steps = 3, .step = 0.5};
}

static hk_array PRE(void) { return hk_matrix(m.bytes, SAMPLES, IN, IN, HK_BOOL); }
static hk_array POST(void) { return hk_matrix(m.bytes + SAMPLES * IN, SAMPLES, OUT, OUT, HK_BOOL); }
static hk_stdp_args stdp(void) {
    return (hk_stdp_args){.w = W(), .pre = PRE(), .post = POST(), .a_pre = COLS(), .a_post = ROWS(), .tau_plus = 20, .tau_minus = 20,
                          .a_plus = 0.1, .a_minus = -0.1, .dt = 1, .w_min = 0, .w_max = 1};
}
static hk_triplet_stdp_args triplet_stdp(void) {
    return (hk_triplet_stdp_args){.w = W(), .pre = PRE(), .post = POST(), .r1 = COLS(), .r2 = hk_vector(m.x, IN, HK_FLOAT64), .o1 = ROWS(),
                                  .o2 = hk_vector(m.g, OUT, HK_FLOAT64), .tau_plus = 20, .tau_x = 20, .tau_minus = 20, .tau_y = 20,
                                  .dt = 1, .w_min = 0, .w_max = 1};
}

static hk_threshold_args threshold(void) {
    return (hk_threshold_args){.theta = COLS(), .y = X(), .target = hk_scalar(&m.scalar, HK_FLOAT64), .rate = 0.1};
}
static hk_intrinsic_plasticity_args intrinsic_plasticity(void) {
    return (hk_intrinsic_plasticity_args){.gain = COLS(), .bias = hk_vector(m.g, IN, HK_FLOAT64), .z = X(),
                                          .y = hk_matrix(m.w, SAMPLES, IN, STRIDE, HK_FLOAT64), .target = 0.5, .rate = 0.1};
}

/* Images of 1 x 2 x 3, windows as large. */
static hk_windows windows(void) {
    return (hk_windows){.channels = 1, .height = 2, .width = 3, .size = {2, 3}, .stride = {1, 1}, .dilation = {1, 1}};
}
static hk_patches_args patches(void) {
    return (hk_patches_args){.images = X(), .out = hk_matrix(m.w, SAMPLES, IN, STRIDE, HK_FLOAT64), .windows = windows()};
}
static hk_conv_forward_args conv_forward(void) {
    return (hk_conv_forward_args){.w = W(), .images = X(), .out = G(), .windows = windows()};
}
static hk_pool_args pool(void) {
    hk_pool_args a = {.images = X(), .out = G(), .windows = windows()};
    a.windows.size[0] = 1, a.windows.size[1] = 2;
    return a;
}

#define REFUSED(kernel, change, want_status, want_reason, want_argument)                                               \
    do {                                                                                                               \
        hk_##kernel##_args a = kernel();                                                                               \
        change;                                                                                                        \
        int64_t at = 0;                                                                                                \
        hk_error err;                                                                                                  \
        memset(&err, 0x55, sizeof err);                                                                                \
        int status = hk_##kernel(&a, &at, &err);                                                                       \
        CHECK(status == (want_status), "%s with %s gave %d", #kernel, #change, status);                                  \
        if (status < 0) {                                                                                              \
            CHECK(err.status == status && err.reason == (want_reason) && err.argument == (want_argument),              \
                  "%s with %s: reason %d, argument %d: %s", #kernel, #change, err.reason, err.argument, err.message);  \
            CHECK(strstr(err.message, #kernel ": ") == err.message, "%s", err.message);                                \
        }                                                                                                              \
        CHECK(at == 0, "at moved");                                                                                    \
        CHECK(hk_##kernel(&a, &at, NULL) == (want_status), "without err");                                               \
        CHECK(!memcmp(&m, &before, sizeof m), "%s with %s wrote", #kernel, #change);                                   \
        m = before;                                                                                                    \
    } while (0)

#define VALUE(kernel, change, reason, argument) REFUSED(kernel, change, HK_E_VALUE, reason, argument)
#define TYPE(kernel, change, argument) REFUSED(kernel, change, HK_E_TYPE, HK_R_DTYPE, argument)

/* What is wrong with an array in the same way for every argument that is an array. */
#define EVERY_ARRAY(kernel, member, index)                                                              \
    do {                                                                                                \
        TYPE(kernel, a.member.dtype = HK_BOOL, index);                                                  \
        TYPE(kernel, a.member.dtype = 17, index);                                                       \
        VALUE(kernel, a.member.data = NULL, HK_R_MISSING, index);                                       \
        VALUE(kernel, a.member.rows = -1, HK_R_SHAPE, index);                                           \
        VALUE(kernel, a.member.cols = -1, HK_R_SHAPE, index);                                           \
        VALUE(kernel, a.member.cols = INT64_MAX, index == 0 && a.member.ndim == 2 ? HK_R_LAYOUT : HK_R_SHAPE, index); \
        VALUE(kernel, a.member.ndim = 3, HK_R_SHAPE, index);                                            \
        VALUE(kernel, a.member.data = (char *)a.member.data + 1, HK_R_LAYOUT, index);                   \
    } while (0)

int main(void) {
    for (size_t i = 0; i < sizeof m; i++) ((unsigned char *)&m)[i] = (unsigned char)(i % 5);
    memset(m.mask, 1, sizeof m.mask), memset(m.bytes, 1, sizeof m.bytes);
    m.scalar = 1, m.nan = NAN, m.infinite = INFINITY;
    before = m;
    hk_error err;
    int64_t at = 0;
    static double zeros[OUT * IN], nans[IN], negative[OUT] = {0, 0, -1, 0};
    for (int i = 0; i < IN; i++) nans[i] = i == 1 ? NAN : 1;

    CHECK(hk_rank1(NULL, &at, &err) == HK_E_VALUE && err.argument == -1, "%s", err.message);
    hk_rank1_args good = rank1();
    CHECK(hk_rank1(&good, NULL, &err) == HK_E_VALUE && strstr(err.message, "at"), "%s", err.message);
    CHECK(!memcmp(&m, &before, sizeof m), "wrote");

    EVERY_ARRAY(rank1, w, 0);
    VALUE(rank1, a.g.data = NULL, HK_R_MISSING, 1);
    TYPE(rank1, a.x.dtype = HK_FLOAT32, 2);
    TYPE(rank1, a.w.dtype = HK_FLOAT32, 1);
    VALUE(rank1, a.w.dtype = HK_ABSENT, HK_R_MISSING, 0);
    VALUE(rank1, a.w.stride = IN - 1, HK_R_LAYOUT, 0);
    VALUE(rank1, a.w.stride = -STRIDE, HK_R_LAYOUT, 0);
    VALUE(rank1, a.w.stride = INT64_MAX, HK_R_SHAPE, 0);
    VALUE(rank1, (a.w.rows = INT64_MAX / 2, a.w.stride = INT64_MAX / 4), HK_R_SHAPE, 0);
    VALUE(rank1, a.w.flags = HK_READONLY, HK_R_READONLY, 0);
    VALUE(rank1, a.w = hk_vector(m.w, 8, HK_FLOAT64), HK_R_SHAPE, 0);
    VALUE(rank1, a.g.cols = OUT - 1, HK_R_SHAPE, 1);
    VALUE(rank1, a.x.cols = IN - 1, HK_R_SHAPE, 2);
    VALUE(rank1, a.g.dtype = HK_ABSENT, HK_R_MISSING, 1);
    VALUE(rank1, a.x.dtype = HK_ABSENT, HK_R_MISSING, 2);
    VALUE(rank1, a.x = X(), HK_R_SHAPE, 2);
    VALUE(rank1, a.decay = COLS(), HK_R_SHAPE, 3);
    VALUE(rank1, a.col_decay = ROWS(), HK_R_SHAPE, 4);
    VALUE(rank1, a.row_add = COLS(), HK_R_SHAPE, 5);
    VALUE(rank1, a.col_add = ROWS(), HK_R_SHAPE, 6);
    VALUE(rank1, a.low = COLS(), HK_R_SHAPE, 7);
    VALUE(rank1, a.high = hk_scalar(&m.nan, HK_FLOAT64), HK_R_VALUE, 8);
    VALUE(rank1, a.decay = hk_scalar(&m.infinite, HK_FLOAT64), HK_R_VALUE, 3);
    double zero = 0;
    VALUE(rank1, (a.low = hk_scalar(&m.scalar, HK_FLOAT64), a.high = hk_scalar(&zero, HK_FLOAT64)), HK_R_VALUE, 7);
    TYPE(rank1, a.mask = hk_matrix(m.w, OUT, IN, STRIDE, HK_FLOAT64), 9);
    VALUE(rank1, a.mask = hk_matrix(m.mask, IN, OUT, OUT, HK_BOOL), HK_R_SHAPE, 9);
    VALUE(rank1, a.mask = hk_matrix(m.mask, OUT, IN, IN - 2, HK_BOOL), HK_R_LAYOUT, 9);
    /* overlap is a shared element: rows of w, the last one of a row, and one beside it that is none of w */
    VALUE(rank1, a.x.data = m.w, HK_R_OVERLAP, 2);
    VALUE(rank1, a.g.data = m.w + IN - 1, HK_R_OVERLAP, 1);
    VALUE(rank1, a.g = hk_vector(m.w + 3 * STRIDE + IN - 4, 4, HK_FLOAT64), HK_R_OVERLAP, 1);
    VALUE(rank1, a.mask = hk_matrix(m.w, OUT, IN, IN, HK_BOOL), HK_R_OVERLAP, 9);
    hk_rank1_args apart = rank1();
    apart.w.cols = 2, apart.x = hk_vector(m.w + 2, 2, HK_FLOAT64), apart.g = hk_vector(m.w + 12, 4, HK_FLOAT64);
    at = 0;
    CHECK(hk_rank1(&apart, &at, &err) == HK_OK, "w[:, :2] with its neighbours: %s", err.message);
    m = before;

    EVERY_ARRAY(batch_update, w, 0);
    VALUE(batch_update, a.g.cols = IN, HK_R_LAYOUT, 1);
    VALUE(batch_update, (a.g.cols = IN, a.g.stride = IN), HK_R_SHAPE, 1);
    VALUE(batch_update, a.x.rows = SAMPLES - 1, HK_R_SHAPE, 2);
    VALUE(batch_update, a.x = COLS(), HK_R_SHAPE, 2);
    VALUE(batch_update, a.g.data = m.w, HK_R_OVERLAP, 1);
    VALUE(batch_update, a.decay = COLS(), HK_R_SHAPE, 3);
    VALUE(batch_update, a.row_add = COLS(), HK_R_SHAPE, 5);
    VALUE(batch_update, a.high = hk_scalar(&m.nan, HK_FLOAT64), HK_R_VALUE, 8);
    VALUE(batch_update, (a.low = hk_scalar(&m.scalar, HK_FLOAT64), a.high = hk_scalar(&zero, HK_FLOAT64)), HK_R_VALUE, 7);
    VALUE(batch_update, a.mask = hk_matrix(m.mask, IN, OUT, OUT, HK_BOOL), HK_R_SHAPE, 9);
    VALUE(batch_update, a.mask = hk_matrix(m.w, OUT, IN, IN, HK_BOOL), HK_R_OVERLAP, 9);

    EVERY_ARRAY(forward, w, 0);
    VALUE(forward, a.x.cols = IN - 1, HK_R_SHAPE, 1);
    VALUE(forward, a.out.rows = SAMPLES - 1, HK_R_SHAPE, 3);
    VALUE(forward, a.out = ROWS(), HK_R_SHAPE, 3);
    VALUE(forward, a.x = COLS(), HK_R_SHAPE, 3);
    VALUE(forward, a.b = COLS(), HK_R_SHAPE, 2);
    VALUE(forward, a.out.flags = HK_READONLY, HK_R_READONLY, 3);
    VALUE(forward, a.out.data = m.x, HK_R_OVERLAP, 3);
    VALUE(forward, a.out.data = m.w, HK_R_OVERLAP, 3);
    VALUE(forward, a.activation = -1, HK_R_VALUE, 4);
    VALUE(forward, a.activation = HK_BIPU + 1, HK_R_VALUE, 4);
    VALUE(forward, a.slope = NAN, HK_R_VALUE, 5);
    VALUE(forward, (a.activation = HK_LEAKY_RELU, a.slope = -1), HK_R_VALUE, 5);
    VALUE(forward, (a.activation = HK_BILU, a.shape = INFINITY), HK_R_VALUE, 6);
    VALUE(forward, a.activation = HK_BIPU, HK_R_VALUE, 6);

    EVERY_ARRAY(power_sums, w, 0);
    VALUE(power_sums, a.rows.dtype = HK_ABSENT, HK_R_MISSING, 1);
    VALUE(power_sums, a.rows.cols = IN, HK_R_SHAPE, 1);
    VALUE(power_sums, a.cols = ROWS(), HK_R_SHAPE, 2);
    VALUE(power_sums, a.weights = hk_vector(m.x, OUT, HK_FLOAT64), HK_R_SHAPE, 3);
    VALUE(power_sums, (a.cols = COLS(), a.weights = hk_vector(m.x, IN, HK_FLOAT64)), HK_R_UNWANTED, 3);
    VALUE(power_sums, (a.p = INFINITY, a.weights = hk_vector(m.x, IN, HK_FLOAT64)), HK_R_UNWANTED, 3);
    VALUE(power_sums, a.p = 0, HK_R_VALUE, 4);
    VALUE(power_sums, a.p = -1, HK_R_VALUE, 4);
    VALUE(power_sums, a.p = NAN, HK_R_VALUE, 4);
    VALUE(power_sums, a.root = 2, HK_R_VALUE, 5);
    VALUE(power_sums, a.rows.data = m.w, HK_R_OVERLAP, 1);

    EVERY_ARRAY(scale, w, 0);
    VALUE(scale, a.rows.cols = IN, HK_R_SHAPE, 1);
    VALUE(scale, a.cols.cols = OUT, HK_R_SHAPE, 2);
    VALUE(scale, a.cols.data = m.w + STRIDE, HK_R_OVERLAP, 2);

    EVERY_ARRAY(ema, s, 0);
    VALUE(ema, a.a.cols = OUT, HK_R_SHAPE, 1);
    VALUE(ema, a.a.rows = 0, HK_R_SHAPE, 1);
    VALUE(ema, a.a.dtype = HK_ABSENT, HK_R_MISSING, 1);
    VALUE(ema, a.alpha = 1.5, HK_R_VALUE, 2);
    VALUE(ema, a.alpha = -0.5, HK_R_VALUE, 2);
    VALUE(ema, a.alpha = NAN, HK_R_VALUE, 2);
    VALUE(ema, a.of = 2, HK_R_VALUE, 3);
    VALUE(ema, a.a.data = m.cols, HK_R_OVERLAP, 1);

    EVERY_ARRAY(average_gain, sigma, 0);
    VALUE(average_gain, a.z.cols = OUT, HK_R_SHAPE, 1);
    VALUE(average_gain, a.alpha = 0, HK_R_VALUE, 2);
    VALUE(average_gain, a.gain_of = 2, HK_R_VALUE, 3);
    VALUE(average_gain, a.activation = -1, HK_R_VALUE, 4);
    VALUE(average_gain, (a.activation = HK_BIPU, a.shape = 0.5), HK_R_VALUE, 6);
    VALUE(average_gain, a.reduction = HK_SUM, HK_R_VALUE, 7);
    EVERY_ARRAY(windowed_gain, sigma, 0);
    VALUE(windowed_gain, a.z.cols = OUT, HK_R_SHAPE, 1);
    VALUE(windowed_gain, a.values.rows = 0, HK_R_SHAPE, 2);
    VALUE(windowed_gain, a.values.cols = IN - 1, HK_R_SHAPE, 2);
    TYPE(windowed_gain, a.values.dtype = HK_FLOAT32, 2);
    TYPE(windowed_gain, a.sum.dtype = HK_BOOL, 3);
    VALUE(windowed_gain, a.sum.dtype = HK_ABSENT, HK_R_MISSING, 3);
    VALUE(windowed_gain, a.sum.data = m.w, HK_R_OVERLAP, 3);
    VALUE(windowed_gain, a.z.data = m.w, HK_R_OVERLAP, 2);
    VALUE(windowed_gain, a.seen = -1, HK_R_VALUE, 4);
    VALUE(windowed_gain, (a.activation = HK_BIPU, a.shape = 0.5), HK_R_VALUE, 8);
    VALUE(windowed_gain, (a.activation = HK_BIPU, a.shape = 2, a.slope = INFINITY), HK_R_VALUE, 7);
    VALUE(windowed_gain, a.reduction = HK_SUM, HK_R_VALUE, 9);

    EVERY_ARRAY(learn, w, 0);
    VALUE(learn, a.rule = HK_PES + 1, HK_R_VALUE, LEARN(rule));
    VALUE(learn, a.lr = -1, HK_R_VALUE, LEARN(lr));
    VALUE(learn, a.compute = 0, HK_R_UNWANTED, 2);
    VALUE(learn, (a.compute = 0, a.rule = HK_SOFTHEBB, a.temperature = 1), HK_R_UNWANTED, 2);
    VALUE(learn, a.block = -1, HK_R_VALUE, LEARN(block));
    VALUE(learn, a.block = HK_MAX_BLOCK + 1, HK_R_VALUE, LEARN(block));
    VALUE(learn, (a.block = 2, a.reduction = HK_SUM), HK_R_UNWANTED, LEARN(block));
    VALUE(learn, (a.block = 2, a.normalize = 1), HK_R_UNWANTED, LEARN(block));
    VALUE(learn, a.k = 0, HK_R_VALUE, LEARN(k));
    VALUE(learn, a.k = -1, HK_R_VALUE, LEARN(k));
    VALUE(learn, a.k = OUT + 1, HK_R_VALUE, LEARN(k));
    VALUE(learn, a.score = 2, HK_R_VALUE, LEARN(score));
    VALUE(learn, (a.rule = HK_SOFTHEBB, a.temperature = 0), HK_R_VALUE, LEARN(temperature));
    VALUE(learn, (a.rule = HK_SOFTHEBB, a.temperature = 1e-320), HK_R_VALUE, LEARN(temperature));
    VALUE(learn, (a.rule = HK_SOFTHEBB, a.temperature = NAN), HK_R_VALUE, LEARN(temperature));
    VALUE(learn, a.anti = 2, HK_R_VALUE, LEARN(anti));
    VALUE(learn, a.rule = HK_PREGATED, HK_R_MISSING, 3);
    VALUE(learn, (a.rule = HK_PREGATED, a.gate = COLS()), HK_R_SHAPE, 3);
    VALUE(learn, (a.rule = HK_POSTGATED, a.gate = ROWS()), HK_R_SHAPE, 3);
    VALUE(learn, (a.rule = HK_VOJA, a.gate = hk_scalar(&m.nan, HK_FLOAT64)), HK_R_VALUE, 3);
    VALUE(learn, (a.rule = HK_COVARIANCE, a.post = ROWS()), HK_R_MISSING, 4);
    VALUE(learn, (a.rule = HK_COVARIANCE, a.pre = COLS()), HK_R_MISSING, 5);
    VALUE(learn, (a.rule = HK_COVARIANCE, a.pre = ROWS(), a.post = ROWS()), HK_R_SHAPE, 4);
    VALUE(learn, (a.rule = HK_COVARIANCE, a.pre = COLS(), a.post = COLS()), HK_R_SHAPE, 5);
    VALUE(learn, (a.rule = HK_COVARIANCE, a.pre = COLS(), a.post = ROWS(), a.alpha = 1.5), HK_R_VALUE, LEARN(alpha));
    VALUE(learn, (a.rule = HK_COVARIANCE, a.pre = COLS(), a.post = hk_vector(m.cols, OUT, HK_FLOAT64)), HK_R_OVERLAP, 5);
    VALUE(learn, (a.rule = HK_COVARIANCE, a.pre = hk_vector(m.x, IN, HK_FLOAT64), a.post = ROWS()), HK_R_OVERLAP, 4);
    VALUE(learn, (a.rule = HK_BCM, a.post = ROWS(), a.form = 3), HK_R_VALUE, LEARN(form));
    VALUE(learn, (a.rule = HK_BCM, a.post = ROWS(), a.form = HK_BCM_1982, a.c0 = 1), HK_R_VALUE, LEARN(power));
    VALUE(learn, (a.rule = HK_BCM, a.post = ROWS(), a.form = HK_BCM_1982, a.power = 1), HK_R_VALUE, LEARN(c0));
    VALUE(learn, (a.rule = HK_BCM, a.post = ROWS(), a.post.flags = HK_READONLY), HK_R_READONLY, 5);
    VALUE(learn, (a.rule = HK_DIFFERENTIAL, a.post = ROWS(), a.differentiate = 1), HK_R_MISSING, 4);
    VALUE(learn, (a.rule = HK_DIFFERENTIAL, a.post = ROWS(), a.reduction = HK_MEAN), HK_R_UNWANTED, LEARN(reduction));
    VALUE(learn, (a.rule = HK_ANTIHEBBIAN, a.zero_diagonal = 1), HK_R_SHAPE, 0);
    VALUE(learn, (a.rule = HK_ABCD, a.d = INFINITY), HK_R_VALUE, LEARN(d));
    VALUE(learn, (a.rule = HK_KROTOV_HOPFIELD, a.k = 2, a.q = 1), HK_R_VALUE, LEARN(q));
    VALUE(learn, (a.rule = HK_KROTOV_HOPFIELD, a.k = 1, a.q = 2), HK_R_VALUE, LEARN(k));
    VALUE(learn, (a.rule = HK_KROTOV_HOPFIELD, a.k = 2, a.q = 2, a.block = 1), HK_R_UNWANTED, LEARN(block));
    VALUE(learn, (a.rule = HK_KROTOV_HOPFIELD, a.k = 2, a.q = 2, a.delta = -1), HK_R_VALUE, LEARN(delta));
    VALUE(learn, (a.rule = HK_OUTSTAR, a.block = 1), HK_R_UNWANTED, LEARN(block));
    VALUE(learn, a.rule = HK_PES, HK_R_MISSING, 2);
    VALUE(learn, a.row_lr = hk_vector(negative, OUT, HK_FLOAT64), HK_R_VALUE, LEARN(row_lr));
    VALUE(learn, a.row_lr = COLS(), HK_R_SHAPE, LEARN(row_lr));
    VALUE(learn, a.row_lr = hk_vector(m.w, OUT, HK_FLOAT64), HK_R_OVERLAP, LEARN(row_lr));
    TYPE(learn, a.low = hk_vector(m.single, IN, HK_FLOAT32), LEARN(low));
    VALUE(learn, a.low = ROWS(), HK_R_SHAPE, LEARN(low));
    VALUE(learn, a.low = hk_scalar(&m.infinite, HK_FLOAT64), HK_R_VALUE, LEARN(low));
    VALUE(learn, (a.low = hk_scalar(&m.scalar, HK_FLOAT64), a.high = hk_vector(zeros, IN, HK_FLOAT64)), HK_R_VALUE, LEARN(low));
    VALUE(learn, a.high = hk_vector(nans, IN, HK_FLOAT64), HK_R_VALUE, LEARN(high));
    VALUE(learn, a.high = hk_matrix(zeros, OUT, IN, IN - 1, HK_FLOAT64), HK_R_LAYOUT, LEARN(high));
    TYPE(learn, a.mask = W(), LEARN(mask));
    VALUE(learn, a.mask = hk_matrix(m.mask, OUT, IN - 1, IN, HK_BOOL), HK_R_SHAPE, LEARN(mask));
    VALUE(learn, a.rates = hk_vector(zeros, SAMPLES - 1, HK_FLOAT64), HK_R_SHAPE, LEARN(rates));
    VALUE(learn, a.rates = hk_vector(nans, SAMPLES, HK_FLOAT64), HK_R_VALUE, LEARN(rates));
    VALUE(learn, (a.rates = hk_vector(zeros, SAMPLES, HK_FLOAT64), a.reduction = HK_MEAN), HK_R_UNWANTED, LEARN(rates));
    VALUE(learn, (a.rates = hk_vector(zeros, SAMPLES, HK_FLOAT64), a.block = 2), HK_R_UNWANTED, LEARN(block));
    VALUE(learn, a.soft = 2, HK_R_VALUE, LEARN(soft));
    VALUE(learn, a.soft = 1, HK_R_VALUE, LEARN(soft_low));
    VALUE(learn, (a.soft = 1, a.soft_high = INFINITY), HK_R_VALUE, LEARN(soft_high));
    VALUE(learn, (a.soft = 1, a.soft_high = 1, a.block = 2), HK_R_UNWANTED, LEARN(block));
    VALUE(learn, a.gamma = -1, HK_R_VALUE, LEARN(gamma));
    VALUE(learn, a.theta = NAN, HK_R_VALUE, LEARN(theta));
    VALUE(learn, a.norm = 3, HK_R_VALUE, LEARN(norm));
    VALUE(learn, (a.norm = HK_MULTIPLICATIVE, a.norm_target = 1), HK_R_VALUE, LEARN(norm_p));
    VALUE(learn, (a.norm = HK_MULTIPLICATIVE, a.norm_p = 2), HK_R_VALUE, LEARN(norm_target));
    VALUE(learn, (a.norm = HK_SUBTRACTIVE, a.norm_target = NAN), HK_R_VALUE, LEARN(norm_target));

    static int32_t columns[] = {0, 2, 1, 5}, falling[] = {2, 2, 1, 5}, beyond[] = {0, 2, 1, 6}, starts[] = {0, 2, 2, 3, 4},
                   odd[] = {0, 2, 1, 3, 4}, late[] = {1, 2, 2, 3, 4};
    static int64_t starts64[] = {0, 2, 2, 3, 4};
#define SPARSE(change) (a.w = hk_vector(m.w, 4, HK_FLOAT64), a.indices = hk_vector(columns, 4, HK_INT32),  \
                        a.indptr = hk_vector(starts, OUT + 1, HK_INT32), change)
    VALUE(learn, SPARSE(a.indptr.dtype = HK_ABSENT), HK_R_MISSING, LEARN(indptr));
    VALUE(learn, SPARSE(a.indices.dtype = HK_ABSENT), HK_R_MISSING, LEARN(indices));
    VALUE(learn, SPARSE(a.w = W()), HK_R_SHAPE, 0);
    TYPE(learn, SPARSE(a.w.dtype = HK_BOOL), 0);
    TYPE(learn, SPARSE(a.indices.dtype = HK_FLOAT32), LEARN(indices));
    TYPE(learn, SPARSE(a.indptr = hk_vector(starts64, OUT + 1, HK_INT64)), LEARN(indptr));
    VALUE(learn, SPARSE(a.indices.data = NULL), HK_R_MISSING, LEARN(indices));
    VALUE(learn, SPARSE(a.indices.cols = 3), HK_R_SHAPE, LEARN(indices));
    VALUE(learn, SPARSE(a.indptr.cols = 0), HK_R_SHAPE, LEARN(indptr));
    VALUE(learn, SPARSE(a.indptr.data = late), HK_R_VALUE, LEARN(indptr));
    VALUE(learn, SPARSE(a.indptr.data = odd), HK_R_VALUE, LEARN(indptr));
    VALUE(learn, SPARSE(a.indices.data = falling), HK_R_VALUE, LEARN(indices));
    VALUE(learn, SPARSE(a.indices.data = beyond), HK_R_VALUE, LEARN(indices));
    VALUE(learn, SPARSE((a.indptr.cols = OUT, a.w.cols = 3, a.indices.cols = 3)), HK_R_SHAPE, 2);
    VALUE(learn, SPARSE(a.block = 2), HK_R_UNWANTED, LEARN(block));
    VALUE(learn, SPARSE(a.mask = hk_matrix(m.mask, OUT, IN, IN, HK_BOOL)), HK_R_UNWANTED, LEARN(mask));
    VALUE(learn, SPARSE(a.low = hk_matrix(zeros, OUT, OUT, OUT, HK_FLOAT64)), HK_R_SHAPE, LEARN(low));
    VALUE(learn, SPARSE(a.w.data = m.g), HK_R_OVERLAP, 2);
    VALUE(learn, SPARSE(a.w.flags = HK_READONLY), HK_R_READONLY, 0);

    EVERY_ARRAY(given, w, 0);
    VALUE(given, a.g.dtype = HK_ABSENT, HK_R_MISSING, 2);
    VALUE(given, a.x = COLS(), HK_R_SHAPE, 1);
    VALUE(given, a.col_decay = G(), HK_R_SHAPE, 4);
    VALUE(given, a.decay.data = m.w, HK_R_OVERLAP, 3);
    VALUE(given, (a.block = 2, a.reduction = HK_SUM), HK_R_UNWANTED, 17);
    VALUE(given, (a.block = 2, a.low = hk_scalar(&m.scalar, HK_FLOAT64)), HK_R_UNWANTED, 17);
    VALUE(given, (a.block = 2, a.col_decay = X()), HK_R_NONE, -1);

    EVERY_ARRAY(contrastive, w, 0);
    VALUE(contrastive, a.x_free = G(), HK_R_SHAPE, 3);
    VALUE(contrastive, a.y_free = X(), HK_R_SHAPE, 4);
    VALUE(contrastive, a.x_free = hk_vector(m.x, IN, HK_FLOAT64), HK_R_SHAPE, 3);
    VALUE(contrastive, a.y_free.dtype = HK_ABSENT, HK_R_MISSING, 4);
    VALUE(contrastive, a.lr = -1, HK_R_VALUE, 12);
    VALUE(contrastive, (a.block = 2, a.reduction = HK_SUM), HK_R_UNWANTED, 15);
    VALUE(contrastive, (a.block = 2, a.normalize = 1), HK_R_UNWANTED, 15);
    VALUE(contrastive, (a.block = 2, a.gamma = 1), HK_R_UNWANTED, 15);
    VALUE(contrastive, (a.norm = HK_MULTIPLICATIVE, a.norm_target = 1), HK_R_VALUE, 22);
    VALUE(contrastive, a.row_lr = hk_scalar(&m.nan, HK_FLOAT64), HK_R_VALUE, 5);
    VALUE(contrastive, a.y_free.data = m.w, HK_R_OVERLAP, 4);

    EVERY_ARRAY(three_factor, w, 0);
    VALUE(three_factor, a.modulator = ROWS(), HK_R_SHAPE, 3);
    VALUE(three_factor, (a.x = COLS(), a.y = ROWS(), a.modulator = hk_vector(m.g, 2, HK_FLOAT64)), HK_R_SHAPE, 3);
    VALUE(three_factor, a.modulator = hk_scalar(&m.nan, HK_FLOAT64), HK_R_VALUE, 3);
    VALUE(three_factor, a.e = X(), HK_R_SHAPE, 4);
    VALUE(three_factor, a.e = W(), HK_R_OVERLAP, 4);
    VALUE(three_factor, a.tau_rise = 2, HK_R_MISSING, 5);
    VALUE(three_factor, (a.tau_rise = 20, a.r = hk_matrix(m.spare, OUT, IN, IN, HK_FLOAT64)), HK_R_VALUE, 15);
    VALUE(three_factor, (a.tau_rise = 2, a.r = a.e), HK_R_OVERLAP, 5);
    VALUE(three_factor, a.dt = 0, HK_R_NONE, -1);
    VALUE(three_factor, a.tau_e = 1e18, HK_R_NONE, -1);
    VALUE(three_factor, a.drive = 2, HK_R_VALUE, 17);
    VALUE(three_factor, (a.soft = 1, a.soft_low = 1), HK_R_VALUE, 20);

    EVERY_ARRAY(foldiak, w, 0);
    VALUE(foldiak, a.lateral = W(), HK_R_SHAPE, 3);
    VALUE(foldiak, a.threshold = COLS(), HK_R_SHAPE, 4);
    VALUE(foldiak, a.threshold.data = m.w, HK_R_OVERLAP, 4);
    VALUE(foldiak, a.lateral_lr = -1, HK_R_VALUE, 17);
    VALUE(foldiak, a.lateral_low = hk_scalar(&m.scalar, HK_FLOAT64), HK_R_VALUE, 6);
    VALUE(foldiak, a.lateral_gamma = 1, HK_R_UNWANTED, 28);
    VALUE(foldiak, a.lateral_norm = HK_SUBTRACTIVE, HK_R_UNWANTED, 30);
    VALUE(foldiak, a.lateral_mask = hk_matrix(m.mask, OUT, IN, IN, HK_BOOL), HK_R_SHAPE, 8);
    VALUE(foldiak, a.p = 1, HK_R_NONE, -1);
    VALUE(foldiak, a.slope = 0, HK_R_NONE, -1);
    VALUE(foldiak, a.steps = 0, HK_R_NONE, -1);
    VALUE(foldiak, a.step = 2, HK_R_VALUE, 24);

    EVERY_ARRAY(threshold, theta, 0);
    VALUE(threshold, a.y = G(), HK_R_SHAPE, 1);
    VALUE(threshold, a.y = hk_vector(m.cols, IN, HK_FLOAT64), HK_R_OVERLAP, 1);
    VALUE(threshold, a.target = hk_vector(nans, IN, HK_FLOAT64), HK_R_VALUE, 2);
    VALUE(threshold, a.target = ROWS(), HK_R_SHAPE, 2);
    VALUE(threshold, a.rate = -1, HK_R_VALUE, 3);
    VALUE(threshold, a.reduction = HK_SUM, HK_R_VALUE, 4);
    EVERY_ARRAY(intrinsic_plasticity, gain, 0);
    VALUE(intrinsic_plasticity, a.bias = COLS(), HK_R_OVERLAP, 1);
    VALUE(intrinsic_plasticity, a.bias = ROWS(), HK_R_SHAPE, 1);
    VALUE(intrinsic_plasticity, a.y = X(), HK_R_OVERLAP, 3);
    VALUE(intrinsic_plasticity, a.y = hk_vector(m.w, IN, HK_FLOAT64), HK_R_SHAPE, 3);
    VALUE(intrinsic_plasticity, a.target = 0, HK_R_VALUE, 4);
    VALUE(intrinsic_plasticity, a.target = 1, HK_R_VALUE, 4);
    VALUE(intrinsic_plasticity, a.rate = NAN, HK_R_VALUE, 5);
    VALUE(intrinsic_plasticity, a.reduction = HK_SUM, HK_R_VALUE, 6);

    EVERY_ARRAY(gain_rule, w, 0);
    VALUE(gain_rule, a.post_gain.cols = IN, HK_R_SHAPE, 1);
    VALUE(gain_rule, a.pre_gain.cols = OUT, HK_R_SHAPE, 2);
    VALUE(gain_rule, a.bias = COLS(), HK_R_SHAPE, 3);
    VALUE(gain_rule, a.bias = ROWS(), HK_R_OVERLAP, 3);
    VALUE(gain_rule, a.lr = -1, HK_R_VALUE, 4);
    VALUE(gain_rule, a.lr = INFINITY, HK_R_VALUE, 4);
    VALUE(gain_rule, a.form = 2, HK_R_VALUE, 5);
    VALUE(gain_rule, a.limit = -1, HK_R_VALUE, 6);
    VALUE(gain_rule, a.limit = NAN, HK_R_VALUE, 6);

    EVERY_ARRAY(stdp, w, 0);
    VALUE(stdp, a.pre.cols = IN - 1, HK_R_SHAPE, 1);
    VALUE(stdp, a.post.rows = SAMPLES - 1, HK_R_SHAPE, 2);
    VALUE(stdp, a.pre = hk_vector(m.bytes, IN, HK_BOOL), HK_R_SHAPE, 2);
    VALUE(stdp, a.pre.data = NULL, HK_R_MISSING, 1);
    TYPE(stdp, a.post.dtype = HK_FLOAT32, 2);
    TYPE(stdp, a.post.dtype = 9, 2);
    VALUE(stdp, a.pre.data = m.single, HK_R_VALUE, 1); /* bytes of 0 to 4 */
    VALUE(stdp, a.post.data = m.single, HK_R_VALUE, 2);
    VALUE(stdp, a.pre = X(), HK_R_VALUE, 1);
    VALUE(stdp, a.a_pre = ROWS(), HK_R_SHAPE, 3);
    VALUE(stdp, a.a_post.dtype = HK_ABSENT, HK_R_MISSING, 4);
    VALUE(stdp, a.a_post.flags = HK_READONLY, HK_R_READONLY, 4);
    VALUE(stdp, a.a_pre.data = m.w, HK_R_OVERLAP, 3);
    VALUE(stdp, a.pre.data = m.rows, HK_R_OVERLAP, 4);
    VALUE(stdp, a.tau_plus = NAN, HK_R_VALUE, 12);
    VALUE(stdp, a.w_max = INFINITY, HK_R_VALUE, 18);
    VALUE(stdp, a.coincidence = 3, HK_R_VALUE, 20);
    VALUE(stdp, a.trace = -1, HK_R_VALUE, 21);
    VALUE(stdp, a.tau_minus = 0, HK_R_NONE, -1);
    VALUE(stdp, a.w_min = 2, HK_R_NONE, -1);
    VALUE(stdp, (a.mu = 1, a.a_minus = 1), HK_R_NONE, -1);
    VALUE(stdp, a.row_lr = hk_scalar(&m.nan, HK_FLOAT64), HK_R_VALUE, 5);
    VALUE(stdp, a.low = hk_scalar(m.w, HK_FLOAT64), HK_R_OVERLAP, 6);
    VALUE(stdp, a.mask = hk_matrix(m.bytes, OUT, IN - 1, IN, HK_BOOL), HK_R_SHAPE, 8);
    VALUE(stdp, a.rates = hk_vector(m.x, SAMPLES + 1, HK_FLOAT64), HK_R_SHAPE, 9);
    VALUE(stdp, a.rates = hk_vector(&m.nan, 1, HK_FLOAT64), HK_R_SHAPE, 9);
    VALUE(stdp, a.indices = hk_vector(m.bytes, 4, HK_INT32), HK_R_UNWANTED, 10);
    VALUE(stdp, (a.soft = 1, a.soft_low = 1), HK_R_VALUE, 23);
    VALUE(stdp, (a.norm = HK_MULTIPLICATIVE, a.norm_target = 1), HK_R_VALUE, 28);
    EVERY_ARRAY(triplet_stdp, w, 0);
    VALUE(triplet_stdp, a.gamma = -1, HK_R_VALUE, 31);
    VALUE(triplet_stdp, a.r2 = COLS(), HK_R_OVERLAP, 4);
    VALUE(triplet_stdp, a.o2.cols = IN, HK_R_SHAPE, 6);
    VALUE(triplet_stdp, a.tau_y = -1, HK_R_NONE, -1);
    VALUE(triplet_stdp, a.a3_plus = -1, HK_R_NONE, -1);
    enum { SIZE = 3, STEP = 5, PADDING = 7, DILATION = 9 }; /* members of hk_windows, from its first */
    EVERY_ARRAY(patches, images, 0);
    VALUE(patches, a.out.cols = IN - 1, HK_R_SHAPE, 1);
    VALUE(patches, a.out.data = m.x + 2, HK_R_OVERLAP, 1);
    VALUE(patches, a.windows.height = 3, HK_R_SHAPE, 0);
    VALUE(patches, a.windows.channels = 0, HK_R_VALUE, 2);
    VALUE(patches, a.windows.channels = INT64_MAX, HK_R_VALUE, 2);
    VALUE(patches, (a.windows.channels = a.windows.height = a.windows.width = INT32_MAX / 4), HK_R_SHAPE, 0);
    VALUE(patches, a.windows.size[1] = 4, HK_R_VALUE, 2 + SIZE + 1);
    VALUE(patches, a.windows.dilation[0] = 2, HK_R_VALUE, 2 + SIZE);
    VALUE(patches, a.windows.dilation[1] = 0, HK_R_VALUE, 2 + DILATION + 1);
    VALUE(patches, a.windows.stride[1] = 0, HK_R_VALUE, 2 + STEP + 1);
    VALUE(patches, a.windows.padding[0] = -1, HK_R_VALUE, 2 + PADDING);
    VALUE(patches, a.first = 1, HK_R_VALUE, 13);
    VALUE(patches, a.draw = 2, HK_R_VALUE, 14);
    VALUE(patches, a.seed = -1, HK_R_VALUE, 15);
    VALUE(patches, a.drawn = INT64_MAX, HK_R_VALUE, 16);
    EVERY_ARRAY(conv_forward, w, 0);
    VALUE(conv_forward, a.images.cols = IN - 1, HK_R_SHAPE, 1);
    VALUE(conv_forward, a.b = COLS(), HK_R_SHAPE, 2);
    VALUE(conv_forward, a.out.cols = OUT - 1, HK_R_SHAPE, 3);
    VALUE(conv_forward, a.out.rows = SAMPLES - 1, HK_R_SHAPE, 3);
    VALUE(conv_forward, a.w.cols = IN - 1, HK_R_SHAPE, 0);
    VALUE(conv_forward, a.images.data = m.g + 1, HK_R_OVERLAP, 3);
    VALUE(conv_forward, a.windows.size[0] = 3, HK_R_VALUE, 4 + SIZE);
    VALUE(conv_forward, a.activation = HK_BIPU + 1, HK_R_VALUE, 15);
    VALUE(conv_forward, (a.activation = HK_LEAKY_RELU, a.slope = -1), HK_R_VALUE, 16);
    VALUE(conv_forward, a.activation = HK_BIPU, HK_R_VALUE, 17);
    VALUE(conv_forward, a.slope = NAN, HK_R_VALUE, 16);
    EVERY_ARRAY(pool, images, 0);
    VALUE(pool, a.out.cols = OUT - 1, HK_R_SHAPE, 1);
    VALUE(pool, a.windows.padding[1] = 2, HK_R_VALUE, 2 + PADDING + 1);
    VALUE(pool, a.windows.dilation[1] = 2, HK_R_VALUE, 2 + DILATION + 1);
    VALUE(pool, a.kind = 2, HK_R_VALUE, 13);

    CHECK(!hk_python_function("rank1") && !hk_python_function(NULL) && !hk_python_function("none"),
          "there is no Python in this process");
    return finish();
}
