//go:build cgo && linux

/* check_networks.c: the arguments of the functions on networks, which have no place in the table. */
#include "checks.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

int hki_check_data(const char *function, const char *name, const hk_array *a, int dtype, int ndim, int written,
                   hk_error *err) {
    hki_array_spec spec = {name, HKI_NONE, HKI_NONE, 0};
    if (a->dtype != dtype)
        return hki_fail(err, HK_E_TYPE, HK_R_DTYPE, -1, -1, "%s: %s is %s; %s is wanted, as weights[0] is", function, name,
                        hki_dtype_name(a->dtype), hki_dtype_name(dtype));
    if (a->ndim != ndim)
        return hki_fail(err, HK_E_VALUE, HK_R_SHAPE, -1, -1, "%s: %s has %d axes; %d are wanted", function, name, a->ndim, ndim);
    if (written && a->flags & HK_READONLY)
        return hki_fail(err, HK_E_VALUE, HK_R_READONLY, -1, -1, "%s: %s is written but read-only", function, name);
    return hki_check_layout(function, &spec, -1, a, err);
}

static int check_layer(const char *function, const char *list, int64_t l, const hk_array *a, int dtype, int ndim, int written,
                       hk_error *err) {
    char name[48];
    snprintf(name, sizeof name, "%s[%lld]", list, (long long)l);
    if (a->dtype != HK_FLOAT32 && a->dtype != HK_FLOAT64)
        return hki_fail(err, HK_E_TYPE, HK_R_DTYPE, -1, -1, "%s: %s has %s elements; float32 or float64 is wanted", function,
                        name, hki_dtype_name(a->dtype));
    return hki_check_data(function, name, a, dtype, ndim, written, err);
}

int hki_check_layers(const char *function, int64_t layers, const hk_array *weights, const hk_array *biases, const char *prefix,
                     int written, hk_error *err) {
    char names[2][32];
    snprintf(names[0], 32, "%sweights", prefix);
    snprintf(names[1], 32, "%sbiases", prefix);
    if (layers < 1 || layers > 1 << 20 || !weights)
        return hki_fail(err, HK_E_VALUE, HK_R_MISSING, -1, -1, "%s: %s is a list of %lld; at least one matrix is wanted",
                        function, names[0], weights ? (long long)layers : 0);
    int status;
    for (int64_t l = 0; l < layers; l++) {
        if ((status = check_layer(function, names[0], l, &weights[l], weights[0].dtype, 2, written, err))) return status;
        if (biases && biases[l].dtype != HK_ABSENT &&
            (status = check_layer(function, names[1], l, &biases[l], weights[0].dtype, 1, written, err)))
            return status;
    }
    return HK_OK;
}

int hki_check_network(const char *function, const hk_network *n, int written, hk_error *err) {
    int status = hki_check_layers(function, n->layers, n->weights, n->biases, "", written, err);
    if (status) return status;
    struct { const char *name; int64_t kind; double slope, shape; } given[2] = {{"hidden", n->hidden, n->slope, n->shape},
                                                                             {"output", n->output, n->slope, n->shape}};
    char name[48];
    for (int64_t l = 0; l < 2 + (n->activations ? n->layers : 0); l++) {
        int which = l < 2 ? (int)l : 0, at;
        if (l >= 2) {
            const hk_activation *one = &n->activations[l - 2];
            snprintf(name, sizeof name, "activations[%lld]", (long long)(l - 2));
            given[0].name = name, given[0].kind = one->kind, given[0].slope = one->slope, given[0].shape = one->shape;
        }
        const char *want = hki_activation_fault(given[which].kind, given[which].slope, given[which].shape, n->weights[0].dtype, 0, &at);
        if (want && at == 0)
            return hki_fail(err, HK_E_VALUE, HK_R_VALUE, -1, -1, "%s: %s is %lld; an activation is wanted", function,
                            given[which].name, (long long)given[which].kind);
        if (want)
            return hki_fail(err, HK_E_VALUE, HK_R_VALUE, -1, -1, "%s: %s%s is %g; %s is wanted", function,
                            l < 2 ? "" : name, l < 2 ? (at == 1 ? "slope" : "shape") : (at == 1 ? ".slope" : ".shape"),
                            at == 1 ? given[which].slope : given[which].shape, want);
    }
    return HK_OK;
}

