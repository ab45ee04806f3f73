//go:build cgo && linux

/* check_composed.c: what learning is composed with, and sparse weights: the arguments that end those of hk_learn and of what
 * else learns. */
#include "checks.h"

#include <math.h>
#include <string.h>

/* The arrays that end those of a kernel. */
enum { ROW_LR, LOW, HIGH, MASK, PARTS, RATES = PARTS, INDICES, INDPTR };

/* Where reduction and block stand among the scalars of a kernel; -1: it has none. */
typedef struct scalars { int reduction, block; } scalars;

static scalars scalars_of(int kernel) {
    switch (kernel) {
    case HKI_LEARN: return (scalars){3, 6};
    case HKI_GIVEN:
    case HKI_CONTRASTIVE: return (scalars){1, 3};
    case HKI_FOLDIAK: return (scalars){4, -1};
    }
    return (scalars){-1, -1};
}

int hki_composes(int kernel) {
    return kernel == HKI_LEARN || kernel == HKI_GIVEN || kernel == HKI_CONTRASTIVE || kernel == HKI_THREE_FACTOR || kernel == HKI_FOLDIAK ||
           kernel == HKI_STDP || kernel == HKI_TRIPLET_STDP;
}

static const hki_composed_arrays *arrays_of(int kernel, const hk_array *args) {
    return (const hki_composed_arrays *)(args + hki_kernels[kernel].arrays - HKI_COMPOSED_ARRAYS);
}

static const hki_composed_scalars *ends_of(int kernel, const hki_scalar *s) {
    return (const hki_composed_scalars *)(s + hki_kernels[kernel].scalars - HKI_COMPOSED_SCALARS);
}

static const hki_parts *lateral_of(const void *args) { return (const hki_parts *)&((const hk_foldiak_args *)args)->lateral_row_lr; }

static int composed(const hki_parts *a, const hki_composed_scalars *s) {
    if (s->soft || s->gamma != 0 || s->norm != HK_NO_NORM) return 2;
    return a->low.dtype != HK_ABSENT || a->high.dtype != HK_ABSENT || a->mask.dtype != HK_ABSENT;
}

int hki_composed(int kernel, const void *args) {
    const hki_composed_scalars *s = ends_of(kernel, hki_scalars(&hki_kernels[kernel], args));
    int own = composed(&arrays_of(kernel, args)->parts, s), lateral = kernel == HKI_FOLDIAK ? composed(lateral_of(args), s - 1) : 0;
    return own > lateral ? own : lateral;
}

double hki_element(const hk_array *a, int64_t k) {
    return a->dtype == HK_FLOAT32 ? (double)((const float *)a->data)[k] : ((const double *)a->data)[k];
}

/* Bounds of one row: no NaN, and the lower one is not above the upper. */
static int check_bounds(const hki_kernel *k, const hk_array *a, int first, hk_error *err) {
    const hk_array *low = &a[LOW], *high = &a[HIGH];
    for (int i = LOW; i <= HIGH; i++)
        for (int64_t j = 0; a[i].dtype != HK_ABSENT && a[i].rows == 1 && j < a[i].cols; j++)
            if (isnan(hki_element(&a[i], j)))
                return hki_fail(err, HK_E_VALUE, HK_R_VALUE, first + i, -1, "%s: %s is NaN; a number is wanted", k->name,
                                k->array[first + i].name);
    if (low->dtype == HK_ABSENT || high->dtype == HK_ABSENT || low->rows != 1 || high->rows != 1 || !low->cols || !high->cols)
        return HK_OK;
    for (int64_t j = 0; j < low->cols || j < high->cols; j++) {
        double l = hki_element(low, low->cols > 1 ? j : 0), h = hki_element(high, high->cols > 1 ? j : 0);
        if (l > h)
            return hki_fail(err, HK_E_VALUE, HK_R_VALUE, first + LOW, -1, "%s: low is %g; at most high = %g is wanted",
                            k->name, l, h);
    }
    return HK_OK;
}

