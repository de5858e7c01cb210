// The hidden activations g1 with their derivatives, as in gdnet/activations.py. The numbers of G1 are
// those of backends/cpu_compiled.py.
#pragma once

#include "functions.hpp"

namespace {

enum G1 { TANH, SIGMOID, RELU, LEAKY_RELU, IDENTITY, SOFTPLUS };

template <class T> INLINE Vector<T> sigmoid(Vector<T> z) {
  const Vector<T> e = exp_of_negative<T>(-absolute<T>(z));
  return (z < 0 ? e : all((T)1)) / (e + (T)1);
}

template <class T> INLINE Vector<T> softplus(Vector<T> z) {
  const Vector<T> positive = z < 0 ? Vector<T>{} : z;
  return positive + log1p_up_to_1<T>(exp_of_negative<T>(-absolute<T>(z)));
}

// A1 = g1(Z1), in place, of N vectors; N is a multiple of 4, or 1.
template <G1 G, class T, int N> INLINE void activate(Vector<T>* z) {
  if constexpr (G == TANH && N % 4 == 0) {
    using Four = Two<Two<Vector<T>>>;
#pragma GCC unroll 8
    for (int i = 0; i < N; i += 4) {
      const Four a = tanh_of<T>(Four{{z[i], z[i + 1]}, {z[i + 2], z[i + 3]}});
      z[i] = a.a.a, z[i + 1] = a.a.b, z[i + 2] = a.b.a, z[i + 3] = a.b.b;
    }
  } else {
#pragma GCC unroll 32
    for (int i = 0; i < N; i++) {
      if constexpr (G == TANH) z[i] = tanh_of<T>(z[i]);
      if constexpr (G == SIGMOID) z[i] = sigmoid<T>(z[i]);
      if constexpr (G == RELU) z[i] = z[i] < 0 ? Vector<T>{} : z[i];
      if constexpr (G == LEAKY_RELU) z[i] = z[i] < 0 ? z[i] * (T)0.01 : z[i];
      if constexpr (G == SOFTPLUS) z[i] = softplus<T>(z[i]);
    }
  }
}

// w g1'(Z1), from A1.
template <G1 G, class T> INLINE Vector<T> times_slope(Vector<T> a, Vector<T> w) {
  if constexpr (G == TANH) return fnma(w * a, a, w);
  if constexpr (G == SIGMOID) return w * fnma(a, a, a);
  if constexpr (G == RELU) return a > 0 ? w : Vector<T>{};
  if constexpr (G == LEAKY_RELU) return a > 0 ? w : w * (T)0.01;
  if constexpr (G == IDENTITY) return w;
  if constexpr (G == SOFTPLUS) return -w * expm1_of_negative<T>(-a);
}

}  // namespace
