//go:build cgo && linux

/* table.c: the kernels' arguments and what their work costs. The checks, the Python shim and the cutting of work
 * are driven by this table, so that a kernel is described once. */
#include "internal.h"

#include <math.h>
#include <string.h>

#define W      HKI_OUT, HKI_IN
#define ROWS   HKI_OUT, HKI_NONE
#define COLS   HKI_IN, HKI_NONE
#define OPT    HKI_OPTIONAL
#define ACTIVATION {"activation", HKI_CODE, HK_BIPU}, {"slope", HKI_FINITE, 0}, {"shape", HKI_FINITE, 0}
#define PAIRING                                                                                                   \
    {"dt", HKI_FINITE, 0}, {"w_min", HKI_FINITE, 0}, {"w_max", HKI_FINITE, 0}, {"mu", HKI_FINITE, 0},             \
    {"coincidence", HKI_CODE, HK_NEITHER_SIDE}, {"trace", HKI_CODE, HK_TRACE_REPLACE}
/* The members of hk_windows; their products are checked in check_together.c. */
#define SIDE(name) {name, HKI_CODE, INT32_MAX / 4}
#define WINDOWS                                                                                                   \
    SIDE("channels"), SIDE("height"), SIDE("width"), SIDE("size"), SIDE("size"), SIDE("stride"), SIDE("stride"),  \
    SIDE("padding"), SIDE("padding"), SIDE("dilation"), SIDE("dilation")
/* What ends the arrays and scalars of kernels that compose their updates. */
#define PARTS(p, out, in)                                                                                         \
    {p "row_lr", out, HKI_NONE, HKI_OR_SCALAR | OPT}, {p "low", out, in, HKI_OR_VECTOR | HKI_OR_SCALAR | OPT},    \
    {p "high", out, in, HKI_OR_VECTOR | HKI_OR_SCALAR | OPT}, {p "mask", out, in, HKI_MASK | OPT}
#define COMPOSED                                                                                                  \
    PARTS("", HKI_OUT, HKI_IN), {"rates", HKI_SAMPLES, HKI_NONE, OPT},                                            \
    {"indices", HKI_NONE, HKI_NONE, HKI_INTEGERS | OPT}, /* their lengths: check_composed.c */                    \
    {"indptr", HKI_NONE, HKI_NONE, HKI_INTEGERS | OPT}
#define PART_SCALARS(p)                                                                                           \
    {p "soft", HKI_CODE, 1}, {p "soft_low", HKI_FINITE, 0}, {p "soft_high", HKI_FINITE, 0},                       \
    {p "gamma", HKI_NONNEGATIVE, 0}, {p "theta", HKI_FINITE, 0}, {p "norm", HKI_CODE, HK_SUBTRACTIVE},            \
    {p "norm_p", HKI_NUMBER, 0}, {p "norm_target", HKI_FINITE, 0}
#define NAMES(op) #op, "hk_" #op "_args", sizeof(hk_##op##_args)

