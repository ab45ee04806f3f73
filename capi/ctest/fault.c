/* fault.c: linked with the library that panics on purpose in every call. The panic becomes a status and a message,
 * and the process goes on. */
#include "check.h"

#include <string.h>

int main(void) {
    float w[4] = {1, 2, 3, 4}, two = 2;
    hk_scale_args args = {.w = hk_matrix(w, 2, 2, 2, HK_FLOAT32), .rows = hk_scalar(&two, HK_FLOAT32)};
    for (int k = 0; k < 1000; k++) {
        hk_error err;
        int64_t at = 0;
        int status = hk_scale(&args, &at, &err);
        CHECK(status == HK_E_INTERNAL && err.status == status && at == 0, "%d", status);
        CHECK(strstr(err.message, "a deliberate fault"), "%s", err.message);
        CHECK(hk_scale(&args, &at, NULL) == HK_E_INTERNAL, "without err");
    }
    CHECK(w[3] == 4 && hk_get_threads() >= 1, "the library goes on");
    return finish();
}
