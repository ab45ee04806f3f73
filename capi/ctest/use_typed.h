/* use_typed.h: the tests of use.c for one element type. */

enum { NAME(OUT) = 3, NAME(IN) = 5, NAME(STRIDE) = 7 };

/* 3 x 5 weights in rows of 7, the gaps filled with a guard that must survive. */
static void NAME(fill)(REAL *w) {
    for (int k = 0; k < NAME(OUT) * NAME(STRIDE); k++) w[k] = -99;
    for (int i = 0; i < NAME(OUT); i++)
        for (int j = 0; j < NAME(IN); j++) w[i * NAME(STRIDE) + j] = (REAL)(i - j);
}

static void NAME(guards)(const REAL *w, const char *kernel) {
    for (int i = 0; i < NAME(OUT); i++)
        for (int j = NAME(IN); j < NAME(STRIDE); j++)
            CHECK(w[i * NAME(STRIDE) + j] == -99, "%s wrote between the rows", kernel);
}

static hk_array NAME(weights)(REAL *w) { return hk_matrix(w, NAME(OUT), NAME(IN), NAME(STRIDE), DTYPE); }

static void NAME(test_updates)(void) {
    REAL w[21], g[3] = {1, 2, 3}, x[5] = {1, 0, -1, 2, 4}, half = (REAL)0.5, low = -2, high = 6;
    unsigned char mask[15];
    int status;
    for (int k = 0; k < 15; k++) mask[k] = k % 2;
    NAME(fill)(w);
    hk_rank1_args r = {.w = NAME(weights)(w), .g = hk_vector(g, 3, DTYPE), .x = hk_vector(x, 5, DTYPE),
                       .decay = hk_scalar(&half, DTYPE), .row_add = hk_vector(g, 3, DTYPE), .low = hk_scalar(&low, DTYPE),
                       .high = hk_scalar(&high, DTYPE), .mask = hk_matrix(mask, 3, 5, 5, HK_BOOL)};
    RUN(status, rank1, r);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 5; j++) {
            REAL want = (REAL)(i - j);
            if (mask[5 * i + j]) want = want * half + g[i] * x[j] + g[i];
            want = want < low ? low : want > high ? high : want;
            CHECK(w[7 * i + j] == want, "rank1 %d %d: %g, %g", i, j, (double)w[7 * i + j], (double)want);
        }
    NAME(guards)(w, "rank1");

    NAME(fill)(w);
    REAL gb[6] = {1, 2, 3, 0, 1, -1}, xb[10] = {1, 2, 3, 4, 5, 1, 1, 1, 1, 1};
    hk_batch_update_args b = {.w = NAME(weights)(w), .g = hk_matrix(gb, 2, 3, 3, DTYPE), .x = hk_matrix(xb, 2, 5, 5, DTYPE),
                              .decay = hk_scalar(&half, DTYPE)};
    RUN(status, batch_update, b);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 5; j++) {
            REAL want = (REAL)(i - j) * half + gb[i] * xb[j] + gb[3 + i] * xb[5 + j];
            CHECK(w[7 * i + j] == want, "batch_update %d %d: %g, %g", i, j, (double)w[7 * i + j], (double)want);
        }
    NAME(guards)(w, "batch_update");

    NAME(fill)(w);
    REAL cols[5] = {1, 2, 4, 8, 16};
    hk_scale_args s = {.w = NAME(weights)(w), .rows = hk_vector(g, 3, DTYPE), .cols = hk_vector(cols, 5, DTYPE)};
    RUN(status, scale, s);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 5; j++) CHECK(w[7 * i + j] == (REAL)(i - j) * g[i] * cols[j], "scale %d %d", i, j);
    NAME(guards)(w, "scale");

    NAME(fill)(w);
    REAL bias[3] = {1, 2, 3};
    hk_gain_rule_args l = {.w = NAME(weights)(w), .post_gain = hk_vector(g, 3, DTYPE), .pre_gain = hk_vector(x, 5, DTYPE),
                           .lr = 0.25, .limit = 8};
    RUN(status, gain_rule, l);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 5; j++) {
            REAL v = (REAL)(i - j), want = v + (REAL)0.25 * (x[j] * x[j] - g[i] * g[i]) * v;
            want = want < -8 ? -8 : want > 8 ? 8 : want;
            CHECK(w[7 * i + j] == want, "gain_rule %d %d: %g, %g", i, j, (double)w[7 * i + j], (double)want);
        }
    NAME(fill)(w);
    l.form = HK_GAIN_EXP, l.limit = 0, l.bias = hk_vector(bias, 3, DTYPE);
    RUN(status, gain_rule, l);
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 5; j++) {
            double want = (i - j) * exp(0.25 * (double)(x[j] * x[j] - g[i] * g[i]));
            CHECK(fabs((double)w[7 * i + j] - want) <= 1e-6 * fabs(want), "gain_rule exp %d %d", i, j);
        }
        double want = (i + 1) * exp(-0.25 * (double)(g[i] * g[i]));
        CHECK(fabs((double)bias[i] - want) <= 1e-6 * want, "gain_rule bias %d: %g, %g", i, (double)bias[i], want);
    }
    NAME(guards)(w, "gain_rule");
}

