/* checkpoint.c: checkpoints from C: a file is written, described and read again; each kind of bad argument and of bad
 * file. What is in a file is tested from Go and Python. The argument is a folder. */
#include "check.h"

#include <errno.h>
#include <string.h>

static float w[6] = {1, -2, 3, -4, 5, -6};
static uint64_t words[4] = {1, 2, 3, UINT64_MAX};
static const int64_t two_three[2] = {2, 3}, four[1] = {4};
static hk_tensor tensors[2];
static char path[4096];

static hk_save_args good(void) {
    tensors[0] = (hk_tensor){"w", w, two_three, 2, HK_FLOAT32};
    tensors[1] = (hk_tensor){"words", words, four, 1, HK_UINT64};
    return (hk_save_args){path, tensors, 2, "{\"kind\": \"test\"}"};
}

/* Into other memory. */
static float got_w[6];
static uint64_t got_words[4];
static hk_tensor into[2];

static hk_load_args load(const char *checksum) {
    memset(got_w, 0, sizeof got_w);
    memset(got_words, 0, sizeof got_words);
    into[0] = (hk_tensor){"words", got_words, four, 1, HK_UINT64};
    into[1] = (hk_tensor){"w", got_w, two_three, 2, HK_FLOAT32};
    return (hk_load_args){path, checksum, into, 2};
}

static void test_round_trip(void) {
    int status;
    hk_save_args save = good();
    RUN(status, save, save);
    char text[1024], checksum[65] = {0};
    int64_t needed = 0;
    hk_inspect_args inspect = {path, text, sizeof text, &needed};
    RUN(status, inspect, inspect);
    CHECK(needed == (int64_t)strlen(text) + 1, "%lld", (long long)needed);
    CHECK(strstr(text, "\"metadata\":{\"kind\":\"test\"}"), "%s", text);
    CHECK(strstr(text, "{\"name\":\"w\",\"dtype\":1,\"shape\":[2,3]}"), "%s", text);
    const char *sum = strstr(text, "\"checksum\":\"");
    CHECK(sum, "%s", text);
    memcpy(checksum, sum + 12, 64);
    char cut[8] = "1234567";
    inspect = (hk_inspect_args){path, cut, 4, &needed};
    RUN(status, inspect, inspect);
    CHECK(strlen(cut) == 3 && cut[4] == '5' && needed > 100, "%s", cut);

    hk_load_args all = load(checksum);
    RUN(status, load, all);
    CHECK(!memcmp(got_w, w, sizeof w) && !memcmp(got_words, words, sizeof words), "the elements");
    all = load(NULL);
    RUN(status, load, all);

    /* another file by now */
    w[0] = 7;
    RUN(status, save, save);
    hk_error err;
    int64_t at = 0;
    all = load(checksum);
    CHECK(hk_load(&all, &at, &err) == HK_E_FILE && err.reason == HK_R_REPLACED && !got_words[0], "%s", err.message);

    /* and a damaged one */
    FILE *file = fopen(path, "r+b");
    fseek(file, -1, SEEK_END);
    fputc('x', file);
    fclose(file);
    all = load(NULL);
    CHECK(hk_load(&all, &at, &err) == HK_E_FILE && err.reason == HK_R_NONE && !got_words[0] && !got_w[0], "%s", err.message);
    CHECK(strstr(err.message, "tensor \"w\""), "%s", err.message);
    RUN(status, save, save);
}

