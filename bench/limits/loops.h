/* The limit loops for one element type. Included twice, with T (float, double), S (f32, f64) defined.
 *
 * Each loop is an inline function of constant parameters: the unroll factor u (vectors a turn), the number of streams
 * s over which the buffer is cut (each a hardware prefetcher's own), and the software prefetch distance in bytes
 * (0: none). limits.c lists the combinations that are tried; the limit is the best of them. n must be a multiple of
 * LIMIT_GRAIN bytes: the caller's buffers are. u is at most 16 and, but for the loops in registers, a power of two. */
#define CAT2(a, b) a##_##b
#define CAT(a, b) CAT2(a, b)
#define F(name) CAT(name, S)
#define V F(vec)
#define LANES (VBYTES / (int)sizeof(T))

/* Reading: every vector is loaded once and joined into u accumulators by add (op 0) or by bitwise or (op 1), which
 * has more execution ports and so shows the memory alone. */
INLINE TARGET T F(read_loop)(const T *p, size_t n, const int u, const int s, const int ahead, const int op) {
  const size_t part = n / (size_t)s;
  V acc[16];
#pragma GCC unroll 16
  for (int k = 0; k < u; k++) acc[k] = F(set)((T)0);
  for (size_t i = 0; i < part; i += (size_t)(u / s * LANES)) {
#pragma GCC unroll 16
    for (int k = 0; k < u; k++) {
      const T *q = p + (size_t)(k % s) * part + i + (size_t)(k / s * LANES);
      if (ahead && (k / s) % (64 / VBYTES) == 0) __builtin_prefetch((const char *)q + ahead, 0, 3);
      const V v = F(load)(q);
      acc[k] = op ? F(or)(acc[k], v) : F(add)(acc[k], v);
    }
  }
#pragma GCC unroll 16
  for (int k = 0; k < u; k++) KEEP(acc[k]);
  return (T)0;
}

/* Reading by pieces of 2 MiB, whose streams lie no farther apart than rows of a matrix do. */
INLINE TARGET void F(read_pieces)(const T *p, size_t n, const int u, const int s, const int ahead, const int op) {
  const size_t piece = (2 << 20) / sizeof(T);
  for (size_t i = 0; i < n; i += piece) {
    F(read_loop)(p + i, n - i < piece ? n - i : piece, u, s, ahead, op);
    __asm__ volatile("" ::: "memory");
  }
}

/* Reading and writing in place: w = c*w, the smallest arithmetic that a compiler cannot remove. */
INLINE TARGET void F(rmw_loop)(T *p, size_t n, T c, const int u, const int s, const int ahead) {
  const size_t part = n / (size_t)s;
  const V vc = F(set)(c);
  for (size_t i = 0; i < part; i += (size_t)(u / s * LANES)) {
    V v[16];
#pragma GCC unroll 16
    for (int k = 0; k < u; k++) {
      const T *q = p + (size_t)(k % s) * part + i + (size_t)(k / s * LANES);
      if (ahead && (k / s) % (64 / VBYTES) == 0) __builtin_prefetch((const char *)q + ahead, 1, 3);
      v[k] = F(mul)(F(load)(q), vc);
    }
#pragma GCC unroll 16
    for (int k = 0; k < u; k++) F(store)(p + (size_t)(k % s) * part + i + (size_t)(k / s * LANES), v[k]);
  }
}

/* One array read and a second one read and written: s = fma(c, a, s); a is the first half of the buffer, s the second. */
INLINE TARGET void F(rrw_loop)(T *p, size_t n, T c, const int u, const int ahead) {
  const size_t half = n / 2;
  const T *a = p;
  T *d = p + half;
  const V vc = F(set)(c);
  for (size_t i = 0; i < half; i += (size_t)(u * LANES)) {
    V v[16];
#pragma GCC unroll 16
    for (int k = 0; k < u; k++) {
      const size_t j = i + (size_t)(k * LANES);
      if (ahead && k % (64 / VBYTES) == 0) {
        __builtin_prefetch((const char *)(a + j) + ahead, 0, 3);
        __builtin_prefetch((const char *)(d + j) + ahead, 1, 3);
      }
      v[k] = F(fma)(F(load)(a + j), vc, F(load)(d + j));
    }
#pragma GCC unroll 16
    for (int k = 0; k < u; k++) F(store)(d + i + (size_t)(k * LANES), v[k]);
  }
}