/* The structure of a sparse block. */
static int check_structure(const char *function, int64_t q, const hk_balance_block *b, hk_error *err) {
    hki_array_spec spec = {"indices", HKI_NONE, HKI_NONE, HKI_INTEGERS};
    const hk_array *both[2] = {&b->indices, &b->indptr};
    int status;
#define SPARSE(status, reason, ...) return hki_fail(err, status, reason, -1, -1, __VA_ARGS__)
    for (int i = 0; i < 2; i++) {
        spec.name = i ? "indptr" : "indices";
        if (both[i]->dtype != HK_INT32 && both[i]->dtype != HK_INT64)
            SPARSE(HK_E_TYPE, HK_R_DTYPE, "%s: %s of weights[%lld] is %s; int32 or int64 is wanted", function, spec.name, (long long)q,
                   hki_dtype_name(both[i]->dtype));
        if (both[i]->ndim != 1 || both[i]->cols < i)
            SPARSE(HK_E_VALUE, HK_R_SHAPE, "%s: %s of weights[%lld] is no vector of %d element or more", function, spec.name, (long long)q, i);
        if ((status = hki_check_layout(function, &spec, -1, both[i], err))) return status;
    }
    if (b->indices.dtype != b->indptr.dtype)
        SPARSE(HK_E_TYPE, HK_R_DTYPE, "%s: indptr of weights[%lld] is %s; %s is wanted, as indices is", function, (long long)q,
               hki_dtype_name(b->indptr.dtype), hki_dtype_name(b->indices.dtype));
    if (b->w.ndim != 1 || b->w.cols != b->indices.cols || b->width < 0 || b->width > INT32_MAX)
        SPARSE(HK_E_VALUE, HK_R_SHAPE, "%s: weights[%lld] has %lld indices for %lld entries, and %lld columns", function, (long long)q,
               (long long)b->indices.cols, (long long)(b->w.rows * b->w.cols), (long long)b->width);
    int64_t at[3];
    switch (hki_structure_fault(&b->indices, &b->indptr, b->width, at)) {
    case HKI_ROWS_SPAN:
        SPARSE(HK_E_VALUE, HK_R_VALUE, "%s: indptr of weights[%lld] is not from 0 to its %lld entries", function, (long long)q, (long long)b->w.cols);
    case HKI_ROWS_FALL:
        SPARSE(HK_E_VALUE, HK_R_VALUE, "%s: indptr of weights[%lld] falls after %lld; numbers that do not fall are wanted", function, (long long)q,
               (long long)at[0]);
    case HKI_COLUMNS:
        SPARSE(HK_E_VALUE, HK_R_VALUE, "%s: indices of weights[%lld] is %lld after %lld in row %lld; ascending columns below %lld are wanted",
               function, (long long)q, (long long)at[0], (long long)at[1], (long long)at[2], (long long)b->width);
    }
#undef SPARSE
    return HK_OK;
}

int hki_check_blocks(const char *function, const hk_balance_graph_args *args, hk_error *err) {
    int status;
    if (args->blocks < 1 || args->blocks > 1 << 20 || !args->block)
        return hki_fail(err, HK_E_VALUE, HK_R_MISSING, -1, -1, "%s: weights is a list of %lld; at least one matrix is wanted",
                        function, args->block ? (long long)args->blocks : 0);
    if (args->units < 0 || args->units > (int64_t)1 << 40)
        return hki_fail(err, HK_E_VALUE, HK_R_VALUE, -1, -1, "%s: units is %lld", function, (long long)args->units);
    for (int64_t q = 0; q < args->blocks; q++) {
        const hk_balance_block *b = &args->block[q];
        int ndim = b->w.ndim == 1 ? 1 : 2;
        if ((status = check_layer(function, "weights", q, &b->w, args->block[0].w.dtype, ndim, !args->measure, err))) return status;
        if (b->alphas.dtype != HK_ABSENT &&
            (status = check_layer(function, "alphas", q, &b->alphas, args->block[0].w.dtype, ndim, 0, err)))
            return status;
        if ((b->indices.dtype != HK_ABSENT || b->indptr.dtype != HK_ABSENT) && (status = check_structure(function, q, b, err))) return status;
    }
    return HK_OK;
}
