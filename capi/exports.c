//go:build cgo && linux

/* exports.c: the functions of hebbkern.h. Each checks, sets the floating-point mode, calls Go, and restores. */
#include "internal.h"
#include "_cgo_export.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

/* Whether the kernels run as portable Go. Asked once; threads that ask at the same time write the same value. */
int hki_is_portable;
static _Atomic int asked;

void hki_ask_isa(void) {
    if (atomic_load_explicit(&asked, memory_order_acquire)) return;
    uint64_t mode = hki_fp_enter();
    hki_is_portable = hebbkernPortable() != 0;
    hki_fp_leave(mode);
    atomic_store_explicit(&asked, 1, memory_order_release);
}

/* Half of what one call may take, in nanoseconds: the estimate is within a factor of two on a busy machine. */
static const double BUDGET_NS = 25e6;

int hki_step(int kernel, const void *args, const hki_work *work, int64_t *at, hk_error *err) {
    double pieces = work->unit_ns > 0 ? BUDGET_NS / work->unit_ns : (double)work->units;
    /* whole tiles of 64 units where they fit, so that cuts do not fall into the middle of a cache line of columns */
    int64_t count = pieces >= (double)work->units ? work->units : pieces < 1 ? 1 : (int64_t)pieces;
    int64_t grain = hki_grain(kernel, args);
    if (grain && count < work->units) count = count < grain ? grain : count - count % grain;
    else if (count < work->units && count > 64) count -= count % 64;
    /* their work is that of the spikes, so they watch the clock themselves */
    if (kernel == HKI_STDP || kernel == HKI_TRIPLET_STDP) count = work->units;
    int64_t begin = *at, end = work->units - begin <= count ? work->units : begin + count;
    uint64_t mode = hki_fp_enter();
    int status = hebbkernCall(kernel, (void *)args, begin, &end, err);
    hki_fp_leave(mode);
    if (status == HK_E_DIVERGED) *at = end;
    if (status != HK_OK) return status;
    *at = end;
    return end < work->units ? HK_MORE : HK_OK;
}

/* Leaves nothing of an earlier error. */
static int succeed(int status, hk_error *err) {
    if (status >= 0 && err) {
        memset(err, 0, sizeof *err);
        err->status = status;
        err->argument = err->other = -1;
        err->sample = err->layer = -1;
    }
    return status;
}

static int run(int kernel, const void *args, int64_t *at, hk_error *err) {
    const char *name = hki_kernels[kernel].name;
    if (!args) return hki_fail(err, HK_E_VALUE, HK_R_MISSING, -1, -1, "%s: args is a null pointer", name);
    if (!at) return hki_fail(err, HK_E_VALUE, HK_R_MISSING, -1, -1, "%s: at is a null pointer", name);
    int status = hki_check(kernel, args, err);
    if (status) return status;
    hki_ask_isa();
    hki_work work = hki_estimate(kernel, args);
    if (*at < 0 || *at > work.units)
        return hki_fail(err, HK_E_VALUE, HK_R_VALUE, -1, -1, "%s: at is %lld; 0 for a new call is wanted, or what the call before left",
                        name, (long long)*at);
    if (*at == 0 && (status = hki_check_spikes(kernel, args, err))) return status;
    status = hki_step(kernel, args, &work, at, err);
    return succeed(status, err);
}

int hk_rank1(const hk_rank1_args *args, int64_t *at, hk_error *err) { return run(HKI_RANK1, args, at, err); }
int hk_batch_update(const hk_batch_update_args *args, int64_t *at, hk_error *err) { return run(HKI_BATCH_UPDATE, args, at, err); }
int hk_forward(const hk_forward_args *args, int64_t *at, hk_error *err) { return run(HKI_FORWARD, args, at, err); }
int hk_power_sums(const hk_power_sums_args *args, int64_t *at, hk_error *err) { return run(HKI_POWER_SUMS, args, at, err); }
int hk_scale(const hk_scale_args *args, int64_t *at, hk_error *err) { return run(HKI_SCALE, args, at, err); }
int hk_ema(const hk_ema_args *args, int64_t *at, hk_error *err) { return run(HKI_EMA, args, at, err); }
int hk_gain_rule(const hk_gain_rule_args *args, int64_t *at, hk_error *err) { return run(HKI_GAIN_RULE, args, at, err); }

