/* stamina.c: the balanced ReLU, stamina, deaths, the spread of outputs, random numbers and annealing. */
#include "check.h"

#include <math.h>
#include <string.h>

static hk_error err;
static int64_t at;

#define RUN_TO_END(kernel, args)                                                       \
    do {                                                                               \
        int status;                                                                    \
        at = 0;                                                                        \
        do status = hk_##kernel(&(args), &at, &err);                                   \
        while (status == HK_MORE);                                                     \
        CHECK(status == HK_OK, "%s: %d, %s", #kernel, status, err.message);            \
    } while (0)

#define REFUSED(kernel, good, change, want)                                            \
    do {                                                                               \
        hk_##kernel##_args a = good;                                                   \
        change;                                                                        \
        at = 0;                                                                        \
        int status = hk_##kernel(&a, &at, &err);                                       \
        CHECK(status == (want) && strstr(err.message, #kernel ": ") == err.message,    \
              "%s with %s: %d, %s", #kernel, #change, status, err.message);            \
        CHECK(hk_##kernel(&a, &at, NULL) == (want), "without err");                    \
    } while (0)

static void test_balanced_relu(void) {
    /* mean 1 of four units, two silent; and a silent sample */
    double x[8] = {3, -1, 0, 1, -1, -2, -3, -4}, y[8];
    const double penalty[5] = {1, 1, 2, 1, 0.5};
    for (int mode = HK_PENALTY_CONSTANT; mode <= HK_PENALTY_BATCH; mode++) {
        hk_balanced_relu_args a = {.x = hk_matrix(x, 2, 4, 4, HK_FLOAT64), .out = hk_matrix(y, 2, 4, 4, HK_FLOAT64), .mode = mode,
                                   .strength = 0.5};
        RUN_TO_END(balanced_relu, a);
        CHECK(y[0] == 3 && y[3] == 1 && y[1] == -0.5 * penalty[mode] && y[2] == y[1], "mode %d: %g", mode, y[1]);
        double silent = mode == HK_PENALTY_CONSTANT ? -0.5 : mode == HK_PENALTY_BATCH ? -0.25 : 0;
        CHECK(y[4] == silent && y[7] == silent, "mode %d: %g", mode, y[4]);
    }
#define GOOD ((hk_balanced_relu_args){.x = hk_matrix(x, 2, 4, 4, HK_FLOAT64), .out = hk_matrix(y, 2, 4, 4, HK_FLOAT64)})
    REFUSED(balanced_relu, GOOD, a.out.rows = 1, HK_E_VALUE);
    REFUSED(balanced_relu, GOOD, a.out = hk_vector(y, 4, HK_FLOAT64), HK_E_VALUE);
    REFUSED(balanced_relu, GOOD, a.out.data = x, HK_E_VALUE);
    REFUSED(balanced_relu, GOOD, a.mode = 5, HK_E_VALUE);
    REFUSED(balanced_relu, GOOD, a.strength = -1, HK_E_VALUE);
    REFUSED(balanced_relu, GOOD, a.out.dtype = HK_FLOAT32, HK_E_TYPE);
#undef GOOD
}

static void test_stamina(void) {
    double value[4] = {0}, x[8] = {3, -1, 0, 1, 1, 1, 2, 0}, prior[4] = {0.5, 0.75, 0.5, 0.5};
    hk_stamina_args st = {.value = hk_vector(value, 4, HK_FLOAT64), .x = hk_matrix(x, 2, 4, 4, HK_FLOAT64), .mode = HK_PENALTY_MEAN,
                         .strength = 1};
    RUN_TO_END(stamina, st);
    CHECK(value[0] == 4 && value[1] == 0 && value[2] == 1 && value[3] == 0, "%g %g %g %g", value[0], value[1], value[2], value[3]);
    st.alpha = 0.5, st.prior = hk_vector(prior, 4, HK_FLOAT64);
    RUN_TO_END(stamina, st);
    CHECK(value[0] == 4 && value[1] == -1 && value[2] == 1 && value[3] == 0, "%g %g %g %g", value[0], value[1], value[2], value[3]);
    REFUSED(stamina, st, a.value = hk_vector(value, 3, HK_FLOAT64), HK_E_VALUE);
    REFUSED(stamina, st, a.alpha = 2, HK_E_VALUE);
    REFUSED(stamina, st, a.prior = hk_vector(x, 4, HK_FLOAT64), HK_E_VALUE);
    x[0] = NAN;
    REFUSED(stamina, st, a.prior.dtype = HK_ABSENT, HK_E_DIVERGED);
    CHECK(value[0] == 4 && value[1] == -1, "a refusal wrote");

    unsigned char alive[4] = {1, 1, 1, 0}, dead[4] = {9, 9, 9, 9};
    hk_deaths_args d = {.value = hk_vector(value, 4, HK_FLOAT64), .alive = alive, .dead = dead, .updates = 2, .strength = 7};
    RUN_TO_END(deaths, d);
    CHECK(!dead[0] && dead[1] && !dead[2] && !dead[3], "deaths");
    d.by_share = 1, d.share = 0.7;
    RUN_TO_END(deaths, d);
    CHECK(!dead[0] && dead[1] && dead[2], "deaths by share");
    REFUSED(deaths, d, (a.by_share = 0, a.threshold = 9), HK_E_VALUE);
    CHECK(strstr(err.message, "all 3 units") && strstr(err.message, "which is 7"), "%s", err.message);
    REFUSED(deaths, d, a.share = 1, HK_E_VALUE);
    REFUSED(deaths, d, a.dead = NULL, HK_E_VALUE);
    REFUSED(deaths, d, a.value.dtype = HK_BOOL, HK_E_TYPE);

    double mean[3] = {1, 1, 10}, scale[3], entropy;
    hk_spread_args s = {.mean = hk_vector(mean, 3, HK_FLOAT64), .scale = hk_vector(scale, 3, HK_FLOAT64), .tail = 2, .entropy = &entropy};
    RUN_TO_END(spread, s);
    CHECK(scale[0] == 1 && fabs(scale[2] - 0.8) < 1e-15 && fabs(entropy - (log(12) - 10. / 12 * log(10))) < 1e-14, "%g %g", scale[2], entropy);
    REFUSED(spread, s, a.tail = 0.5, HK_E_VALUE);
    REFUSED(spread, s, a.entropy = NULL, HK_E_VALUE);
    REFUSED(spread, s, a.scale = hk_vector(scale, 2, HK_FLOAT64), HK_E_VALUE);
    mean[0] = -1;
    REFUSED(spread, s, (void)a, HK_E_VALUE);
}

static void test_random(void) {
    uint64_t rng[4], again[4], none[4] = {0};
    float u[600], v[600];
    hk_seed_args seed = {.rng = rng, .seed = 3, .stream = 1};
    RUN_TO_END(seed, seed);
    memcpy(again, rng, sizeof rng);
    hk_uniform_args a = {.out = hk_matrix(u, 20, 30, 30, HK_FLOAT32), .rng = rng, .low = -1, .high = 3};
    RUN_TO_END(uniform, a);
    CHECK(at == 20 && memcmp(rng, again, sizeof rng), "the generator stands still");
    double sum = 0;
    for (int k = 0; k < 600; k++) {
        CHECK(u[k] >= -1 && u[k] < 3, "%g", (double)u[k]);
        sum += (double)u[k];
    }
    CHECK(fabs(sum / 600 - 1) < 0.2, "mean %g", sum / 600);
    hk_uniform_args b = {.out = hk_vector(v, 600, HK_FLOAT32), .rng = again, .low = -1, .high = 3};
    RUN_TO_END(uniform, b);
    CHECK(!memcmp(u, v, sizeof u) && !memcmp(rng, again, sizeof rng), "another sequence");
    REFUSED(uniform, b, a.rng = none, HK_E_VALUE);
    REFUSED(uniform, b, a.rng = NULL, HK_E_VALUE);
    REFUSED(uniform, b, a.high = INFINITY, HK_E_VALUE);
    REFUSED(uniform, b, a.out.dtype = HK_BOOL, HK_E_TYPE);
    REFUSED(seed, seed, a.rng = NULL, HK_E_VALUE);

    hk_annealing state = {.strength = 1, .objective = INFINITY, .proposed = 1, .best = 1, .best_objective = INFINITY, .temperature = 0,
                          .cooling = 0.5, .step = 0.5, .low = 0.01, .high = 100, .rng = {1, 2, 3, 4}};
    int64_t accepted = -1;
    hk_anneal_args n = {.state = &state, .objective = 5, .accepted = &accepted};
    RUN_TO_END(anneal, n);
    CHECK(accepted == 1 && state.objective == 5 && state.best_objective == 5 && state.proposed != 1, "the first");
    n.objective = 6;
    RUN_TO_END(anneal, n);
    CHECK(accepted == 0 && state.strength == 1 && state.best == 1, "uphill at temperature 0");
    hk_annealing before = state;
    REFUSED(anneal, n, a.objective = NAN, HK_E_VALUE);
    CHECK(!memcmp(&before, &state, sizeof state), "a refusal wrote");
    REFUSED(anneal, n, state.low = 0, HK_E_VALUE);
    REFUSED(anneal, n, a.state = NULL, HK_E_VALUE);
}

int main(void) {
    test_balanced_relu();
    test_stamina();
    test_random();
    CHECK(hk_deaths(NULL, &at, &err) == HK_E_VALUE && hk_anneal(NULL, &at, NULL) == HK_E_VALUE, "null args");
    return finish();
}
