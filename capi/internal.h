//go:build cgo && linux

/* internal.h: what the C files of this folder share. Nothing here is exported. */
#ifndef HEBBKERN_INTERNAL_H
#define HEBBKERN_INTERNAL_H

#include "hebbkern.h"

#pragma GCC visibility push(hidden)

/* The kernels, in the order of hebbkern.h. main.go switches over the same numbers. */
enum { HKI_RANK1, HKI_BATCH_UPDATE, HKI_FORWARD, HKI_POWER_SUMS, HKI_SCALE, HKI_EMA, HKI_GAIN_RULE,
       HKI_LEARN, HKI_AVERAGE_GAIN, HKI_WINDOWED_GAIN, HKI_STDP, HKI_TRIPLET_STDP, HKI_CONTRASTIVE, HKI_THREE_FACTOR,
       HKI_FOLDIAK, HKI_PATCHES, HKI_CONV_FORWARD, HKI_POOL, HKI_THRESHOLD, HKI_INTRINSIC_PLASTICITY, HKI_BALANCED_RELU,
       HKI_STAMINA, HKI_GIVEN, HKI_KERNELS };

/* The functions on networks, and others that have no place in the table. */
enum { HKI_INIT, HKI_PREDICT, HKI_GRADIENTS, HKI_TRAIN, HKI_PERMUTATION, HKI_BALANCE_GRAPH, HKI_DEFICIT, HKI_EVALUATE,
       HKI_DEATHS, HKI_SPREAD, HKI_SEED, HKI_UNIFORM, HKI_ANNEAL, HKI_SYNAPTIC_BALANCE, HKI_RNN, HKI_NORMAL,
       HKI_DRAW_FEEDBACK };

/* The functions on checkpoints. */
enum { HKI_SAVE, HKI_INSPECT, HKI_LOAD };

enum { HKI_MAX_ARRAYS = 16, HKI_MAX_SCALARS = 32 };

/* What ends the arrays and the scalars of hk_learn and of what else composes its updates. */
typedef struct hki_parts { hk_array row_lr, low, high, mask; } hki_parts;
typedef struct hki_composed_arrays { hki_parts parts; hk_array rates, indices, indptr; } hki_composed_arrays;
typedef struct hki_composed_scalars {
    int64_t soft;
    double soft_low, soft_high, gamma, theta;
    int64_t norm;
    double norm_p, norm_target;
} hki_composed_scalars;
enum { HKI_COMPOSED_ARRAYS = 7, HKI_COMPOSED_SCALARS = 8 };

/* A kernel's args struct is its arrays followed by its scalars, 8 bytes each. */
typedef union hki_scalar { double real; int64_t code; } hki_scalar;

/* A length that arguments of one call have in common. */
enum { HKI_NONE, HKI_OUT, HKI_IN, HKI_SAMPLES, HKI_WINDOW, HKI_PIXELS, HKI_MAPS, HKI_AXES };

/* Which shapes an array may have: axis lengths `first` x `second` (second HKI_NONE: a vector). */
enum {
    HKI_OR_SCALAR = 1,  /* or one value */
    HKI_OR_VECTOR = 2,  /* first x second, or a vector of second */
    HKI_SCALAR = 4,     /* one value only */
    HKI_WRITTEN = 8,
    HKI_OPTIONAL = 16,
    HKI_MASK = 32,      /* HK_BOOL */
    HKI_SPIKES = 64,    /* HK_BOOL or the call's element type, 0 or 1 */
    HKI_INTEGERS = 128, /* HK_INT32 or HK_INT64 */
    HKI_WIDE = 256      /* HK_FLOAT64, whatever the call's element type */
};

typedef struct hki_array_spec {
    const char *name;
    uint8_t first, second;
    uint16_t flags;
} hki_array_spec;

enum { HKI_FINITE, HKI_NONNEGATIVE, HKI_UNIT, HKI_EXPONENT, HKI_CODE, HKI_NUMBER /* checked elsewhere */ };