int hk_learn(const hk_learn_args *args, int64_t *at, hk_error *err) { return run(HKI_LEARN, args, at, err); }
int hk_threshold(const hk_threshold_args *args, int64_t *at, hk_error *err) { return run(HKI_THRESHOLD, args, at, err); }
int hk_intrinsic_plasticity(const hk_intrinsic_plasticity_args *args, int64_t *at, hk_error *err) {
    return run(HKI_INTRINSIC_PLASTICITY, args, at, err);
}
int hk_average_gain(const hk_average_gain_args *args, int64_t *at, hk_error *err) { return run(HKI_AVERAGE_GAIN, args, at, err); }
int hk_windowed_gain(const hk_windowed_gain_args *args, int64_t *at, hk_error *err) { return run(HKI_WINDOWED_GAIN, args, at, err); }

int hk_stdp(const hk_stdp_args *args, int64_t *at, hk_error *err) { return run(HKI_STDP, args, at, err); }
int hk_triplet_stdp(const hk_triplet_stdp_args *args, int64_t *at, hk_error *err) { return run(HKI_TRIPLET_STDP, args, at, err); }
int hk_balanced_relu(const hk_balanced_relu_args *args, int64_t *at, hk_error *err) { return run(HKI_BALANCED_RELU, args, at, err); }
int hk_stamina(const hk_stamina_args *args, int64_t *at, hk_error *err) { return run(HKI_STAMINA, args, at, err); }

int hk_given(const hk_given_args *args, int64_t *at, hk_error *err) { return run(HKI_GIVEN, args, at, err); }
int hk_contrastive(const hk_contrastive_args *args, int64_t *at, hk_error *err) { return run(HKI_CONTRASTIVE, args, at, err); }
int hk_three_factor(const hk_three_factor_args *args, int64_t *at, hk_error *err) { return run(HKI_THREE_FACTOR, args, at, err); }
int hk_foldiak(const hk_foldiak_args *args, int64_t *at, hk_error *err) { return run(HKI_FOLDIAK, args, at, err); }
int hk_patches(const hk_patches_args *args, int64_t *at, hk_error *err) { return run(HKI_PATCHES, args, at, err); }
int hk_conv_forward(const hk_conv_forward_args *args, int64_t *at, hk_error *err) { return run(HKI_CONV_FORWARD, args, at, err); }
int hk_pool(const hk_pool_args *args, int64_t *at, hk_error *err) { return run(HKI_POOL, args, at, err); }

/* The functions on networks: checks of their own, then Go, which says how far it came. */

static int missing(const char *function, const char *what, hk_error *err) {
    return hki_fail(err, HK_E_VALUE, HK_R_MISSING, -1, -1, "%s: %s is a null pointer", function, what);
}

#define NOT_NULL(pointer, what) \
    if (!(pointer)) return missing(function, what, err)
#define CHECKED(call)           \
    do {                        \
        int status_ = (call);   \
        if (status_) return status_; \
    } while (0)
#define START(name)                      \
    static const char *function = #name; \
    NOT_NULL(args, "args");              \
    NOT_NULL(at, "at")

static int network_step(int function, const void *args, const hk_array *first, int64_t *at, hk_error *err) {
    uint64_t mode = hki_fp_enter();
    int status = hebbkernNetwork(function, (void *)args, first ? first->dtype : HK_FLOAT64, at, err);
    hki_fp_leave(mode);
    return succeed(status, err);
}