const hki_kernel hki_kernels[HKI_KERNELS] = {
    [HKI_RANK1] = {NAMES(rank1), 10, 0,
        {{"w", W, HKI_WRITTEN},
         {"g", ROWS, HKI_OR_SCALAR | OPT},
         {"x", COLS, HKI_OR_SCALAR | OPT},
         {"decay", ROWS, HKI_OR_SCALAR | OPT},
         {"col_decay", COLS, HKI_OR_SCALAR | OPT},
         {"row_add", ROWS, HKI_OR_SCALAR | OPT},
         {"col_add", COLS, HKI_OR_SCALAR | OPT},
         {"low", HKI_NONE, HKI_NONE, HKI_SCALAR | OPT},
         {"high", HKI_NONE, HKI_NONE, HKI_SCALAR | OPT},
         {"mask", W, HKI_MASK | OPT}},
        {{0, 0, 0}}},
    [HKI_BATCH_UPDATE] = {NAMES(batch_update), 10, 0,
        {{"w", W, HKI_WRITTEN},
         {"g", HKI_SAMPLES, HKI_OUT, 0},
         {"x", HKI_SAMPLES, HKI_IN, 0},
         {"decay", ROWS, HKI_OR_SCALAR | OPT},
         {"col_decay", COLS, HKI_OR_SCALAR | OPT},
         {"row_add", ROWS, HKI_OR_SCALAR | OPT},
         {"col_add", COLS, HKI_OR_SCALAR | OPT},
         {"low", HKI_NONE, HKI_NONE, HKI_SCALAR | OPT},
         {"high", HKI_NONE, HKI_NONE, HKI_SCALAR | OPT},
         {"mask", W, HKI_MASK | OPT}},
        {{0, 0, 0}}},
    [HKI_FORWARD] = {NAMES(forward), 4, 3,
        {{"w", W, 0},
         {"x", HKI_SAMPLES, HKI_IN, HKI_OR_VECTOR},
         {"b", ROWS, HKI_OR_SCALAR | OPT},
         {"out", HKI_SAMPLES, HKI_OUT, HKI_OR_VECTOR | HKI_WRITTEN}},
        {ACTIVATION}},
    [HKI_POWER_SUMS] = {NAMES(power_sums), 4, 2,
        {{"w", W, 0},
         {"rows", ROWS, HKI_WRITTEN | OPT},
         {"cols", COLS, HKI_WRITTEN | OPT},
         /* its length depends on which of rows and cols is given: check_together.c */
         {"weights", HKI_NONE, HKI_NONE, OPT}},
        {{"p", HKI_EXPONENT, 0}, {"root", HKI_CODE, 1}}},
    [HKI_SCALE] = {NAMES(scale), 3, 0,
        {{"w", W, HKI_WRITTEN},
         {"rows", ROWS, HKI_OR_SCALAR | OPT},
         {"cols", COLS, HKI_OR_SCALAR | OPT}},
        {{0, 0, 0}}},
    [HKI_EMA] = {NAMES(ema), 2, 2,
        {{"s", COLS, HKI_WRITTEN},
         {"a", HKI_SAMPLES, HKI_IN, HKI_OR_VECTOR}},
        {{"alpha", HKI_UNIT, 0}, {"of", HKI_CODE, HK_OF_SQUARE}}},
    [HKI_LEARN] = {NAMES(learn), 6 + HKI_COMPOSED_ARRAYS, 23 + HKI_COMPOSED_SCALARS,
        {{"w", W, HKI_WRITTEN},
         {"x", HKI_SAMPLES, HKI_IN, HKI_OR_VECTOR},
         {"y", HKI_SAMPLES, HKI_OUT, HKI_OR_VECTOR | HKI_WRITTEN},
         /* its length depends on the rule: check_together.c */
         {"gate", HKI_NONE, HKI_NONE, HKI_OR_SCALAR | OPT},
         {"pre", COLS, HKI_WRITTEN | OPT},
         {"post", ROWS, HKI_WRITTEN | OPT},
         COMPOSED},
        {{"rule", HKI_CODE, HK_PES}, {"lr", HKI_NONNEGATIVE, 0}, {"decay", HKI_NONNEGATIVE, 0},
         {"reduction", HKI_CODE, HK_MEAN}, {"normalize", HKI_CODE, 1}, {"compute", HKI_CODE, 1},
         {"block", HKI_CODE, HK_MAX_BLOCK},
         /* what is wanted of these depends on the rule: check_together.c */
         {"k", HKI_CODE, INT64_MAX}, {"score", HKI_CODE, HK_EUCLID}, {"temperature", HKI_NONNEGATIVE, 0},
         {"anti", HKI_CODE, 1}, {"alpha", HKI_UNIT, 0}, {"form", HKI_CODE, HK_BCM_1982}, {"power", HKI_NONNEGATIVE, 0},
         {"c0", HKI_NONNEGATIVE, 0}, {"q", HKI_NONNEGATIVE, 0}, {"delta", HKI_NONNEGATIVE, 0}, {"a", HKI_FINITE, 0},
         {"b", HKI_FINITE, 0}, {"c", HKI_FINITE, 0}, {"d", HKI_FINITE, 0}, {"differentiate", HKI_CODE, 1},
         {"zero_diagonal", HKI_CODE, 1}, PART_SCALARS("")}},
    [HKI_GIVEN] = {NAMES(given), 7 + HKI_COMPOSED_ARRAYS, 4 + HKI_COMPOSED_SCALARS,
        {{"w", W, HKI_WRITTEN},
         {"x", HKI_SAMPLES, HKI_IN, 0},
         {"g", HKI_SAMPLES, HKI_OUT, 0},
         {"decay", HKI_SAMPLES, HKI_OUT, OPT},
         {"col_decay", HKI_SAMPLES, HKI_IN, OPT},
         {"row_add", HKI_SAMPLES, HKI_OUT, OPT},
         {"col_add", HKI_SAMPLES, HKI_IN, OPT},
         COMPOSED},
        {{"lr", HKI_NONNEGATIVE, 0}, {"reduction", HKI_CODE, HK_MEAN}, {"normalize", HKI_CODE, 1},
         {"block", HKI_CODE, HK_MAX_BLOCK}, PART_SCALARS("")}},
    [HKI_AVERAGE_GAIN] = {NAMES(average_gain), 2, 6,
        {{"sigma", COLS, HKI_WRITTEN},
         {"z", HKI_SAMPLES, HKI_IN, HKI_OR_VECTOR}},
        {{"alpha", HKI_UNIT, 0}, {"gain_of", HKI_CODE, HK_OF_DERIVATIVE}, ACTIVATION, {"reduction", HKI_CODE, HK_MEAN}}},
    [HKI_WINDOWED_GAIN] = {NAMES(windowed_gain), 4, 6,
        {{"sigma", COLS, HKI_WRITTEN},
         {"z", HKI_SAMPLES, HKI_IN, HKI_OR_VECTOR},
         {"values", HKI_WINDOW, HKI_IN, HKI_WIDE | HKI_WRITTEN},
         {"sum", COLS, HKI_WIDE | HKI_WRITTEN}},
        {{"seen", HKI_CODE, INT64_MAX / 2}, {"gain_of", HKI_CODE, HK_OF_DERIVATIVE}, ACTIVATION,
         {"reduction", HKI_CODE, HK_MEAN}}},
    [HKI_THRESHOLD] = {NAMES(threshold), 3, 2,
        {{"theta", COLS, HKI_WRITTEN},
         {"y", HKI_SAMPLES, HKI_IN, HKI_OR_VECTOR},
         {"target", COLS, HKI_OR_SCALAR}},
        {{"rate", HKI_NONNEGATIVE, 0}, {"reduction", HKI_CODE, HK_MEAN}}},
    [HKI_INTRINSIC_PLASTICITY] = {NAMES(intrinsic_plasticity), 4, 3,
        {{"gain", COLS, HKI_WRITTEN},
         {"bias", COLS, HKI_WRITTEN},
         {"z", HKI_SAMPLES, HKI_IN, HKI_OR_VECTOR},
         {"y", HKI_SAMPLES, HKI_IN, HKI_OR_VECTOR | HKI_WRITTEN}},
        {{"target", HKI_UNIT, 0}, {"rate", HKI_NONNEGATIVE, 0}, {"reduction", HKI_CODE, HK_MEAN}}},
    [HKI_STDP] = {NAMES(stdp), 5 + HKI_COMPOSED_ARRAYS, 10 + HKI_COMPOSED_SCALARS,
        {{"w", W, HKI_WRITTEN},
         {"pre", HKI_SAMPLES, HKI_IN, HKI_OR_VECTOR | HKI_SPIKES},
         {"post", HKI_SAMPLES, HKI_OUT, HKI_OR_VECTOR | HKI_SPIKES},
         {"a_pre", COLS, HKI_WRITTEN},
         {"a_post", ROWS, HKI_WRITTEN},
         COMPOSED},
        {{"tau_plus", HKI_FINITE, 0}, {"tau_minus", HKI_FINITE, 0}, {"a_plus", HKI_FINITE, 0}, {"a_minus", HKI_FINITE, 0},
         PAIRING, PART_SCALARS("")}},
    [HKI_TRIPLET_STDP] = {NAMES(triplet_stdp), 7 + HKI_COMPOSED_ARRAYS, 14 + HKI_COMPOSED_SCALARS,
        {{"w", W, HKI_WRITTEN},
         {"pre", HKI_SAMPLES, HKI_IN, HKI_OR_VECTOR | HKI_SPIKES},
         {"post", HKI_SAMPLES, HKI_OUT, HKI_OR_VECTOR | HKI_SPIKES},
         {"r1", COLS, HKI_WRITTEN},
         {"r2", COLS, HKI_WRITTEN},
         {"o1", ROWS, HKI_WRITTEN},
         {"o2", ROWS, HKI_WRITTEN},
         COMPOSED},
        {{"tau_plus", HKI_FINITE, 0}, {"tau_x", HKI_FINITE, 0}, {"tau_minus", HKI_FINITE, 0}, {"tau_y", HKI_FINITE, 0},
         {"a2_plus", HKI_FINITE, 0}, {"a3_plus", HKI_FINITE, 0}, {"a2_minus", HKI_FINITE, 0}, {"a3_minus", HKI_FINITE, 0},
         PAIRING, PART_SCALARS("")}},
    [HKI_BALANCED_RELU] = {NAMES(balanced_relu), 2, 2,
        {{"x", HKI_SAMPLES, HKI_IN, HKI_OR_VECTOR},
         {"out", HKI_SAMPLES, HKI_IN, HKI_OR_VECTOR | HKI_WRITTEN}},
        {{"mode", HKI_CODE, HK_PENALTY_BATCH}, {"strength", HKI_NONNEGATIVE, 0}}},
    [HKI_STAMINA] = {NAMES(stamina), 3, 3,
        {{"value", COLS, HKI_WRITTEN},
         {"x", HKI_SAMPLES, HKI_IN, HKI_OR_VECTOR},
         {"prior", COLS, OPT}},
        {{"mode", HKI_CODE, HK_PENALTY_BATCH}, {"strength", HKI_NONNEGATIVE, 0}, {"alpha", HKI_UNIT, 0}}},
    [HKI_CONTRASTIVE] = {NAMES(contrastive), 5 + HKI_COMPOSED_ARRAYS, 4 + HKI_COMPOSED_SCALARS,
        {{"w", W, HKI_WRITTEN},
         {"x", HKI_SAMPLES, HKI_IN, HKI_OR_VECTOR},
         {"y", HKI_SAMPLES, HKI_OUT, HKI_OR_VECTOR},
         {"x_free", HKI_SAMPLES, HKI_IN, HKI_OR_VECTOR},
         {"y_free", HKI_SAMPLES, HKI_OUT, HKI_OR_VECTOR},
         COMPOSED},
        {{"lr", HKI_NONNEGATIVE, 0}, {"reduction", HKI_CODE, HK_MEAN}, {"normalize", HKI_CODE, 1},
         {"block", HKI_CODE, HK_MAX_BLOCK}, PART_SCALARS("")}},
    [HKI_THREE_FACTOR] = {NAMES(three_factor), 6 + HKI_COMPOSED_ARRAYS, 6 + HKI_COMPOSED_SCALARS,
        {{"w", W, HKI_WRITTEN},
         {"x", HKI_SAMPLES, HKI_IN, HKI_OR_VECTOR},
         {"y", HKI_SAMPLES, HKI_OUT, HKI_OR_VECTOR | HKI_WRITTEN},
         {"modulator", HKI_SAMPLES, HKI_NONE, HKI_OR_SCALAR},
         {"e", W, HKI_WRITTEN},
         {"r", W, HKI_WRITTEN | OPT},
         COMPOSED},
        {{"lr", HKI_NONNEGATIVE, 0}, {"tau_e", HKI_NONNEGATIVE, 0}, {"tau_rise", HKI_NONNEGATIVE, 0}, {"dt", HKI_NONNEGATIVE, 0},
         {"drive", HKI_CODE, HK_DRIVE_TAU}, {"compute", HKI_CODE, 1}, PART_SCALARS("")}},
    [HKI_FOLDIAK] = {NAMES(foldiak), 9 + HKI_COMPOSED_ARRAYS, 9 + 2 * HKI_COMPOSED_SCALARS,
        {{"w", W, HKI_WRITTEN},
         {"x", HKI_SAMPLES, HKI_IN, HKI_OR_VECTOR},
         {"y", HKI_SAMPLES, HKI_OUT, HKI_OR_VECTOR | HKI_WRITTEN},
         {"lateral", HKI_OUT, HKI_OUT, HKI_WRITTEN},
         {"threshold", ROWS, HKI_WRITTEN},
         PARTS("lateral_", HKI_OUT, HKI_OUT),
         COMPOSED},
        {{"lr", HKI_NONNEGATIVE, 0}, {"lateral_lr", HKI_NONNEGATIVE, 0}, {"threshold_lr", HKI_NONNEGATIVE, 0},
         {"p", HKI_UNIT, 0}, {"reduction", HKI_CODE, HK_MEAN}, {"compute", HKI_CODE, 1}, {"slope", HKI_NONNEGATIVE, 0},
         {"steps", HKI_CODE, 1 << 20}, {"step", HKI_UNIT, 0}, PART_SCALARS("lateral_"), PART_SCALARS("")}},
    [HKI_PATCHES] = {NAMES(patches), 2, 15,
        {{"images", HKI_SAMPLES, HKI_PIXELS, 0},
         {"out", W, HKI_WRITTEN}},
        {WINDOWS, {"first", HKI_CODE, INT64_MAX}, {"draw", HKI_CODE, INT64_MAX}, {"seed", HKI_CODE, INT64_MAX},
         {"drawn", HKI_CODE, INT64_MAX}}},
    [HKI_CONV_FORWARD] = {NAMES(conv_forward), 4, 14,
        {{"w", W, 0},
         {"images", HKI_SAMPLES, HKI_PIXELS, 0},
         {"b", ROWS, HKI_OR_SCALAR | OPT},
         {"out", HKI_SAMPLES, HKI_MAPS, HKI_WRITTEN}},
        {WINDOWS, ACTIVATION}},
    [HKI_POOL] = {NAMES(pool), 2, 12,
        {{"images", HKI_SAMPLES, HKI_PIXELS, 0},
         {"out", HKI_SAMPLES, HKI_MAPS, HKI_WRITTEN}},
        {WINDOWS, {"kind", HKI_CODE, HK_POOL_AVERAGE}}},
    [HKI_GAIN_RULE] = {NAMES(gain_rule), 4, 3,
        {{"w", W, HKI_WRITTEN},
         {"post_gain", ROWS, HKI_OR_SCALAR},
         {"pre_gain", COLS, HKI_OR_SCALAR},
         {"bias", ROWS, HKI_WRITTEN | OPT}},
        {{"lr", HKI_NONNEGATIVE, 0}, {"form", HKI_CODE, HK_GAIN_EXP}, {"limit", HKI_NONNEGATIVE, 0}}},
};

