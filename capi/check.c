//go:build cgo && linux

/* check.c: refuses bad arguments before anything is written. */
#include "checks.h"

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int hki_fail(hk_error *err, int status, int reason, int argument, int other, const char *format, ...) {
    if (err) {
        va_list list;
        va_start(list, format);
        vsnprintf(err->message, sizeof err->message, format, list);
        va_end(list);
        err->status = status;
        err->reason = reason;
        err->argument = argument;
        err->other = other;
        err->sample = err->layer = -1;
    }
    return status;
}

void hki_message(hk_error *err, int status, const char *text, size_t n) {
    hki_fail(err, status, HK_R_NONE, -1, -1, "%.*s", n > HK_MESSAGE_SIZE ? HK_MESSAGE_SIZE : (int)n, text);
}

const char *hki_dtype_name(int dtype) {
    switch (dtype) {
    case HK_FLOAT32: return "float32";
    case HK_FLOAT64: return "float64";
    case HK_BOOL: return "bool";
    case HK_INT32: return "int32";
    case HK_INT64: return "int64";
    }
    return "an unknown element type";
}

static int64_t item_size(int dtype) { return dtype == HK_FLOAT64 || dtype == HK_INT64 ? 8 : dtype == HK_BOOL ? 1 : 4; }

/* "(3, 4)" */
const char *hki_shape_text(char text[64], int ndim, int64_t rows, int64_t cols) {
    if (ndim == 0) snprintf(text, 64, "()");
    else if (ndim == 1) snprintf(text, 64, "(%lld,)", (long long)cols);
    else snprintf(text, 64, "(%lld, %lld)", (long long)rows, (long long)cols);
    return text;
}

/* Sizes whose products stay far from overflow: 2^56 bytes is more than any address space has. */
static int fits(const hk_array *a) {
    const int64_t top = (int64_t)1 << 53;
    return a->rows <= top && a->cols <= top && a->stride <= top &&
           (a->rows == 0 || a->stride <= top / a->rows);
}

int hki_check_layout(const char *kernel, const hki_array_spec *spec, int i, const hk_array *a, hk_error *err) {
    if (a->ndim > 2)
        return hki_fail(err, HK_E_VALUE, HK_R_SHAPE, i, -1, "%s: %s has %d axes; at most 2 are wanted", kernel, spec->name,
                        a->ndim);
    if (a->rows < 0 || a->cols < 0)
        return hki_fail(err, HK_E_VALUE, HK_R_SHAPE, i, -1, "%s: %s has a negative length: %lld x %lld", kernel, spec->name,
                        (long long)a->rows, (long long)a->cols);
    if ((a->ndim < 2 && a->rows != 1) || (a->ndim == 0 && a->cols != 1))
        return hki_fail(err, HK_E_VALUE, HK_R_SHAPE, i, -1, "%s: %s has %d axes but lengths %lld x %lld", kernel, spec->name,
                        a->ndim, (long long)a->rows, (long long)a->cols);
    if (a->ndim == 2 && a->rows > 1 && a->stride < a->cols)
        return hki_fail(err, HK_E_VALUE, HK_R_LAYOUT, i, -1,
                        "%s: %s has a row stride of %lld elements; at least its %lld columns are wanted", kernel, spec->name,
                        (long long)a->stride, (long long)a->cols);
    if (!fits(a))
        return hki_fail(err, HK_E_VALUE, HK_R_SHAPE, i, -1, "%s: %s is larger than the address space", kernel, spec->name);
    if (a->rows > 0 && a->cols > 0) {
        if (!a->data)
            return hki_fail(err, HK_E_VALUE, HK_R_MISSING, i, -1, "%s: %s is a null pointer", kernel, spec->name);
        if ((uintptr_t)a->data % (uintptr_t)item_size(a->dtype))
            return hki_fail(err, HK_E_VALUE, HK_R_LAYOUT, i, -1, "%s: %s is not aligned to its element size", kernel,
                            spec->name);
    }
    return HK_OK;
}