/* The lists that a feedback kind and gate need, one array for each hidden layer; the engine checks their shapes. */
static int check_feedback(const char *function, const hk_feedback *f, const hk_network *n, int b_written, int previous_written,
                          hk_error *err) {
    if (!f) return HK_OK;
    if (f->kind < HK_BP || f->kind > HK_FA_EX || f->gate < HK_GATE_DERIVATIVE || f->gate > HK_GATE_DIFFERENTIAL)
        return hki_fail(err, HK_E_VALUE, HK_R_VALUE, -1, -1, "%s: feedback is %lld with gate %lld; HK_BP ... HK_FA_EX and a gate are wanted",
                        function, (long long)f->kind, (long long)f->gate);
    int dtype = n->weights[0].dtype;
    if (f->kind != HK_BP && f->kind != HK_SIGN) {
        if (n->layers > 1) NOT_NULL(f->b, "feedback_weights");
        for (int64_t l = 0; l + 1 < n->layers; l++)
            CHECKED(hki_check_data(function, "feedback_weights", &f->b[l], dtype, 2, b_written, err));
    }
    if (f->gate == HK_GATE_DIFFERENTIAL) {
        NOT_NULL(f->started, "started");
        if (n->layers > 1) NOT_NULL(f->previous, "previous");
        for (int64_t l = 0; l + 1 < n->layers; l++)
            CHECKED(hki_check_data(function, "previous", &f->previous[l], dtype, 1, previous_written, err));
    }
    return HK_OK;
}

/* A list of arrays for the parameters of a network, of its element type. */
static int check_parameters(const char *function, const hk_network *n, const hk_array *weights, const hk_array *biases,
                            const char *prefix, hk_error *err) {
    CHECKED(hki_check_layers(function, n->layers, weights, biases, prefix, 1, err));
    if (weights[0].dtype != n->weights[0].dtype)
        return hki_fail(err, HK_E_TYPE, HK_R_DTYPE, -1, -1, "%s: %sweights[0] has another element type than weights[0]", function, prefix);
    return HK_OK;
}

static int check_optimizer(const char *function, const hk_optimizer *o, const hk_network *n, hk_error *err) {
    if (!o || o->kind == HK_SGD) return HK_OK;
    if (o->kind != HK_MOMENTUM && o->kind != HK_ADAM)
        return hki_fail(err, HK_E_VALUE, HK_R_VALUE, -1, -1, "%s: optimizer is %lld; HK_SGD, HK_MOMENTUM or HK_ADAM is wanted", function,
                        (long long)o->kind);
    CHECKED(check_parameters(function, n, o->first_weights, o->first_biases, "first_", err));
    return o->kind == HK_ADAM ? check_parameters(function, n, o->second_weights, o->second_biases, "second_", err) : HK_OK;
}

int hk_init(const hk_init_args *args, int64_t *at, hk_error *err) {
    START(init);
    CHECKED(hki_check_network(function, &args->network, 1, err));
    CHECKED(check_feedback(function, args->feedback, &args->network, 1, 0, err));
    return network_step(HKI_INIT, args, args->network.weights, at, err);
}

int hk_predict(const hk_predict_args *args, int64_t *at, hk_error *err) {
    START(predict);
    CHECKED(hki_check_network(function, &args->network, 0, err));
    CHECKED(hki_check_data(function, "x", &args->x, args->network.weights[0].dtype, 2, 0, err));
    CHECKED(hki_check_data(function, "out", &args->out, args->network.weights[0].dtype, 2, 1, err));
    return network_step(HKI_PREDICT, args, args->network.weights, at, err);
}

static int check_task(const char *function, const hk_network *n, const hk_array *x, const hk_array *target, int64_t loss,
                      int written, hk_error *err) {
    CHECKED(hki_check_network(function, n, written, err));
    CHECKED(hki_check_data(function, "x", x, n->weights[0].dtype, 2, 0, err));
    CHECKED(hki_check_data(function, "target", target, n->weights[0].dtype, 2, 0, err));
    if (loss < HK_MSE || loss > HK_GIVEN_ERROR)
        return hki_fail(err, HK_E_VALUE, HK_R_VALUE, -1, -1, "%s: loss is %lld; HK_MSE ... HK_GIVEN_ERROR is wanted", function,
                        (long long)loss);
    return HK_OK;
}

