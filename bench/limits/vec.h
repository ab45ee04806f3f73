/* The vectors of the limit loops: one YMM register on x86-64 (AVX2 and FMA), one 16-byte vector in plain C elsewhere
 * (GCC and Clang turn it into NEON on arm64). */
#ifndef HEBBKERN_BENCH_VEC_H
#define HEBBKERN_BENCH_VEC_H

#include <stddef.h>

#define INLINE static inline __attribute__((always_inline))

#if defined(__x86_64__)
#include <immintrin.h>
#define TARGET __attribute__((target("avx2,fma")))
typedef __m256 vf32;
typedef __m256d vf64;
#define VBYTES 32
INLINE TARGET vf32 load_f32(const float *p) { return _mm256_loadu_ps(p); }
INLINE TARGET vf64 load_f64(const double *p) { return _mm256_loadu_pd(p); }
INLINE TARGET void store_f32(float *p, vf32 v) { _mm256_storeu_ps(p, v); }
INLINE TARGET void store_f64(double *p, vf64 v) { _mm256_storeu_pd(p, v); }
INLINE TARGET vf32 set_f32(float v) { return _mm256_set1_ps(v); }
INLINE TARGET vf64 set_f64(double v) { return _mm256_set1_pd(v); }
INLINE TARGET vf32 add_f32(vf32 a, vf32 b) { return _mm256_add_ps(a, b); }
INLINE TARGET vf64 add_f64(vf64 a, vf64 b) { return _mm256_add_pd(a, b); }
INLINE TARGET vf32 or_f32(vf32 a, vf32 b) { return _mm256_or_ps(a, b); }
INLINE TARGET vf64 or_f64(vf64 a, vf64 b) { return _mm256_or_pd(a, b); }
INLINE TARGET vf32 mul_f32(vf32 a, vf32 b) { return _mm256_mul_ps(a, b); }
INLINE TARGET vf64 mul_f64(vf64 a, vf64 b) { return _mm256_mul_pd(a, b); }
INLINE TARGET vf32 fma_f32(vf32 a, vf32 b, vf32 c) { return _mm256_fmadd_ps(a, b, c); }
INLINE TARGET vf64 fma_f64(vf64 a, vf64 b, vf64 c) { return _mm256_fmadd_pd(a, b, c); }
INLINE TARGET vf32 sqrt_f32(vf32 a) { return _mm256_sqrt_ps(a); }
INLINE TARGET vf64 sqrt_f64(vf64 a) { return _mm256_sqrt_pd(a); }
#else
#define TARGET
typedef float vf32 __attribute__((vector_size(16)));
typedef double vf64 __attribute__((vector_size(16)));
typedef unsigned uf32 __attribute__((vector_size(16)));
typedef unsigned long long uf64 __attribute__((vector_size(16)));
#define VBYTES 16
INLINE vf32 load_f32(const float *p) { vf32 v; __builtin_memcpy(&v, p, sizeof v); return v; }
INLINE vf64 load_f64(const double *p) { vf64 v; __builtin_memcpy(&v, p, sizeof v); return v; }
INLINE void store_f32(float *p, vf32 v) { __builtin_memcpy(p, &v, sizeof v); }
INLINE void store_f64(double *p, vf64 v) { __builtin_memcpy(p, &v, sizeof v); }
INLINE vf32 set_f32(float v) { return (vf32){v, v, v, v}; }
INLINE vf64 set_f64(double v) { return (vf64){v, v}; }
INLINE vf32 add_f32(vf32 a, vf32 b) { return a + b; }
INLINE vf64 add_f64(vf64 a, vf64 b) { return a + b; }
INLINE vf32 or_f32(vf32 a, vf32 b) { return (vf32)((uf32)a | (uf32)b); }
INLINE vf64 or_f64(vf64 a, vf64 b) { return (vf64)((uf64)a | (uf64)b); }
INLINE vf32 mul_f32(vf32 a, vf32 b) { return a * b; }
INLINE vf64 mul_f64(vf64 a, vf64 b) { return a * b; }
INLINE vf32 fma_f32(vf32 a, vf32 b, vf32 c) { return a * b + c; } /* contracted to fmla */
INLINE vf64 fma_f64(vf64 a, vf64 b, vf64 c) { return a * b + c; }
INLINE vf32 sqrt_f32(vf32 a) {
  for (int i = 0; i < 4; i++) a[i] = __builtin_sqrtf(a[i]);
  return a;
}
INLINE vf64 sqrt_f64(vf64 a) {
  for (int i = 0; i < 2; i++) a[i] = __builtin_sqrt(a[i]);
  return a;
}
#endif

/* Keeps a register live, so that the compiler cannot drop or merge the work that made it. */
#if defined(__x86_64__)
#define KEEP(v) __asm__ volatile("" : "+x"(v))
#elif defined(__aarch64__)
#define KEEP(v) __asm__ volatile("" : "+w"(v))
#else
#define KEEP(v) __asm__ volatile("" : : "m"(v) : "memory")
#endif

#endif