/* The four arrays from index `first` on and the eight scalars from `then` on. */
static int check_parts(const hki_kernel *k, const hk_array *args, const hki_scalar *scalars, int first, int then, hk_error *err) {
    const hk_array *a = args + first;
    const hki_composed_scalars *s = (const hki_composed_scalars *)(scalars + then);
    enum { SOFT_LOW = 1, NORM_P = 6, NORM_TARGET = 7 };
    int status = check_bounds(k, a, first, err);
    if (status) return status;
    for (int64_t j = 0; a[ROW_LR].dtype != HK_ABSENT && j < a[ROW_LR].cols; j++)
        if (!(hki_element(&a[ROW_LR], j) >= 0 && isfinite(hki_element(&a[ROW_LR], j))))
            return hki_fail(err, HK_E_VALUE, HK_R_VALUE, first + ROW_LR, -1, "%s: %s is %g at %lld; a finite number >= 0 is wanted",
                            k->name, k->array[first + ROW_LR].name, hki_element(&a[ROW_LR], j), (long long)j);
    double low = s->soft_low, high = s->soft_high, target = s->norm_target;
    if (args[0].dtype == HK_FLOAT32) low = (float)low, high = (float)high, target = (float)target;
    if (s->soft && !(low < high))
        return hki_fail(err, HK_E_VALUE, HK_R_VALUE, k->arrays + then + SOFT_LOW, -1,
                        "%s: %s is %g; a number below soft_high = %g is wanted", k->name, k->scalar[then + SOFT_LOW].name, low, high);
    if (s->norm == HK_MULTIPLICATIVE && !(s->norm_p > 0))
        return hki_fail(err, HK_E_VALUE, HK_R_VALUE, k->arrays + then + NORM_P, -1, "%s: %s is %g; a number > 0 is wanted",
                        k->name, k->scalar[then + NORM_P].name, s->norm_p);
    if (s->norm == HK_MULTIPLICATIVE && !(target > 0))
        return hki_fail(err, HK_E_VALUE, HK_R_VALUE, k->arrays + then + NORM_TARGET, -1, "%s: %s is %g; a number > 0 is wanted",
                        k->name, k->scalar[then + NORM_TARGET].name, target);
    return HK_OK;
}

/* Lateral weights are at most 0 by themselves. */
static int check_lateral(const hki_kernel *k, const hk_array *args, const hki_scalar *scalars, int first, int then, hk_error *err) {
    const hk_array *low = &args[first + LOW];
    const hki_composed_scalars *s = (const hki_composed_scalars *)(scalars + then);
    enum { GAMMA = 3, NORM = 5 };
    for (int64_t i = 0; low->dtype != HK_ABSENT && i < low->rows; i++)
        for (int64_t j = 0; j < low->cols; j++)
            if (hki_element(low, i * low->stride + j) > 0)
                return hki_fail(err, HK_E_VALUE, HK_R_VALUE, first + LOW, -1, "%s: lateral_low is %g; at most 0, which lateral weights are, is wanted",
                                k->name, hki_element(low, i * low->stride + j));
    if (s->gamma != 0)
        return hki_fail(err, HK_E_VALUE, HK_R_UNWANTED, k->arrays + then + GAMMA, -1,
                        "%s: lateral_gamma is %g; a drift to 0 or 1 has no meaning for lateral weights, which are at most 0", k->name, s->gamma);
    if (s->norm == HK_SUBTRACTIVE)
        return hki_fail(err, HK_E_VALUE, HK_R_UNWANTED, k->arrays + then + NORM, -1,
                        "%s: lateral_norm is subtractive; it takes lateral weights above 0, which they are not to be", k->name);
    return HK_OK;
}

int hki_check_composition(int kernel, const hk_array *args, const hki_scalar *scalars, hk_error *err) {
    enum { X = 1 };
    const hki_kernel *k = &hki_kernels[kernel];
    const struct scalars at = scalars_of(kernel);
    int first = k->arrays - HKI_COMPOSED_ARRAYS, then = k->scalars - HKI_COMPOSED_SCALARS, status;
    if ((status = check_parts(k, args, scalars, first, then, err))) return status;
    if (kernel == HKI_FOLDIAK) {
        int lateral = first - PARTS, more = then - HKI_COMPOSED_SCALARS;
        if ((status = check_parts(k, args, scalars, lateral, more, err)) || (status = check_lateral(k, args, scalars, lateral, more, err)))
            return status;
    }
    const hk_array *rates = &args[first + RATES];
    for (int64_t j = 0; rates->dtype != HK_ABSENT && j < rates->cols; j++)
        if (!(hki_element(rates, j) >= 0 && isfinite(hki_element(rates, j))))
            return hki_fail(err, HK_E_VALUE, HK_R_VALUE, first + RATES, -1, "%s: rates is %g at %lld; a finite number >= 0 is wanted",
                            k->name, hki_element(rates, j), (long long)j);
    if (rates->dtype != HK_ABSENT && (args[X].ndim != 2 || (at.reduction >= 0 && scalars[at.reduction].code != HK_SEQUENTIAL)))
        return hki_fail(err, HK_E_VALUE, HK_R_UNWANTED, first + RATES, -1, "%s: rates goes with a sequence of samples only",
                        k->name);
    const hki_composed_scalars *s = ends_of(kernel, scalars);
    if (at.block >= 0 && scalars[at.block].code && (rates->dtype != HK_ABSENT || composed(&arrays_of(kernel, args)->parts, s)))
        return hki_fail(err, HK_E_VALUE, HK_R_UNWANTED, k->arrays + at.block, -1,
                        "%s: block is %lld; it does not go with what acts on single weights (bounds, mask, soft, gamma, norm) or rates",
                        k->name, (long long)scalars[at.block].code);
    return HK_OK;
}

