//go:build cgo && linux

/* check_spikes.c: spikes are 0 or 1. */
#include "checks.h"

#include <string.h>

/* Whether n bytes are 0 or 1. */
static int are_bits(const void *bytes, int64_t n) {
    const unsigned char *p = bytes;
    uint64_t all = 0, word;
    int64_t k = 0;
    for (; k + 8 <= n; k += 8) {
        memcpy(&word, p + k, 8);
        all |= word;
    }
    for (; k < n; k++) all |= p[k];
    return !(all & 0xfefefefefefefefeu);
}

/* On the bits, with nothing that ends the loop early: such loops become vectors. 1.0 is the exponent's bias alone, whose
 * lowest bit is set; -0 is 0. */
#define ZERO_OR_ONE(name, word, mantissa, one)                                        \
    static int name(const void *p, int64_t n) {                                       \
        const word *v = p;                                                            \
        word bad = 0;                                                                 \
        for (int64_t k = 0; k < n; k++) {                                             \
            word set = v[k] >> mantissa & 1, rest = v[k] ^ ((word)-set & one);        \
            bad |= rest << 1 | (rest >> (8 * sizeof(word) - 1) & set);                \
        }                                                                             \
        return !bad;                                                                  \
    }                                                                                 \
    static void name##_as_bytes(unsigned char *to, const void *p, int64_t n) {        \
        const word *v = p;                                                            \
        for (int64_t k = 0; k < n; k++) to[k] = (unsigned char)(v[k] >> mantissa & 1); \
    }

ZERO_OR_ONE(singles, uint32_t, 23, 0x3f800000u)
ZERO_OR_ONE(doubles, uint64_t, 52, 0x3ff0000000000000u)

static const void *row_of(const hk_array *a, int64_t i) {
    int64_t size = a->dtype == HK_FLOAT64 ? 8 : a->dtype == HK_FLOAT32 ? 4 : 1;
    return (const unsigned char *)a->data + i * a->stride * size;
}

static int are_spikes(const hk_array *a) {
    int (*check)(const void *, int64_t) = a->dtype == HK_FLOAT32 ? singles : a->dtype == HK_FLOAT64 ? doubles : are_bits;
    for (int64_t i = 0; a->cols > 0 && i < a->rows; i++)
        if (!check(row_of(a, i), a->cols)) return 0;
    return 1;
}

void hki_spikes_as_bytes(const hk_array *a, int64_t from, int64_t to, unsigned char *bytes) {
    for (int64_t i = from; i < to; i++, bytes += a->cols)
        (a->dtype == HK_FLOAT32 ? singles_as_bytes : doubles_as_bytes)(bytes, row_of(a, i), a->cols);
}

int hki_check_spikes(int kernel, const void *args, hk_error *err) {
    const hki_kernel *k = &hki_kernels[kernel];
    const hk_array *a = args;
    for (int i = 0; i < k->arrays; i++)
        if (k->array[i].flags & HKI_SPIKES && !are_spikes(&a[i]))
            return hki_fail(err, HK_E_VALUE, HK_R_VALUE, i, -1, "%s: %s has elements that are neither 0 nor 1", k->name,
                            k->array[i].name);
    return HK_OK;
}