typedef struct hki_scalar_spec {
    const char *name;
    int kind;
    int64_t top; /* HKI_CODE: 0 ... top */
} hki_scalar_spec;

typedef struct hki_kernel {
    const char *name;
    const char *args_name;
    size_t args_size;
    int arrays, scalars;
    hki_array_spec array[HKI_MAX_ARRAYS];
    hki_scalar_spec scalar[HKI_MAX_SCALARS];
} hki_kernel;

/* The number of windows along an axis, 0: rows, 1: columns. */
static inline int64_t hki_positions(const hk_windows *g, int axis) {
    int64_t side = axis ? g->width : g->height;
    return (side + 2 * g->padding[axis] - ((g->size[axis] - 1) * g->dilation[axis] + 1)) / g->stride[axis] + 1;
}

extern const hki_kernel hki_kernels[HKI_KERNELS];

int hki_kernel_by_name(const char *name);

static inline const hki_scalar *hki_scalars(const hki_kernel *k, const void *args) {
    return (const hki_scalar *)((const hk_array *)args + k->arrays);
}

/* Refuses bad arguments before anything is written. */
int hki_check(int kernel, const void *args, hk_error *err);

/* The same for the arrays of a network; what is between them (shapes that chain, overlap) is checked by the engine. */
int hki_check_network(const char *function, const hk_network *n, int written, hk_error *err);
int hki_check_layers(const char *function, int64_t layers, const hk_array *weights, const hk_array *biases, const char *prefix,
                     int written, hk_error *err);
int hki_check_blocks(const char *function, const hk_balance_graph_args *args, hk_error *err);
int hki_check_data(const char *function, const char *name, const hk_array *a, int dtype, int ndim, int written,
                   hk_error *err);

/* What is wrong with an activation (NULL: nothing), and with its derivative if that is asked for; *at is 0 for the
 * activation, 1 for slope and 2 for shape. */
const char *hki_activation_fault(int64_t activation, double slope, double shape, int dtype, int derivative, int *at);

/* Refuses spikes that are neither 0 nor 1. It reads all of them, so it is called once for a sequence. */
int hki_check_spikes(int kernel, const void *args, hk_error *err);

/* The steps [from, to) of checked spikes that are numbers, row after row without gaps. */
void hki_spikes_as_bytes(const hk_array *a, int64_t from, int64_t to, unsigned char *bytes);

int hki_fail(hk_error *err, int status, int reason, int argument, int other, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

/* The same with a text of n bytes, for Go. */
void hki_message(hk_error *err, int status, const char *text, size_t n);

/* The outermost axis along which the work may be cut: `units` pieces of about `unit_ns` each. */
typedef struct hki_work {
    int64_t units;
    double unit_ns;
} hki_work;
hki_work hki_estimate(int kernel, const void *args);

/* Whether a kernel composes its updates, and has these arguments. */
int hki_composes(int kernel);

/* Whether it has more to do than its rule: 1, limits and a mask, which ride on its pass over w; 2, more. */
int hki_composed(int kernel, const void *args);

/* Whether it is given sparse weights. */
int hki_sparse(int kernel, const void *args);

/* Units between which the work may not be cut: the samples of a block; 0: there are none. */
int64_t hki_grain(int kernel, const void *args);

/* Runs checked work from *at for at most about 50 ms. */
int hki_step(int kernel, const void *args, const hki_work *work, int64_t *at, hk_error *err);

/* Finds out, once, which costs hki_estimate works with. */
extern int hki_is_portable;
void hki_ask_isa(void);

/* Calls the caller's function from Go. */
int hki_derivative(hk_derivative f, void *context, const double *w, double *slope, int64_t n);

/* The floating-point control word: hki_fp_enter sets the default mode and returns the caller's, for hki_fp_leave. */
uint64_t hki_fp_enter(void);
void hki_fp_leave(uint64_t mode);

#pragma GCC visibility pop
#endif
