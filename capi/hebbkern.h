/* hebbkern.h: the C interface of hebbkern, kernels for Hebbian learning and neural balance.
 *
 * Shape of the interface
 *   Every kernel is one function
 *
 *       int hk_NAME(const hk_NAME_args *args, int64_t *at, hk_error *err);
 *
 *   which works in place on the caller's arrays and keeps nothing between calls. No call runs longer than about
 *   50 ms: large work is cut at row, column or sample borders, and the caller loops:
 *
 *       int64_t at = 0;
 *       int status;
 *       do status = hk_rank1(&args, &at, &err); while (status == HK_MORE);
 *
 *   Between two such calls whole rows (columns, samples) are done and the rest is untouched. The result does not
 *   depend on where the work was cut, on the number of threads or on the instruction set: it has the same bits.
 *   What is one step by its meaning is not cut: the sum or mean of a batch. A minibatch, as a gradient, is cut into
 *   blocks of at most 256 samples.
 *
 * Arrays
 *   An array is described by an hk_array. Matrices are row-major with any row stride >= cols, counted in elements;
 *   the last axis is contiguous. A zeroed hk_array is an absent argument. All element types of one call are equal
 *   (HK_FLOAT32 or HK_FLOAT64), but for masks, which are HK_BOOL (one byte, 0 or 1).
 *   Where "[n] or scalar" is said, ndim 0 gives one value for all.
 *
 * Errors
 *   HK_OK and HK_MORE are >= 0, errors are negative. Everything is checked before anything is written: null pointers,
 *   sizes, strides, alignment, element types, arrays that share an element with one that is written, parameters that
 *   are negative or not finite. err may be NULL; it belongs to the caller and receives the reason in words and
 *   the index of the argument at fault, counted over the args struct's members from 0.
 *
 * Floating-point mode
 *   Each function works with rounding to nearest and subnormals honoured, whatever the caller has set, and gives the
 *   caller's mode back. Functions may be called from several threads at once.
 *
 * After fork() a child must not call a copy of the library that its parent had loaded: it loads a copy of its own.
 */
#ifndef HEBBKERN_H
#define HEBBKERN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define HK_API __attribute__((visibility("default")))
#else
#define HK_API
#endif

/* Raised whenever a struct, a code or the meaning of a function changes. */
#define HK_ABI_VERSION 5

/* What a call returns. */
enum {
    HK_OK = 0,          /* done */
    HK_MORE = 1,        /* part of it is done: call again with the same args and the same at */
    HK_E_TYPE = -1,     /* an argument has the wrong element type */
    HK_E_VALUE = -2,    /* an argument has a wrong shape, layout or value */
    HK_E_INTERNAL = -3, /* a defect of the library; arrays may be half written */
    HK_E_DIVERGED = -4, /* learning left the finite numbers: hk_error says where, *at how much was done */
    HK_E_FILE = -5,     /* a file is cut short, altered, of a later version, or no checkpoint */
    HK_E_SYSTEM = -6    /* the system refused to read or write a file: hk_error.sample is errno */
};

/* Why an argument was refused (hk_error.reason). */
enum {
    HK_R_NONE = 0,
    HK_R_MISSING = 1,    /* required but absent, or a null pointer to elements */
    HK_R_DTYPE = 2,      /* element type */
    HK_R_SHAPE = 3,      /* number of axes or their lengths */
    HK_R_LAYOUT = 4,     /* row stride, contiguity of the last axis, alignment */
    HK_R_READONLY = 5,   /* an array that would be written is marked HK_READONLY */
    HK_R_OVERLAP = 6,    /* shares an element with an array that is written */
    HK_R_VALUE = 7,      /* a parameter out of its range or not finite */
    HK_R_UNWANTED = 8,   /* does not go together with another argument */
    HK_R_OBJECT = 9,     /* from Python only: neither an array nor a number */
    HK_R_REPLACED = 10   /* HK_E_FILE: the file is a good one, but not the one that was inspected */
};

/* Element types; HK_ABSENT marks an argument that is not given. Integers are for the indices of sparse weights. */
enum { HK_ABSENT = 0, HK_FLOAT32 = 1, HK_FLOAT64 = 2, HK_BOOL = 3, HK_INT64 = 5, HK_INT32 = 7 };

/* hk_array.flags */
enum { HK_READONLY = 1 };

typedef struct hk_array {
    void *data;      /* first element; may be NULL if there is no element */
    int64_t rows;    /* ndim 2: rows;    ndim 0 and 1: 1 */
    int64_t cols;    /* ndim 2: columns; ndim 1: length; ndim 0: 1 */
    int64_t stride;  /* elements from a row to the next; ndim 0 and 1: cols */
    uint16_t dtype;
    uint16_t ndim;   /* 0, 1 or 2 */
    uint32_t flags;
} hk_array;

#define HK_MESSAGE_SIZE 384

typedef struct hk_error {
    int32_t status;                 /* what the call returned */
    int32_t reason;                 /* HK_R_... */
    int32_t argument;               /* index of the argument at fault, -1: none in particular */
    int32_t other;                  /* HK_R_OVERLAP: the argument it overlaps with, else -1 */
    int64_t sample, layer;          /* HK_E_DIVERGED: where, -1 if it does not apply; HK_E_SYSTEM: sample is errno */
    char message[HK_MESSAGE_SIZE];  /* zero-terminated, in words */
} hk_error;

/* Descriptors from pointers, for C callers. */
static inline hk_array hk_matrix(void *data, int64_t rows, int64_t cols, int64_t stride, int dtype) {
    hk_array a = {data, rows, cols, stride, (uint16_t)dtype, 2, 0};
    return a;
}
static inline hk_array hk_vector(void *data, int64_t length, int dtype) {
    hk_array a = {data, 1, length, length, (uint16_t)dtype, 1, 0};
    return a;
}
static inline hk_array hk_scalar(void *data, int dtype) {
    hk_array a = {data, 1, 1, 1, (uint16_t)dtype, 0, 0};
    return a;
}

/* ---- Library ---------------------------------------------------------------------------------------------------- */

/* HK_ABI_VERSION of the library. */
HK_API int32_t hk_abi_version(void);

/* sizeof of a struct by its name ("hk_array", "hk_error", "hk_rank1_args", ...), 0 for an unknown name or NULL. */
HK_API size_t hk_sizeof(const char *name);

/* Writes a JSON object {"version", "isa", "features", "threads", "sources"} with a terminating zero, cut at size, and
 * returns the number of bytes needed, the zero included: call with (NULL, 0) first. Negative: an error status.
 * "sources" is the hash of the sources that the library was built from, "" if the build did not give one. */
HK_API int64_t hk_info(char *buffer, size_t size);

/* Threads that large work is spread over; never changes a result. Default: HEBBKERN_NUM_THREADS, else
 * OMP_NUM_THREADS, else the cores. hk_set_threads takes 1 and above. */
HK_API int hk_set_threads(int64_t threads, hk_error *err);
HK_API int64_t hk_get_threads(void);

/* ---- Kernels ---------------------------------------------------------------------------------------------------- */

/* Rank-1 update with every optional term,
 *     w_ij <- minimum(maximum(w_ij (1 - decay_i - col_decay_j) + g_i x_j + row_add_i + col_add_j, low), high)
 * where mask_ij is 1; other elements keep their value, but for the bounds. g and x go together.
 * An absent term is left out, not added as zero. The rounding of each step is in the doc comment of kernels.Rank1. */
typedef struct hk_rank1_args {
    hk_array w;          /* [out, in], written */
    hk_array g;          /* [out] or scalar, optional */
    hk_array x;          /* [in] or scalar, optional */
    hk_array decay;      /* [out] or scalar, optional */
    hk_array col_decay;  /* [in] or scalar, optional */
    hk_array row_add;    /* [out] or scalar, optional */
    hk_array col_add;    /* [in] or scalar, optional */
    hk_array low;        /* scalar, optional: no lower bound */
    hk_array high;       /* scalar, optional: no upper bound */
    hk_array mask;       /* bool [out, in], optional */
} hk_rank1_args;
HK_API int hk_rank1(const hk_rank1_args *args, int64_t *at, hk_error *err);

/* Batch update  w <- clip(w (1 - decay_i - col_decay_j) + g^T x + row_add_i + col_add_j, low, high)  over samples in
 * rows, in the one pass that writes w; where the mask is 0, w keeps its value, but for the bounds. */