int hk_gradients(const hk_gradients_args *args, int64_t *at, hk_error *err) {
    START(gradients);
    CHECKED(check_task(function, &args->network, &args->x, &args->target, args->loss, 0, err));
    CHECKED(check_parameters(function, &args->network, args->dweights, args->dbiases, "d", err));
    CHECKED(check_feedback(function, args->feedback, &args->network, 0, 0, err));
    NOT_NULL(args->mean_loss, "mean_loss");
    return network_step(HKI_GRADIENTS, args, args->network.weights, at, err);
}

int hk_evaluate(const hk_evaluate_args *args, int64_t *at, hk_error *err) {
    START(evaluate);
    CHECKED(check_task(function, &args->network, &args->x, &args->target, args->loss, 0, err));
    NOT_NULL(args->stats, "stats");
    return network_step(HKI_EVALUATE, args, args->network.weights, at, err);
}

int hk_train(const hk_train_args *args, int64_t *at, hk_error *err) {
    START(train);
    CHECKED(check_task(function, &args->network, &args->x, &args->target, args->loss, 1, err));
    if (args->count < 0 || *at < 0 || *at > args->count)
        return hki_fail(err, HK_E_VALUE, HK_R_VALUE, -1, -1, "%s: at is %lld of count %lld", function, (long long)*at,
                        (long long)args->count);
    if (args->count) NOT_NULL(args->index, "index");
    NOT_NULL(args->stats, "stats");
    if (args->gain) {
        NOT_NULL(args->gain->sigma, "sigma");
        for (int64_t k = 0; k <= args->network.layers; k++)
            CHECKED(hki_check_data(function, "sigma", &args->gain->sigma[k], args->network.weights[0].dtype, 1, 1, err));
    }
    CHECKED(check_feedback(function, args->feedback, &args->network, 0, 1, err));
    CHECKED(check_optimizer(function, args->optimizer, &args->network, err));
    if (args->dweights) CHECKED(check_parameters(function, &args->network, args->dweights, args->dbiases, "d", err));
    else if (args->batch > 32 || (args->optimizer && args->optimizer->kind != HK_SGD)) return missing(function, "dweights", err);
    return network_step(HKI_TRAIN, args, args->network.weights, at, err);
}

int hk_permutation(const hk_permutation_args *args, int64_t *at, hk_error *err) {
    START(permutation);
    if (args->count < 0 || args->epoch < 0)
        return hki_fail(err, HK_E_VALUE, HK_R_VALUE, -1, -1, "%s: count is %lld and epoch %lld; neither may be negative",
                        function, (long long)args->count, (long long)args->epoch);
    if (args->count) NOT_NULL(args->index, "index");
    return network_step(HKI_PERMUTATION, args, 0, at, err);
}

int hk_balance_graph(const hk_balance_graph_args *args, int64_t *at, hk_error *err) {
    START(balance_graph);
    CHECKED(hki_check_blocks(function, args, err));
    if (*at < 0) return hki_fail(err, HK_E_VALUE, HK_R_VALUE, -1, -1, "%s: at is %lld", function, (long long)*at);
    if (args->parts < 1 || args->parts > 1 << 10)
        return hki_fail(err, HK_E_VALUE, HK_R_VALUE, -1, -1, "%s: parts is %lld; at least 1 is wanted", function,
                        (long long)args->parts);
    if (!args->derivative) {
        NOT_NULL(args->weight, "weight");
        NOT_NULL(args->p, "p");
    } else if (args->weight || args->p || args->parts != 1)
        return hki_fail(err, HK_E_VALUE, HK_R_VALUE, -1, -1, "%s: derivative is given beside weight, p or parts; one of the two is wanted",
                        function);
    NOT_NULL(args->state, "state");
    if (args->units) {
        NOT_NULL(args->lambda, "lambda");
        NOT_NULL(args->deficit, "deficit");
        NOT_NULL(args->status, "status");
    }
    NOT_NULL(args->report, "report");
    return network_step(HKI_BALANCE_GRAPH, args, &args->block[0].w, at, err);
}