int hki_kernel_by_name(const char *name) {
    for (int k = 0; name && k < HKI_KERNELS; k++)
        if (!strcmp(name, hki_kernels[k].name)) return k;
    return -1;
}

/* Nanoseconds for an element on one core half as fast as those that this was measured on: it is better to cut a call
 * a little short, or to let go of Python's lock early, than the other way. But pieces cost: both power sums come as
 * two passes, and a batch reads the weights anew for each piece. `single` is the assembly on float32, which takes
 * twice as long on float64, and `scalar` the portable path. */
typedef struct cost { double single, scalar; } cost;

static double ns(int64_t dtype, cost c) {
    return hki_is_portable ? c.scalar : dtype == HK_FLOAT32 ? c.single : 2 * c.single;
}

/* |w|^p: the exponents with a direct form are a few operations, the others two polynomials. */
static double power_ns(int64_t dtype, double p) {
    int direct = p == 0.5 || p == 1 || p == 1.5 || p == 2 || p == 3 || p == 4 || isinf(p);
    return direct ? ns(dtype, (cost){0.3, 12}) : ns(dtype, (cost){1.4, 124});
}

/* Whether a sequence goes row by row, each through all samples of a piece: W comes from memory once a piece then, and a
 * piece should be as long as it may. */
static int sweeps(const hk_learn_args *a) {
    int composed = hki_composed(HKI_LEARN, a);
    if (a->reduction != HK_SEQUENTIAL || a->normalize || a->rates.dtype != HK_ABSENT) return 0;
    if (!a->compute) return a->rule != HK_SANGER && composed < 2;
    int rows = a->rule == HK_HEBB || a->rule == HK_DECAY || a->rule == HK_OJA || a->rule == HK_INSTAR || a->rule == HK_OUTSTAR ||
               a->rule == HK_PREGATED || a->rule == HK_POSTGATED || a->rule == HK_COVARIANCE || a->rule == HK_BCM ||
               a->rule == HK_DIFFERENTIAL || a->rule == HK_ANTIHEBBIAN || a->rule == HK_ABCD;
    return rows && !composed && a->row_lr.dtype == HK_ABSENT;
}