typedef struct hk_batch_update_args {
    hk_array w;          /* [out, in], written */
    hk_array g;          /* [samples, out] */
    hk_array x;          /* [samples, in] */
    hk_array decay;      /* [out] or scalar, optional */
    hk_array col_decay;  /* [in] or scalar, optional */
    hk_array row_add;    /* [out] or scalar, optional */
    hk_array col_add;    /* [in] or scalar, optional */
    hk_array low;        /* scalar, optional: no lower bound */
    hk_array high;       /* scalar, optional: no upper bound */
    hk_array mask;       /* bool [out, in], optional */
} hk_batch_update_args;
HK_API int hk_batch_update(const hk_batch_update_args *args, int64_t *at, hk_error *err);

/* hk_forward_args.activation. The factor `slope` is what z < 0 is multiplied by: the leaky ReLU's, >= 0; a of the
 * BiLU(a, b), which is a z for z < 0, b z else, b being `shape`; and d of the BiPU(c, d), which is z^c for z > 0,
 * d |z|^c else, c > 0 being `shape`. At 0 a derivative is that from above; that of a BiPU with c < 1, which has no
 * bound there, is refused. */
enum {
    HK_IDENTITY = 0, HK_RELU = 1, HK_LEAKY_RELU = 2, HK_SIGMOID = 3, HK_TANH = 4, HK_SOFTPLUS = 5, HK_ELU = 6, HK_GELU = 7,
    HK_BILU = 8, HK_BIPU = 9
};

/* Forward  out_i = f(sum_j w_ij x_j + b_i), for one input or for each row of a batch; a row of a batch has the bits of
 * a single call. */
typedef struct hk_forward_args {
    hk_array w;          /* [out, in] */
    hk_array x;          /* [in] or [samples, in] */
    hk_array b;          /* [out] or scalar, optional */
    hk_array out;        /* [out] or [samples, out], written */
    int64_t activation;  /* HK_IDENTITY ... HK_BIPU */
    double slope, shape; /* of the leaky ReLU, the BiLU and the BiPU; finite */
} hk_forward_args;
HK_API int hk_forward(const hk_forward_args *args, int64_t *at, hk_error *err);

/* Power sums  rows_i = sum_j |w_ij|^p v_j  and  cols_j = sum_i |w_ij|^p v_i, for any p > 0; p = INFINITY is the
 * maximum of |w_ij|. At least one of rows and cols is given; weights goes with one of them only, and not with
 * p = INFINITY. With root = 1 the results are raised to 1/p (p = INFINITY: left): the norms. */
typedef struct hk_power_sums_args {
    hk_array w;          /* [out, in] */
    hk_array rows;       /* [out], optional, written */
    hk_array cols;       /* [in], optional, written */
    hk_array weights;    /* [in] with rows, [out] with cols, optional */
    double p;
    int64_t root;        /* 0 or 1 */
} hk_power_sums_args;
HK_API int hk_power_sums(const hk_power_sums_args *args, int64_t *at, hk_error *err);

/* Scaling  w_ij <- (rows_i w_ij) cols_j. */
typedef struct hk_scale_args {
    hk_array w;          /* [out, in], written */
    hk_array rows;       /* [out] or scalar, optional */
    hk_array cols;       /* [in] or scalar, optional */
} hk_scale_args;
HK_API int hk_scale(const hk_scale_args *args, int64_t *at, hk_error *err);

/* hk_ema_args.of */
enum { HK_OF_VALUE = 0, HK_OF_SQUARE = 1 };

/* Exponential moving average  s <- alpha a + (1 - alpha) s,  of a, of its square, or of a batch's mean of these. */
typedef struct hk_ema_args {
    hk_array s;          /* [n], written */
    hk_array a;          /* [n] or [samples, n] with at least one sample */
    double alpha;        /* 0 <= alpha <= 1 */
    int64_t of;          /* HK_OF_VALUE or HK_OF_SQUARE */
} hk_ema_args;
HK_API int hk_ema(const hk_ema_args *args, int64_t *at, hk_error *err);

/* hk_gain_rule_args.form */
enum { HK_GAIN_LINEAR = 0, HK_GAIN_EXP = 1 };

/* Gain rule  w_ij <- w_ij + lr (pre_gain_j^2 - post_gain_i^2) w_ij,  or with HK_GAIN_EXP
 * w_ij <- w_ij exp(lr (pre_gain_j^2 - post_gain_i^2)).  A bias changes as a weight from a unit with gain 0.
 * limit > 0 clips the new weights to [-limit, limit]; 0 is no limit. */
typedef struct hk_gain_rule_args {
    hk_array w;          /* [out, in], written */
    hk_array post_gain;  /* [out] or scalar, average gains of the postsynaptic units */
    hk_array pre_gain;   /* [in] or scalar, average gains of the presynaptic units */
    hk_array bias;       /* [out], optional, written */
    double lr;           /* >= 0 */
    int64_t form;        /* HK_GAIN_LINEAR or HK_GAIN_EXP */
    double limit;        /* >= 0 */
} hk_gain_rule_args;
HK_API int hk_gain_rule(const hk_gain_rule_args *args, int64_t *at, hk_error *err);

/* ---- Learning ----------------------------------------------------------------------------------------------------- */

/* hk_learn_args.rule: the Hebbian rules, dw_ij being
 *     HK_HEBB    lr y_i x_j
 *     HK_DECAY   lr y_i x_j - decay w_ij
 *     HK_OJA     lr y_i (x_j - y_i w_ij)
 *     HK_SANGER  lr y_i (x_j - sum_{k<=i} y_k w_kj)
 *     HK_INSTAR  lr y_i (x_j - w_ij)
 *     HK_WTA       the instar with y_i = 1 for the k rows of the highest score and 0 for the others
 *     HK_SOFTHEBB  lr y_i (x_j - u_i w_ij), u = w x, y = softmax(u / temperature)
 *     HK_OUTSTAR    lr x_j (y_i - w_ij)
 *     HK_PREGATED   lr x_j (y_i - gate_i)
 *     HK_POSTGATED  lr y_i (x_j - gate_j)
 *     HK_COVARIANCE   lr (y_i - post_i) (x_j - pre_j), with moving averages pre of x and post of y
 *     HK_BCM          lr y_i (y_i - t_i) x_j - decay w_ij, with t by form from the moving average post
 *     HK_DIFFERENTIAL lr (y_i - post_i) (x_j - pre_j), or x_j alone, where pre and post are the activity of the step before;
 *                     NaN in them says that there was none, and makes the difference 0
 *     HK_ANTIHEBBIAN  -lr y_i x_j
 *     HK_ABCD         lr (a x_j y_i + b x_j + c y_i + d)
 *     HK_KROTOV_HOPFIELD  a rule of a batch, lr s_ij / max(max|s|, 1e-30), s_ij = sum_b g_bi (x_bj - I_bi w_ij), where
 *                     I_bi = sum_j sign(w_ij) |w_ij|^(q-1) x_bj, and g = 1 for its highest, -delta for the k-th; y is g
 *     HK_VOJA         lr y_i (gate_i x_j - w_ij)
 *     HK_PES          -(lr / in) y_i x_j, where y is an error
 * HK_WTA, HK_SOFTHEBB and HK_KROTOV_HOPFIELD compute y themselves, HK_PES never does. The rows of HK_DIFFERENTIAL are
 * steps in time: HK_SEQUENTIAL only. */
enum { HK_HEBB = 0, HK_DECAY = 1, HK_OJA = 2, HK_SANGER = 3, HK_INSTAR = 4, HK_WTA = 5, HK_SOFTHEBB = 6, HK_OUTSTAR = 7,
       HK_PREGATED = 8, HK_POSTGATED = 9, HK_COVARIANCE = 10, HK_BCM = 11, HK_DIFFERENTIAL = 12, HK_ANTIHEBBIAN = 13, HK_ABCD = 14,
       HK_KROTOV_HOPFIELD = 15, HK_VOJA = 16, HK_PES = 17 };

/* hk_learn_args.form: the threshold t of BCM. */
enum {
    HK_BCM_INTRATOR = 0,  /* post, the moving average of y^2 */
    HK_BCM_LAW = 1,       /* the same, which is above 0, and the first term divided by it */
    HK_BCM_1982 = 2       /* |post/c0|^power post, with post the moving average of y */
};

/* hk_learn_args.score: w_i x, or w_i x - |w_i|^2 / 2, which makes the row nearest to x win. Of equal scores the lowest
 * index wins. */
enum { HK_DOT = 0, HK_EUCLID = 1 };

/* How the samples of a batch become updates: sample after sample, each seeing the weights that the one before left;
 * or all y from the weights before the batch, and one update by the sum or the mean of the samples' dw. */
enum { HK_SEQUENTIAL = 0, HK_SUM = 1, HK_MEAN = 2 };

/* hk_learn_args.norm: the rows are kept to a norm, (sum_j |w_ij|^norm_p)^(1/norm_p) = norm_target by a factor, or
 * sum_j w_ij = norm_target by a term that all weights of the row share. */
