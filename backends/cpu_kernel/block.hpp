// What the kernels are given and give back, and what is asked of a block of examples.
#pragma once

#include "outputs.hpp"

namespace {

// m examples, one after the other: the columns of the lecture's X. No weights: each counts once.
template <class T> struct Examples {
  const T *X;        // (m, n0)
  const T *Y;        // (n2, m), or null
  const T *weights;  // (m), or null
  int64_t m, n0;
  const float *X_float32 = nullptr;  // (m, n0): instead of X, which each tile then makes of it
};

// A network, each array row by row.
template <class T> struct Network {
  const T *W1;  // (n1, n0)
  const T *b1;  // (n1)
  const T *W2;  // (n2, n1)
  const T *b2;  // (n2)
  int64_t n1, n2;
  G2 g2;
};

// What is wanted of a block.
//
// GRADIENT: dW1 (n1, n0), db1 (n1), dW2 (n2, n1), db2 (n2), J: sums over the examples, not divided by
// m. COST: J alone, the same bits. OUTPUTS: Z2 (n2, m); without Y that is all, otherwise J follows.
enum Wanted { GRADIENT, COST, OUTPUTS };

template <class T> INLINE int64_t size_of(const Network<T>& network, int64_t n0) {
  return network.n1 * (n0 + 1) + network.n2 * (network.n1 + 1);
}

template <class T> T* aligned(void* memory) { return (T*)(((uintptr_t)memory + 63) & ~(uintptr_t)63); }

template <int N> struct Constant { static constexpr int value = N; };

// Calls f with the number of features, if there are few, as a constant; returns whether there are.
constexpr int MAX_FEW = 8;
template <class F> INLINE bool with_few_features(int64_t n0, F f) {
  switch (n0) {
#define CASE(N) case N: f(Constant<N>{}); return true;
    CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8)
#undef CASE
  }
  return false;
}

constexpr int64_t up_to_multiple(int64_t n, int64_t of) { return (n + of - 1) / of * of; }

}  // namespace
