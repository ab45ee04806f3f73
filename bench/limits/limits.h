/* The limits of the machine, measured: the loops that limits.go calls. */
#ifndef HEBBKERN_BENCH_LIMITS_H
#define HEBBKERN_BENCH_LIMITS_H

#include <stddef.h>

enum { LIMIT_READ = 0, LIMIT_READ_WRITE = 1, LIMIT_READ_READ_WRITE = 2, LIMIT_FMA = 3, LIMIT_SQRT = 4 };

/* The grain of a buffer's length in bytes: the largest unroll factor times the widest vector, and room for streams. */
enum { LIMIT_GRAIN = 4096 };

/* Bytes of one vector of the loops. */
int limit_vector_bytes(void);

/* 1 when this processor can run the loops (AVX2 and FMA on x86-64). */
int limit_supported(void);

/* Runs loop `op` in its form `variant` reps times over n elements at p (LIMIT_FMA, LIMIT_SQRT: n vector operations,
 * p unused) and returns the seconds of all of it, or a negative number when there is no such form. wide: 0 float,
 * 1 double. The data stay as they are. */
double limit_run(int op, int variant, int wide, void *p, size_t n, size_t reps);

#endif