enum { HK_NO_NORM = 0, HK_MULTIPLICATIVE = 1, HK_SUBTRACTIVE = 2 };

/* hk_learn_args.block, at most */
#define HK_MAX_BLOCK 4096

/* Learning from one sample or a batch. With HK_SEQUENTIAL *at counts the samples whose update w holds, also after
 * HK_E_DIVERGED; HK_SUM and HK_MEAN are one update, made by one call. A sequence with a block is worked on in blocks of
 * that many samples at the speed of matrix products: equal in real arithmetic to one sample at a time, and to rounding
 * in numbers (HK_WTA: bit for bit); it is cut between blocks only, so a call may take as long as one block does. State (pre,
 * post) is read as it was before a sample and takes the sample after w has; a sum or mean holds it and gives it the batch
 * mean once.
 *
 * What any rule may be composed with, dw being what the rule, the reduction and normalize give:
 *     w <- minimum(maximum(w + mask (s(w) dw + gamma w (1 - w) (w - theta)), low), high),   then the norm
 * with s(w) = (w - soft_low) (soft_high - w) if soft, else 1. A constraint of sign (Dale's law) is a bound of 0. All
 * of it acts on all of w at every update; weights that the mask leaves out are clipped, too, but not normalised. A block
 * goes with row_lr only. The order of bounds that are matrices is not checked.
 *
 * With indices and indptr the weights are sparse: w is a vector of the stored entries, row after row, indices their
 * columns, which ascend in a row, and row i has the entries indptr_i to indptr_(i+1) - 1; out is the length of indptr
 * less 1, in that of x. Stored entries learn as those of a dense w under a mask do whose other weights are 0, but for
 * rounding. Not with a block, for each row sees its own part of x, and not with a mask, which sparse weights are. */
typedef struct hk_learn_args {
    hk_array w;          /* [out, in], or [stored] with indices; written */
    hk_array x;          /* [in] or [samples, in] */
    hk_array y;          /* [out] or [samples, out]; with compute = 1 written, y = w x or what the rule makes of it */
    hk_array gate;       /* thresholds [out] of HK_PREGATED, [in] of HK_POSTGATED, scale [out] of HK_VOJA, or scalar */
    hk_array pre;        /* [in], state of HK_COVARIANCE and HK_DIFFERENTIAL (with differentiate), written */
    hk_array post;       /* [out], state of HK_COVARIANCE, HK_BCM and HK_DIFFERENTIAL, written */
    hk_array row_lr;     /* [out] or scalar, optional, >= 0: factors of lr by row */
    hk_array low;        /* [out, in], [in] or scalar, optional: no lower bound */
    hk_array high;       /* [out, in], [in] or scalar, optional: no upper bound */
    hk_array mask;       /* bool [out, in], optional: 1 where w may change */
    hk_array rates;      /* [samples], optional, >= 0: lr by sample, with HK_SEQUENTIAL and without a block; lr is not read */
    hk_array indices;    /* HK_INT32 or HK_INT64 [stored], optional: w is sparse */
    hk_array indptr;     /* the same type, [out + 1], with indices */
    int64_t rule;        /* HK_HEBB ... HK_PES */
    double lr;           /* >= 0 */
    double decay;        /* >= 0, of HK_DECAY and HK_BCM; not multiplied by lr */
    int64_t reduction;   /* HK_SEQUENTIAL, HK_SUM or HK_MEAN */
    int64_t normalize;   /* 1: dw is scaled to a largest change of lr, lr dw / max(max|dw|, 1e-30); 0: not */
    int64_t compute;     /* 1: y is computed; 0: y is read. HK_WTA, HK_SOFTHEBB, HK_KROTOV_HOPFIELD: 1; HK_PES: 0 */
    int64_t block;       /* 1 ... HK_MAX_BLOCK, with HK_SEQUENTIAL and without normalize; 0: one sample at a time. Not with
                            HK_OUTSTAR, HK_KROTOV_HOPFIELD, zero_diagonal */
    int64_t k;           /* HK_WTA: winners, 1 ... out; HK_KROTOV_HOPFIELD: rank, 2 ... out; not read otherwise, as are the next */
    int64_t score;       /* HK_WTA: HK_DOT or HK_EUCLID */
    double temperature;  /* HK_SOFTHEBB: > 0, its inverse finite */
    int64_t anti;        /* HK_SOFTHEBB: 1: all y but the winner's are negated; 0: not */
    double alpha;        /* HK_COVARIANCE, HK_BCM: step of the moving averages, 0 <= alpha <= 1 */
    int64_t form;        /* HK_BCM: HK_BCM_INTRATOR, HK_BCM_LAW or HK_BCM_1982 */
    double power, c0;    /* HK_BCM_1982: > 0 */
    double q;            /* HK_KROTOV_HOPFIELD: > 1 */
    double delta;        /* HK_KROTOV_HOPFIELD: >= 0 */
    double a, b, c, d;   /* HK_ABCD */
    int64_t differentiate;  /* HK_DIFFERENTIAL: 1: x is differentiated, too */
    int64_t zero_diagonal;  /* HK_ANTIHEBBIAN: 1: w is square and its diagonal does not change */
    int64_t soft;        /* 1: dw times (w - soft_low) (soft_high - w); 0: not */
    double soft_low;     /* below soft_high, if soft */
    double soft_high;
    double gamma;        /* >= 0; 0: no drift */
    double theta;
    int64_t norm;        /* HK_NO_NORM, HK_MULTIPLICATIVE or HK_SUBTRACTIVE */
    double norm_p;       /* HK_MULTIPLICATIVE: > 0, INFINITY: max_j |w_ij| */
    double norm_target;  /* HK_MULTIPLICATIVE: > 0 */
} hk_learn_args;
HK_API int hk_learn(const hk_learn_args *args, int64_t *at, hk_error *err);

/* Learning from vectors that the caller has made of each sample, one of them a row, by hk_learn's pattern
 *     dw_ij = g_i x_j - (decay_i + col_decay_j) w_ij + row_add_i + col_add_j
 * of which the absent terms are left out. row_lr multiplies all of it. Otherwise as hk_learn. */
typedef struct hk_given_args {
    hk_array w;          /* [out, in], or [stored] with indices; written */
    hk_array x;          /* [samples, in] */
    hk_array g;          /* [samples, out] */
    hk_array decay;      /* [samples, out], optional */
    hk_array col_decay;  /* [samples, in], optional; not with a block */
    hk_array row_add;    /* [samples, out], optional */
    hk_array col_add;    /* [samples, in], optional; not with a block */
    hk_array row_lr, low, high, mask, rates, indices, indptr;  /* all optional, as for hk_learn */
    double lr;           /* >= 0, read with normalize only */
    int64_t reduction;   /* HK_SEQUENTIAL, HK_SUM or HK_MEAN */
    int64_t normalize;   /* 0 or 1, as for hk_learn */
    int64_t block;       /* as for hk_learn */
    int64_t soft;        /* this and the rest as for hk_learn */
    double soft_low, soft_high, gamma, theta;
    int64_t norm;
    double norm_p, norm_target;
} hk_given_args;
HK_API int hk_given(const hk_given_args *args, int64_t *at, hk_error *err);

/* Contrastive Hebbian learning (Movellan 1991) from pairs of samples,  dw_ij = lr (y_i x_j - y_free_i x_free_j),  clamped
 * minus free. *at counts pairs, of which each is one dw to what it is composed with; otherwise as hk_learn. */
typedef struct hk_contrastive_args {
    hk_array w;          /* [out, in], written */
    hk_array x, y;       /* [in] or [pairs, in], [out] or [pairs, out]: the clamped phase */
    hk_array x_free, y_free;  /* likewise: the free phase */
    hk_array row_lr, low, high, mask, rates, indices, indptr;  /* all optional, as for hk_learn */
    double lr;           /* >= 0 */
    int64_t reduction;   /* HK_SEQUENTIAL, HK_SUM or HK_MEAN */
    int64_t normalize;   /* 0 or 1, as for hk_learn */
    int64_t block;       /* as for hk_learn */
    int64_t soft;        /* this and the rest as for hk_learn */
    double soft_low, soft_high, gamma, theta;
    int64_t norm;
    double norm_p, norm_target;
} hk_contrastive_args;
HK_API int hk_contrastive(const hk_contrastive_args *args, int64_t *at, hk_error *err);

/* hk_three_factor_args.drive: a coincidence enters its trace as it is, or divided by tau_e. */
enum { HK_DRIVE_IMPULSE = 0, HK_DRIVE_TAU = 1 };

