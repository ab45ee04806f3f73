//go:build cgo && linux

/* check_together.c: what is wanted of several arguments together, by kernel. */
#include "checks.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static int check_block(const hki_kernel *k, int i, int64_t block, int64_t reduction, int64_t normalize, hk_error *err) {
    if (!block || (reduction == HK_SEQUENTIAL && !normalize)) return HK_OK;
    return hki_fail(err, HK_E_VALUE, HK_R_UNWANTED, k->arrays + i, -1, "%s: block is %lld; it does not go with %s", k->name,
                    (long long)block, normalize ? "normalize" : "the sum or mean of a batch, which is one update");
}

/* The vectors that a rule of hk_learn needs. */
static int check_vectors(const hk_array *a, int64_t rule, int64_t differentiate, hk_error *err) {
    enum { GATE = 3, PRE = 4, POST = 5 };
    const hki_kernel *k = &hki_kernels[HKI_LEARN];
    int gate = rule == HK_POSTGATED ? HKI_IN : rule == HK_PREGATED || rule == HK_VOJA ? HKI_OUT : HKI_NONE;
    int needs[] = {[GATE] = gate != HKI_NONE,
                   [PRE] = rule == HK_COVARIANCE || (rule == HK_DIFFERENTIAL && differentiate),
                   [POST] = rule == HK_COVARIANCE || rule == HK_BCM || rule == HK_DIFFERENTIAL};
    for (int i = GATE; i <= POST; i++)
        if (needs[i] && a[i].dtype == HK_ABSENT)
            return hki_fail(err, HK_E_VALUE, HK_R_MISSING, i, -1, "%s: %s is missing", k->name, k->array[i].name);
    if (gate == HKI_NONE) return HK_OK;
    hki_lengths known = {{0, a[0].rows, a[0].cols, 0}, {0, 1, 1, 0}};
    hki_array_spec spec = {k->array[GATE].name, (uint8_t)gate, HKI_NONE, HKI_OR_SCALAR};
    return hki_check_shape(k->name, &spec, GATE, &a[GATE], &known, err);
}

/* What goes together with a rule of hk_learn. */
static int check_rule(const hk_array *a, const hki_scalar *s, hk_error *err) {
    enum { RULE, LR, DECAY, REDUCTION, NORMALIZE, COMPUTE, BLOCK, K, SCORE, TEMPERATURE, ANTI, ALPHA, FORM, POWER, C0, Q, DELTA,
           A, B, C, D, DIFFERENTIATE, ZERO_DIAGONAL };
    enum { Y = 2, GATE = 3, PRE = 4, POST = 5 };
    const int SCALARS = hki_kernels[HKI_LEARN].arrays;
    int64_t rule = s[RULE].code;
    if ((rule == HK_WTA || rule == HK_SOFTHEBB || rule == HK_KROTOV_HOPFIELD) && !s[COMPUTE].code)
        return hki_fail(err, HK_E_VALUE, HK_R_UNWANTED, Y, -1, "learn: y is given; the rule computes it, and none is wanted");
    if (rule == HK_PES && s[COMPUTE].code)
        return hki_fail(err, HK_E_VALUE, HK_R_MISSING, Y, -1, "learn: y is not given; the error is wanted");
    int status = check_vectors(a, rule, s[DIFFERENTIATE].code, err);
    if (status) return status;
    int least = rule == HK_KROTOV_HOPFIELD ? 2 : 1;
    if ((rule == HK_WTA || rule == HK_KROTOV_HOPFIELD) && (s[K].code < least || s[K].code > a[0].rows))
        return hki_fail(err, HK_E_VALUE, HK_R_VALUE, SCALARS + K, -1, "learn: k is %lld; %d to the %lld rows of w is wanted",
                        (long long)s[K].code, least, (long long)a[0].rows);
    if (rule == HK_KROTOV_HOPFIELD && !(s[Q].real > 1))
        return hki_fail(err, HK_E_VALUE, HK_R_VALUE, SCALARS + Q, -1, "learn: q is %g; a number > 1 is wanted", s[Q].real);
    for (int i = POWER; rule == HK_BCM && s[FORM].code == HK_BCM_1982 && i <= C0; i++)
        if (s[i].real == 0)
            return hki_fail(err, HK_E_VALUE, HK_R_VALUE, SCALARS + i, -1, "learn: %s is 0; a number > 0 is wanted",
                            i == C0 ? "c0" : "power");
    int holds = rule == HK_ANTIHEBBIAN && s[ZERO_DIAGONAL].code;
    if (holds && a[0].rows != a[0].cols)
        return hki_fail(err, HK_E_VALUE, HK_R_SHAPE, 0, -1, "learn: w has shape (%lld, %lld); a square is wanted, since its diagonal is held",
                        (long long)a[0].rows, (long long)a[0].cols);
    if (rule == HK_DIFFERENTIAL && s[REDUCTION].code != HK_SEQUENTIAL)
        return hki_fail(err, HK_E_VALUE, HK_R_UNWANTED, SCALARS + REDUCTION, -1,
                        "learn: reduction is the sum or mean; rows are steps in time, and sequential is wanted");
    if (s[BLOCK].code && (rule == HK_OUTSTAR || rule == HK_KROTOV_HOPFIELD || holds))
        return hki_fail(err, HK_E_VALUE, HK_R_UNWANTED, SCALARS + BLOCK, -1, "learn: block is %lld; it does not go with %s",
                        (long long)s[BLOCK].code,
                        holds ? "zero_diagonal" : rule == HK_OUTSTAR ? "the outstar, which decays columns" : "a rule of a batch");
    if (rule == HK_SOFTHEBB) {
        double inverse = 1 / s[TEMPERATURE].real;
        if (a[0].dtype == HK_FLOAT32) inverse = (float)inverse;
        if (!(s[TEMPERATURE].real > 0 && isfinite(inverse) && inverse > 0))
            return hki_fail(err, HK_E_VALUE, HK_R_VALUE, SCALARS + TEMPERATURE, -1,
                            "learn: temperature is %g; a number > 0 with a finite inverse is wanted", s[TEMPERATURE].real);
    }
    return check_block(&hki_kernels[HKI_LEARN], BLOCK, s[BLOCK].code, s[REDUCTION].code, s[NORMALIZE].code, err);
}

