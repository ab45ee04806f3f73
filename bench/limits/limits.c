#define _POSIX_C_SOURCE 199309L
#include "limits.h"
#include "vec.h"

#include <time.h>

typedef vf32 vec_f32;
typedef vf64 vec_f64;

#define T float
#define S f32
#include "loops.h"
#undef T
#undef S
#define T double
#define S f64
#include "loops.h"

int limit_vector_bytes(void) { return VBYTES; }

int limit_supported(void) {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  return 1;
#endif
}

double limit_run(int op, int variant, int wide, void *p, size_t n, size_t reps) {
  struct timespec a, b;
  clock_gettime(CLOCK_MONOTONIC, &a);
  const int bad = wide ? run_f64(op, variant, p, n, reps) : run_f32(op, variant, p, n, reps);
  clock_gettime(CLOCK_MONOTONIC, &b);
  if (bad) return -1;
  return (double)(b.tv_sec - a.tv_sec) + 1e-9 * (double)(b.tv_nsec - a.tv_nsec);
}