/* Learning by eligibility traces and a modulator, over time steps in rows. In each step
 *     e_ij <- e_ij exp(-dt/tau_e) + y_i x_j,   w_ij <- w_ij + lr dt modulator e_ij
 * With tau_rise a second trace r with that time constant takes the same drive, and w learns from e - r. A step with
 * modulator 0 leaves w alone, unless something is composed with it: of hk_learn's parts, dw being lr dt modulator (e - r),
 * drift, bounds and norm act in every step. Where mask is 0 a trace receives nothing, too. *at counts time steps. */
typedef struct hk_three_factor_args {
    hk_array w;          /* [out, in], written */
    hk_array x;          /* [in] or [steps, in] */
    hk_array y;          /* [out] or [steps, out]; with compute = 1 written, y = w x */
    hk_array modulator;  /* [steps] or scalar */
    hk_array e;          /* [out, in], trace, written; 0 to begin with; [stored] with indices */
    hk_array r;          /* likewise, with tau_rise */
    hk_array row_lr, low, high, mask, rates, indices, indptr;  /* all optional, as for hk_learn */
    double lr;           /* >= 0 */
    double tau_e;        /* > 0, and so small that exp(-dt/tau) is not 1 in the type of w */
    double tau_rise;     /* 0 < tau_rise < tau_e, or 0: one time constant */
    double dt;           /* > 0 */
    int64_t drive;       /* HK_DRIVE_IMPULSE or HK_DRIVE_TAU */
    int64_t compute;     /* 1: y is computed; 0: y is read */
    int64_t soft;        /* this and the rest as for hk_learn */
    double soft_low, soft_high, gamma, theta;
    int64_t norm;
    double norm_p, norm_target;
} hk_three_factor_args;
HK_API int hk_three_factor(const hk_three_factor_args *args, int64_t *at, hk_error *err);

/* The network of Foldiak (1990). The answer y is the state, rounded to 0 or 1, into which
 *     s_i' = f(sum_j w_ij x_j + sum_k lateral_ik s_k - threshold_i) - s_i,   f(u) = 1 / (1 + exp(-slope u))
 * settles from 0. Then
 *     w_ij += lr y_i (x_j - w_ij),  threshold_i += threshold_lr (y_i - p),
 *     lateral_ik <- min(0, lateral_ik - lateral_lr (y_i y_k - p^2))  for i != k
 * w is composed as in hk_learn, and lateral by the arguments of these names, where the bound 0 is added to its own: it has no
 * lower bound above 0, no drift and no norm that is subtractive. */
typedef struct hk_foldiak_args {
    hk_array w;          /* [out, in], written */
    hk_array x;          /* [in] or [samples, in] */
    hk_array y;          /* [out] or [samples, out]; with compute = 1 written */
    hk_array lateral;    /* [out, out], written; 0 on the diagonal */
    hk_array threshold;  /* [out], written */
    hk_array lateral_row_lr, lateral_low, lateral_high, lateral_mask;  /* all optional, over [out, out] */
    hk_array row_lr, low, high, mask, rates, indices, indptr;  /* all optional, as for hk_learn */
    double lr, lateral_lr, threshold_lr;  /* >= 0 */
    double p;            /* 0 < p < 1 */
    int64_t reduction;   /* HK_SEQUENTIAL, HK_SUM or HK_MEAN; the threshold takes the mean in either */
    int64_t compute;     /* 1: y is computed; 0: y is read */
    double slope;        /* > 0 */
    int64_t steps;       /* >= 1, of length step each, in settling */
    double step;         /* 0 < step <= 1 */
    int64_t lateral_soft;
    double lateral_soft_low, lateral_soft_high, lateral_gamma, lateral_theta;
    int64_t lateral_norm;
    double lateral_norm_p, lateral_norm_target;
    int64_t soft;        /* this and the rest as for hk_learn */
    double soft_low, soft_high, gamma, theta;
    int64_t norm;
    double norm_p, norm_target;
} hk_foldiak_args;
HK_API int hk_foldiak(const hk_foldiak_args *args, int64_t *at, hk_error *err);

/* hk_average_gain_args.gain_of */
enum { HK_OF_ACTIVATION = 0, HK_OF_DERIVATIVE = 1 };

/* Average gains  sigma <- alpha a + (1 - alpha) sigma  of units with inputs z, where a = f(z) or f'(z). */
typedef struct hk_average_gain_args {
    hk_array sigma;      /* [units], written */
    hk_array z;          /* [units] or [samples, units] */
    double alpha;        /* 0 < alpha <= 1 */
    int64_t gain_of;     /* HK_OF_ACTIVATION or HK_OF_DERIVATIVE */
    int64_t activation;  /* HK_IDENTITY ... HK_BIPU */
    double slope, shape; /* as in hk_forward_args */
    int64_t reduction;   /* HK_SEQUENTIAL: a step for each sample; HK_MEAN: one step with the mean */
} hk_average_gain_args;
HK_API int hk_average_gain(const hk_average_gain_args *args, int64_t *at, hk_error *err);

/* Homeostasis, with any rule. Of a batch HK_SEQUENTIAL takes a step a sample, HK_MEAN one with the mean, HK_SUM is
 * refused. A sample that is not finite ends with HK_E_DIVERGED; those before it have taken effect with HK_SEQUENTIAL.
 *
 * Threshold  theta <- theta + rate (y - target)  of units whose input is u - theta. */
typedef struct hk_threshold_args {
    hk_array theta;      /* [n], written */
    hk_array y;          /* [n] or [samples, n] */
    hk_array target;     /* [n] or scalar */
    double rate;         /* >= 0 */
    int64_t reduction;   /* HK_SEQUENTIAL or HK_MEAN */
} hk_threshold_args;
HK_API int hk_threshold(const hk_threshold_args *args, int64_t *at, hk_error *err);

/* Intrinsic plasticity: units y = sigmoid(gain z + bias), whose y comes to an exponential distribution with the mean
 * target,
 *     dbias = rate (1 - (2 + 1 / target) y + y^2 / target),   dgain = rate / gain + z dbias. */
typedef struct hk_intrinsic_plasticity_args {
    hk_array gain;       /* [n], written, starts above 0 */
    hk_array bias;       /* [n], written */
    hk_array z;          /* [n] or [samples, n] */
    hk_array y;          /* the same, written */
    double target;       /* above 0, below 1 */
    double rate;         /* >= 0 */
    int64_t reduction;   /* HK_SEQUENTIAL or HK_MEAN */
} hk_intrinsic_plasticity_args;
HK_API int hk_intrinsic_plasticity(const hk_intrinsic_plasticity_args *args, int64_t *at, hk_error *err);
/* Windowed average gains: sigma becomes the mean of the last `window` values of a = f(z) or f'(z), or of all while
 * there are fewer. seen is the number of values before this call, and the caller's to raise: by the samples
 * (HK_SEQUENTIAL), or by 1 (HK_MEAN, if there is a sample). values, sum and sigma start at 0 and hold a sum of two
 * stacks in float64, whatever the type of sigma, in which nothing is ever subtracted. */
typedef struct hk_windowed_gain_args {
    hk_array sigma;      /* [units], written */
    hk_array z;          /* [units] or [samples, units] */
    hk_array values;     /* float64 [window, units], 1 to 2^24 rows, written */
    hk_array sum;        /* float64 [units], written */
    int64_t seen;        /* >= 0 */
    int64_t gain_of;     /* HK_OF_ACTIVATION or HK_OF_DERIVATIVE */
    int64_t activation;  /* HK_IDENTITY ... HK_BIPU */
    double slope, shape; /* as in hk_forward_args */
    int64_t reduction;   /* HK_SEQUENTIAL: a value for each sample; HK_MEAN: one value, the mean */
} hk_windowed_gain_args;
HK_API int hk_windowed_gain(const hk_windowed_gain_args *args, int64_t *at, hk_error *err);

/* hk_stdp_args.coincidence: which spikes of the same step the traces hold when a weight learns from them. */
enum {
    HK_PRE_FIRST = 0,   /* the presynaptic ones: of a simultaneous pair only the potentiation counts */
    HK_BOTH_SIDES = 1,
    HK_NEITHER_SIDE = 2
};

/* hk_stdp_args.trace: a spike adds to its trace, or sets it (nearest neighbours). */
enum { HK_TRACE_ADD = 0, HK_TRACE_REPLACE = 1 };

/* Spike-timing dependent plasticity by pairs (Song, Miller & Abbott 2000), over time steps in rows. In each step
 *     a_pre <- a_pre exp(-dt/tau_plus),  a_post <- a_post exp(-dt/tau_minus)
 *     pre spikes:   w_ij <- clip(w_ij + a_post_i (w_ij - w_min)^mu),  a_pre_j += a_plus
 *     post spikes:  w_ij <- clip(w_ij + a_pre_j (w_max - w_ij)^mu),   a_post_i += a_minus
 * where clip bounds to [w_min, w_max]; only weights with an event are read and written. a_minus carries its sign.
 * *at counts time steps. What it is composed with acts on all of w in each step, after its events, dw being what these
 * have made of a weight; rates are factors of dw by step. */