/* u chains of fma in registers; n vector operations in all. */
INLINE TARGET void F(fma_loop)(size_t n, const int u) {
  V acc[16];
  V a = F(set)((T)1), b = F(set)((T)0);
#pragma GCC unroll 16
  for (int k = 0; k < u; k++) acc[k] = F(set)((T)k);
  KEEP(a);
  KEEP(b);
  for (size_t i = 0; i < n; i += (size_t)u) {
#pragma GCC unroll 16
    for (int k = 0; k < u; k++) {
      acc[k] = F(fma)(acc[k], a, b);
      KEEP(acc[k]);
    }
  }
}

/* n vector square roots of ordinary numbers, u of them independent. */
INLINE TARGET void F(sqrt_loop)(size_t n, const int u) {
  V x[16];
#pragma GCC unroll 16
  for (int k = 0; k < u; k++) x[k] = F(set)((T)(k + 2) / (T)3);
  for (size_t i = 0; i < n; i += (size_t)u) {
#pragma GCC unroll 16
    for (int k = 0; k < u; k++) {
      KEEP(x[k]); /* or the root is taken once, before the loop */
      V y = F(sqrt)(x[k]);
      KEEP(y);
    }
  }
}

#define RMW(u, s, ahead) for (size_t r = 0; r < reps; r++) F(rmw_loop)(p, n, one, u, s, ahead); return 0
#define READ(u, s, ahead, op) for (size_t r = 0; r < reps; r++) { F(read_loop)(p, n, u, s, ahead, op); __asm__ volatile("" ::: "memory"); } return 0
#define PIECES(u, s, ahead, op) for (size_t r = 0; r < reps; r++) F(read_pieces)(p, n, u, s, ahead, op); return 0
#define RRW(u, ahead) for (size_t r = 0; r < reps; r++) F(rrw_loop)(p, n, zero, u, ahead); return 0

static TARGET int F(run)(int op, int variant, T *p, size_t n, size_t reps) {
  volatile T vone = (T)1, vzero = (T)0; /* unknown to the compiler, and leaves the data alone */
  const T one = vone, zero = vzero;
  switch (op) {
  case LIMIT_READ:
    switch (variant) {
    case 0: READ(4, 1, 0, 0);
    case 1: READ(8, 1, 0, 0);
    case 2: READ(8, 1, 0, 1);
    case 3: READ(16, 2, 0, 1);
    case 4: READ(8, 1, 1024, 1);
    case 5: READ(8, 2, 0, 1);
    case 6: READ(8, 4, 0, 1);
    case 7: READ(8, 4, 1024, 1);
    case 8: READ(8, 4, 0, 0);
    case 9: READ(8, 1, 4096, 1);
    case 10: READ(8, 2, 2048, 1);
    case 11: READ(16, 2, 1024, 1);
    case 12: READ(16, 2, 2048, 1);
    case 13: READ(16, 4, 2048, 1);
    case 14: PIECES(16, 2, 2048, 1);
    case 15: PIECES(8, 2, 0, 1);
    }
    break;
  case LIMIT_READ_WRITE:
    switch (variant) {
    case 0: RMW(1, 1, 0);
    case 1: RMW(2, 1, 0);
    case 2: RMW(4, 1, 0);
    case 3: RMW(8, 1, 0);
    case 4: RMW(4, 2, 0);
    case 5: RMW(8, 4, 0);
    case 6: RMW(4, 1, 512);
    case 7: RMW(8, 1, 1024);
    case 8: RMW(8, 1, 2048);
    case 9: RMW(8, 4, 1024);
    case 10: RMW(16, 8, 0);
    }
    break;
  case LIMIT_READ_READ_WRITE:
    switch (variant) {
    case 0: RRW(1, 0);
    case 1: RRW(2, 0);
    case 2: RRW(4, 0);
    case 3: RRW(8, 0);
    case 4: RRW(4, 1024);
    }
    break;
  case LIMIT_FMA:
    switch (variant) {
    case 0: for (size_t r = 0; r < reps; r++) F(fma_loop)(n, 8); return 0;
    case 1: for (size_t r = 0; r < reps; r++) F(fma_loop)(n, 10); return 0;
    case 2: for (size_t r = 0; r < reps; r++) F(fma_loop)(n, 12); return 0;
    }
    break;
  case LIMIT_SQRT:
    switch (variant) {
    case 0: for (size_t r = 0; r < reps; r++) F(sqrt_loop)(n, 4); return 0;
    case 1: for (size_t r = 0; r < reps; r++) F(sqrt_loop)(n, 8); return 0;
    }
    break;
  }
  return -1;
}

#undef READ
#undef PIECES
#undef RMW
#undef RRW
#undef LANES
#undef V
#undef F
#undef CAT
#undef CAT2
