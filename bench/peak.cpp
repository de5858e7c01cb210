// What one core does at most: fused multiply-adds of registers, reading memory, and SLEEF's tanh.
//
// bench/peak.py compiles it for the instruction set that gdnet's kernels use.
#include "../backends/cpu_kernel/vectors.hpp"
#ifdef SLEEF
#include <sleef.h>
#endif

namespace {

// As many sums as hide the time of one.
constexpr int SUMS = 12;

template <class T> T fma_rounds(int64_t rounds) {
  const Vector<T> a = all((T)0.5), b = all((T)rounds);
  Vector<T> sums[SUMS];  // each with a start of its own, for of equal ones compilers compute one
  for (int j = 0; j < SUMS; j++) sums[j] = all((T)j);
  for (int64_t i = 0; i < rounds; i++)
#pragma GCC unroll 12
    for (int j = 0; j < SUMS; j++) sums[j] = fma(sums[j], a, b);
  for (int j = 1; j < SUMS; j++) sums[0] += sums[j];
  return sums[0][0];
}

// Of `count` numbers, a multiple of four vectors.
template <class T> T sum_of(const T* x, int64_t count) {
  Vector<T> sums[4] = {};
  for (int64_t i = 0; i < count; i += 4 * LANES<T>)
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) sums[j] += load(x + i + j * LANES<T>);
  return (sums[0] + sums[1] + sums[2] + sums[3])[0];
}

#if defined(__AVX512F__)
#define TANH_F32(v) Sleef_tanhf16_u35avx512f((__m512)(v))
#define TANH_F64(v) Sleef_tanhd8_u35avx512f((__m512d)(v))
#elif defined(__AVX2__)
#define TANH_F32(v) Sleef_tanhf8_u35avx2((__m256)(v))
#define TANH_F64(v) Sleef_tanhd4_u35avx2((__m256d)(v))
#else
#define TANH_F32(v) Sleef_tanhf4_u35advsimd((float32x4_t)(v))
#define TANH_F64(v) Sleef_tanhd2_u35advsimd((float64x2_t)(v))
#endif

}  // namespace

#define FUNCTIONS(T, prefix, TANH)                                                            \
  extern "C" T prefix##_fma(int64_t rounds) { return fma_rounds<T>(rounds); }                 \
  extern "C" int64_t prefix##_flops_a_round() { return 2 * SUMS * LANES<T>; }                 \
  extern "C" T prefix##_read(const T* x, int64_t count) { return sum_of(x, count); }          \
  TANH_FUNCTION(T, prefix, TANH)
#ifdef SLEEF
#define TANH_FUNCTION(T, prefix, TANH)                                                        \
  extern "C" void prefix##_sleef_tanh(const T* x, T* y, int64_t count) {                      \
    for (int64_t i = 0; i < count; i += LANES<T>) store(y + i, (Vector<T>)TANH(load(x + i))); \
  }
#else
#define TANH_FUNCTION(T, prefix, TANH)
#endif
FUNCTIONS(float, f32, TANH_F32)
FUNCTIONS(double, f64, TANH_F64)