int64_t hk_balance_state(int64_t units, int64_t blocks, int64_t parts) { return hebbkernBalanceState(units, blocks, parts); }

int hk_deficit(const hk_deficit_args *args, int64_t *at, hk_error *err) {
    START(deficit);
    CHECKED(hki_check_network(function, &args->network, 0, err));
    if (args->network.layers > 1) NOT_NULL(args->deficit, "deficit");
    NOT_NULL(args->total, "total");
    return network_step(HKI_DEFICIT, args, args->network.weights, at, err);
}

/* An array whose type the call follows. */
static int check_own(const char *function, const char *name, const hk_array *a, int written, hk_error *err) {
    if (a->dtype != HK_FLOAT32 && a->dtype != HK_FLOAT64)
        return hki_fail(err, HK_E_TYPE, HK_R_DTYPE, -1, -1, "%s: %s is neither float32 nor float64", function, name);
    return hki_check_data(function, name, a, a->dtype, a->ndim == 2 ? 2 : 1, written, err);
}

int hk_deaths(const hk_deaths_args *args, int64_t *at, hk_error *err) {
    START(deaths);
    CHECKED(check_own(function, "value", &args->value, 0, err));
    if (args->value.ndim != 1) return hki_fail(err, HK_E_VALUE, HK_R_SHAPE, -1, -1, "%s: value has two axes; 1 is wanted", function);
    if (args->value.cols) NOT_NULL(args->dead, "dead");
    return network_step(HKI_DEATHS, args, &args->value, at, err);
}

int hk_spread(const hk_spread_args *args, int64_t *at, hk_error *err) {
    START(spread);
    CHECKED(check_own(function, "mean", &args->mean, 0, err));
    if (args->mean.ndim != 1) return hki_fail(err, HK_E_VALUE, HK_R_SHAPE, -1, -1, "%s: mean has two axes; 1 is wanted", function);
    if (args->scale.dtype != HK_ABSENT) {
        CHECKED(check_own(function, "scale", &args->scale, 1, err));
        if (args->scale.dtype != args->mean.dtype)
            return hki_fail(err, HK_E_TYPE, HK_R_DTYPE, -1, -1, "%s: scale has another element type than mean", function);
    }
    NOT_NULL(args->entropy, "entropy");
    return network_step(HKI_SPREAD, args, &args->mean, at, err);
}

int hk_seed(const hk_seed_args *args, int64_t *at, hk_error *err) {
    START(seed);
    NOT_NULL(args->rng, "rng");
    return network_step(HKI_SEED, args, 0, at, err);
}

int hk_uniform(const hk_uniform_args *args, int64_t *at, hk_error *err) {
    START(uniform);
    CHECKED(check_own(function, "out", &args->out, 1, err));
    NOT_NULL(args->rng, "rng");
    if (!isfinite(args->low) || !isfinite(args->high) || !isfinite(args->high - args->low))
        return hki_fail(err, HK_E_VALUE, HK_R_VALUE, -1, -1, "%s: low is %g and high %g; finite numbers are wanted", function,
                        args->low, args->high);
    return network_step(HKI_UNIFORM, args, &args->out, at, err);
}

int hk_draw_feedback(const hk_draw_feedback_args *args, int64_t *at, hk_error *err) {
    START(draw_feedback);
    CHECKED(check_own(function, "out", &args->out, 1, err));
    NOT_NULL(args->rng, "rng");
    return network_step(HKI_DRAW_FEEDBACK, args, &args->out, at, err);
}

int hk_anneal(const hk_anneal_args *args, int64_t *at, hk_error *err) {
    START(anneal);
    NOT_NULL(args->state, "state");
    NOT_NULL(args->accepted, "accepted");
    return network_step(HKI_ANNEAL, args, 0, at, err);
}