typedef struct hk_stdp_args {
    hk_array w;             /* [out, in], written */
    hk_array pre;           /* [in] or [steps, in], spikes: HK_BOOL, or 0 and 1 in the type of w */
    hk_array post;          /* [out] or [steps, out], likewise */
    hk_array a_pre;         /* [in], traces, written; 0 to begin with */
    hk_array a_post;        /* [out], likewise */
    hk_array row_lr, low, high, mask, rates;  /* all optional, as for hk_learn, lr being 1 */
    hk_array indices, indptr;                 /* absent: w is dense, and mask says which weights there are */
    double tau_plus;        /* > 0, and so small that exp(-dt/tau) is not 1 in the type of w */
    double tau_minus;
    double a_plus;          /* with mu > 0: >= 0 */
    double a_minus;         /* with mu > 0: <= 0 */
    double dt;              /* > 0 */
    double w_min, w_max;    /* finite, w_min <= w_max */
    double mu;              /* >= 0; 0: the additive rule */
    int64_t coincidence;    /* HK_PRE_FIRST, HK_BOTH_SIDES or HK_NEITHER_SIDE */
    int64_t trace;          /* HK_TRACE_ADD or HK_TRACE_REPLACE */
    int64_t soft;           /* this and the rest as for hk_learn */
    double soft_low, soft_high, gamma, theta;
    int64_t norm;
    double norm_p, norm_target;
} hk_stdp_args;
HK_API int hk_stdp(const hk_stdp_args *args, int64_t *at, hk_error *err);

/* The triplet rule (Pfister & Gerstner 2006): r1, r2 decay with tau_plus, tau_x, o1, o2 with tau_minus, tau_y, and
 *     pre spikes:   w_ij <- clip(w_ij - o1_i (a2_minus + a3_minus r2_j) (w_ij - w_min)^mu),  r1_j += 1, r2_j += 1
 *     post spikes:  w_ij <- clip(w_ij + r1_j (a2_plus + a3_plus o2_i) (w_max - w_ij)^mu),    o1_i += 1, o2_i += 1
 * with the r2 and o2 before this step's spikes. Otherwise as hk_stdp. */
typedef struct hk_triplet_stdp_args {
    hk_array w;             /* [out, in], written */
    hk_array pre;           /* [in] or [steps, in], spikes */
    hk_array post;          /* [out] or [steps, out] */
    hk_array r1, r2;        /* [in], traces, written */
    hk_array o1, o2;        /* [out], traces, written */
    hk_array row_lr, low, high, mask, rates, indices, indptr;  /* as for hk_stdp */
    double tau_plus, tau_x, tau_minus, tau_y;        /* > 0 */
    double a2_plus, a3_plus, a2_minus, a3_minus;     /* >= 0 */
    double dt, w_min, w_max, mu;
    int64_t coincidence, trace;
    int64_t soft;           /* this and the rest as for hk_learn */
    double soft_low, soft_high, gamma, theta;
    int64_t norm;
    double norm_p, norm_target;
} hk_triplet_stdp_args;
HK_API int hk_triplet_stdp(const hk_triplet_stdp_args *args, int64_t *at, hk_error *err);

/* Windows that a kernel or a pool looks through at images of channels x height x width: window (r, c) begins at row
 * r stride[0] - padding[0] and column c stride[1] - padding[1]. Pairs are rows, then columns. Windows are numbered row
 * after row; only whole ones count:
 *     rows = (height + 2 padding[0] - ((size[0] - 1) dilation[0] + 1)) / stride[0] + 1,   columns likewise.
 * Images are [images, channels * height * width]: in each the channels one after the other, in these the rows. */
typedef struct hk_windows {
    int64_t channels, height, width;  /* >= 1 */
    int64_t size[2];                  /* >= 1 */
    int64_t stride[2];                /* >= 1 */
    int64_t padding[2];               /* >= 0 */
    int64_t dilation[2];              /* >= 1 */
} hk_windows;

/* Copies windows into the rows of out, zeros beyond the edge of the image, for hk_learn to take as x:
 * row i is number first + i of the windows that are drawn, counted image after image. *at counts rows. */
typedef struct hk_patches_args {
    hk_array images;
    hk_array out;        /* [n, channels * size[0] * size[1]], written */
    hk_windows windows;
    int64_t first;       /* 0 to the number of windows drawn of all images, less n */
    int64_t draw;        /* windows drawn of each image, none twice, in random order; 0: all, in order */
    int64_t seed;        /* >= 0: with draw, image i has the first of hk_permutation's entries for (seed, epoch drawn + i) */
    int64_t drawn;       /* >= 0, images drawn of before */
} hk_patches_args;
HK_API int hk_patches(const hk_patches_args *args, int64_t *at, hk_error *err);

/* A convolutional layer's answer, out_k(r, c) = f(sum_l w_kl x_l + b_k) with x the window at (r, c) as hk_patches gives
 * it; each element has the bits that hk_forward gives for that x. *at counts rows of windows. */
typedef struct hk_conv_forward_args {
    hk_array w;          /* [kernels, channels * size[0] * size[1]] */
    hk_array images;
    hk_array b;          /* [kernels] or scalar, optional */
    hk_array out;        /* [images, kernels * rows * columns], written */
    hk_windows windows;
    int64_t activation;  /* HK_IDENTITY ... HK_BIPU */
    double slope, shape; /* as in hk_forward_args */
} hk_conv_forward_args;
HK_API int hk_conv_forward(const hk_conv_forward_args *args, int64_t *at, hk_error *err);

/* hk_pool_args.kind: what is made of the elements of a window that lie inside the image. */
enum { HK_POOL_MAX = 0, HK_POOL_AVERAGE = 1 };

/* Maximum (NaN if an element is) or mean of each window, channel by channel; columns are summed first, from top to
 * bottom, then these sums from left to right. *at counts rows of windows. */
typedef struct hk_pool_args {
    hk_array images;
    hk_array out;        /* [images, channels * rows * columns], written */
    hk_windows windows;  /* dilation 1; less padding than size */
    int64_t kind;        /* HK_POOL_MAX or HK_POOL_AVERAGE */
} hk_pool_args;
HK_API int hk_pool(const hk_pool_args *args, int64_t *at, hk_error *err);

/* ---- Stamina ------------------------------------------------------------------------------------------------------ */

/* What a silent unit of a sample loses in the balanced ReLU. With x the activities after ReLU of the n units of a layer,
 * n1 of them above 0 and n0 not, and mu their mean: 1, mu, mu n / n0 (the sample then sums to zero), mu n0 / n1, and
 * mean(x) B / n1 with x the whole batch of B samples. n0 = 0: nothing changes; n1 = 0: 0, HK_PENALTY_CONSTANT excepted. */
enum {
    HK_PENALTY_CONSTANT = 0, HK_PENALTY_MEAN = 1, HK_PENALTY_ZERO_SUM = 2, HK_PENALTY_RATIO = 3, HK_PENALTY_BATCH = 4
};

/* Balanced ReLU  out = x where x > 0, else -strength penalty. */
typedef struct hk_balanced_relu_args {
    hk_array x;          /* [units] or [samples, units] */
    hk_array out;        /* the same, written */
    int64_t mode;        /* HK_PENALTY_CONSTANT ... HK_PENALTY_BATCH */
    double strength;     /* >= 0 */
} hk_balanced_relu_args;
HK_API int hk_balanced_relu(const hk_balanced_relu_args *args, int64_t *at, hk_error *err);

/* Stamina  value <- value + s,  or with alpha > 0  value <- alpha s + (1 - alpha) value,  s being the sum over the samples
 * of the balanced ReLU of x (the input of the ReLU, or the activity after it; not a balanced ReLU, whose penalty would
 * count twice). With a prior, how often a unit should fire, the penalty of unit i is times prior_i / (1 - prior_i).
 * It is one step, made by one call. */
typedef struct hk_stamina_args {
    hk_array value;      /* [units], written; 0 to begin with */
    hk_array x;          /* [units] or [samples, units] */
    hk_array prior;      /* [units], each between 0 and 1, optional */
    int64_t mode;        /* HK_PENALTY_CONSTANT ... HK_PENALTY_BATCH */
    double strength;     /* >= 0 */
    double alpha;        /* 0: a sum; at most 1 */
} hk_stamina_args;
HK_API int hk_stamina(const hk_stamina_args *args, int64_t *at, hk_error *err);

