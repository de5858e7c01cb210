// Many iterations of gradient descent in one call, where one block holds all examples: bitwise those
// of single calls, each followed by the update.
#pragma once

#include "narrow.hpp"
#include "wide.hpp"

namespace {

// W := W - alpha dW, b := b - alpha db, of all parameters in one array.
template <class T> void update(T* parameters, const T* sums, int64_t size, T m, T alpha) {
  for (int64_t i = 0; i < size; i++) parameters[i] -= alpha * (sums[i] / m);
}

template <class T> Network<T> network_in(const T* parameters, G2 g2, int64_t n0, int64_t n1, int64_t n2) {
  const T *b1 = parameters + n1 * n0, *W2 = b1 + n1;
  return {parameters, b1, W2, W2 + n2 * n1, n1, n2, g2};
}

template <class T, G1 G>
void descend(const Examples<T>& examples, G2 g2, int64_t n1, int64_t n2, T m, T alpha, int64_t iterations,
             T* parameters, T* costs, T* sums, void* memory) {
  const int64_t n0 = examples.n0;
  const Network<T> network = network_in(parameters, g2, n0, n1, n2);
  const int64_t size = size_of(network, n0);
  const auto repeat = [&](auto gradient) {
    for (int64_t i = 0; i < iterations; i++) {
      gradient();
      costs[i] = sums[size] / m;
      update(parameters, sums, size, m, alpha);
    }
  };
  const bool few = with_few_features(n0, [&](auto features) {
    constexpr int N0 = decltype(features)::value;
    const NarrowMemory<T> w(memory, N0, n1, n2);
    for (int64_t first = 0, t = 0; first < examples.m; first += EXAMPLES<T>, t++)
      turn<T, N0>(examples, n2, first, (T*)(w.tiles + t * w.tile_size(N0, n2)));
    repeat([&] { narrow<T, G, N0>(GRADIENT, examples, network, sums, w, true); });
  });
  if (!few) repeat([&] { wide<T, G>(GRADIENT, examples, network, sums, memory); });
}

}  // namespace