/* An array of a recurrent network, or beside one: `least` to `most` axes, the type of j. */
static int check_beside(const char *function, const char *name, const hk_array *a, const hk_array *j, int least, int most,
                        int written, hk_error *err) {
    if (a->dtype == HK_ABSENT) return HK_OK;
    if (a->dtype != j->dtype)
        return hki_fail(err, HK_E_TYPE, HK_R_DTYPE, -1, -1, "%s: %s has another element type than j", function, name);
    if (a->ndim < least || a->ndim > most)
        return hki_fail(err, HK_E_VALUE, HK_R_SHAPE, -1, -1, "%s: %s has %d axes; %d are wanted", function, name, a->ndim, most);
    return hki_check_data(function, name, a, j->dtype, a->ndim, written, err);
}

static int check_recurrent(const char *function, const hk_recurrent *n, int written, hk_error *err) {
    if (n->j.dtype != HK_FLOAT32 && n->j.dtype != HK_FLOAT64)
        return hki_fail(err, HK_E_TYPE, HK_R_DTYPE, -1, -1, "%s: j is absent or of another type; float32 or float64 is wanted",
                        function);
    CHECKED(check_beside(function, "j", &n->j, &n->j, 2, 2, written, err));
    CHECKED(check_beside(function, "w_in", &n->w_in, &n->j, 2, 2, written, err));
    CHECKED(check_beside(function, "bias", &n->bias, &n->j, 1, 1, written, err));
    return check_beside(function, "w_out", &n->w_out, &n->j, 2, 2, written, err);
}

int hk_synaptic_balance(const hk_synaptic_balance_args *args, int64_t *at, hk_error *err) {
    START(synaptic_balance);
    const hk_array *j = &args->network.j, *alpha = &args->alpha;
    CHECKED(check_recurrent(function, &args->network, 1, err));
    CHECKED(check_beside(function, "alpha", alpha, j, 0, 2, 0, err));
    if (alpha->dtype != HK_ABSENT && alpha->ndim && (alpha->cols != j->rows || (alpha->ndim == 2 && alpha->rows != j->rows)))
        return hki_fail(err, HK_E_VALUE, HK_R_SHAPE, -1, -1, "%s: alpha is of another size than j; [n, n], [n] or a scalar is wanted",
                        function);
    if (*at < 0) return hki_fail(err, HK_E_VALUE, HK_R_VALUE, -1, -1, "%s: at is %lld", function, (long long)*at);
    NOT_NULL(args->state, "state");
    if (j->rows) {
        NOT_NULL(args->h, "h");
        NOT_NULL(args->held, "held");
    }
    NOT_NULL(args->report, "report");
    return network_step(HKI_SYNAPTIC_BALANCE, args, j, at, err);
}

int hk_rnn(const hk_rnn_args *args, int64_t *at, hk_error *err) {
    START(rnn);
    const hk_array *j = &args->network.j;
    CHECKED(check_recurrent(function, &args->network, 0, err));
    if (args->x.dtype == HK_ABSENT) return missing(function, "x", err);
    CHECKED(check_beside(function, "x", &args->x, j, 2, 2, 1, err));
    CHECKED(check_beside(function, "u", &args->u, j, 2, 2, 0, err));
    CHECKED(check_beside(function, "noise", &args->noise, j, 2, 2, 0, err));
    CHECKED(check_beside(function, "states", &args->states, j, 2, 2, 1, err));
    CHECKED(check_beside(function, "out", &args->out, j, 2, 2, 1, err));
    if (args->steps < 0 || args->steps > (int64_t)1 << 40 || *at < 0 || *at > args->steps)
        return hki_fail(err, HK_E_VALUE, HK_R_VALUE, -1, -1, "%s: at is %lld of %lld steps", function, (long long)*at,
                        (long long)args->steps);
    return network_step(HKI_RNN, args, j, at, err);
}