static void NAME(test_results)(void) {
    REAL w[21], x[10] = {1, 0, -1, 2, 4, 1, 1, 1, 1, 1}, b[3] = {1, -1, 30}, y[6], rows[3], cols[5], v[3] = {1, 2, 4};
    int status;
    NAME(fill)(w);
    hk_forward_args f = {.w = NAME(weights)(w), .x = hk_matrix(x, 2, 5, 5, DTYPE), .b = hk_vector(b, 3, DTYPE),
                         .out = hk_matrix(y, 2, 3, 3, DTYPE), .activation = HK_RELU};
    RUN(status, forward, f);
    for (int n = 0; n < 2; n++)
        for (int i = 0; i < 3; i++) {
            REAL want = b[i];
            for (int j = 0; j < 5; j++) want += (REAL)(i - j) * x[5 * n + j];
            CHECK(y[3 * n + i] == (want > 0 ? want : 0), "forward %d %d", n, i);
        }
    f.x = hk_vector(x, 5, DTYPE), f.out = hk_vector(y, 3, DTYPE), f.activation = HK_LEAKY_RELU, f.slope = 0.5;
    RUN(status, forward, f);
    for (int i = 0; i < 3; i++) {
        REAL want = b[i];
        for (int j = 0; j < 5; j++) want += (REAL)(i - j) * x[j];
        CHECK(y[i] == (want > 0 ? want : want / 2), "forward, leaky ReLU %d", i);
    }

    hk_power_sums_args p = {.w = NAME(weights)(w), .rows = hk_vector(rows, 3, DTYPE), .cols = hk_vector(cols, 5, DTYPE), .p = 2};
    RUN(status, power_sums, p);
    REAL total = 0, by_row = 0, by_col = 0;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 5; j++) total += (REAL)((i - j) * (i - j));
    for (int i = 0; i < 3; i++) by_row += rows[i];
    for (int j = 0; j < 5; j++) by_col += cols[j];
    CHECK(total == by_row && total == by_col && rows[0] == 30 && cols[0] == 5, "power_sums: %g", (double)total);
    p.rows = (hk_array){0}, p.weights = hk_vector(v, 3, DTYPE), p.p = 1;
    RUN(status, power_sums, p);
    CHECK(cols[0] == 10 && cols[1] == 5, "weighted: %g %g", (double)cols[0], (double)cols[1]);
    p = (hk_power_sums_args){.w = NAME(weights)(w), .rows = hk_vector(rows, 3, DTYPE), .p = INFINITY};
    RUN(status, power_sums, p);
    CHECK(rows[0] == 4 && rows[1] == 3 && rows[2] == 2, "maximum norm");
    p.p = 2, p.root = 1;
    RUN(status, power_sums, p);
    CHECK(fabs((double)rows[0] - sqrt(30)) < 1e-6, "root: %g", (double)rows[0]);

    REAL s[3] = {0, 4, 8}, a[6] = {2, 4, 0, 4, 0, 2};
    hk_ema_args e = {.s = hk_vector(s, 3, DTYPE), .a = hk_matrix(a, 2, 3, 3, DTYPE), .alpha = 0.5};
    RUN(status, ema, e);
    CHECK(s[0] == (REAL)1.5 && s[1] == 3 && s[2] == (REAL)4.5, "ema: %g %g %g", (double)s[0], (double)s[1], (double)s[2]);
    e.a = hk_vector(a, 3, DTYPE), e.alpha = 1, e.of = HK_OF_SQUARE;
    RUN(status, ema, e);
    CHECK(s[0] == 4 && s[1] == 16 && s[2] == 0, "ema of squares");

    /* BiPU(2, -3) of -1, 0.5 and 2 is -3, 0.25 and 4 */
    REAL z[6] = {-1, 2, (REAL)0.5, -1, 0, 0}, sigma[2] = {0, 0};
    double values[4] = {0}, sum[2] = {0};
    hk_windowed_gain_args g = {.sigma = hk_vector(sigma, 2, DTYPE), .z = hk_matrix(z, 3, 2, 2, DTYPE),
                               .values = hk_matrix(values, 2, 2, 2, HK_FLOAT64), .sum = hk_vector(sum, 2, HK_FLOAT64),
                               .activation = HK_BIPU, .slope = -3, .shape = 2};
    RUN(status, windowed_gain, g);
    CHECK(sigma[0] == (REAL)0.125 && sigma[1] == (REAL)-1.5 && sum[1] == 0, "windowed: %g %g", (double)sigma[0], (double)sigma[1]);
    g.seen = 3, g.reduction = HK_MEAN, g.gain_of = HK_OF_DERIVATIVE, g.activation = HK_BILU;
    RUN(status, windowed_gain, g);
    CHECK(fabs((double)sigma[0] - 1.0 / 6) < 1e-6 && fabs((double)sigma[1] - 1.0 / 6) < 1e-6, "windowed: %g %g", (double)sigma[0],
          (double)sigma[1]);
}