/* Which units die: those whose stamina is at or below the threshold, or the lowest floor(share living) of them. Of equal
 * stamina the lowest index is the stronger. If none would be left, and no minimum is stated, the call is refused and
 * err says what to change. */
typedef struct hk_deaths_args {
    hk_array value;              /* [units], stamina */
    const unsigned char *alive;  /* [units], 0 or 1; NULL: all live */
    unsigned char *dead;         /* [units], written: 1 for those that die now */
    int64_t by_share;            /* 1: by share, 0: by threshold */
    double threshold;            /* finite */
    double share;                /* at least 0, below 1 */
    int64_t minimum;             /* units that live on whatever their stamina; 0: none is stated */
    int64_t updates, warmup;     /* none dies before so many updates */
    double strength;             /* of the penalty, for the message */
} hk_deaths_args;
HK_API int hk_deaths(const hk_deaths_args *args, int64_t *at, hk_error *err);

/* Entropy of the mean outputs of a layer,  -sum_i p_i ln p_i, p_i = mean_i / sum mean,  and the scales that pull its right
 * tail in: tail m / mean_i for units whose mean is above tail m, m being that of the units above 0; else 1. */
typedef struct hk_spread_args {
    hk_array mean;       /* [units], finite, >= 0 */
    hk_array scale;      /* [units], optional, written */
    double tail;         /* >= 1; not read without scale */
    double *entropy;     /* written */
} hk_spread_args;
HK_API int hk_spread(const hk_spread_args *args, int64_t *at, hk_error *err);

/* The state of a generator (xoshiro256**, four words), as a function of seed and stream. */
typedef struct hk_seed_args {
    uint64_t *rng;       /* [4], written */
    uint64_t seed, stream;
} hk_seed_args;
HK_API int hk_seed(const hk_seed_args *args, int64_t *at, hk_error *err);

/* Fills an array with numbers that are uniform in [low, high), row after row. *at counts rows. */
typedef struct hk_uniform_args {
    hk_array out;        /* [n] or [rows, cols], written */
    uint64_t *rng;       /* [4], not all 0, written */
    double low, high;    /* finite */
} hk_uniform_args;
HK_API int hk_uniform(const hk_uniform_args *args, int64_t *at, hk_error *err);

/* Simulated annealing of the strength of a penalty. To start, proposed = best = strength and both objectives are
 * INFINITY. Each call takes the objective of `proposed`, smaller being better, moves there or not, cools, and proposes:
 *     accepted if objective <= that of strength, or with probability exp(-difference / temperature)
 *     temperature <- cooling temperature
 *     proposed = strength exp(step u) within [low, high], u uniform in [-1, 1) */
typedef struct hk_annealing {
    double strength, objective, proposed, best, best_objective;
    double temperature;  /* >= 0 */
    double cooling;      /* above 0, at most 1 */
    double step;         /* > 0 */
    double low, high;    /* 0 < low <= strength, proposed <= high */
    uint64_t rng[4];
} hk_annealing;
typedef struct hk_anneal_args {
    hk_annealing *state; /* written */
    double objective;
    int64_t *accepted;   /* written: 1 or 0 */
} hk_anneal_args;
HK_API int hk_anneal(const hk_anneal_args *args, int64_t *at, hk_error *err);

/* ---- Networks ----------------------------------------------------------------------------------------------------- */

typedef struct hk_activation {
    int64_t kind;             /* HK_IDENTITY ... HK_BIPU */
    double slope, shape;      /* as in hk_forward_args */
} hk_activation;

/* A network of layers over the caller's arrays. Population 0 is the input; layer l goes from population l to l + 1. */
typedef struct hk_network {
    int64_t layers;           /* >= 1 */
    const hk_array *weights;  /* [layers], each [n_{l+1}, n_l] */
    const hk_array *biases;   /* [layers], each [n_{l+1}] or absent; NULL: no biases */
    int64_t hidden;           /* activation of the hidden layers, HK_IDENTITY ... HK_BIPU */
    int64_t output;           /* activation of the last layer */
    double slope, shape;      /* of both, as in hk_forward_args */
    const hk_activation *activations; /* [layers], an activation for each, in place of those above; or NULL */
} hk_network;

/* The way of the output error to the hidden layers: backpropagation; feedback alignment (Lillicrap et al. 2016), through
 * fixed weights layer by layer, or (Nokland 2016) directly; through sign(W); directly through +beta and -beta (Konishi,
 * Igarashi & Miura 2023). Hidden layer l = 1 ... layers - 1 learns by the signal that comes to it, times a gate: f'(z),
 * or the change of its activity since the sample before, 0 at the first. */
enum { HK_BP = 0, HK_FA = 1, HK_DFA = 2, HK_SIGN = 3, HK_FA_EX = 4 };
enum { HK_GATE_DERIVATIVE = 0, HK_GATE_DIFFERENTIAL = 1 };

typedef struct hk_feedback {
    int64_t kind;
    const hk_array *b;        /* [layers - 1]: of hidden layer l for HK_FA [n_{l+1}, n_l], for HK_DFA and HK_FA_EX
                               * [n_layers, n_l]; NULL for the others */
    int64_t gate;
    const hk_array *previous; /* HK_GATE_DIFFERENTIAL: [layers - 1], each [n_l], the activities at the last sample, written */
    int64_t *started;         /* likewise: 0 before the first sample, then 1, written */
} hk_feedback;

/* Writes initial weights: uniform with the bounds of He et al. (2015) or Glorot & Bengio (2010), as engine.NewLayered;
 * biases are set to 0. Feedback weights are drawn uniformly in +-beta (0: sqrt(6/(rows + columns))), those of HK_FA_EX
 * as +beta or -beta (0: 0.1), + with the probability `excitatory`. A function of the seed and the sizes. */
typedef struct hk_init_args {
    hk_network network;           /* written */
    uint64_t seed;
    const hk_feedback *feedback;  /* its b is written; or NULL */
    double beta;                  /* >= 0 */
    double excitatory;            /* 0 ... 1 */
    uint64_t *rng;                /* [4], written: the generator of the feedback weights as it was left, for hk_draw_feedback;
                                   * or NULL */
} hk_init_args;
HK_API int hk_init(const hk_init_args *args, int64_t *at, hk_error *err);

/* Draws, as hk_init does, the feedback weights that a layer needs when it grows: new rows or columns, which are a part of
 * fixed weights that have now the shape [rows, cols], row after row. */
typedef struct hk_draw_feedback_args {
    hk_array out;        /* [n, m], at most [rows, cols], written */
    uint64_t *rng;       /* [4], not all 0, written */
    int64_t kind;        /* HK_FA, HK_DFA or HK_FA_EX */
    double beta, excitatory;
    int64_t rows, cols;
} hk_draw_feedback_args;
HK_API int hk_draw_feedback(const hk_draw_feedback_args *args, int64_t *at, hk_error *err);

/* Forward pass of a batch through the network. *at counts samples. */
typedef struct hk_predict_args {
    hk_network network;
    hk_array x;          /* [samples, n_0] */
    hk_array out;        /* [samples, n_layers], written */
} hk_predict_args;
HK_API int hk_predict(const hk_predict_args *args, int64_t *at, hk_error *err);

/* Loss of a sample: sum_k (y_k - t_k)^2 / 2; the cross-entropy of the softmax of the (identity) output, or of the sigmoids
 * of its units; or errors e = dJ/dy given in place of the target, of which sum_k e_k^2 / 2 is reported. */
enum { HK_MSE = 0, HK_SOFTMAX = 1, HK_SIGMOID_ENTROPY = 2, HK_GIVEN_ERROR = 3 };

/* The gradient of the mean loss over a batch: the exact one, or what a feedback takes for it. *at counts samples; what is
 * written is the gradient when the last call has returned HK_OK. */
typedef struct hk_gradients_args {
    hk_network network;
    hk_array x;               /* [samples, n_0] */
    hk_array target;          /* [samples, n_layers] */
    const hk_array *dweights; /* [layers], written */
    const hk_array *dbiases;  /* [layers] as network.biases, written */
    int64_t loss;
    double *mean_loss;        /* written */
    const hk_feedback *feedback; /* NULL: backpropagation; previous is not written */
} hk_gradients_args;
HK_API int hk_gradients(const hk_gradients_args *args, int64_t *at, hk_error *err);

/* Sums over the samples that hk_train has seen; start with zeros. */
typedef struct hk_stats {
    double loss;      /* each sample's at the weights before its minibatch's update */
    int64_t samples;
    int64_t correct;  /* samples whose output has its maximum where the target has it */
} hk_stats;