/* Whether a sequence goes by 64 samples at the speed of products, as the one winner by the dot does. */
static int awards(const hk_learn_args *a) {
    return a->rule == HK_WTA && a->k == 1 && a->score == HK_DOT && a->lr <= 1 && a->reduction == HK_SEQUENTIAL && !a->normalize &&
           a->rates.dtype == HK_ABSENT && a->row_lr.dtype == HK_ABSENT && !hki_composed(HKI_LEARN, a) && !hki_sparse(HKI_LEARN, a);
}

hki_work hki_estimate(int kernel, const void *args) {
    const hk_array *a = args;
    const hki_scalar *s = hki_scalars(&hki_kernels[kernel], args);
    double out = (double)a[0].rows, in = (double)a[0].cols;
    int64_t t = a[0].dtype;
    /* sparse w is one row of the stored entries; what else goes over weights takes as long as this much of them */
    int composed = hki_composes(kernel) ? hki_composed(kernel, args) : 0;
    double more = !hki_composes(kernel) ? 0 : (hki_sparse(kernel, args) ? 4 : 0) + (composed > 1 ? 0.5 : composed ? 0.1 : 0);
    more *= out * in * ns(t, (cost){1, hki_sparse(kernel, args) ? 10 : 80});
    switch (kernel) {
    case HKI_RANK1:
    case HKI_SCALE:
    case HKI_GAIN_RULE:
        return (hki_work){a[0].rows, in * ns(t, (cost){0.4, 20})};
    case HKI_BATCH_UPDATE:
        return (hki_work){a[0].rows, in * (ns(t, (cost){0.4, 20}) + (double)a[1].rows * ns(t, (cost){0.04, 12}))};
    case HKI_FORWARD: {
        double unit = ns(t, (cost){5, 150}); /* the activation of one output */
        double product = ns(t, (cost){0.04, 12}); /* of a batch; a single sample waits for the weights */
        if (a[1].ndim == 1) return (hki_work){a[0].rows, in * ns(t, (cost){0.2, 12}) + unit};
        return (hki_work){a[1].rows, out * (in * product + unit)};
    }
    case HKI_POWER_SUMS: {
        /* Rows can be cut between rows, columns between columns; both together are cut as first the one, then
         * the other, if they are too long for one pass in one call. */
        double each = power_ns(t, s[0].real);
        int rows = a[1].dtype != HK_ABSENT, cols = a[2].dtype != HK_ABSENT;
        if (rows && cols) {
            double units = out + in;
            return (hki_work){a[0].rows + a[0].cols, units > 0 ? out * in * each / units : 0};
        }
        return rows ? (hki_work){a[0].rows, in * each} : (hki_work){a[0].cols, out * each};
    }
    case HKI_EMA:
        return (hki_work){a[0].cols, (a[1].ndim == 2 ? (double)a[1].rows : 1) * ns(t, (cost){0.4, 16})};
    case HKI_LEARN: {
        double sample = out * in * (sweeps(args) ? ns(t, (cost){0.05, 20}) : awards(args) ? ns(t, (cost){0.023, 12}) : ns(t, (cost){0.15, 40})) + 500;
        double samples = a[1].ndim == 2 ? (double)a[1].rows : 1;
        sample += more;
        if (s[0].code == HK_SOFTHEBB || s[0].code == HK_BCM) sample += out * ns(t, (cost){5, 150});
        if (s[0].code == HK_KROTOV_HOPFIELD && ((const hk_learn_args *)args)->q != 2) { /* |w|^(q-1) of the rows that change */
            int some = s[3].code == HK_SEQUENTIAL && !composed && !hki_sparse(kernel, args);
            sample += (some ? 2 : out) * in * ns(t, (cost){2, 150});
        }
        if (s[3].code == HK_SEQUENTIAL) return (hki_work){(int64_t)samples, sample};
        return (hki_work){1, samples * sample};
    }
    case HKI_AVERAGE_GAIN:
        return (hki_work){a[0].cols, (a[1].ndim == 2 ? (double)a[1].rows : 1) * ns(t, (cost){6, 160})};
    case HKI_THRESHOLD:
    case HKI_INTRINSIC_PLASTICITY: { /* a batch is judged as a whole */
        const hk_array *batch = &a[kernel == HKI_THRESHOLD ? 1 : 2];
        return (hki_work){1, (double)batch->rows * (double)batch->cols * ns(t, (cost){8, 160}) + 300};
    }
    case HKI_WINDOWED_GAIN: /* the sums at the end of a round are as many additions again */
        return (hki_work){a[0].cols, (a[1].ndim == 2 ? (double)a[1].rows : 1) * ns(t, (cost){7, 165}) +
                                         (double)a[2].rows * ns(t, (cost){0.6, 4})};
    case HKI_BALANCED_RELU: {
        double sample = in * ns(t, (cost){0.6, 20});
        if (s[0].code == HK_PENALTY_BATCH) return (hki_work){1, out * sample};
        return (hki_work){a[0].ndim == 2 ? a[0].rows : 1, sample};
    }
    case HKI_STAMINA:
        return (hki_work){1, (a[1].ndim == 2 ? (double)a[1].rows : 1) * in * ns(t, (cost){0.8, 30})};
    case HKI_GIVEN: {
        const hk_given_args *given = args;
        int sweep = s[1].code == HK_SEQUENTIAL && !given->normalize && given->rates.dtype == HK_ABSENT && composed < 2;
        double sample = out * in * (sweep ? ns(t, (cost){0.06, 20}) : 2 * ns(t, (cost){0.15, 40})) + more + 500;
        if (s[1].code == HK_SEQUENTIAL) return (hki_work){a[1].rows, sample};
        return (hki_work){1, (double)a[1].rows * sample};
    }
    case HKI_CONTRASTIVE: {
        double pair = 2 * (out * in * ns(t, (cost){0.15, 40}) + more) + 1000;
        double pairs = a[1].ndim == 2 ? (double)a[1].rows : 1;
        if (s[1].code == HK_SEQUENTIAL) return (hki_work){(int64_t)pairs, pair};
        return (hki_work){1, pairs * pair};
    }
    case HKI_THREE_FACTOR:
        return (hki_work){a[1].rows, (s[2].real > 0 ? 5 : 3) * out * in * ns(t, (cost){0.15, 40}) + 2 * more + out * 50 + 500};
    case HKI_FOLDIAK: {
        double settle = (double)s[7].code * out * (out * ns(t, (cost){0.1, 12}) + ns(t, (cost){5, 150}));
        double sample = settle + out * (in + out) * ns(t, (cost){0.3, 60}) + 2 * more + 2000;
        if (s[4].code == HK_SEQUENTIAL) return (hki_work){a[1].rows, sample};
        return (hki_work){1, (double)a[1].rows * sample};
    }
    case HKI_STDP:
    case HKI_TRIPLET_STDP: /* one unit in ten spiking */
        return (hki_work){a[1].rows, 0.1 * out * in * ns(t, (cost){0.6, 30}) + (out + in) * ns(t, (cost){1, 6}) + 2 * more + 500};
    case HKI_PATCHES: /* copied element by element on every path */
        return (hki_work){a[1].rows, (double)a[1].cols * ns(t, (cost){2.5, 2.5}) + 20};
    case HKI_CONV_FORWARD: {
        const hk_windows *g = (const hk_windows *)s;
        double unit = s[11].code == HK_IDENTITY ? ns(t, (cost){1, 10}) : ns(t, (cost){6, 150});
        double each = in * ns(t, (cost){0.5, 4}) + out * (in * ns(t, (cost){0.04, 12}) + unit);
        return (hki_work){a[1].rows * hki_positions(g, 0), (double)hki_positions(g, 1) * each};
    }
    case HKI_POOL: {
        const hk_windows *g = (const hk_windows *)s;
        double line = (double)g->width * (double)g->size[0] + (double)hki_positions(g, 1) * (double)(g->size[1] + 8);
        return (hki_work){a[0].rows * hki_positions(g, 0), (double)g->channels * line * ns(t, (cost){2, 2})};
    }
    }
    return (hki_work){0, 0};
}

int64_t hki_grain(int kernel, const void *args) {
    return kernel == HKI_LEARN         ? ((const hk_learn_args *)args)->block
           : kernel == HKI_GIVEN       ? ((const hk_given_args *)args)->block
           : kernel == HKI_CONTRASTIVE ? ((const hk_contrastive_args *)args)->block
                                       : 0;
}