static int same_length(hki_lengths *known, int axis, int64_t value) {
    if (!known->set[axis]) {
        known->set[axis] = 1;
        known->value[axis] = value;
    }
    return known->value[axis] == value;
}

static void axis_text(char text[32], const hki_lengths *known, int axis) {
    if (axis == HKI_SAMPLES && !known->set[axis]) snprintf(text, 32, "samples");
    else if (axis == HKI_WINDOW && !known->set[axis]) snprintf(text, 32, "window");
    else if (!known->set[axis]) snprintf(text, 32, "n");
    else snprintf(text, 32, "%lld", (long long)known->value[axis]);
}

int hki_check_shape(const char *kernel, const hki_array_spec *spec, int i, const hk_array *a, hki_lengths *known,
                       hk_error *err) {
    int fine;
    if (spec->flags & HKI_SCALAR) {
        fine = a->ndim == 0;
    } else if (a->ndim == 0) {
        fine = spec->flags & HKI_OR_SCALAR;
    } else if (spec->second == HKI_NONE) {
        fine = a->ndim == 1 && same_length(known, spec->first, a->cols);
    } else if (a->ndim == 1) {
        fine = spec->flags & HKI_OR_VECTOR && same_length(known, spec->second, a->cols);
    } else {
        fine = same_length(known, spec->first, a->rows) && same_length(known, spec->second, a->cols);
    }
    if (fine) return HK_OK;
    char got[64], first[32], second[32];
    hki_shape_text(got, a->ndim, a->rows, a->cols);
    if (spec->flags & HKI_SCALAR)
        return hki_fail(err, HK_E_VALUE, HK_R_SHAPE, i, -1, "%s: %s has shape %s; a scalar is wanted", kernel, spec->name,
                        got);
    axis_text(first, known, spec->first);
    if (spec->second == HKI_NONE)
        return hki_fail(err, HK_E_VALUE, HK_R_SHAPE, i, -1, "%s: %s has shape %s; (%s,)%s is wanted", kernel, spec->name,
                        got, first, spec->flags & HKI_OR_SCALAR ? " or a scalar" : "");
    axis_text(second, known, spec->second);
    if (spec->flags & HKI_OR_VECTOR)
        return hki_fail(err, HK_E_VALUE, HK_R_SHAPE, i, -1, "%s: %s has shape %s; (%s,) or (%s, %s) is wanted", kernel,
                        spec->name, got, second, first, second);
    return hki_fail(err, HK_E_VALUE, HK_R_SHAPE, i, -1, "%s: %s has shape %s; (%s, %s) is wanted", kernel, spec->name, got,
                    first, second);
}

double hki_scalar_value(const hk_array *a) {
    return a->dtype == HK_FLOAT32 ? (double)*(const float *)a->data : *(const double *)a->data;
}

/* The kernels of learning have their y here, and whether it is to be computed there; only then is it written. */
enum { LEARN_Y = 2, LEARN_COMPUTE = 5 };

static int is_written(const hki_kernel *k, const void *args, int i) {
    if (i == LEARN_Y && (k == &hki_kernels[HKI_LEARN] || k == &hki_kernels[HKI_THREE_FACTOR] || k == &hki_kernels[HKI_FOLDIAK]))
        return hki_scalars(k, args)[LEARN_COMPUTE].code != 0;
    return k->array[i].flags & HKI_WRITTEN;
}

