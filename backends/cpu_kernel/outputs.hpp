// The outputs g2 with their losses, as in gdnet/activations.py and gdnet/losses.py: equation 4, the
// cost, and dZ2.
//
// Examples are along the lanes here: a vector holds one output of LANES examples. The numbers of G2 are
// those of backends/cpu_compiled.py.
#pragma once

#include "activations.hpp"

namespace {

enum G2 { SIGMOID_OUTPUT, SOFTMAX, IDENTITY_OUTPUT };
constexpr int MAX_OUTPUTS = 10;

// Outputs of a vector of examples: Z2, of n rows that are `step` numbers apart, becomes A2, and the loss
// is returned.
template <class T>
INLINE Vector<T> sigmoid_output(int64_t n, T* Z2, int64_t step, const T* Y, int64_t Y_step) {
  Vector<T> loss = {};
  for (int64_t o = 0; o < n; o++) {
    const Vector<T> z = load(Z2 + o * step), y = load(Y + o * Y_step);
    const Vector<T> positive = z < 0 ? Vector<T>{} : z, negative = z - positive;
    const Vector<T> e = exp_of_negative<T>(negative - positive);
    // 4. A2 = g2(Z2)
    store(Z2 + o * step, (z < 0 ? e : all((T)1)) / (e + (T)1));
    loss += fnma(y, z, positive) + log1p_up_to_1<T>(e);
  }
  return loss;
}

// Half the squared error.
template <class T>
INLINE Vector<T> identity_output(int64_t n, const T* Z2, int64_t step, const T* Y, int64_t Y_step) {
  Vector<T> loss = {};
  for (int64_t o = 0; o < n; o++) {
    const Vector<T> error = load(Z2 + o * step) - load(Y + o * Y_step);
    loss = fma((T)0.5 * error, error, loss);
  }
  return loss;
}

// The largest exp(Z2 - highest) is exactly 1: one such term is left out of the sum, and in log1p, which
// keeps the rest when it is tiny.
template <class T>
INLINE Vector<T> softmax_output(int64_t n, T* Z2, int64_t step, const T* Y, int64_t Y_step) {
  Vector<T> highest = load(Z2), of_label = load(Y) * highest;
  for (int64_t o = 1; o < n; o++) {
    const Vector<T> z = load(Z2 + o * step);
    highest = z > highest ? z : highest;
    of_label = fma(load(Y + o * Y_step), z, of_label);
  }
  Vector<T> sum = {}, rest = {}, largest = {};
  for (int64_t o = 0; o < n; o++) {
    const Vector<T> e = exp_of_negative<T>(load(Z2 + o * step) - highest);
    store(Z2 + o * step, e);
    sum += e;
    rest += e == 1 ? Vector<T>{} : e;
    largest += e == 1 ? all((T)1) : Vector<T>{};
  }
  // 4. A2 = g2(Z2)
  for (int64_t o = 0; o < n; o++) store(Z2 + o * step, load(Z2 + o * step) / sum);
  return log1p_of_positive<T>(rest + (largest - (T)1)) + (highest - of_label);
}

// The part of the examples in J and db2. The loss is J in float64, in which a long sum loses less.
template <class T> struct OutputSums {
  Vector<T> J[PARTS] = {}, db2[MAX_OUTPUTS][PARTS] = {};
  double loss = 0;

  INLINE void add_J_to_loss() { loss += total<T>(J), memset(J, 0, sizeof J); }

  // Z2 becomes dZ2, of a vector of examples that is part `part` of the logical vector.
  INLINE void add(G2 g2, int64_t n, T* Z2, int64_t step, const T* Y, int64_t Y_step, Vector<T> weight,
                  int part) {
    const Vector<T> loss = g2 == SIGMOID_OUTPUT ? sigmoid_output(n, Z2, step, Y, Y_step)
                           : g2 == SOFTMAX      ? softmax_output(n, Z2, step, Y, Y_step)
                                                : identity_output(n, Z2, step, Y, Y_step);
    J[part] = fma(weight, loss, J[part]);
    for (int64_t o = 0; o < n; o++) {
      // 1. dZ2 = A2 - Y
      const Vector<T> dZ2 = (load(Z2 + o * step) - load(Y + o * Y_step)) * weight;
      // 3. db2 = 1/m sum of dZ2
      db2[o][part] += dZ2;
      store(Z2 + o * step, dZ2);
    }
  }
};

}  // namespace
