/* network.c: the functions on networks, from C: initial weights, forward, gradients, training, balancing, rules; each
 * kind of bad argument. The numbers themselves are tested from Python and Go. */
#include "check.h"

#include <math.h>
#include <string.h>

enum { LAYERS = 3, SAMPLES = 40, IN = 4, A = 8, B = 6, OUT = 2, HIDDEN = A + B };

static double w0[A * IN], w1[B * A], w2[OUT * B], b0[A], b1[B], b2[OUT], x[SAMPLES * IN], t[SAMPLES * OUT], y[SAMPLES * OUT];
static hk_array weights[LAYERS], biases[LAYERS];

static hk_network network(void) {
    weights[0] = hk_matrix(w0, A, IN, IN, HK_FLOAT64);
    weights[1] = hk_matrix(w1, B, A, A, HK_FLOAT64);
    weights[2] = hk_matrix(w2, OUT, B, B, HK_FLOAT64);
    biases[0] = hk_vector(b0, A, HK_FLOAT64);
    biases[1] = hk_vector(b1, B, HK_FLOAT64);
    biases[2] = hk_vector(b2, OUT, HK_FLOAT64);
    return (hk_network){.layers = LAYERS, .weights = weights, .biases = biases, .hidden = HK_RELU, .output = HK_IDENTITY};
}

static hk_array X(void) { return hk_matrix(x, SAMPLES, IN, IN, HK_FLOAT64); }
static hk_array T(void) { return hk_matrix(t, SAMPLES, OUT, OUT, HK_FLOAT64); }
static hk_array Y(void) { return hk_matrix(y, SAMPLES, OUT, OUT, HK_FLOAT64); }

static void test_training(void) {
    int status;
    hk_init_args init = {.network = network(), .seed = 7};
    RUN(status, init, init);
    CHECK(w0[0] != 0 && w2[OUT * B - 1] != 0 && b0[0] == 0, "initial weights");
    int64_t index[SAMPLES];
    for (int i = 0; i < SAMPLES; i++) {
        for (int j = 0; j < IN; j++) x[i * IN + j] = (double)((i * 7 + j * 3) % 11) / 5 - 1;
        t[i * OUT + (x[i * IN] > 0)] = 1;
    }
    double first = 0, last = 0;
    for (int epoch = 0; epoch < 200; epoch++) {
        hk_permutation_args order = {.index = index, .count = SAMPLES, .seed = 7, .epoch = epoch};
        RUN(status, permutation, order);
        int seen[SAMPLES] = {0};
        for (int i = 0; i < SAMPLES; i++) seen[index[i]]++;
        for (int i = 0; i < SAMPLES; i++) CHECK(seen[i] == 1, "a permutation");
        hk_stats stats = {0};
        hk_train_args train = {.network = network(), .x = X(), .target = T(), .index = index, .count = SAMPLES, .batch = 7,
                               .loss = HK_SOFTMAX, .lr = 0.2, .stats = &stats};
        RUN(status, train, train);
        CHECK(stats.samples == SAMPLES, "%lld", (long long)stats.samples);
        if (!epoch) first = stats.loss;
        last = stats.loss;
    }
    CHECK(last < 0.2 * first, "the loss fell from %g to %g", first, last);

    double dw0[A * IN], dw1[B * A], dw2[OUT * B], db0[A], db1[B], db2[OUT], mean;
    hk_array dw[] = {hk_matrix(dw0, A, IN, IN, HK_FLOAT64), hk_matrix(dw1, B, A, A, HK_FLOAT64), hk_matrix(dw2, OUT, B, B, HK_FLOAT64)};
    hk_array db[] = {hk_vector(db0, A, HK_FLOAT64), hk_vector(db1, B, HK_FLOAT64), hk_vector(db2, OUT, HK_FLOAT64)};
    hk_gradients_args gradients = {.network = network(), .x = X(), .target = T(), .dweights = dw, .dbiases = db,
                                   .loss = HK_SOFTMAX, .mean_loss = &mean};
    RUN(status, gradients, gradients);
    CHECK(mean > 0 && isfinite(dw1[5]), "%g", mean);
}