int hki_sparse(int kernel, const void *args) {
    if (!hki_composes(kernel)) return 0;
    const hki_composed_arrays *a = arrays_of(kernel, args);
    return a->indices.dtype != HK_ABSENT || a->indptr.dtype != HK_ABSENT;
}

static int64_t integer(const hk_array *a, int64_t k) {
    return a->dtype == HK_INT32 ? ((const int32_t *)a->data)[k] : ((const int64_t *)a->data)[k];
}

/* Whether the columns of all rows ascend from 0 or more to below in. A call with one sample takes not much longer. */
static int ascending(const hk_array *indices, const hk_array *indptr, int64_t out, int64_t in) {
    for (int64_t i = 0; i < out; i++) {
        int64_t from = integer(indptr, i), to = integer(indptr, i + 1);
        if (from == to) continue;
        if (integer(indices, from) < 0 || integer(indices, to - 1) >= in) return 0;
        int bad = 0;
        if (indices->dtype == HK_INT32)
            for (const int32_t *e = (const int32_t *)indices->data + from, *end = e + (to - from - 1); e < end; e++) bad |= e[0] >= e[1];
        else
            for (const int64_t *e = (const int64_t *)indices->data + from, *end = e + (to - from - 1); e < end; e++) bad |= e[0] >= e[1];
        if (bad) return 0;
    }
    return 1;
}

int hki_structure_fault(const hk_array *indices, const hk_array *indptr, int64_t cols, int64_t at[3]) {
    int64_t rows = indptr->cols - 1;
    if (integer(indptr, 0) != 0 || integer(indptr, rows) != indices->cols) return HKI_ROWS_SPAN;
    for (int64_t i = 0; i < rows; i++)
        if (integer(indptr, i) > integer(indptr, i + 1)) return at[0] = i, HKI_ROWS_FALL;
    if (ascending(indices, indptr, rows, cols)) return HKI_STRUCTURE_FINE;
    for (int64_t i = 0; i < rows; i++) { /* which of them it is */
        int64_t last = -1;
        for (int64_t e = integer(indptr, i); e < integer(indptr, i + 1); e++) {
            int64_t j = integer(indices, e);
            if (j <= last || j >= cols) return at[0] = j, at[1] = last, at[2] = i, HKI_COLUMNS;
            last = j;
        }
    }
    return HKI_STRUCTURE_FINE;
}

/* An array with a value for each stored entry, *a, becomes what is checked in its place: one of the shape of w. */
static void stand_in(hk_array *a, int64_t out, int64_t in) {
    a->data = (void *)a; /* not read; there may be no entry, and so no pointer */
    a->rows = out, a->cols = a->stride = in, a->ndim = 2;
}