int hk_normal(const hk_normal_args *args, int64_t *at, hk_error *err) {
    START(normal);
    if (args->out.dtype != HK_FLOAT32 && args->out.dtype != HK_FLOAT64)
        return hki_fail(err, HK_E_TYPE, HK_R_DTYPE, -1, -1, "%s: out is absent or of another type; float32 or float64 is wanted",
                        function);
    CHECKED(check_beside(function, "out", &args->out, &args->out, 1, 1, 1, err));
    if (!(args->std >= 0) || !isfinite(args->std))
        return hki_fail(err, HK_E_VALUE, HK_R_VALUE, -1, -1, "%s: std is %g; a finite number >= 0 is wanted", function, args->std);
    if (*at < 0 || *at > args->out.cols)
        return hki_fail(err, HK_E_VALUE, HK_R_VALUE, -1, -1, "%s: at is %lld", function, (long long)*at);
    NOT_NULL(args->generator, "generator");
    return network_step(HKI_NORMAL, args, &args->out, at, err);
}

/* The functions on checkpoints. */

static int64_t tensor_size(int64_t dtype) {
    return dtype == HK_FLOAT32 ? 4 : dtype == HK_BOOL || dtype == HK_UINT8 ? 1 : 8;
}

/* The bytes of a checked tensor. */
static uintptr_t tensor_bytes(const hk_tensor *t) {
    int64_t n = tensor_size(t->dtype);
    for (int64_t k = 0; k < t->ndim; k++) n *= t->shape[k];
    return (uintptr_t)n;
}

static int check_tensors(const char *function, const hk_tensor *tensors, int64_t count, int written, hk_error *err) {
    if (count < 0 || (count && !tensors))
        return hki_fail(err, HK_E_VALUE, HK_R_MISSING, -1, -1, "%s: tensors is a list of %lld; a list is wanted", function,
                        (long long)count);
    for (int64_t i = 0; i < count; i++) {
        const hk_tensor *t = &tensors[i];
        if (!t->name) return missing(function, "the name of a tensor", err);
        if (t->dtype < HK_FLOAT32 || t->dtype > HK_UINT64)
            return hki_fail(err, HK_E_TYPE, HK_R_DTYPE, -1, -1, "%s: %s has elements of type %lld; HK_FLOAT32 to HK_UINT64 is wanted",
                            function, t->name, (long long)t->dtype);
        if (t->ndim < 0 || t->ndim > HK_MAX_AXES || (t->ndim && !t->shape))
            return hki_fail(err, HK_E_VALUE, HK_R_SHAPE, -1, -1, "%s: %s has %lld axes; a shape of 0 to %d is wanted", function,
                            t->name, (long long)t->ndim, HK_MAX_AXES);
        int64_t n = 1, most = INT64_MAX / 64;
        for (int64_t k = 0; k < t->ndim; k++) {
            if (t->shape[k] < 0 || (t->shape[k] && n > most / t->shape[k]))
                return hki_fail(err, HK_E_VALUE, HK_R_SHAPE, -1, -1, "%s: %s has %lld elements along axis %lld; 0 or more, that fit in memory, are wanted",
                                function, t->name, (long long)t->shape[k], (long long)k);
            n *= t->shape[k];
        }
        if (n && !t->data)
            return hki_fail(err, HK_E_VALUE, HK_R_MISSING, -1, -1, "%s: %s is a null pointer", function, t->name);
        if (n && (uintptr_t)t->data % (uintptr_t)tensor_size(t->dtype))
            return hki_fail(err, HK_E_VALUE, HK_R_LAYOUT, -1, -1, "%s: %s is not aligned", function, t->name);
    }
    for (int64_t i = 0; written && i < count; i++)
        for (int64_t j = 0; j < i; j++) {
            uintptr_t a = (uintptr_t)tensors[i].data, b = (uintptr_t)tensors[j].data;
            if (a < b + tensor_bytes(&tensors[j]) && b < a + tensor_bytes(&tensors[i]))
                return hki_fail(err, HK_E_VALUE, HK_R_OVERLAP, -1, -1, "%s: %s shares elements with %s", function, tensors[i].name,
                                tensors[j].name);
        }
    return HK_OK;
}