/* What goes together with hk_three_factor's traces. */
static int check_traces(const hk_array *a, const hki_scalar *s, hk_error *err) {
    enum { X = 1, MODULATOR = 3, R = 5, TAU_E = 1, TAU_RISE = 2 };
    const int SCALARS = hki_kernels[HKI_THREE_FACTOR].arrays;
    if (a[X].ndim == 1 && a[MODULATOR].cols != 1)
        return hki_fail(err, HK_E_VALUE, HK_R_SHAPE, MODULATOR, -1, "three_factor: modulator has %lld values; one is wanted for one step",
                        (long long)a[MODULATOR].cols);
    if (s[TAU_RISE].real > 0 && a[R].dtype == HK_ABSENT)
        return hki_fail(err, HK_E_VALUE, HK_R_MISSING, R, -1, "three_factor: r is missing, and tau_rise is given");
    if (s[TAU_RISE].real > 0 && !(s[TAU_RISE].real < s[TAU_E].real))
        return hki_fail(err, HK_E_VALUE, HK_R_VALUE, SCALARS + TAU_RISE, -1, "three_factor: tau_rise is %g; a number below tau_e = %g is wanted",
                        s[TAU_RISE].real, s[TAU_E].real);
    return HK_OK;
}

const char *hki_activation_fault(int64_t activation, double slope, double shape, int dtype, int derivative, int *at) {
    double top = dtype == HK_FLOAT32 ? (double)FLT_MAX : DBL_MAX;
    *at = 0;
    if (activation < 0 || activation > HK_BIPU) return "an activation";
    *at = 1;
    if (!(fabs(slope) <= top)) return "a finite number";
    if (activation == HK_LEAKY_RELU && slope < 0) return "a finite number >= 0";
    *at = 2;
    if (!(fabs(shape) <= top)) return "a finite number";
    if (activation != HK_BIPU) return 0;
    if (!(shape > 0)) return "a finite number > 0";
    if (derivative && shape < 1) return "1 or more, since below it the derivative has no bound at 0,";
    if (derivative && !(fabs(shape * slope) <= top)) return "a finite product with slope";
    return 0;
}

