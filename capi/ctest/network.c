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

/* The same network as units and blocks: units 0 ... A-1 are the first hidden layer. */
static int64_t unit[HIDDEN];
static hk_balance_block block[2 * LAYERS];
static double state[4096], lambda[HIDDEN], deficits[HIDDEN];
static unsigned char status_of[HIDDEN];
static hk_balance_report balanced;

static hk_balance_graph_args graph(void) {
    static const double one = 1, two = 2;
    network();
    for (int i = 0; i < HIDDEN; i++) unit[i] = i;
    const int64_t *into[LAYERS + 1] = {NULL, unit, unit + A, NULL};
    for (int l = 0; l < LAYERS; l++) {
        block[l] = (hk_balance_block){.w = weights[l], .rows = into[l + 1], .cols = into[l], .alpha = 1, .power = 1};
        block[LAYERS + l] = (hk_balance_block){.w = biases[l], .cols = into[l + 1], .transposed = 1, .power = 1};
    }
    return (hk_balance_graph_args){.units = HIDDEN, .blocks = 2 * LAYERS, .block = block, .parts = 1, .weight = &one, .p = &two,
                                   .state = state, .lambda = lambda, .deficit = deficits, .status = status_of, .report = &balanced};
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

/* A minibatch in blocks through every option; the same bits again; nothing changes before its last block. */
static void test_options(void) {
    enum { MANY = 600, PARAMETERS = A * IN + B * A + OUT * B };
    static double many[MANY * IN], labels[MANY * OUT], memory[2][3][PARAMETERS + A + B + OUT], first[PARAMETERS];
    int64_t index[MANY];
    for (int i = 0; i < MANY; i++) {
        index[i] = MANY - 1 - i;
        for (int j = 0; j < IN; j++) many[i * IN + j] = (double)((i * 7 + j * 3) % 11) / 5 - 1;
        labels[i * OUT + (i % OUT)] = 1;
    }
    for (int round = 0; round < 2; round++) {
        int status;
        double b1[OUT * A], b2[OUT * B], y1[A] = {0}, y2[B] = {0};
        hk_array b[] = {hk_matrix(b1, OUT, A, A, HK_FLOAT64), hk_matrix(b2, OUT, B, B, HK_FLOAT64)};
        hk_array previous[] = {hk_vector(y1, A, HK_FLOAT64), hk_vector(y2, B, HK_FLOAT64)};
        int64_t started = 0, updates = 0;
        hk_feedback feedback = {.kind = HK_FA_EX, .b = b, .previous = previous, .started = &started};
        uint64_t rng[4], none[4] = {0};
        hk_init_args init = {.network = network(), .seed = 7, .feedback = &feedback, .beta = 0.25, .excitatory = 0.5, .rng = rng};
        RUN(status, init, init);
        int plus = 0;
        for (int i = 0; i < OUT * A; i++) {
            CHECK(fabs(b1[i]) == 0.25, "%g", b1[i]);
            plus += b1[i] > 0;
        }
        CHECK(plus > 0 && plus < OUT * A, "%d of %d are positive", plus, OUT * A);
        double more[OUT * 40], left[OUT * B]; /* 40 units more, whose weights are drawn by the same generator */
        hk_draw_feedback_args draw = {.out = hk_matrix(more, OUT, 40, 40, HK_FLOAT64), .rng = rng, .kind = HK_FA_EX, .beta = 0.25,
                                      .excitatory = 0.5, .rows = OUT, .cols = A + 40};
        memcpy(left, b2, sizeof b2);
        RUN(status, draw_feedback, draw);
        plus = 0;
        for (int i = 0; i < OUT * 40; i++) {
            CHECK(fabs(more[i]) == 0.25, "%g", more[i]);
            plus += more[i] > 0;
        }
        CHECK(plus > 0 && plus < OUT * 40 && !memcmp(left, b2, sizeof b2), "%d of %d are positive", plus, OUT * 40);
        draw.rng = none;
        CHECK(hk_draw_feedback(&draw, &(int64_t){0}, NULL) == HK_E_VALUE, "a generator that is all 0");
        draw.rng = rng, draw.kind = HK_BP;
        CHECK(hk_draw_feedback(&draw, &(int64_t){0}, NULL) == HK_E_VALUE, "feedback without weights");
        hk_array lists[3][2][LAYERS]; /* gradient and moments: weights, biases */
        for (int l = 0; l < 3; l++) {
            double *at = memory[round][l];
            memset(at, 0, sizeof memory[round][l]);
            const int sizes[] = {IN, A, B, OUT};
            for (int k = 0; k < LAYERS; k++) {
                lists[l][0][k] = hk_matrix(at, sizes[k + 1], sizes[k], sizes[k], HK_FLOAT64), at += sizes[k + 1] * sizes[k];
                lists[l][1][k] = hk_vector(at, sizes[k + 1], HK_FLOAT64), at += sizes[k + 1];
            }
        }
        hk_optimizer adam = {.kind = HK_ADAM, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .first_weights = lists[1][0],
                             .first_biases = lists[1][1], .second_weights = lists[2][0], .second_biases = lists[2][1]};
        const double dropout[] = {0.1, 0.5, 0};
        const hk_activation activations[] = {{HK_TANH, 0, 0}, {HK_LEAKY_RELU, 0.2, 0}, {HK_IDENTITY, 0, 0}};
        hk_stats stats = {0};
        hk_train_args train = {.network = network(), .x = hk_matrix(many, MANY, IN, IN, HK_FLOAT64),
                               .target = hk_matrix(labels, MANY, OUT, OUT, HK_FLOAT64), .index = index, .count = MANY, .batch = MANY,
                               .loss = HK_SIGMOID_ENTROPY, .lr = 0.01, .stats = &stats, .sum = 1, .feedback = &feedback,
                               .optimizer = &adam, .decay = 0.1, .decay_p = 1.5, .dropout = dropout, .seed = 3, .updates = &updates,
                               .dweights = lists[0][0], .dbiases = lists[0][1]};
        train.network.activations = activations;
        double before = w1[0];
        RUN(status, train, train);
        CHECK(stats.samples == MANY && updates == 1 && w1[0] != before, "%lld samples", (long long)stats.samples);
        hk_stats seen = {0};
        hk_evaluate_args evaluate = {.network = train.network, .x = train.x, .target = train.target, .loss = train.loss, .stats = &seen};
        RUN(status, evaluate, evaluate);
        CHECK(seen.samples == MANY && isfinite(seen.loss) && seen.loss > 0, "%g", seen.loss);
        if (!round) memcpy(first, w1, sizeof w1);
        CHECK(!memcmp(first, w1, sizeof w1), "the same bits again");
        feedback.kind = HK_BP, feedback.gate = HK_GATE_DIFFERENTIAL;
        train.dropout = NULL, train.optimizer = NULL, train.batch = 5, train.count = 10, train.sum = 0;
        RUN(status, train, train);
        CHECK(started == 1 && (y1[0] != 0 || y1[1] != 0) && updates == 3, "%lld updates", (long long)updates);
    }
    CHECK(!memcmp(memory[0], memory[1], sizeof memory[0]), "the moments, again");
}

/* g'(w) = 1 + 3 w^2, and a call that is ended by the third. */
static int powers(void *context, const double *w, double *slope, int64_t n) {
    for (int64_t k = 0; k < n; k++) slope[k] = 1 + 3 * w[k] * w[k];
    return --*(int *)context == 0;
}

static void test_balance_by_derivative(void) {
    int status, left = 3;
    double kept0[A * IN], kept1[B * A], kept2[OUT * B], first[A * IN];
    const double weight[2] = {1, 1}, p[2] = {1, 3};
    w0[3] *= 3;
    memcpy(kept0, w0, sizeof w0), memcpy(kept1, w1, sizeof w1), memcpy(kept2, w2, sizeof w2);
    hk_balance_graph_args args = graph();
    args.weight = args.p = NULL, args.method = HK_SWEEPS, args.derivative = powers, args.context = &left, args.tol = 1e-13;
    hk_balance_graph_args mixed = graph();
    mixed.weight = weight, mixed.p = p, mixed.parts = 2, mixed.tol = 1e-13;
    hk_error err;
    int64_t at = 0;
    while ((status = hk_balance_graph(&args, &at, &err)) == HK_MORE) {}
    CHECK(status == HK_E_VALUE && strstr(err.message, "derivative has ended the call"), "%d, %s", status, err.message);
    CHECK(!memcmp(kept0, w0, sizeof w0), "ended by the caller");
    RUN(status, balance_graph, args);
    CHECK(balanced.reason == HK_CONVERGED && isnan(balanced.cost_after), "%g", balanced.cost_after);
    memcpy(first, w0, sizeof w0);
    CHECK(memcmp(kept0, w0, sizeof w0), "balanced before");
    memcpy(w0, kept0, sizeof w0), memcpy(w1, kept1, sizeof w1), memcpy(w2, kept2, sizeof w2);
    RUN(status, balance_graph, mixed);
    for (int i = 0; i < A * IN; i++) CHECK(fabs(first[i] - w0[i]) <= 1e-10 * fabs(w0[i]), "%g, %g", first[i], w0[i]);
}

/* The middle layer as sparse weights, all of them. */
static int64_t column[B * A], start[B + 1];

static hk_balance_graph_args sparse_graph(void) {
    hk_balance_graph_args args = graph();
    for (int i = 0; i <= B; i++) start[i] = i * A;
    for (int k = 0; k < B * A; k++) column[k] = k % A;
    block[1].w = hk_vector(w1, B * A, HK_FLOAT64);
    block[1].indices = hk_vector(column, B * A, HK_INT64);
    block[1].indptr = hk_vector(start, B + 1, HK_INT64);
    block[1].width = A;
    return args;
}

static void test_balance_sparse(void) {
    int status;
    double kept0[A * IN], kept1[B * A], kept2[OUT * B], first[B * A];
    w1[5] *= 5;
    memcpy(kept0, w0, sizeof w0), memcpy(kept1, w1, sizeof w1), memcpy(kept2, w2, sizeof w2);
    hk_balance_graph_args args = graph();
    args.tol = 1e-13;
    RUN(status, balance_graph, args);
    memcpy(first, w1, sizeof w1);
    memcpy(w0, kept0, sizeof w0), memcpy(w1, kept1, sizeof w1), memcpy(w2, kept2, sizeof w2);
    args = sparse_graph();
    args.tol = 1e-13;
    RUN(status, balance_graph, args);
    for (int k = 0; k < B * A; k++) CHECK(fabs(w1[k] - first[k]) <= 1e-11 * fabs(first[k]), "%g, %g", w1[k], first[k]);
    CHECK(memcmp(kept1, w1, sizeof w1), "balanced before");
}

static void test_balance(void) {
    int status;
    double before[SAMPLES * OUT], direct[HIDDEN], total;
    hk_predict_args predict = {.network = network(), .x = X(), .out = Y()};
    RUN(status, predict, predict);
    memcpy(before, y, sizeof y);
    CHECK(hk_balance_state(HIDDEN, 2 * LAYERS, 1) > HIDDEN && hk_balance_state(HIDDEN, 2 * LAYERS, 1) <= 4096, "length of the state");
    CHECK(hk_balance_state(-1, 1, 1) == -1 && hk_balance_state(1, 1, 0) == -1, "no length");
    hk_balance_graph_args args = graph();
    hk_deficit_args deficit = {.network = network(), .p = 2, .deficit = direct, .total = &total};
    RUN(status, deficit, deficit);
    CHECK(total > 0, "%g", total);
    args.measure = 1;
    double first = w0[0];
    RUN(status, balance_graph, args);
    CHECK(w0[0] == first && fabs(balanced.deficit_before - total) <= 1e-9 * total, "measured");
    for (int i = 0; i < HIDDEN; i++) CHECK(fabs(deficits[i] - direct[i]) <= 1e-9 * (1 + fabs(direct[i])), "deficit %d", i);
    args.measure = 0;
    RUN(status, balance_graph, args);
    CHECK(balanced.reason == HK_CONVERGED && fabs(balanced.deficit_before - total) <= 1e-9 * total, "%g, %g", balanced.deficit_before, total);
    CHECK(balanced.cost_after < balanced.cost_before && balanced.residual <= 1e-9, "residual %g", balanced.residual);
    CHECK(status_of[0] == HK_UNIT_FREE && lambda[0] > 0, "%g", lambda[0]);
    RUN(status, deficit, deficit);
    CHECK(total < 1e-12, "%g", total);
    RUN(status, predict, predict);
    for (int i = 0; i < SAMPLES * OUT; i++) CHECK(fabs(y[i] - before[i]) <= 1e-12 * (1 + fabs(y[i])), "output %d", i);
}

/* One weight and two samples of the rules with arrays of their own: 1/2 and powers of it, so that all is exact. */
static void test_rules(void) {
    double w, x[2] = {1, 2}, y[2] = {4, 8}, theta = 2, pre, post, e = 0, r = 0, m[2] = {0, 1}, found[2];
    int status;
    hk_learn_args args = {.w = hk_matrix(&w, 1, 1, 1, HK_FLOAT64), .x = hk_matrix(x, 2, 1, 1, HK_FLOAT64),
                          .y = hk_matrix(y, 2, 1, 1, HK_FLOAT64), .gate = hk_scalar(&theta, HK_FLOAT64), .pre = hk_vector(&pre, 1, HK_FLOAT64),
                          .post = hk_vector(&post, 1, HK_FLOAT64), .lr = 0.5, .alpha = 0.5, .power = 2, .c0 = 2, .a = 1, .b = 2, .c = 4,
                          .d = 8, .q = 2, .k = 2, .differentiate = 1};
#define RULE(code, start, past, want)                                                  \
    do {                                                                               \
        args.rule = code, w = start, pre = post = past;                                \
        RUN(status, learn, args);                                                      \
        CHECK(w == (want), "%s: %g, not %g", #code, w, (double)(want));                  \
    } while (0)
    RULE(HK_OUTSTAR, 4, 0, 8);      /* 4; then 1/2 * 2 * (8 - 4) */
    RULE(HK_PREGATED, 0, 0, 7);     /* 1/2 * 1 * 2 + 1/2 * 2 * 6 */
    RULE(HK_POSTGATED, 0, 0, -2);   /* 1/2 * 4 * -1 */
    RULE(HK_COVARIANCE, 0, 0, 6.5); /* 1/2 * 4 * 1; then 1/2 * (8 - 2) * (2 - 1/2) */
    CHECK(pre == 1.25 && post == 5, "averages %g %g", pre, post);
    RULE(HK_BCM, 0, 2, 0.5 * 4 * 2 - 0.5 * 8 * 2); /* the threshold moves from 2 to 9 */
    CHECK(post == 36.5, "threshold %g", post);
    args.form = HK_BCM_LAW;
    RULE(HK_BCM, 0, 2, 0.5 * 4 * (4 - 2) / 2 + 0.5 * 8 * (8 - 9) / 9. * 2);
    args.form = HK_BCM_1982;
    RULE(HK_BCM, 0, 2, 0.5 * 4 * (4 - 2) + 0.5 * 8 * (8 - 2.25 * 3) * 2); /* the average moves from 2 to 3 */
    CHECK(post == 5.5, "average %g", post);
    RULE(HK_DIFFERENTIAL, 0, NAN, 2); /* 1/2 * 4 * 1 */
    CHECK(pre == 2 && post == 8, "activities %g %g", pre, post);
    args.differentiate = 0;
    RULE(HK_DIFFERENTIAL, 0, NAN, 4);
    RULE(HK_ANTIHEBBIAN, 0, 0, -10);
    RULE(HK_ABCD, 0, 0, 0.5 * (4 + 2 + 16 + 8) + 0.5 * (16 + 4 + 32 + 8));
    RULE(HK_VOJA, 0, 0, 4); /* 1/2 * 4 * 2; then 1/2 * 8 * (4 - 4) */
    RULE(HK_PES, 0, 0, -10);

    double units[2] = {1, 0.5};
    hk_learn_args krotov = {.w = hk_matrix(units, 2, 1, 1, HK_FLOAT64), .x = hk_vector(x, 1, HK_FLOAT64), .y = hk_vector(found, 2, HK_FLOAT64),
                            .rule = HK_KROTOV_HOPFIELD, .lr = 0.25, .compute = 1, .q = 2, .k = 2, .delta = 0.5};
    RUN(status, learn, krotov); /* winner: 1 - 1 * 1 = 0; second: -1/2 (1 - 1/2 * 1/2), scaled to 1/4 */
    CHECK(units[0] == 1 && units[1] == 0.25 && found[0] == 1 && found[1] == -0.5, "%g %g, y %g %g", units[0], units[1], found[0], found[1]);

    double gs[2] = {0.5, 2}, decays[2] = {0.25, 0.5}, limit = 12;
    hk_given_args given = {.w = args.w, .x = args.x, .g = hk_matrix(gs, 2, 1, 1, HK_FLOAT64), .decay = hk_matrix(decays, 2, 1, 1, HK_FLOAT64),
                           .row_add = hk_matrix(gs, 2, 1, 1, HK_FLOAT64), .high = hk_scalar(&limit, HK_FLOAT64)};
    w = 4;
    RUN(status, given, given); /* 4 * 3/4 + x_0 / 2 + 1/2, then half of it + 2 x_1 + 2 */
    double first = 3 + 0.5 * x[0] + 0.5, second = first / 2 + 2 * x[1] + 2;
    CHECK(w == (second < 12 ? second : 12), "%g, not %g", w, second);

    double xf[2] = {1, 1}, yf[2] = {2, 2};
    hk_contrastive_args contrastive = {.w = args.w, .x = args.x, .y = args.y, .x_free = hk_matrix(xf, 2, 1, 1, HK_FLOAT64),
                                       .y_free = hk_matrix(yf, 2, 1, 1, HK_FLOAT64), .lr = 0.5};
    w = 0;
    RUN(status, contrastive, contrastive);
    CHECK(w == 0.5 * (4 - 2) + 0.5 * (16 - 2), "%g", w);

    hk_three_factor_args traces = {.w = args.w, .x = args.x, .y = args.y, .modulator = hk_vector(m, 2, HK_FLOAT64),
                                   .e = hk_matrix(&e, 1, 1, 1, HK_FLOAT64), .r = hk_matrix(&r, 1, 1, 1, HK_FLOAT64), .lr = 0.5, .tau_e = 4,
                                   .tau_rise = 2, .dt = 2};
    w = 0;
    RUN(status, three_factor, traces);
    CHECK(fabs(e - (4 * exp(-0.5) + 16)) < 1e-13 && fabs(r - (4 * exp(-1.0) + 16)) < 1e-13 && fabs(w - (e - r)) < 1e-13, "%g %g %g", e, r, w);

    double feedforward[2] = {1, 1}, lateral[4] = {0, -0.25, 0, 0}, threshold[2] = {0, 4};
    hk_foldiak_args foldiak = {.w = hk_matrix(feedforward, 2, 1, 1, HK_FLOAT64), .x = hk_vector(x, 1, HK_FLOAT64),
                               .y = hk_vector(found, 2, HK_FLOAT64), .lateral = hk_matrix(lateral, 2, 2, 2, HK_FLOAT64),
                               .threshold = hk_vector(threshold, 2, HK_FLOAT64), .lr = 0.5, .lateral_lr = 0.5, .threshold_lr = 1, .p = 0.5,
                               .compute = 1, .slope = 10, .steps = 50, .step = 0.25};
    x[0] = 3;
    RUN(status, foldiak, foldiak); /* the first unit answers */
    CHECK(found[0] == 1 && found[1] == 0 && feedforward[0] == 2 && feedforward[1] == 1, "%g %g", found[0], feedforward[0]);
    CHECK(lateral[1] == -0.125 && lateral[2] == 0 && threshold[0] == 0.5 && threshold[1] == 3.5, "%g %g", lateral[1], threshold[0]);
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
    test_rules();

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
    double total, mean;
    CHECK(hk_init(NULL, &at, &err) == HK_E_VALUE && hk_predict(NULL, &at, NULL) == HK_E_VALUE, "null args");
    CHECK(hk_train(NULL, &at, &err) == HK_E_VALUE && hk_gradients(NULL, &at, &err) == HK_E_VALUE, "null args");
    CHECK(hk_balance_graph(NULL, &at, &err) == HK_E_VALUE && hk_deficit(NULL, &at, &err) == HK_E_VALUE, "null args");
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
    REFUSED(train, TRAIN, a.loss = 4, HK_E_VALUE);
    REFUSED(train, TRAIN, a.lr = -1, HK_E_VALUE);
    REFUSED(train, TRAIN, a.lr = NAN, HK_E_VALUE);
    REFUSED(train, TRAIN, a.x.data = w1, HK_E_VALUE);
    index[1] = SAMPLES;
    REFUSED(train, TRAIN, (void)a, HK_E_VALUE);
    index[1] = -1;
    REFUSED(train, TRAIN, (a.batch = 1), HK_E_VALUE);
    index[1] = 1;
    hk_feedback feedback = {.kind = HK_FA};
    REFUSED(train, TRAIN, a.feedback = &feedback, HK_E_VALUE);
    REFUSED(init, INIT, a.feedback = &feedback, HK_E_VALUE);
    feedback.b = weights; /* of other shapes */
    REFUSED(train, TRAIN, a.feedback = &feedback, HK_E_VALUE);
    feedback.kind = 9;
    REFUSED(train, TRAIN, a.feedback = &feedback, HK_E_VALUE);
    feedback.kind = HK_BP, feedback.gate = HK_GATE_DIFFERENTIAL;
    REFUSED(train, TRAIN, a.feedback = &feedback, HK_E_VALUE);
    hk_optimizer optimizer = {.kind = HK_MOMENTUM, .momentum = 0.9};
    REFUSED(train, TRAIN, a.optimizer = &optimizer, HK_E_VALUE);
    optimizer.first_weights = weights, optimizer.first_biases = biases;
    REFUSED(train, TRAIN, a.optimizer = &optimizer, HK_E_VALUE); /* no dweights */
    REFUSED(train, TRAIN, (a.optimizer = &optimizer, a.dweights = weights, a.dbiases = biases), HK_E_VALUE); /* the weights themselves */
    optimizer.kind = 5;
    REFUSED(train, TRAIN, a.optimizer = &optimizer, HK_E_VALUE);
    REFUSED(train, TRAIN, a.batch = 33, HK_E_VALUE); /* no dweights */
    REFUSED(train, TRAIN, a.decay = -1, HK_E_VALUE);
    REFUSED(train, TRAIN, (a.decay = 1, a.decay_p = INFINITY), HK_E_VALUE);
    const double all[] = {0, 1, 0};
    int64_t updates = 0;
    REFUSED(train, TRAIN, a.dropout = all, HK_E_VALUE);
    REFUSED(train, TRAIN, (a.dropout = all, a.updates = &updates), HK_E_VALUE);
    const hk_activation activations[] = {{HK_RELU, 0, 0}, {HK_LEAKY_RELU, NAN, 0}, {HK_IDENTITY, 0, 0}};
    REFUSED(train, TRAIN, a.network.activations = activations, HK_E_VALUE);
#define EVALUATE ((hk_evaluate_args){.network = network(), .x = X(), .target = T(), .stats = &stats})
    REFUSED(evaluate, EVALUATE, a.stats = NULL, HK_E_VALUE);
    REFUSED(evaluate, EVALUATE, a.loss = -1, HK_E_VALUE);
    REFUSED(evaluate, EVALUATE, a.x.cols = 3, HK_E_VALUE);
    hk_gain_training gain = {.sigma = NULL, .alpha = 0.5};
    REFUSED(train, TRAIN, a.gain = &gain, HK_E_VALUE);
#define GRADIENTS                                                                                             \
    ((hk_gradients_args){.network = network(), .x = X(), .target = T(), .dweights = weights, .dbiases = biases, \
                         .mean_loss = &mean})
    REFUSED(gradients, GRADIENTS, (void)a, HK_E_VALUE); /* the weights themselves */
    REFUSED(gradients, GRADIENTS, a.dweights = NULL, HK_E_VALUE);
    REFUSED(gradients, GRADIENTS, a.mean_loss = NULL, HK_E_VALUE);
    const double zero = 0, minus = -1;
    const int64_t order[2] = {1, 1};
    REFUSED(balance_graph, graph(), a.p = &zero, HK_E_VALUE);
    REFUSED(balance_graph, graph(), (a.weight = &minus), HK_E_VALUE);
    REFUSED(balance_graph, graph(), a.parts = 0, HK_E_VALUE);
    REFUSED(balance_graph, graph(), a.derivative = powers, HK_E_VALUE);
    REFUSED(balance_graph, graph(), (a.derivative = powers, a.weight = a.p = NULL), HK_E_VALUE); /* the method */
    REFUSED(balance_graph, graph(), a.tol = -1, HK_E_VALUE);
    REFUSED(balance_graph, graph(), a.max_sweeps = -1, HK_E_VALUE);
    REFUSED(balance_graph, graph(), a.method = 4, HK_E_VALUE);
    REFUSED(balance_graph, graph(), a.units = -1, HK_E_VALUE);
    REFUSED(balance_graph, graph(), a.blocks = 0, HK_E_VALUE);
    REFUSED(balance_graph, graph(), a.block = NULL, HK_E_VALUE);
    REFUSED(balance_graph, graph(), a.p = NULL, HK_E_VALUE);
    REFUSED(balance_graph, graph(), a.report = NULL, HK_E_VALUE);
    REFUSED(balance_graph, graph(), a.state = NULL, HK_E_VALUE);
    REFUSED(balance_graph, graph(), a.lambda = NULL, HK_E_VALUE);
    REFUSED(balance_graph, graph(), a.deficit = NULL, HK_E_VALUE);
    REFUSED(balance_graph, graph(), a.status = NULL, HK_E_VALUE);
    REFUSED(balance_graph, graph(), (a.order = order, a.groups = 2), HK_E_VALUE);
    REFUSED(balance_graph, graph(), unit[3] = HIDDEN, HK_E_VALUE);
    REFUSED(balance_graph, graph(), block[1].alpha = -1, HK_E_VALUE);
    REFUSED(balance_graph, graph(), block[1].w.dtype = HK_FLOAT32, HK_E_TYPE);
    REFUSED(balance_graph, graph(), block[1].w.flags = HK_READONLY, HK_E_VALUE);
    REFUSED(balance_graph, graph(), block[1].alphas = hk_vector(b0, A, HK_FLOAT64), HK_E_VALUE);
    REFUSED(balance_graph, graph(), block[3].w.data = w0 + 1, HK_E_VALUE);
    REFUSED(balance_graph, sparse_graph(), block[1].indptr.dtype = HK_ABSENT, HK_E_TYPE);
    REFUSED(balance_graph, sparse_graph(), block[1].indices.dtype = HK_FLOAT64, HK_E_TYPE);
    REFUSED(balance_graph, sparse_graph(), block[1].indices.dtype = HK_INT32, HK_E_TYPE);
    REFUSED(balance_graph, sparse_graph(), block[1].indptr.cols--, HK_E_VALUE);
    REFUSED(balance_graph, sparse_graph(), block[1].indptr.cols = 0, HK_E_VALUE);
    REFUSED(balance_graph, sparse_graph(), block[1].indices.cols--, HK_E_VALUE);
    REFUSED(balance_graph, sparse_graph(), block[1].indices.data = NULL, HK_E_VALUE);
    REFUSED(balance_graph, sparse_graph(), block[1].width = A - 1, HK_E_VALUE);
    REFUSED(balance_graph, sparse_graph(), block[1].width = -1, HK_E_VALUE);
    REFUSED(balance_graph, sparse_graph(), column[1] = 0, HK_E_VALUE);
    REFUSED(balance_graph, sparse_graph(), start[2] = 0, HK_E_VALUE);
    w1[3] = NAN;
    REFUSED(balance_graph, graph(), (void)a, HK_E_VALUE);
    REFUSED(balance_graph, sparse_graph(), (void)a, HK_E_VALUE);
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

/* A ring of three units and one that is off every cycle. */
static void test_recurrent(void) {
    enum { N = 4, STEPS = 5 };
    int status;
    double j[N * N] = {[0 * N + 1] = 4, [1 * N + 2] = 1, [2 * N + 0] = 0.5, [3 * N + 0] = 7, [1 * N + 1] = 0.1};
    double w_in[N] = {1, 1, 1, 1}, bias[N] = {0.5, 0, 0, 0}, w_out[N] = {1, 2, 3, 4};
    hk_recurrent net = {hk_matrix(j, N, N, N, HK_FLOAT64), hk_matrix(w_in, N, 1, 1, HK_FLOAT64), hk_vector(bias, N, HK_FLOAT64),
                        hk_matrix(w_out, 1, N, N, HK_FLOAT64)};
    double u[STEPS], noise[STEPS * N], out[2][STEPS], slopes[2 * N] = {0};
    uint64_t generator[4];
    hk_normal_args normal = {.out = hk_vector(noise, STEPS * N, HK_FLOAT64), .std = 0, .seed = 1, .generator = generator};
    RUN(status, normal, normal);
    CHECK(noise[0] == 0, "%g", noise[0]);
    normal.out = hk_vector(u, STEPS, HK_FLOAT64);
    normal.std = 1;
    RUN(status, normal, normal);
    CHECK(u[0] != u[1], "%g", u[0]);
    hk_synaptic_report report;
    double state[HK_SYNAPTIC_STATE(N)], h[N];
    unsigned char held[N];
    for (int k = 0; k < 2; k++) {
        double x[N] = {0};
        hk_rnn_args rnn = {.network = net, .activation = HK_RELU, .rate = 0.5, .steps = STEPS, .x = hk_matrix(x, 1, N, N, HK_FLOAT64),
                           .u = hk_matrix(u, STEPS, 1, 1, HK_FLOAT64), .noise = hk_matrix(noise, STEPS, N, N, HK_FLOAT64),
                           .out = hk_matrix(out[k], STEPS, 1, 1, HK_FLOAT64), .slopes = slopes};
        RUN(status, rnn, rnn);
        hk_synaptic_balance_args balance = {.network = net, .p = 2, .state = state, .h = h, .held = held, .report = &report};
        if (!k) RUN(status, synaptic_balance, balance);
    }
    CHECK(slopes[0] > 0 && slopes[0] == slopes[N], "%g", slopes[0]);
    CHECK(report.reason == HK_CONVERGED && report.components == 1 && report.off_cycle == 1, "%lld", (long long)report.reason);
    CHECK(held[3] == 1 && !held[0] && h[3] == 0 && fabs(h[0] + h[1] + h[2]) < 1e-12, "%g %g %g", h[0], h[1], h[2]);
    CHECK(fabs(j[0 * N + 1] - j[1 * N + 2]) < 1e-8 && fabs(j[2 * N + 0] - j[1 * N + 2]) < 1e-8, "%g", j[1]);
    CHECK(j[1 * N + 1] == 0.1, "the self-weight is %g", j[1 * N + 1]);
    for (int s = 0; s < STEPS; s++) CHECK(fabs(out[0][s] - out[1][s]) < 1e-12, "%g and %g", out[0][s], out[1][s]);

    hk_error err;
    int64_t at = 0;
    CHECK(hk_synaptic_balance(NULL, &at, &err) == HK_E_VALUE && hk_rnn(NULL, &at, &err) == HK_E_VALUE, "null args");
    CHECK(hk_normal(NULL, &at, &err) == HK_E_VALUE, "null args");
#define SYNAPTIC ((hk_synaptic_balance_args){.network = net, .p = 2, .state = state, .h = h, .held = held, .report = &report})
    REFUSED(synaptic_balance, SYNAPTIC, a.p = 0, HK_E_VALUE);
    REFUSED(synaptic_balance, SYNAPTIC, a.method = 3, HK_E_VALUE);
    REFUSED(synaptic_balance, SYNAPTIC, a.method = HK_EULER, HK_E_VALUE);
    REFUSED(synaptic_balance, SYNAPTIC, a.tol = NAN, HK_E_VALUE);
    REFUSED(synaptic_balance, SYNAPTIC, a.max_steps = -1, HK_E_VALUE);
    REFUSED(synaptic_balance, SYNAPTIC, a.state = NULL, HK_E_VALUE);
    REFUSED(synaptic_balance, SYNAPTIC, a.h = NULL, HK_E_VALUE);
    REFUSED(synaptic_balance, SYNAPTIC, a.held = NULL, HK_E_VALUE);
    REFUSED(synaptic_balance, SYNAPTIC, a.report = NULL, HK_E_VALUE);
    REFUSED(synaptic_balance, SYNAPTIC, a.network.j.dtype = HK_ABSENT, HK_E_TYPE);
    REFUSED(synaptic_balance, SYNAPTIC, a.network.j.cols = 3, HK_E_VALUE);
    REFUSED(synaptic_balance, SYNAPTIC, a.network.j.flags = HK_READONLY, HK_E_VALUE);
    REFUSED(synaptic_balance, SYNAPTIC, a.network.w_in.dtype = HK_FLOAT32, HK_E_TYPE);
    REFUSED(synaptic_balance, SYNAPTIC, a.network.bias.cols = 3, HK_E_VALUE);
    REFUSED(synaptic_balance, SYNAPTIC, a.network.bias.data = j, HK_E_VALUE);
    REFUSED(synaptic_balance, SYNAPTIC, a.network.w_out.ndim = 1, HK_E_VALUE);
    REFUSED(synaptic_balance, SYNAPTIC, a.alpha = hk_vector(w_out, 3, HK_FLOAT64), HK_E_VALUE);
    REFUSED(synaptic_balance, SYNAPTIC, a.alpha = hk_vector(w_out, 4, HK_FLOAT64), HK_E_VALUE); /* written */
    j[1] = NAN;
    REFUSED(synaptic_balance, SYNAPTIC, (void)a, HK_E_VALUE);
    hk_synaptic_balance_args spoilt = SYNAPTIC;
    at = 0;
    CHECK(hk_synaptic_balance(&spoilt, &at, &err) == HK_E_VALUE && strstr(err.message, "row 0, column 1"), "%s", err.message);
    double x[N] = {0};
#define RNN ((hk_rnn_args){.network = net, .rate = 0.5, .steps = STEPS, .x = hk_matrix(x, 1, N, N, HK_FLOAT64)})
    REFUSED(rnn, RNN, a.x.dtype = HK_ABSENT, HK_E_VALUE);
    REFUSED(rnn, RNN, a.x.data = j, HK_E_VALUE);
    REFUSED(rnn, RNN, a.rate = 2, HK_E_VALUE);
    REFUSED(rnn, RNN, a.activation = 99, HK_E_VALUE);
    REFUSED(rnn, RNN, a.steps = -1, HK_E_VALUE);
    REFUSED(rnn, RNN, a.noise = hk_matrix(noise, STEPS - 1, N, N, HK_FLOAT64), HK_E_VALUE);
    hk_rnn_args diverging = RNN; /* of the NaN in j */
    at = 0;
    CHECK(hk_rnn(&diverging, &at, &err) == HK_E_DIVERGED && err.sample == 0 && at == 0, "%s", err.message);
#define NORMAL ((hk_normal_args){.out = hk_vector(u, STEPS, HK_FLOAT64), .std = 1, .generator = generator})
    REFUSED(normal, NORMAL, a.std = -1, HK_E_VALUE);
    REFUSED(normal, NORMAL, a.generator = NULL, HK_E_VALUE);
    REFUSED(normal, NORMAL, a.out.dtype = HK_ABSENT, HK_E_TYPE);
}

int main(void) {
    test_training();
    test_options();
    test_balance();
    test_balance_by_derivative();
    test_balance_sparse();
    test_learn();
    test_refusals();
    test_recurrent();
    return finish();
}