static int checkpoint_step(int function, const void *args, hk_error *err) {
    uint64_t mode = hki_fp_enter();
    int status = hebbkernCheckpoint(function, (void *)args, err);
    hki_fp_leave(mode);
    return succeed(status, err);
}

int hk_save(const hk_save_args *args, int64_t *at, hk_error *err) {
    START(save);
    NOT_NULL(args->path, "path");
    CHECKED(check_tensors(function, args->tensors, args->count, 0, err));
    return checkpoint_step(HKI_SAVE, args, err);
}

int hk_inspect(const hk_inspect_args *args, int64_t *at, hk_error *err) {
    START(inspect);
    NOT_NULL(args->path, "path");
    NOT_NULL(args->needed, "needed");
    if (args->size < 0) return hki_fail(err, HK_E_VALUE, HK_R_VALUE, -1, -1, "%s: size is %lld", function, (long long)args->size);
    if (args->size) NOT_NULL(args->buffer, "buffer");
    return checkpoint_step(HKI_INSPECT, args, err);
}

int hk_load(const hk_load_args *args, int64_t *at, hk_error *err) {
    START(load);
    NOT_NULL(args->path, "path");
    CHECKED(check_tensors(function, args->tensors, args->count, 1, err));
    return checkpoint_step(HKI_LOAD, args, err);
}

int32_t hk_abi_version(void) { return HK_ABI_VERSION; }

size_t hk_sizeof(const char *name) {
    if (!name) return 0;
    for (int k = 0; k < HKI_KERNELS; k++)
        if (!strcmp(name, hki_kernels[k].args_name)) return hki_kernels[k].args_size;
#define SIZE(type) {#type, sizeof(type)}
    static const struct { const char *name; size_t size; } others[] = {
        SIZE(hk_array), SIZE(hk_error), SIZE(hk_windows), SIZE(hk_network), SIZE(hk_stats), SIZE(hk_gain_training), SIZE(hk_balance_report),
        SIZE(hk_init_args), SIZE(hk_predict_args), SIZE(hk_gradients_args), SIZE(hk_train_args), SIZE(hk_permutation_args),
        SIZE(hk_balance_block), SIZE(hk_balance_graph_args), SIZE(hk_deficit_args), SIZE(hk_activation), SIZE(hk_feedback),
        SIZE(hk_optimizer), SIZE(hk_evaluate_args),
        SIZE(hk_deaths_args), SIZE(hk_spread_args), SIZE(hk_seed_args), SIZE(hk_uniform_args), SIZE(hk_annealing), SIZE(hk_anneal_args),
        SIZE(hk_recurrent), SIZE(hk_synaptic_report), SIZE(hk_synaptic_balance_args), SIZE(hk_rnn_args), SIZE(hk_normal_args), SIZE(hk_draw_feedback_args),
        SIZE(hk_tensor), SIZE(hk_save_args), SIZE(hk_inspect_args), SIZE(hk_load_args)};
    for (size_t k = 0; k < sizeof others / sizeof *others; k++)
        if (!strcmp(name, others[k].name)) return others[k].size;
    return 0;
}

int64_t hk_info(char *buffer, size_t size) {
    uint64_t mode = hki_fp_enter();
    int64_t needed = hebbkernInfo(buffer, buffer ? (int64_t)size : 0);
    hki_fp_leave(mode);
    return needed;
}

int hk_set_threads(int64_t threads, hk_error *err) {
    uint64_t mode = hki_fp_enter();
    int status = hebbkernSetThreads(threads, err);
    hki_fp_leave(mode);
    return status;
}

int64_t hk_get_threads(void) {
    uint64_t mode = hki_fp_enter();
    int64_t threads = hebbkernThreads();
    hki_fp_leave(mode);
    return threads;
}