static void test_balance(void) {
    int status;
    double before[SAMPLES * OUT], deficits[HIDDEN], total;
    hk_predict_args predict = {.network = network(), .x = X(), .out = Y()};
    RUN(status, predict, predict);
    memcpy(before, y, sizeof y);
    double log_scale[HIDDEN], lambda[HIDDEN];
    unsigned char dead[HIDDEN];
    hk_balance_report report;
    hk_balance_args args = {.network = network(), .p = 2, .log_scale = log_scale, .lambda = lambda, .dead = dead, .report = &report};
    hk_deficit_args deficit = {.network = network(), .p = 2, .deficit = deficits, .total = &total};
    RUN(status, deficit, deficit);
    CHECK(total > 0, "%g", total);
    RUN(status, balance, args);
    CHECK(report.converged == 1 && fabs(report.deficit_before - total) <= 1e-9 * total, "%g, %g", report.deficit_before, total);
    CHECK(report.cost_after < report.cost_before && report.residual <= 1e-9, "residual %g", report.residual);
    RUN(status, deficit, deficit);
    CHECK(total < 1e-12, "%g", total);
    RUN(status, predict, predict);
    for (int i = 0; i < SAMPLES * OUT; i++) CHECK(fabs(y[i] - before[i]) <= 1e-12 * (1 + fabs(y[i])), "output %d", i);
}