/* s holds activation, slope and shape; `first` is the index of the activation. */
static int check_activation(const hki_kernel *k, const hk_array *a, const hki_scalar *s, int first, int derivative, hk_error *err) {
    int at;
    const char *want = hki_activation_fault(s[0].code, s[1].real, s[2].real, a[0].dtype, derivative, &at);
    if (!want) return HK_OK;
    return hki_fail(err, HK_E_VALUE, HK_R_VALUE, first + at, -1, "%s: %s is %g; %s is wanted", k->name,
                    k->scalar[first - k->arrays + at].name, s[at].real, want);
}

/* Windows and the images that they look at; out is the number of channels of the answer, 0: windows themselves. */
static int check_windows(int kernel, const hk_array *a, const hki_scalar *s, hk_error *err) {
    static const char *const names[11] = {"channels", "height", "width", "size", "size", "stride", "stride",
                                          "padding", "padding", "dilation", "dilation"};
    const hki_kernel *k = &hki_kernels[kernel];
    const hk_windows *g = (const hk_windows *)s;
    const int images = kernel == HKI_CONV_FORWARD, out = kernel == HKI_CONV_FORWARD ? 3 : 1;
    for (int i = 0; i < 11; i++)
        if (s[i].code < 1 && i != 7 && i != 8)
            return hki_fail(err, HK_E_VALUE, HK_R_VALUE, k->arrays + i, -1, "%s: %s is %lld; 1 or more is wanted", k->name,
                            names[i], (long long)s[i].code);
    for (int axis = 0; axis < 2; axis++) {
        int64_t side = axis ? g->width : g->height, reach = (g->size[axis] - 1) * g->dilation[axis] + 1;
        if (reach > side + 2 * g->padding[axis])
            return hki_fail(err, HK_E_VALUE, HK_R_VALUE, k->arrays + 3 + axis, -1,
                            "%s: size is %lld, which reaches over %lld; at most the %lld of the padded image is wanted",
                            k->name, (long long)g->size[axis], (long long)reach, (long long)(side + 2 * g->padding[axis]));
        if (kernel == HKI_POOL && g->dilation[axis] != 1)
            return hki_fail(err, HK_E_VALUE, HK_R_VALUE, k->arrays + 9 + axis, -1, "%s: dilation is %lld; 1 is wanted",
                            k->name, (long long)g->dilation[axis]);
        if (kernel == HKI_POOL && g->padding[axis] >= g->size[axis])
            return hki_fail(err, HK_E_VALUE, HK_R_VALUE, k->arrays + 7 + axis, -1,
                            "%s: padding is %lld; less than the size %lld is wanted", k->name, (long long)g->padding[axis],
                            (long long)g->size[axis]);
    }
    int64_t pixels, length, maps;
    const int64_t rows = hki_positions(g, 0), cols = hki_positions(g, 1);
    const int64_t channels = kernel == HKI_CONV_FORWARD ? a[0].rows : g->channels;
    if (__builtin_mul_overflow(g->height * g->width, g->channels, &pixels) || a[images].cols != pixels)
        return hki_fail(err, HK_E_VALUE, HK_R_SHAPE, images, -1,
                        "%s: images has rows of length %lld; %lld x %lld x %lld elements are wanted", k->name,
                        (long long)a[images].cols, (long long)g->channels, (long long)g->height, (long long)g->width);
    if (kernel != HKI_POOL) {
        const int w = kernel == HKI_CONV_FORWARD ? 0 : 1;
        if (__builtin_mul_overflow(g->size[0] * g->size[1], g->channels, &length) || a[w].cols != length)
            return hki_fail(err, HK_E_VALUE, HK_R_SHAPE, w, -1,
                            "%s: %s has rows of length %lld; windows of %lld x %lld x %lld elements are wanted", k->name,
                            k->array[w].name, (long long)a[w].cols, (long long)g->channels, (long long)g->size[0],
                            (long long)g->size[1]);
    }
    if (kernel != HKI_PATCHES) {
        if (__builtin_mul_overflow(rows * cols, channels, &maps) || a[out].cols != maps)
            return hki_fail(err, HK_E_VALUE, HK_R_SHAPE, out, -1,
                            "%s: out has rows of length %lld; %lld channels of %lld x %lld elements are wanted", k->name,
                            (long long)a[out].cols, (long long)channels, (long long)rows, (long long)cols);
        return HK_OK;
    }
    enum { FIRST = 11, DRAW, SEED, DRAWN };
    if (s[DRAW].code > rows * cols)
        return hki_fail(err, HK_E_VALUE, HK_R_VALUE, 2 + DRAW, -1,
                        "%s: draw is %lld; at most the %lld windows of an image are wanted", k->name,
                        (long long)s[DRAW].code, (long long)(rows * cols));
    int64_t all;
    if (__builtin_mul_overflow(s[DRAW].code ? s[DRAW].code : rows * cols, a[0].rows, &all) || s[FIRST].code > all - a[1].rows)
        return hki_fail(err, HK_E_VALUE, HK_R_VALUE, 2 + FIRST, -1,
                        "%s: first is %lld; so much is wanted that the %lld rows of out end with the last window at most",
                        k->name, (long long)s[FIRST].code, (long long)a[1].rows);
    if (s[DRAWN].code > INT64_MAX - a[0].rows - 1)
        return hki_fail(err, HK_E_VALUE, HK_R_VALUE, 2 + DRAWN, -1, "%s: drawn is %lld; fewer images are wanted", k->name,
                        (long long)s[DRAWN].code);
    return HK_OK;
}