int hki_check_sparse(int kernel, const hk_array *args, const hki_scalar *scalars, hk_array *standing, hk_error *err) {
    const hki_kernel *k = &hki_kernels[kernel];
    const struct scalars at = scalars_of(kernel);
    int first = k->arrays - HKI_COMPOSED_ARRAYS;
    const hk_array *w = &args[0], *x = &args[1], *a = args + first, *indices = &a[INDICES], *indptr = &a[INDPTR];
#define SPARSE(status, reason, argument, ...) return hki_fail(err, status, reason, argument, -1, __VA_ARGS__)
    if (kernel == HKI_STDP || kernel == HKI_TRIPLET_STDP)
        SPARSE(HK_E_VALUE, HK_R_UNWANTED, first + (indices->dtype == HK_ABSENT ? INDPTR : INDICES),
               "%s: indices is given; spikes learn in a dense w, of which mask says what there is", k->name);
    for (int i = INDICES; i <= INDPTR; i++)
        if (a[i].dtype == HK_ABSENT) SPARSE(HK_E_VALUE, HK_R_MISSING, first + i, "%s: %s is missing", k->name, k->array[first + i].name);
    if (w->dtype != HK_FLOAT32 && w->dtype != HK_FLOAT64)
        SPARSE(HK_E_TYPE, HK_R_DTYPE, 0, "%s: w has %s elements; float32 or float64 is wanted", k->name, hki_dtype_name(w->dtype));
    if (w->ndim != 1) SPARSE(HK_E_VALUE, HK_R_SHAPE, 0, "%s: w has %d axes; the stored entries, a vector, are wanted", k->name, w->ndim);
    int status;
    const hki_array_spec *spec = k->array;
    if ((status = hki_check_layout(k->name, &spec[0], 0, w, err)) || (status = hki_check_layout(k->name, &spec[1], 1, x, err)))
        return status;
    for (int i = INDICES; i <= INDPTR; i++)
        if ((status = hki_check_array(kernel, first + i, args, 0, err))) return status;
    if (indptr->dtype != indices->dtype)
        SPARSE(HK_E_TYPE, HK_R_DTYPE, first + INDPTR, "%s: indptr is %s; %s is wanted, as indices is", k->name, hki_dtype_name(indptr->dtype),
               hki_dtype_name(indices->dtype));
    if (indices->ndim != 1 || indices->cols != w->cols)
        SPARSE(HK_E_VALUE, HK_R_SHAPE, first + INDICES, "%s: indices has %lld elements; %lld are wanted, as w has", k->name,
               (long long)(indices->rows * indices->cols), (long long)w->cols);
    if (indptr->ndim != 1 || indptr->cols < 1)
        SPARSE(HK_E_VALUE, HK_R_SHAPE, first + INDPTR, "%s: indptr is no vector of one element or more", k->name);
    int64_t out = indptr->cols - 1, in = x->cols;
    if (in > INT32_MAX) SPARSE(HK_E_VALUE, HK_R_SHAPE, 1, "%s: x has more columns than sparse weights may have", k->name);
    int64_t where[3];
    switch (hki_structure_fault(indices, indptr, in, where)) {
    case HKI_ROWS_SPAN:
        SPARSE(HK_E_VALUE, HK_R_VALUE, first + INDPTR, "%s: indptr is not from 0 to the %lld entries of w", k->name, (long long)w->cols);
    case HKI_ROWS_FALL:
        SPARSE(HK_E_VALUE, HK_R_VALUE, first + INDPTR, "%s: indptr falls after %lld; numbers that do not fall are wanted", k->name,
               (long long)where[0]);
    case HKI_COLUMNS:
        SPARSE(HK_E_VALUE, HK_R_VALUE, first + INDICES,
               "%s: indices is %lld after %lld in row %lld; ascending columns below %lld, the length of x, are wanted", k->name,
               (long long)where[0], (long long)where[1], (long long)where[2], (long long)in);
    }
    if (at.block >= 0 && scalars[at.block].code)
        SPARSE(HK_E_VALUE, HK_R_UNWANTED, k->arrays + at.block,
               "%s: block is %lld; sparse weights take a sequence sample by sample, since each row sees its own part of x", k->name,
               (long long)scalars[at.block].code);
    if (a[MASK].dtype != HK_ABSENT)
        SPARSE(HK_E_VALUE, HK_R_UNWANTED, first + MASK, "%s: mask does not go with sparse weights, which are their own", k->name);
    for (int i = 4; kernel == HKI_THREE_FACTOR && i <= 5; i++) { /* traces */
        if (args[i].dtype == HK_ABSENT) continue;
        if (args[i].ndim != 1 || args[i].cols != w->cols)
            SPARSE(HK_E_VALUE, HK_R_SHAPE, i, "%s: %s has %lld elements; a vector of %lld is wanted, as w has", k->name, k->array[i].name,
                   (long long)(args[i].rows * args[i].cols), (long long)w->cols);
        if ((status = hki_check_layout(k->name, &spec[i], i, &args[i], err))) return status;
        stand_in(&standing[i], out, in);
    }
#undef SPARSE
    stand_in(&standing[0], out, in);
    return HK_OK;
}