int hki_check_array(int kernel, int i, const hk_array *args, hki_lengths *known, hk_error *err) {
    const hki_kernel *k = &hki_kernels[kernel];
    const hki_array_spec *spec = &k->array[i];
    const hk_array *a = &args[i];
    if (a->dtype == HK_ABSENT) {
        if (spec->flags & HKI_OPTIONAL) return HK_OK;
        return hki_fail(err, HK_E_VALUE, HK_R_MISSING, i, -1, "%s: %s is missing", k->name, spec->name);
    }
    if (spec->flags & HKI_INTEGERS) {
        if (a->dtype != HK_INT32 && a->dtype != HK_INT64)
            return hki_fail(err, HK_E_TYPE, HK_R_DTYPE, i, -1, "%s: %s has %s elements; int32 or int64 is wanted", k->name, spec->name,
                            hki_dtype_name(a->dtype));
        return hki_check_layout(k->name, spec, i, a, err); /* the rest: check_sparse */
    }
    int mask = (spec->flags & HKI_MASK) != 0 || (spec->flags & HKI_SPIKES && a->dtype == HK_BOOL);
    if (mask ? a->dtype != HK_BOOL : a->dtype != HK_FLOAT32 && a->dtype != HK_FLOAT64)
        return hki_fail(err, HK_E_TYPE, HK_R_DTYPE, i, -1, "%s: %s has %s elements; %s is wanted", k->name, spec->name,
                        hki_dtype_name(a->dtype), mask ? "bool" : spec->flags & HKI_SPIKES ? "bool, or 0 and 1 as w's type," : "float32 or float64");
    if (spec->flags & HKI_WIDE && a->dtype != HK_FLOAT64)
        return hki_fail(err, HK_E_TYPE, HK_R_DTYPE, i, -1, "%s: %s is %s; float64 is wanted", k->name, spec->name,
                        hki_dtype_name(a->dtype));
    if (!mask && !(spec->flags & HKI_WIDE) && a->dtype != args[0].dtype)
        return hki_fail(err, HK_E_TYPE, HK_R_DTYPE, i, -1, "%s: %s is %s; %s is wanted, as %s is", k->name, spec->name,
                        hki_dtype_name(a->dtype), hki_dtype_name(args[0].dtype), k->array[0].name);
    int status = hki_check_layout(k->name, spec, i, a, err);
    if (status) return status;
    /* weights of the one and gate of the other have a length that check_together knows */
    if ((kernel != HKI_POWER_SUMS && kernel != HKI_LEARN) || i != 3) {
        if ((status = hki_check_shape(k->name, spec, i, a, known, err))) return status;
    }
    if (!mask && a->ndim == 0 && !isfinite(hki_scalar_value(a)))
        return hki_fail(err, HK_E_VALUE, HK_R_VALUE, i, -1, "%s: %s is %g as %s; a finite number is wanted", k->name,
                        spec->name, hki_scalar_value(a), hki_dtype_name(a->dtype));
    if (a->flags & HK_READONLY && is_written(k, args, i))
        return hki_fail(err, HK_E_VALUE, HK_R_READONLY, i, -1, "%s: %s is written but read-only", k->name, spec->name);
    return HK_OK;
}

/* Bytes, for the overlap of arrays with different element sizes. */
typedef struct extent {
    uintptr_t start;
    uint64_t rows, width, stride;
} extent;

static extent extent_of(const hk_array *a) {
    uint64_t size = (uint64_t)item_size(a->dtype);
    extent e = {(uintptr_t)a->data, (uint64_t)a->rows, (uint64_t)a->cols * size, (uint64_t)a->stride * size};
    if (!e.width) e.rows = 0;
    if (e.rows == 1) e.stride = e.width;
    return e;
}

/* Whether the bytes [from, from + width) touch a row of e: row i does iff start + i*stride < from + width and
 * from < start + i*stride + e.width, an interval of i. */
static int touches(const extent *e, uintptr_t from, uint64_t width) {
    uintptr_t past = from + width;
    if (past <= e->start) return 0;
    uint64_t last = (past - e->start - 1) / e->stride; /* the last row that begins before `past` */
    if (last >= e->rows) last = e->rows - 1;
    return e->start + last * e->stride + e->width > from;
}