/* Loss and accuracy over a batch. *at counts samples. */
typedef struct hk_evaluate_args {
    hk_network network;
    hk_array x;       /* [samples, n_0] */
    hk_array target;  /* [samples, n_layers] */
    int64_t loss;
    hk_stats *stats;  /* added to */
} hk_evaluate_args;
HK_API int hk_evaluate(const hk_evaluate_args *args, int64_t *at, hk_error *err);

/* What becomes of the gradient g. HK_SGD: w -= lr g. HK_MOMENTUM: v = momentum v + g, w -= lr v, or with nesterov
 * w -= lr (g + momentum v). HK_ADAM: Kingma & Ba 2015. */
enum { HK_SGD = 0, HK_MOMENTUM = 1, HK_ADAM = 2 };

typedef struct hk_optimizer {
    int64_t kind;
    int64_t nesterov;                                /* 0 or 1 */
    double momentum, beta1, beta2, eps;              /* 0 ... 1, the betas below 1; eps >= 0 */
    const hk_array *first_weights, *first_biases;    /* [layers] as the network's, written; start with zeros; NULL for HK_SGD */
    const hk_array *second_weights, *second_biases;  /* likewise, for HK_ADAM */
} hk_optimizer;

/* The gain rule in training, after each minibatch; see hk_gain_rule and hk_average_gain. */
typedef struct hk_gain_training {
    const hk_array *sigma;  /* [layers + 1], the populations' average gains, written */
    double lr, alpha, limit;
    int64_t gain_of, form, reduction;
} hk_gain_training;

/* Minibatch gradient descent on the samples index[0], index[1], ... *at counts entries of index; while it is not a multiple
 * of batch, dweights and dbiases hold a part of a minibatch, which has changed nothing else yet but stats. After
 * HK_E_DIVERGED the minibatch at fault was not applied, but for a fault of the gain rule. With the gain rule or
 * HK_GATE_DIFFERENTIAL, which see all samples of a minibatch at once, it is not cut. */
typedef struct hk_train_args {
    hk_network network;             /* written */
    hk_array x;                     /* [samples, n_0] */
    hk_array target;                /* [samples, n_layers] */
    const int64_t *index;           /* [count], rows of x */
    int64_t count;
    int64_t batch;                  /* >= 1 */
    int64_t loss;
    double lr;                      /* >= 0 */
    const hk_gain_training *gain;   /* NULL: no gain rule */
    hk_stats *stats;                /* written */
    int64_t sum;                    /* 1: by the gradient of the sum of the losses, 0: of their mean */
    const hk_feedback *feedback;    /* NULL: backpropagation */
    const hk_optimizer *optimizer;  /* NULL: HK_SGD */
    double decay, decay_p;          /* before each update |w| shrinks by lr decay |w|^(p-1), not beyond 0; p 0: 2; no biases */
    const double *dropout;          /* [layers], of the populations but the last: 0 <= rate < 1; NULL: none */
    uint64_t seed;                  /* of dropout */
    int64_t *updates;               /* minibatches so far, written; may be NULL without HK_ADAM and dropout */
    const hk_array *dweights;       /* [layers] as network.weights, written: what is there does not matter. NULL will do for */
    const hk_array *dbiases;        /* HK_SGD and a batch of at most 32 */
    const int32_t *stop;            /* NULL, or read every few million multiply-adds: when it is not 0 any more, as another
                                     * thread or a signal handler may make it, the call returns HK_MORE without the block of
                                     * samples that it is at. A block can take longer than 50 ms on the portable path, and
                                     * above some 30 million weights. The bits are the same. */
} hk_train_args;
HK_API int hk_train(const hk_train_args *args, int64_t *at, hk_error *err);

/* The order of the samples in an epoch: a permutation of 0 ... count-1 as a function of seed and epoch. */
typedef struct hk_permutation_args {
    int64_t *index;  /* [count], written */
    int64_t count;
    uint64_t seed;
    int64_t epoch;   /* >= 0 */
} hk_permutation_args;
HK_API int hk_permutation(const hk_permutation_args *args, int64_t *at, hk_error *err);

typedef struct hk_balance_report {
    double cost_before, cost_after;        /* sum alpha |w|^p */
    double deficit_before, deficit_after;  /* sum_i (A_i - c_i B_i)^2 over the units that are not held */
    double residual;                       /* max |A - cB| / (A + cB) over the units that were free, after */
    int64_t sweeps;                        /* sweeps or steps */
    int64_t reason;                        /* HK_CONVERGED, ...: in any case what was reached is written */
} hk_balance_report;

/* The reason of a stop: balanced to tol; the steps allowed were not enough, or rounding hides what is left to be done, and
 * what was reached is written. */
enum { HK_CONVERGED = 0, HK_STEPS_USED_UP = 1, HK_ROUNDING = 2 };
enum { HK_NEWTON = 0, HK_SWEEPS = 1, HK_STOCHASTIC = 2, HK_TIED = 3 };
enum { HK_UNIT_FREE = 0, HK_UNIT_HELD = 1, HK_UNIT_DEAD = 2, HK_UNIT_OFF_CYCLE = 3, HK_UNIT_SHARED = 4 };

/* A matrix of weights from the units of its columns to those of its rows. */
typedef struct hk_balance_block {
    hk_array w;           /* [rows, cols], or [cols], written unless measure is set; sparse: [stored] */
    hk_array alphas;      /* like w, >= 0: the weight of each element in the cost, or absent: 1 */
    hk_array indices;     /* HK_INT32 or HK_INT64 [stored], ascending in a row, or absent: w is sparse, as in hk_learn, */
    hk_array indptr;      /* the same type, [rows + 1], */
    int64_t width;        /* and has this many columns */
    const int64_t *rows;  /* [rows], the unit of each row, -1: none (an input, an output, a constant); NULL: none at all */
    const int64_t *cols;  /* [cols], likewise */
    int64_t transposed;   /* 1: the weights go from the units of the rows to those of the columns; biases are such a row */
    double alpha;         /* weight of the block in the cost; 0: it is scaled along and costs nothing */
    double power;         /* of the factor that it is scaled by: 1 for weights, -1 for gradients, -2 for their squares */
} hk_balance_block;

/* g'(w) of an additive cost sum alpha g(|w|) for n weights w > 0, written to slope; 0, or another number to end the call,
 * which then returns HK_E_VALUE. w g'(w) must increase with w, from 0 to infinity. It runs in the caller's thread, in the
 * default floating-point mode; w and slope are good until it returns. */
typedef int (*hk_derivative)(void *context, const double *w, double *slope, int64_t n);

/* Neural balance of any network: scales unit i's incoming weights by lambda_i and its outgoing ones by lambda_i^-c_i,
 * so that A_i = c_i B_i, cost in and cost out, which is the least cost at which the network's function is as it was.
 * Two blocks over one array are shared weights: their units get one lambda. The solver works on `state` alone; the
 * blocks are written once, by the last call. *at counts sweeps or steps. */
typedef struct hk_balance_graph_args {
    int64_t units, blocks;
    const hk_balance_block *block;  /* [blocks] */
    const double *degree;           /* [units], c > 0; NULL: 1 */
    const unsigned char *held;      /* [units], 1: a unit that must stay as it is; NULL: none */
    const int64_t *group;           /* [units], groups are visited in ascending order by sweeps, and have one lambda with
                                       HK_TIED; NULL: one for each unit */
    int64_t parts;                  /* >= 1: the cost is sum_k weight[k] sum |w|^p[k]; A is sum |w|^p for one part of */
    const double *weight, *p;       /* weight 1, and sum w g'(w) for a mixture g */
    hk_derivative derivative;       /* NULL, or instead of weight and p, with 1 part, any g; the method is HK_SWEEPS, and the */
    void *context;                  /* costs of the report are NaN */
    int64_t method;
    int64_t groups;                 /* length of order */
    const int64_t *order;           /* the order of the groups in a sweep, or NULL */
    uint64_t seed;                  /* of HK_STOCHASTIC */
    double tol;                     /* on the residual; 0: 1e-9 in float64, 1e-6 in float32 */
    int64_t max_sweeps;             /* 0: 10000 */
    int64_t measure;                /* 1: only status, deficit and the report of what is; nothing is solved */
    double *state;                  /* [hk_balance_state(units, blocks, parts)], between calls, written */
    double *lambda;                 /* [units], written by the last call */
    double *deficit;                /* [units], A - cB before, likewise; 0 for held units */
    unsigned char *status;          /* [units], HK_UNIT_FREE, ..., likewise */
    hk_balance_report *report;      /* likewise */
} hk_balance_graph_args;
HK_API int hk_balance_graph(const hk_balance_graph_args *args, int64_t *at, hk_error *err);
HK_API int64_t hk_balance_state(int64_t units, int64_t blocks, int64_t parts);