static void test_learn(void) {
    double w[3] = {0.5, 0.5, 0.5}, xs[6] = {1, 0, 0, 0, 1, 0}, ys[2];
    int status;
    hk_learn_args args = {.w = hk_matrix(w, 1, 3, 3, HK_FLOAT64), .x = hk_matrix(xs, 2, 3, 3, HK_FLOAT64),
                          .y = hk_matrix(ys, 2, 1, 1, HK_FLOAT64), .rule = HK_HEBB, .lr = 1, .compute = 1};
    RUN(status, learn, args);
    CHECK(w[0] == 1 && w[1] == 1 && w[2] == 0.5 && ys[0] == 0.5 && ys[1] == 0.5, "%g %g", w[0], w[1]);
    xs[3] = INFINITY;
    int64_t at = 0;
    hk_error err;
    status = hk_learn(&args, &at, &err);
    CHECK(status == HK_E_DIVERGED && at == 1 && err.sample == 1, "%d at %lld: %s", status, (long long)at, err.message);

    /* winner-take-all and SoftHebb, one sample at a time and in blocks; the dot product and the distance disagree */
    for (int64_t block = 0; block <= 2; block++) {
        double rows[4] = {3, 0, 1, 1}, inputs[4] = {1, 2, 1, 2}, found[4];
        hk_learn_args wta = {.w = hk_matrix(rows, 2, 2, 2, HK_FLOAT64), .x = hk_matrix(inputs, 2, 2, 2, HK_FLOAT64),
                             .y = hk_matrix(found, 2, 2, 2, HK_FLOAT64), .rule = HK_WTA, .lr = 0.5, .compute = 1, .k = 1,
                             .score = HK_EUCLID, .block = block};
        RUN(status, learn, wta);
        CHECK(rows[0] == 3 && rows[1] == 0 && rows[2] == 1 && rows[3] == 1.75, "block %lld: %g %g", (long long)block, rows[2], rows[3]);
        CHECK(found[0] == 0 && found[1] == 1 && found[2] == 0 && found[3] == 1, "%g %g", found[2], found[3]);
        wta.score = HK_DOT, wta.rule = HK_WTA, wta.lr = 1;
        rows[3] = 0.75;
        inputs[2] = 1, inputs[3] = 0;
        RUN(status, learn, wta);
        CHECK(rows[0] == 1 && rows[1] == 0 && found[0] == 1, "block %lld: %g %g, %g", (long long)block, rows[0], rows[1], found[0]);

        double soft[4] = {0, 0, 0, 0};
        hk_learn_args softhebb = {.w = hk_matrix(soft, 2, 2, 2, HK_FLOAT64), .x = hk_vector(inputs, 2, HK_FLOAT64),
                                  .y = hk_vector(found, 2, HK_FLOAT64), .rule = HK_SOFTHEBB, .lr = 1, .compute = 1,
                                  .temperature = 2, .anti = 1, .block = block};
        RUN(status, learn, softhebb);
        CHECK(soft[0] == 0.5 && soft[1] == 1 && soft[2] == -0.5 && soft[3] == -1 && found[1] == -0.5, "%g %g", soft[0], soft[2]);
    }
    double given[2] = {1, 0};
    hk_learn_args instar = {.w = hk_matrix(w, 2, 1, 1, HK_FLOAT64), .x = hk_vector(xs, 1, HK_FLOAT64),
                            .y = hk_vector(given, 2, HK_FLOAT64), .rule = HK_INSTAR, .lr = 0.5};
    w[0] = 3, w[1] = 5, xs[0] = 1;
    RUN(status, learn, instar);
    CHECK(w[0] == 2 && w[1] == 5, "%g %g", w[0], w[1]);

    /* composed: the soft bounds and the drift act on the old w, the masked weight stays, the norm comes last */
    double old[3] = {0.5, 0.25, 0.75}, one = 1, twice[2] = {1, 0.5}, rates[2] = {1, 0.5}, low = 0, wide[3];
    unsigned char present[3] = {1, 0, 1};
    memcpy(wide, old, sizeof old);
    hk_learn_args composed = {.w = hk_matrix(wide, 1, 3, 3, HK_FLOAT64), .x = hk_vector(old, 3, HK_FLOAT64),
                              .y = hk_vector(&one, 1, HK_FLOAT64), .rule = HK_HEBB, .lr = 1,
                              .row_lr = hk_scalar(&twice[1], HK_FLOAT64), .low = hk_scalar(&low, HK_FLOAT64),
                              .mask = hk_matrix(present, 1, 3, 3, HK_BOOL), .soft = 1, .soft_high = 1, .gamma = 0.5, .theta = 0.25,
                              .norm = HK_SUBTRACTIVE, .norm_target = 2};
    RUN(status, learn, composed);
    double p[3] = {0.5 + 0.25 * 0.25 + 0.5 * 0.25 * 0.25, 0.25, 0.75 + 0.375 * 0.1875 + 0.5 * 0.1875 * 0.5};
    double share = (2 - p[0] - p[2]) / 2;
    CHECK(fabs(wide[0] - p[0] - share) < 1e-15 && wide[1] == 0.25 && fabs(wide[2] - p[2] - share) < 1e-15, "%g %g %g", wide[0],
          wide[1], wide[2]);
    double scheduled = 0, inputs[2] = {1, 1};
    hk_learn_args sequence = {.w = hk_matrix(&scheduled, 1, 1, 1, HK_FLOAT64), .x = hk_matrix(inputs, 2, 1, 1, HK_FLOAT64),
                              .y = hk_matrix(inputs, 2, 1, 1, HK_FLOAT64), .rule = HK_HEBB,
                              .rates = hk_vector(rates, 2, HK_FLOAT64)};
    RUN(status, learn, sequence);
    CHECK(scheduled == 1.5, "%g", scheduled);

    /* sparse: rows (1, -, 2) and (-, 3, -) */
    for (int wide = 0; wide < 2; wide++) {
        double stored[3] = {1, 2, 3}, in[3] = {1, 10, 2}, out[2];
        int32_t columns[3] = {0, 2, 1}, starts[3] = {0, 2, 3};
        int64_t columns64[3] = {0, 2, 1}, starts64[3] = {0, 2, 3};
        hk_learn_args sparse = {.w = hk_vector(stored, 3, HK_FLOAT64), .x = hk_vector(in, 3, HK_FLOAT64),
                                .y = hk_vector(out, 2, HK_FLOAT64), .rule = HK_HEBB, .lr = 1, .compute = 1,
                                .indices = hk_vector(wide ? (void *)columns64 : columns, 3, wide ? HK_INT64 : HK_INT32),
                                .indptr = hk_vector(wide ? (void *)starts64 : starts, 3, wide ? HK_INT64 : HK_INT32)};
        RUN(status, learn, sparse);
        CHECK(out[0] == 5 && out[1] == 30 && stored[0] == 6 && stored[1] == 12 && stored[2] == 303, "%g %g: %g %g %g", out[0],
              out[1], stored[0], stored[1], stored[2]);
    }

    double theta[2] = {1, 2}, activity[4] = {1, 0, 3, 0}, target = 0.5;
    hk_threshold_args threshold = {.theta = hk_vector(theta, 2, HK_FLOAT64), .y = hk_matrix(activity, 2, 2, 2, HK_FLOAT64),
                                   .target = hk_scalar(&target, HK_FLOAT64), .rate = 0.5, .reduction = HK_MEAN};
    RUN(status, threshold, threshold);
    CHECK(theta[0] == 1.75 && theta[1] == 1.75, "%g %g", theta[0], theta[1]);
    double gains[1] = {2}, bias[1] = {0}, zero[1] = {0}, half[1];
    hk_intrinsic_plasticity_args intrinsic = {.gain = hk_vector(gains, 1, HK_FLOAT64), .bias = hk_vector(bias, 1, HK_FLOAT64),
                                              .z = hk_vector(zero, 1, HK_FLOAT64), .y = hk_vector(half, 1, HK_FLOAT64),
                                              .target = 0.25, .rate = 1};
    RUN(status, intrinsic_plasticity, intrinsic);
    CHECK(half[0] == 0.5 && gains[0] == 2.5 && bias[0] == 1 - 3 + 1, "%g %g %g", half[0], gains[0], bias[0]);

    double sigma[2] = {0, 0}, z[4] = {-1, 2, 3, 2};
    hk_average_gain_args gain = {.sigma = hk_vector(sigma, 2, HK_FLOAT64), .z = hk_matrix(z, 2, 2, 2, HK_FLOAT64), .alpha = 0.5,
                                 .activation = HK_RELU, .reduction = HK_MEAN};
    RUN(status, average_gain, gain);
    CHECK(sigma[0] == 0.75 && sigma[1] == 1, "%g %g", sigma[0], sigma[1]);
}

