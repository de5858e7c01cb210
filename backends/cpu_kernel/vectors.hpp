// Vectors of the processor that this is compiled for, and sums that have the same bits on every one.
//
// A sum over examples or over hidden units is kept in 64 bytes of lanes on every processor: in
// PARTS vectors, each as wide as the processor's registers. At its end the parts are added, and then
// the lanes, always in the same order. A product is fused with an addition where fma() or fnma() is
// written, and nowhere else: -ffp-contract=off keeps the compiler from doing it elsewhere.
//
// This file, and all that includes it, is compiled once for each instruction set. Everything is in an
// anonymous namespace, so that the linker does not merge functions of two instruction sets.
#pragma once

#include <stdint.h>
#include <string.h>
#if defined(__aarch64__)
#include <arm_neon.h>
#else
#include <immintrin.h>
#endif

#define INLINE inline __attribute__((always_inline))
#define INLINE_LAMBDA __attribute__((always_inline))

namespace {

// Bytes of a register, and how many of them a loop may keep sums in.
#if defined(__AVX512F__)
constexpr int BYTES = 64, ACCUMULATORS = 24;
#elif defined(__AVX2__)
constexpr int BYTES = 32, ACCUMULATORS = 12;
#else
constexpr int BYTES = 16, ACCUMULATORS = 24;
#endif
constexpr int PARTS = 64 / BYTES;

template <class T> struct Types;
template <> struct Types<float> {
  typedef float Vector __attribute__((vector_size(BYTES)));
  typedef float Unaligned __attribute__((vector_size(BYTES), aligned(4), may_alias));
  typedef int32_t Bits __attribute__((vector_size(BYTES)));
};
template <> struct Types<double> {
  typedef double Vector __attribute__((vector_size(BYTES)));
  typedef double Unaligned __attribute__((vector_size(BYTES), aligned(8), may_alias));
  typedef int64_t Bits __attribute__((vector_size(BYTES)));
};
template <class T> using Vector = typename Types<T>::Vector;
template <class T> using Unaligned = typename Types<T>::Unaligned;
template <class T> using Bits = typename Types<T>::Bits;
template <class T> constexpr int LANES = BYTES / sizeof(T);

template <class T> INLINE Vector<T> load(const T* from) { return *(const Unaligned<T>*)from; }
template <class T> INLINE void store(T* to, Vector<T> v) { *(Unaligned<T>*)to = v; }

// Numbers of float32 in another type, which holds each of them.
template <class T> INLINE void convert(const float* from, T* to, int64_t count) {
  typedef float Part __attribute__((vector_size(BYTES / (sizeof(T) / 4)), aligned(4), may_alias));
  int64_t i = 0;
  for (; i + LANES<T> <= count; i += LANES<T>)
    store(to + i, __builtin_convertvector(*(const Part*)(from + i), Vector<T>));
  for (; i < count; i++) to[i] = from[i];
}

// A number in every lane. x - 0 is x; x + 0 would be 0 for x = -0.
template <class T> INLINE Vector<T> all(T x) { return x - Vector<T>{}; }

// fma: a b + c, and fnma: c - a b, rounded once.
#define FUSED(T, FMA, FNMA)                                                     \
  INLINE Vector<T> fma(Vector<T> a, Vector<T> b, Vector<T> c) { return FMA; }   \
  INLINE Vector<T> fnma(Vector<T> a, Vector<T> b, Vector<T> c) { return FNMA; }
#if defined(__AVX512F__)
FUSED(float, (Vector<float>)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c),
      (Vector<float>)_mm512_fnmadd_ps((__m512)a, (__m512)b, (__m512)c))
FUSED(double, (Vector<double>)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c),
      (Vector<double>)_mm512_fnmadd_pd((__m512d)a, (__m512d)b, (__m512d)c))
#elif defined(__AVX2__)
FUSED(float, (Vector<float>)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c),
      (Vector<float>)_mm256_fnmadd_ps((__m256)a, (__m256)b, (__m256)c))
FUSED(double, (Vector<double>)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c),
      (Vector<double>)_mm256_fnmadd_pd((__m256d)a, (__m256d)b, (__m256d)c))
#else
FUSED(float, (Vector<float>)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b),
      (Vector<float>)vfmsq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b))
FUSED(double, (Vector<double>)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b),
      (Vector<double>)vfmsq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b))
#endif
#undef FUSED

template <int... I> struct Indices {};
template <int N, int... I> struct CountTo : CountTo<N - 1, N - 1, I...> {};
template <int... I> struct CountTo<0, I...> { typedef Indices<I...> type; };
template <class T> using Lanes = typename CountTo<LANES<T>>::type;

// The sum of the parts, which are one vector on a processor with vectors of 64 bytes.
template <class T> INLINE Vector<T> sum_of_parts(const Vector<T>* v) {
  if constexpr (PARTS == 1) return v[0];
  else if constexpr (PARTS == 2) return v[0] + v[1];
  else return (v[0] + v[2]) + (v[1] + v[3]);
}

template <int HALF, class V, int... I> INLINE V swapped(V v, Indices<I...>) {
  return __builtin_shufflevector(v, v, (I ^ HALF)...);
}

// The sum of all lanes, in each of them: halves are added, then quarters ...
template <class T, int HALF = LANES<T> / 2> INLINE Vector<T> sum_of_lanes(Vector<T> v) {
  if constexpr (HALF == 0) return v;
  else return sum_of_lanes<T, HALF / 2>(v + swapped<HALF>(v, Lanes<T>{}));
}

template <class T> INLINE T total(const Vector<T>* parts) {
  return sum_of_lanes<T>(sum_of_parts<T>(parts))[0];
}

template <int HALF, class V, int... I> INLINE V halves_added(V a, V b, Indices<I...>) {
  constexpr int N = sizeof...(I);
  return __builtin_shufflevector(a, b, (I & HALF ? (I ^ HALF) + N : I)...) +
         __builtin_shufflevector(a, b, (I & HALF ? I + N : I ^ HALF)...);
}

// The sums of lanes of as many vectors as there are lanes: that of v[i] in lane i of v[0].
template <class T, int HALF = LANES<T> / 2> INLINE void sums_of_lanes(Vector<T>* v) {
  if constexpr (HALF > 0) {
#pragma GCC unroll 8
    for (int i = 0; i < HALF; i++) v[i] = halves_added<HALF>(v[i], v[i + HALF], Lanes<T>{});
    sums_of_lanes<T, HALF / 2>(v);
  }
}

}  // namespace