/* Whether two arrays share an element: exact, so that w[:, :10] and w[:, 10:] do not. */
static int overlap(const hk_array *a, const hk_array *b) {
    extent p = extent_of(a), q = extent_of(b);
    if (!p.rows || !q.rows) return 0;
    if (p.start + (p.rows - 1) * p.stride + p.width <= q.start) return 0;
    if (q.start + (q.rows - 1) * q.stride + q.width <= p.start) return 0;
    if (p.rows > q.rows) {
        extent t = p;
        p = q;
        q = t;
    }
    for (uint64_t i = 0; i < p.rows; i++)
        if (touches(&q, p.start + i * p.stride, p.width)) return 1;
    return 0;
}

static int check_overlap(const hki_kernel *k, const hk_array *args, hk_error *err) {
    for (int i = 0; i < k->arrays; i++) {
        if (!is_written(k, args, i) || args[i].dtype == HK_ABSENT) continue;
        for (int j = 0; j < k->arrays; j++) {
            /* two written arrays are compared once */
            if (j == i || args[j].dtype == HK_ABSENT || (j < i && is_written(k, args, j))) continue;
            if (overlap(&args[i], &args[j])) {
                int at = i > j ? i : j, other = i > j ? j : i;
                return hki_fail(err, HK_E_VALUE, HK_R_OVERLAP, at, other, "%s: %s shares elements with %s", k->name,
                                k->array[at].name, k->array[other].name);
            }
        }
    }
    return HK_OK;
}

static int check_scalar(const hki_kernel *k, int dtype, int i, hki_scalar v, hk_error *err) {
    const hki_scalar_spec *spec = &k->scalar[i];
    int at = k->arrays + i;
    const char *want = 0;
    /* The kernels work with it in the arrays' type. */
    double used = dtype == HK_FLOAT32 && spec->kind != HKI_EXPONENT && spec->kind != HKI_CODE ? (double)(float)v.real : v.real;
    switch (spec->kind) {
    case HKI_CODE:
        if (v.code >= 0 && v.code <= spec->top) return HK_OK;
        return hki_fail(err, HK_E_VALUE, HK_R_VALUE, at, -1, "%s: %s is %lld; 0 to %lld is wanted", k->name, spec->name,
                        (long long)v.code, (long long)spec->top);
    case HKI_FINITE:
        if (!isfinite(used)) want = "a finite number";
        break;
    case HKI_NONNEGATIVE:
        if (!(isfinite(used) && v.real >= 0)) want = "a finite number >= 0";
        else if (used == 0 && v.real > 0) want = "0, or a number that is not 0 as float32,";
        break;
    case HKI_UNIT:
        if (!(v.real >= 0 && v.real <= 1)) want = "a number from 0 to 1";
        break;
    case HKI_NUMBER:
        break;
    case HKI_EXPONENT:
        if (!(v.real > 0)) want = "a number > 0";
        break;
    }
    if (!want) return HK_OK;
    return hki_fail(err, HK_E_VALUE, HK_R_VALUE, at, -1, "%s: %s is %g; %s is wanted", k->name, spec->name, v.real, want);
}

int hki_check(int kernel, const void *args, hk_error *err) {
    const hki_kernel *k = &hki_kernels[kernel];
    const hk_array *arrays = args;
    hk_array standing[HKI_MAX_ARRAYS];
    if (hki_sparse(kernel, args)) {
        memcpy(standing, args, (size_t)k->arrays * sizeof *arrays);
        int status = hki_check_sparse(kernel, args, hki_scalars(k, args), standing, err);
        if (status) return status;
        arrays = standing;
    }
    const hki_scalar *scalars = hki_scalars(k, args);
    hki_lengths known = {{0}, {0}};
    int status;
    for (int i = 0; i < k->arrays; i++)
        if ((status = hki_check_array(kernel, i, arrays, &known, err))) return status;
    for (int i = 0; i < k->scalars; i++)
        if ((status = check_scalar(k, arrays[0].dtype, i, scalars[i], err))) return status;
    if ((status = hki_check_together(kernel, arrays, scalars, err))) return status;
    return check_overlap(k, args, err);
}