/* Decays of 1/2, so that traces and weights are exact: exp(-dt/tau) with tau = 1/ln 2. */
static void NAME(test_spikes)(void) {
    REAL w[21], pre_trace[5] = {0}, post_trace[3] = {0}, r2[5] = {0}, o2[3] = {0};
    unsigned char pre[10] = {1, 0, 0, 0, 0, 0, 1, 0, 0, 0}, post[6] = {0, 1, 0, 1, 0, 0};
    REAL numbers[10];
    const double tau = 1.4426950408889634;
    int status;
    for (int k = 0; k < 10; k++) numbers[k] = pre[k];
    for (int as = 0; as < 2; as++) {
        NAME(fill)(w);
        memset(pre_trace, 0, sizeof pre_trace), memset(post_trace, 0, sizeof post_trace);
        hk_stdp_args s = {.w = NAME(weights)(w), .pre = hk_matrix(pre, 2, 5, 5, HK_BOOL), .post = hk_matrix(post, 2, 3, 3, HK_BOOL),
                          .a_pre = hk_vector(pre_trace, 5, DTYPE), .a_post = hk_vector(post_trace, 3, DTYPE), .tau_plus = tau,
                          .tau_minus = tau, .a_plus = 1, .a_minus = -4, .dt = 1, .w_min = -3, .w_max = 3};
        if (as) s.pre = hk_matrix(numbers, 2, 5, 5, DTYPE);
        RUN(status, stdp, s);
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 5; j++) {
                REAL want = (REAL)(i - j);
                if (j == 0) want = want > 3 ? 3 : want;                 /* pre 0 at once, its trace of post is 0 */
                if (i == 1) want += j == 0 ? 1 : 0;                     /* post 1 at once, after pre 0 */
                if (j == 1 && i == 1) want -= 2;                        /* pre 1 a step later: -4/2 */
                if (i == 0) want = (want < -3 ? -3 : want) + (j == 0 ? (REAL)0.5 : j == 1 ? 1 : 0); /* post 0 with pre 1 */
                CHECK(fabs((double)(w[7 * i + j] - want)) < 1e-6, "stdp %d %d: %g, %g", i, j, (double)w[7 * i + j], (double)want);
            }
        CHECK(fabs((double)pre_trace[0] - 0.5) < 1e-6 && pre_trace[1] == 1 && post_trace[0] == -4, "traces of stdp");
        NAME(guards)(w, "stdp");
    }
    NAME(fill)(w);
    memset(pre_trace, 0, sizeof pre_trace), memset(post_trace, 0, sizeof post_trace);
    hk_triplet_stdp_args t = {.w = NAME(weights)(w), .pre = hk_matrix(pre, 2, 5, 5, HK_BOOL), .post = hk_matrix(post, 2, 3, 3, HK_BOOL),
                              .r1 = hk_vector(pre_trace, 5, DTYPE), .r2 = hk_vector(r2, 5, DTYPE), .o1 = hk_vector(post_trace, 3, DTYPE),
                              .o2 = hk_vector(o2, 3, DTYPE), .tau_plus = tau, .tau_x = tau, .tau_minus = tau, .tau_y = tau,
                              .a2_plus = 1, .a3_plus = 2, .a2_minus = 0.5, .dt = 1, .w_min = -9, .w_max = 9};
    RUN(status, triplet_stdp, t);
    CHECK(w[7] == 2 && fabs((double)w[8] + 0.25) < 1e-6 && fabs((double)w[0] - 0.5) < 1e-6 && w[1] == 0, "triplet_stdp: %g %g %g %g",
          (double)w[7], (double)w[8], (double)w[0], (double)w[1]);
    CHECK(o2[0] == 1 && fabs((double)r2[0] - 0.5) < 1e-6, "traces of triplet_stdp");
    NAME(guards)(w, "triplet_stdp");
}