#define REFUSED(kernel, good, change, want)                                                              \
    do {                                                                                                 \
        hk_##kernel##_args a = good;                                                                     \
        change;                                                                                          \
        int64_t at = 0;                                                                                  \
        hk_error err;                                                                                    \
        double copy[3] = {w0[0], w1[0], w2[0]};                                                          \
        int status = hk_##kernel(&a, &at, &err);                                                         \
        CHECK(status == (want) && strstr(err.message, #kernel ": ") == err.message, "%s with %s: %d, %s", #kernel, #change, \
              status, err.message);                                                                      \
        CHECK(hk_##kernel(&a, &at, NULL) == (want), "without err");                                      \
        CHECK(copy[0] == w0[0] && copy[1] == w1[0] && copy[2] == w2[0] && at == 0, "%s wrote", #kernel);  \
        network();                                                                                       \
    } while (0)

static void test_refusals(void) {
    hk_error err;
    int64_t at = 0, index[2] = {0, 1};
    hk_stats stats = {0};
    double state[HIDDEN], lambda[HIDDEN], total, mean;
    unsigned char dead[HIDDEN];
    hk_balance_report report;
    CHECK(hk_init(NULL, &at, &err) == HK_E_VALUE && hk_predict(NULL, &at, NULL) == HK_E_VALUE, "null args");
    CHECK(hk_train(NULL, &at, &err) == HK_E_VALUE && hk_gradients(NULL, &at, &err) == HK_E_VALUE, "null args");
    CHECK(hk_balance(NULL, &at, &err) == HK_E_VALUE && hk_deficit(NULL, &at, &err) == HK_E_VALUE, "null args");
    CHECK(hk_permutation(NULL, &at, &err) == HK_E_VALUE && hk_learn(NULL, &at, &err) == HK_E_VALUE, "null args");
    hk_init_args some = {.network = network(), .seed = 7};
    CHECK(hk_init(&some, NULL, &err) == HK_E_VALUE, "null at");
#define INIT ((hk_init_args){.network = network(), .seed = 7})
    REFUSED(init, INIT, a.network.layers = 0, HK_E_VALUE);
    REFUSED(init, INIT, a.network.layers = -1, HK_E_VALUE);
    REFUSED(init, INIT, a.network.weights = NULL, HK_E_VALUE);
    REFUSED(init, INIT, a.network.hidden = 99, HK_E_VALUE);
    REFUSED(init, INIT, a.network.slope = NAN, HK_E_VALUE);
    REFUSED(init, INIT, weights[1].dtype = HK_FLOAT32, HK_E_TYPE);
    REFUSED(init, INIT, weights[1].data = NULL, HK_E_VALUE);
    REFUSED(init, INIT, weights[1].cols = 5, HK_E_VALUE);
    REFUSED(init, INIT, weights[1].stride = 5, HK_E_VALUE);
    REFUSED(init, INIT, weights[1].data = w0, HK_E_VALUE);
    REFUSED(init, INIT, weights[1].flags = HK_READONLY, HK_E_VALUE);
    REFUSED(init, INIT, biases[1].cols = 3, HK_E_VALUE);
    REFUSED(init, INIT, biases[1].data = b0, HK_E_VALUE);
#define PREDICT ((hk_predict_args){.network = network(), .x = X(), .out = Y()})
    REFUSED(predict, PREDICT, a.x.cols = 3, HK_E_VALUE);
    REFUSED(predict, PREDICT, a.x.dtype = HK_FLOAT32, HK_E_TYPE);
    REFUSED(predict, PREDICT, a.x.dtype = HK_ABSENT, HK_E_TYPE);
    REFUSED(predict, PREDICT, a.out.rows = 3, HK_E_VALUE);
    REFUSED(predict, PREDICT, a.out.data = x, HK_E_VALUE);
    REFUSED(predict, PREDICT, a.out.data = w1, HK_E_VALUE);
#define TRAIN                                                                                                         \
    ((hk_train_args){.network = network(), .x = X(), .target = T(), .index = index, .count = 2, .batch = 2, .lr = 0.1, \
                     .stats = &stats})
    REFUSED(train, TRAIN, a.batch = 0, HK_E_VALUE);
    REFUSED(train, TRAIN, a.count = -1, HK_E_VALUE);
    REFUSED(train, TRAIN, a.index = NULL, HK_E_VALUE);
    REFUSED(train, TRAIN, a.stats = NULL, HK_E_VALUE);
    REFUSED(train, TRAIN, a.loss = 2, HK_E_VALUE);
    REFUSED(train, TRAIN, a.lr = -1, HK_E_VALUE);
    REFUSED(train, TRAIN, a.lr = NAN, HK_E_VALUE);
    REFUSED(train, TRAIN, a.x.data = w1, HK_E_VALUE);
    index[1] = SAMPLES;
    REFUSED(train, TRAIN, (void)a, HK_E_VALUE);
    index[1] = -1;
    REFUSED(train, TRAIN, (a.batch = 1), HK_E_VALUE);
    index[1] = 1;
    hk_gain_training gain = {.sigma = NULL, .alpha = 0.5};
    REFUSED(train, TRAIN, a.gain = &gain, HK_E_VALUE);
#define GRADIENTS                                                                                             \
    ((hk_gradients_args){.network = network(), .x = X(), .target = T(), .dweights = weights, .dbiases = biases, \
                         .mean_loss = &mean})
    REFUSED(gradients, GRADIENTS, (void)a, HK_E_VALUE); /* the weights themselves */
    REFUSED(gradients, GRADIENTS, a.dweights = NULL, HK_E_VALUE);
    REFUSED(gradients, GRADIENTS, a.mean_loss = NULL, HK_E_VALUE);
#define BALANCE \
    ((hk_balance_args){.network = network(), .p = 2, .log_scale = state, .lambda = lambda, .dead = dead, .report = &report})
    REFUSED(balance, BALANCE, a.p = 0, HK_E_VALUE);
    REFUSED(balance, BALANCE, a.p = INFINITY, HK_E_VALUE);
    REFUSED(balance, BALANCE, a.tol = -1, HK_E_VALUE);
    REFUSED(balance, BALANCE, a.max_sweeps = -1, HK_E_VALUE);
    REFUSED(balance, BALANCE, a.report = NULL, HK_E_VALUE);
    REFUSED(balance, BALANCE, a.log_scale = NULL, HK_E_VALUE);
    REFUSED(balance, BALANCE, a.lambda = NULL, HK_E_VALUE);
    REFUSED(balance, BALANCE, a.dead = NULL, HK_E_VALUE);
    REFUSED(balance, BALANCE, a.network.hidden = HK_TANH, HK_E_VALUE);
    int64_t order[2] = {1, 1};
    REFUSED(balance, BALANCE, a.order = order, HK_E_VALUE);
    w1[3] = NAN;
    REFUSED(balance, BALANCE, (void)a, HK_E_VALUE);
#define DEFICIT ((hk_deficit_args){.network = network(), .p = 2, .deficit = state, .total = &total})
    REFUSED(deficit, DEFICIT, (void)a, HK_E_VALUE);
    w1[3] = 0;
    REFUSED(deficit, DEFICIT, a.total = NULL, HK_E_VALUE);
    REFUSED(deficit, DEFICIT, a.p = NAN, HK_E_VALUE);
    hk_permutation_args bad = {.index = NULL, .count = 3};
    at = 0;
    CHECK(hk_permutation(&bad, &at, &err) == HK_E_VALUE, "%s", err.message);
    bad = (hk_permutation_args){.index = index, .count = 2, .epoch = -1};
    CHECK(hk_permutation(&bad, &at, &err) == HK_E_VALUE, "%s", err.message);
}

int main(void) {
    test_training();
    test_balance();
    test_learn();
    test_refusals();
    return finish();
}
