/* check.h: what the C tests share. */
#ifndef CHECK_H
#define CHECK_H

#include "hebbkern.h"

#include <stdio.h>
#include <stdlib.h>

static int failures;

#define CHECK(condition, ...)                                       \
    do {                                                            \
        if (!(condition)) {                                         \
            failures++;                                             \
            printf("%s:%d: %s: ", __FILE__, __LINE__, #condition);  \
            printf(__VA_ARGS__);                                    \
            putchar('\n');                                          \
        }                                                           \
    } while (0)

/* Runs a kernel to its end; status receives the last status. */
#define RUN(status, kernel, args)                                            \
    do {                                                                     \
        int64_t at_ = 0;                                                     \
        hk_error err_;                                                       \
        do (status) = hk_##kernel(&(args), &at_, &err_);                     \
        while ((status) == HK_MORE);                                         \
        CHECK((status) == HK_OK, "%s: %s", #kernel, err_.message);           \
    } while (0)

static inline int finish(void) {
    if (failures) printf("%d failures\n", failures);
    return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