/* What the table cannot say: arguments that go together. */
int hki_check_together(int kernel, const hk_array *a, const hki_scalar *s, hk_error *err) {
    const hki_kernel *k = &hki_kernels[kernel];
    switch (kernel) {
    case HKI_RANK1:
        if ((a[1].dtype == HK_ABSENT) != (a[2].dtype == HK_ABSENT))
            return hki_fail(err, HK_E_VALUE, HK_R_MISSING, a[1].dtype == HK_ABSENT ? 1 : 2, -1,
                            "%s: g and x go together; one of them is missing", k->name);
        /* fall through */
    case HKI_BATCH_UPDATE:
        if (a[7].dtype != HK_ABSENT && a[8].dtype != HK_ABSENT && hki_scalar_value(&a[7]) > hki_scalar_value(&a[8]))
            return hki_fail(err, HK_E_VALUE, HK_R_VALUE, 7, -1, "%s: low is %g; at most high = %g is wanted", k->name,
                            hki_scalar_value(&a[7]), hki_scalar_value(&a[8]));
        return HK_OK;
    case HKI_BALANCED_RELU:
        if (a[0].ndim != a[1].ndim)
            return hki_fail(err, HK_E_VALUE, HK_R_SHAPE, 1, -1, "%s: out has %d axes; %d are wanted, as x has", k->name, a[1].ndim,
                            a[0].ndim);
        return HK_OK;
    case HKI_FORWARD:
    case HKI_LEARN:
    case HKI_CONTRASTIVE:
    case HKI_THREE_FACTOR:
    case HKI_FOLDIAK:
    case HKI_STDP:
    case HKI_TRIPLET_STDP: {
        int first = kernel == HKI_FORWARD ? 3 : 2, last = kernel == HKI_CONTRASTIVE ? 4 : first;
        for (int i = first; i <= last; i++) {
            if (a[1].ndim == a[i].ndim) continue;
            char got[64], want[64];
            hki_shape_text(got, a[i].ndim, a[i].rows, a[i].cols);
            hki_shape_text(want, a[1].ndim, a[1].rows, k->array[i].second == HKI_IN ? a[0].cols : a[0].rows);
            return hki_fail(err, HK_E_VALUE, HK_R_SHAPE, i, -1, "%s: %s has shape %s; %s is wanted", k->name,
                            k->array[i].name, got, want);
        }
        if (kernel == HKI_FORWARD) return check_activation(k, a, s, 4, 0, err);
        int status = kernel == HKI_LEARN          ? check_rule(a, s, err)
                     : kernel == HKI_CONTRASTIVE  ? check_block(k, 3, s[3].code, s[1].code, s[2].code, err)
                     : kernel == HKI_THREE_FACTOR ? check_traces(a, s, err)
                                                  : HK_OK;
        return status || !hki_composes(kernel) ? status : hki_check_composition(kernel, a, s, err);
    }
    case HKI_GIVEN: {
        int status = check_block(k, 3, s[3].code, s[1].code, s[2].code, err);
        return status ? status : hki_check_composition(kernel, a, s, err);
    }
    case HKI_AVERAGE_GAIN:
        if (s[0].real == 0)
            return hki_fail(err, HK_E_VALUE, HK_R_VALUE, 2, -1, "%s: alpha is 0; a number above 0 is wanted", k->name);
        /* fall through */
    case HKI_WINDOWED_GAIN:
        if (kernel == HKI_WINDOWED_GAIN && (a[2].rows < 1 || a[2].rows > 1 << 24))
            return hki_fail(err, HK_E_VALUE, HK_R_SHAPE, 2, -1, "%s: values has %lld rows; 1 to 16777216 are wanted", k->name,
                            (long long)a[2].rows);
        if (s[5].code == HK_SUM)
            return hki_fail(err, HK_E_VALUE, HK_R_VALUE, k->arrays + 5, -1,
                            "%s: reduction is the sum; sequential or mean is wanted", k->name);
        return check_activation(k, a, s + 2, k->arrays + 2, s[1].code == HK_OF_DERIVATIVE, err);
    case HKI_POWER_SUMS: {
        int rows = a[1].dtype != HK_ABSENT, cols = a[2].dtype != HK_ABSENT;
        if (!rows && !cols)
            return hki_fail(err, HK_E_VALUE, HK_R_MISSING, 1, -1, "%s: neither rows nor cols is given", k->name);
        if (a[3].dtype == HK_ABSENT) return HK_OK;
        if (rows && cols)
            return hki_fail(err, HK_E_VALUE, HK_R_UNWANTED, 3, -1,
                            "%s: weights goes with sums by row or by column, not with both in one pass", k->name);
        if (isinf(s[0].real))
            return hki_fail(err, HK_E_VALUE, HK_R_UNWANTED, 3, -1, "%s: weights does not go with p = inf", k->name);
        hki_lengths known = {{0, a[0].rows, a[0].cols}, {0, 1, 1}};
        hki_array_spec spec = {"weights", rows ? HKI_IN : HKI_OUT, HKI_NONE, HKI_OPTIONAL};
        return hki_check_shape(k->name, &spec, 3, &a[3], &known, err);
    }
    case HKI_THRESHOLD:
    case HKI_INTRINSIC_PLASTICITY: {
        int reduction = kernel == HKI_THRESHOLD ? 1 : 2;
        if (s[reduction].code == HK_SUM)
            return hki_fail(err, HK_E_VALUE, HK_R_VALUE, k->arrays + reduction, -1,
                            "%s: reduction is the sum; sequential or mean is wanted", k->name);
        if (kernel == HKI_THRESHOLD) {
            for (int64_t j = 0; j < a[2].cols; j++)
                if (!isfinite(hki_element(&a[2], j)))
                    return hki_fail(err, HK_E_VALUE, HK_R_VALUE, 2, -1, "%s: target is %g; a finite number is wanted", k->name,
                                    hki_element(&a[2], j));
            return HK_OK;
        }
        if (a[2].ndim != a[3].ndim)
            return hki_fail(err, HK_E_VALUE, HK_R_SHAPE, 3, -1, "%s: y has %d axes; those of z are wanted", k->name, a[3].ndim);
        if (!(s[0].real > 0 && s[0].real < 1))
            return hki_fail(err, HK_E_VALUE, HK_R_VALUE, 4, -1, "%s: target is %g; a number above 0 and below 1 is wanted", k->name,
                            s[0].real);
        return HK_OK;
    }
    case HKI_PATCHES:
    case HKI_CONV_FORWARD:
    case HKI_POOL: {
        int status = check_windows(kernel, a, s, err);
        if (status || kernel != HKI_CONV_FORWARD) return status;
        return check_activation(k, a, s + 11, k->arrays + 11, 0, err);
    }
    case HKI_EMA:
        if (a[1].ndim == 2 && a[1].rows == 0)
            return hki_fail(err, HK_E_VALUE, HK_R_SHAPE, 1, -1, "%s: a has no sample; at least one is wanted", k->name);
        return HK_OK;
    }
    return HK_OK;
}