/* Deficits A_i - B_i of the hidden units, layer after layer, for any activation. */
typedef struct hk_deficit_args {
    hk_network network;
    double p;             /* > 0 */
    int64_t include_bias; /* 0 or 1 */
    double *deficit;      /* [hidden units], written */
    double *total;        /* the sum of their squares, written */
} hk_deficit_args;
HK_API int hk_deficit(const hk_deficit_args *args, int64_t *at, hk_error *err);

/* ---- Recurrent networks -------------------------------------------------------------------------------------------- */

/* n units with weights among themselves, from inputs and to outputs; all but j may be absent. */
typedef struct hk_recurrent {
    hk_array j;      /* [n, n], j_ij from unit j to unit i */
    hk_array w_in;   /* [n, inputs] */
    hk_array bias;   /* [n] */
    hk_array w_out;  /* [outputs, n] */
} hk_recurrent;

/* hk_synaptic_balance_args.method: damped Newton steps on the convex problem in h; the flow tau dh/dt = g by the pair of
 * Dormand & Prince with step control; the same by Euler steps of dt. */
enum { HK_CONVEX = 0, HK_FLOW = 1, HK_EULER = 2 };

typedef struct hk_synaptic_report {
    double cost_before, cost_after;          /* sum alpha_ij |j_ij|^p over the weights on cycles, j_ii left out */
    double gradient_before, gradient_after;  /* |g|, g_i = sum_j (c_ij - c_ji) */
    double residual;                         /* max |A - B| / (A + B), A a unit's cost in, B its cost out, after */
    double time;                             /* HK_FLOW, HK_EULER: t reached */
    int64_t steps, evaluations;
    int64_t reason;                          /* HK_CONVERGED ... HK_ROUNDING */
    int64_t components;                      /* strongly connected components of two or more units */
    int64_t off_cycle;                       /* weights between units that lie on no cycle: not in the cost */
} hk_synaptic_report;

/* doubles in hk_synaptic_balance_args.state */
#define HK_SYNAPTIC_STATE(n) (32 + 18 * (n) + (n) * (n))

/* Synaptic balancing (Stock et al. 2022): j_ij <- j_ij e^{h_j - h_i}, w_in and bias x e^{-h_i}, w_out x e^{h_j}, so that each
 * unit's cost in is its cost out. Strongly connected components are balanced each for itself, with sum h = 0; units on no
 * cycle are held. The solver works on state alone and the network is written once, by the last call, which takes as
 * long as that does. */
typedef struct hk_synaptic_balance_args {
    hk_recurrent network;        /* written by the last call */
    hk_array alpha;              /* [n, n], [n] over the presynaptic units, scalar, or absent: 1; finite, >= 0 */
    double p;                    /* > 0 */
    int64_t method;              /* HK_CONVEX, HK_FLOW or HK_EULER */
    double tol;                  /* on the residual; 0: 1e-9 in float64, 1e-6 in float32 */
    int64_t max_steps;           /* 0: 100000 */
    double tau;                  /* 0: 1 */
    double dt;                   /* HK_EULER: > 0 */
    double rtol;                 /* HK_FLOW: largest error of an h in a step; 0: 1e-6 */
    double *state;               /* [HK_SYNAPTIC_STATE(n)], the state between calls, written */
    double *h;                   /* [n], written by the last call */
    unsigned char *held;         /* [n], likewise: 1 for a unit on no cycle */
    hk_synaptic_report *report;  /* likewise */
} hk_synaptic_balance_args;
HK_API int hk_synaptic_balance(const hk_synaptic_balance_args *args, int64_t *at, hk_error *err);

/* Steps of B networks side by side, row s B + b of a matrix being network b in step s, f the activation:
 *     rate > 0:  x <- (1 - rate) x + rate (j f(x) + w_in u + bias + noise),  out = w_out f(x)
 *     rate = 0:  x <- f(j x + w_in u + bias + noise),                        out = w_out x
 * *at counts steps, after HK_E_DIVERGED those before the one at fault. */
typedef struct hk_rnn_args {
    hk_recurrent network;
    int64_t activation;  /* HK_IDENTITY ... HK_BIPU */
    double slope, shape; /* as in hk_forward_args */
    double rate;         /* dt / tau in (0, 1], or 0 */
    int64_t steps;
    hk_array x;          /* [B, n], the states, written */
    hk_array u;          /* [steps B, inputs], or absent: no input */
    hk_array noise;      /* [steps B, n], or absent */
    hk_array states;     /* [steps B, n], x after each step, written, or absent */
    hk_array out;        /* [steps B, outputs], written, or absent */
    double *slopes;      /* [2 n]: f' and f'^2 of each unit summed over steps and networks are added; or NULL */
} hk_rnn_args;
HK_API int hk_rnn(const hk_rnn_args *args, int64_t *at, hk_error *err);

/* Normal numbers with mean 0, a function of seed and stream. *at counts numbers. */
typedef struct hk_normal_args {
    hk_array out;         /* [n], written */
    double std;           /* >= 0 */
    uint64_t seed, stream;
    uint64_t *generator;  /* [4], the state between calls, written */
} hk_normal_args;
HK_API int hk_normal(const hk_normal_args *args, int64_t *at, hk_error *err);

/* ---- Checkpoints -------------------------------------------------------------------------------------------------- */

/* Files of the safetensors format with checksums: engine/checkpoint.go says what is in them. Each of these functions is
 * one step, which takes as long as the file system does. */

/* hk_tensor.dtype beside HK_FLOAT32, HK_FLOAT64, HK_BOOL and HK_INT64 */
enum { HK_UINT8 = 4, HK_UINT64 = 6 };

/* hk_tensor.ndim, at most */
#define HK_MAX_AXES 32

typedef struct hk_tensor {
    const char *name;      /* UTF-8 with a terminating zero, not empty, not "__metadata__" */
    void *data;            /* row-major without gaps; may be NULL if there is no element */
    const int64_t *shape;  /* [ndim] */
    int64_t ndim;          /* 0: one element */
    int64_t dtype;
} hk_tensor;

/* Writes a checkpoint, so that at any moment path is what it was or the whole new file: written beside it as
 * ".NAME.RANDOM.tmp", synced, renamed, the folder synced. After an error path is what it was. */
typedef struct hk_save_args {
    const char *path;
    const hk_tensor *tensors;  /* [count], names differ */
    int64_t count;
    const char *metadata;      /* a JSON object of strings whose keys do not begin with "hebbkern."; NULL: none */
} hk_save_args;
HK_API int hk_save(const hk_save_args *args, int64_t *at, hk_error *err);

/* What is in a checkpoint, as the JSON object {"checksum", "metadata": {...}, "tensors": [{"name", "dtype", "shape"}]}
 * with a terminating zero, cut at size. The header is verified, the elements are not. */
typedef struct hk_inspect_args {
    const char *path;
    char *buffer;              /* [size], written */
    int64_t size;
    int64_t *needed;           /* written: the bytes of the text, the zero included */
} hk_inspect_args;
HK_API int hk_inspect(const hk_inspect_args *args, int64_t *at, hk_error *err);

/* Verifies the whole file, then reads its tensors into arrays of the same names, types and shapes. */
typedef struct hk_load_args {
    const char *path;
    const char *checksum;      /* as inspected: another file by now is HK_E_FILE for HK_R_REPLACED; NULL: any file */
    const hk_tensor *tensors;  /* [count], one for each tensor of the file, data written */
    int64_t count;
} hk_load_args;
HK_API int hk_load(const hk_load_args *args, int64_t *at, hk_error *err);

/* ---- For the Python package --------------------------------------------------------------------------------------- */

/* A new reference to the built-in function (a PyObject *) that runs the kernel with this name ("rank1", ...) on Python
 * objects, in the order of the args struct: it fetches the buffers, checks, calls the kernel to its end and returns
 * None, or (status, reason, argument, other, message, sample, layer) if an argument is refused, before anything is
 * written. One argument more may be given: a buffer of one int64 in place of *at, so that it is known how much was done
 * when the call diverges or is interrupted. For the kernels up to hk_pool, hk_balanced_relu and hk_stamina.
 * Needs a CPython in the process, whose functions it finds at run time, and its lock held; NULL if there is none or
 * the name is unknown. */
HK_API void *hk_python_function(const char *kernel);

/* An hk_derivative whose context is a Python callable. It is given two memoryviews of 8 n bytes, w and, to be written,
 * slope, which it must release. Python's lock must be held through the whole call (ctypes.PyDLL); an exception stays set. */
HK_API int hk_python_derivative(void *callable, const double *w, double *slope, int64_t n);

#ifdef __cplusplus
}
#endif
#endif