#define REFUSED(function, args, want, word)                                                        \
    do {                                                                                           \
        hk_error err_;                                                                             \
        int64_t at_ = 0;                                                                           \
        CHECK(hk_##function(&(args), &at_, &err_) == (want), "%d %s", err_.status, err_.message);  \
        CHECK(strstr(err_.message, #function ": ") == err_.message, "%s", err_.message);           \
        CHECK(strstr(err_.message, word), "%s", err_.message);                                     \
        CHECK(hk_##function(&(args), &at_, NULL) == (want), "without err");                        \
    } while (0)

/* Spoils one member of the arguments of hk_save. */
#define SPOILED(change, want, word)           \
    do {                                      \
        hk_save_args a = good();              \
        change;                               \
        REFUSED(save, a, want, word);         \
    } while (0)

static void test_refusals(void) {
    static const int64_t negative[2] = {-1, 3}, huge[2] = {INT64_MAX / 128, 8};
    unsigned char bits[4] = {0, 1, 2, 0};
    SPOILED(a.path = NULL, HK_E_VALUE, "path");
    SPOILED(a.path = "/no/such/folder/file", HK_E_SYSTEM, "no such file");
    SPOILED(a.tensors = NULL, HK_E_VALUE, "tensors");
    SPOILED(a.count = -1, HK_E_VALUE, "tensors");
    SPOILED(tensors[1].name = NULL, HK_E_VALUE, "name");
    SPOILED(tensors[1].name = "w", HK_E_VALUE, "name");
    SPOILED(tensors[1].name = "", HK_E_VALUE, "name");
    SPOILED(tensors[1].data = NULL, HK_E_VALUE, "words");
    SPOILED(tensors[0].data = (char *)w + 1, HK_E_VALUE, "aligned");
    SPOILED(tensors[0].shape = NULL, HK_E_VALUE, "w has 2 axes");
    SPOILED(tensors[0].ndim = HK_MAX_AXES + 1, HK_E_VALUE, "axes");
    SPOILED(tensors[0].ndim = -1, HK_E_VALUE, "axes");
    SPOILED(tensors[0].shape = negative, HK_E_VALUE, "-1 elements along axis 0");
    SPOILED(tensors[0].shape = huge, HK_E_VALUE, "axis 1");
    SPOILED(tensors[0].dtype = HK_ABSENT, HK_E_TYPE, "type 0");
    SPOILED(tensors[0].dtype = HK_UINT64 + 1, HK_E_TYPE, "type 7");
    SPOILED((tensors[1] = (hk_tensor){"bits", bits, four, 1, HK_BOOL}), HK_E_VALUE, "bits is 2");
    SPOILED(a.metadata = "{", HK_E_VALUE, "metadata");
    SPOILED(a.metadata = "{\"a\": 3}", HK_E_VALUE, "metadata");
    SPOILED(a.metadata = "{\"hebbkern.version\": \"9\"}", HK_E_VALUE, "metadata");

    hk_load_args all = load(NULL);
    all.path = "/no/such/file";
    REFUSED(load, all, HK_E_SYSTEM, "no such file");
    hk_error err;
    int64_t at = 0;
    hk_load(&all, &at, &err);
    CHECK(err.sample == ENOENT, "%lld", (long long)err.sample);
    all = load(NULL);
    all.count = 1;
    REFUSED(load, all, HK_E_VALUE, "\"w\" is missing");
    all = load(NULL);
    into[0].name = "other";
    REFUSED(load, all, HK_E_VALUE, "\"other\"");
    all = load(NULL);
    into[0].dtype = HK_INT64;
    REFUSED(load, all, HK_E_VALUE, "I64");
    all = load(NULL);
    into[0].data = got_w;
    into[1].data = got_w + 2;
    REFUSED(load, all, HK_E_VALUE, "shares elements");
    CHECK(!got_w[0] && !got_words[0], "a refusal has written");

    char text[8];
    int64_t needed;
    hk_inspect_args inspect = {path, text, sizeof text, NULL};
    REFUSED(inspect, inspect, HK_E_VALUE, "needed");
    inspect = (hk_inspect_args){path, NULL, 8, &needed};
    REFUSED(inspect, inspect, HK_E_VALUE, "buffer");
    inspect = (hk_inspect_args){path, text, -1, &needed};
    REFUSED(inspect, inspect, HK_E_VALUE, "size");
    CHECK(hk_save(NULL, &at, &err) == HK_E_VALUE && hk_load(NULL, &at, &err) == HK_E_VALUE, "%s", err.message);
    hk_save_args a = good();
    CHECK(hk_save(&a, NULL, &err) == HK_E_VALUE && strstr(err.message, "at "), "%s", err.message);
}

int main(int count, char **arguments) {
    snprintf(path, sizeof path, "%s/state.hk", count > 1 ? arguments[1] : ".");
    test_round_trip();
    test_refusals();
    return finish();
}