static void NAME(test_windows)(void) {
    /* two images of 1 x 3 x 4; windows of 2 x 2, two columns apart, a column of zeros around: 2 x 3 of them */
    REAL images[24], kernels[8] = {1, 0, 0, 0, 1, 2, 4, 8}, maps[24], windows[48], pooled[12], b[2] = {1, -50};
    const hk_windows g = {.channels = 1, .height = 3, .width = 4, .size = {2, 2}, .stride = {1, 2}, .padding = {0, 1}, .dilation = {1, 1}};
    int status;
    for (int k = 0; k < 24; k++) images[k] = (REAL)(k + 1);
    hk_patches_args p = {.images = hk_matrix(images, 2, 12, 12, DTYPE), .out = hk_matrix(windows, 12, 4, 4, DTYPE), .windows = g};
    RUN(status, patches, p);
    hk_conv_forward_args c = {.w = hk_matrix(kernels, 2, 4, 4, DTYPE), .images = p.images, .b = hk_vector(b, 2, DTYPE),
                              .out = hk_matrix(maps, 2, 12, 12, DTYPE), .windows = g, .activation = HK_RELU};
    RUN(status, conv_forward, c);
    hk_pool_args q = {.images = p.images, .out = hk_matrix(pooled, 2, 6, 6, DTYPE), .windows = g, .kind = HK_POOL_AVERAGE};
    RUN(status, pool, q);
    for (int n = 0; n < 12; n++) {
        const REAL *window = windows + 4 * n;
        REAL dots[2] = {1, -50}, sum = 0, inside = 0;
        for (int l = 0; l < 4; l++) {
            int row = n % 6 / 3 + l / 2, col = n % 3 * 2 - 1 + l % 2, in = col >= 0 && col < 4;
            REAL want = in ? (REAL)(n / 6 * 12 + row * 4 + col + 1) : 0;
            CHECK(window[l] == want, "window %d: %d is %g, %g", n, l, (double)window[l], (double)want);
            for (int k = 0; k < 2; k++) dots[k] += kernels[4 * k + l] * want;
            sum += want, inside += (REAL)in;
        }
        for (int k = 0; k < 2; k++)
            CHECK(maps[n / 6 * 12 + 6 * k + n % 6] == (dots[k] > 0 ? dots[k] : 0), "map %d at %d", k, n);
        CHECK(pooled[n] == sum / inside, "mean %d: %g, %g", n, (double)pooled[n], (double)(sum / inside));
    }
    q.kind = HK_POOL_MAX;
    RUN(status, pool, q);
    CHECK(pooled[0] == 5 && pooled[1] == 7 && pooled[5] == 12 && pooled[11] == 24, "maxima: %g", (double)pooled[0]);

    /* Four windows of each image: those whose numbers hk_permutation gives. */
    REAL drawn[20];
    int64_t order[6];
    p.out = hk_matrix(drawn, 5, 4, 4, DTYPE), p.first = 3, p.draw = 4, p.seed = 9, p.drawn = 2;
    RUN(status, patches, p);
    for (int n = 0; n < 5; n++) {
        int image = (3 + n) / 4;
        hk_permutation_args order_args = {.index = order, .count = 6, .seed = 9, .epoch = 2 + image};
        RUN(status, permutation, order_args);
        CHECK(!memcmp(drawn + 4 * n, windows + 4 * (6 * image + order[(3 + n) % 4]), 4 * sizeof(REAL)), "drawn %d", n);
    }
}

static void NAME(test_empty)(void) {
    int status;
    REAL y[4] = {7, 7, 7, 7}, b[4] = {1, 2, 3, 4};
    hk_rank1_args r = {.w = hk_matrix(NULL, 0, 4, 4, DTYPE), .g = hk_vector(NULL, 0, DTYPE), .x = hk_vector(b, 4, DTYPE)};
    RUN(status, rank1, r);
    hk_forward_args f = {.w = hk_matrix(NULL, 4, 0, 0, DTYPE), .x = hk_vector(NULL, 0, DTYPE), .b = hk_vector(b, 4, DTYPE),
                         .out = hk_vector(y, 4, DTYPE)};
    RUN(status, forward, f);
    CHECK(!memcmp(y, b, sizeof y), "forward without inputs is the bias");
    hk_power_sums_args p = {.w = hk_matrix(NULL, 0, 4, 4, DTYPE), .cols = hk_vector(y, 4, DTYPE), .p = 2};
    RUN(status, power_sums, p);
    CHECK(y[0] == 0 && y[3] == 0, "sums of nothing");
}

static void NAME(test_all)(void) {
    NAME(test_updates)();
    NAME(test_results)();
    NAME(test_spikes)();
    NAME(test_windows)();
    NAME(test_empty)();
}
