// Examples along the lanes: for networks of up to MAX_FEW features.
//
// A tile is GROUP logical vectors (of 64 bytes) of examples, turned so that a vector holds one feature
// of LANES examples:
//
//   X  (n0, EXAMPLES), Y, weights (EXAMPLES)    turned
//   A1 (n1, EXAMPLES)                           a vector of examples for each hidden unit
//
// No sum over lanes is made before the end of the block. The last tile is filled up with the last
// example, of weight 0: what is finite of that is finite there.
#pragma once

#include "block.hpp"

namespace {

constexpr int GROUP = 8, VECTORS = GROUP * PARTS;
template <class T> constexpr int EXAMPLES = VECTORS * LANES<T>;

// Rows of a turned tile: the features, Y, the weights.
constexpr int rows_of(int n0) { return n0 + 2; }

template <class T> struct NarrowMemory {
  Vector<T>*A1, *sums, *tiles;

  // `tiles` is 1, or, where the block is gone through many times, all that it has.
  static int64_t bytes(int64_t n0, int64_t n1, int64_t tiles) {
    return 64 + BYTES * (n1 * VECTORS + n1 * (n0 + 2) * PARTS + tiles * (n0 + 2) * VECTORS);
  }
  NarrowMemory(void* memory, int64_t n0, int64_t n1) {
    A1 = aligned<Vector<T>>(memory), sums = A1 + n1 * VECTORS;
    tiles = sums + n1 * (n0 + 2) * PARTS;
  }
};

template <class T, int N0>
void turn(Wanted wanted, const Examples<T>& examples, int64_t first, T* to) {
  const int64_t left = examples.m - first;
  const T *X = examples.X + first * N0, *weights = examples.weights;
  T *Y_row = to + N0 * EXAMPLES<T>, *weight_row = Y_row + EXAMPLES<T>;
  const int64_t n = left < EXAMPLES<T> ? left : EXAMPLES<T>;
  for (int e = 0; e < n; e++)
#pragma GCC unroll 8
    for (int k = 0; k < N0; k++) to[k * EXAMPLES<T> + e] = X[e * N0 + k];
  for (int e = n; e < EXAMPLES<T>; e++)
    for (int k = 0; k < N0; k++) to[k * EXAMPLES<T> + e] = X[(n - 1) * N0 + k];
  if (wanted == OUTPUTS) return;
  const T* Y = examples.Y + first;
  for (int e = 0; e < EXAMPLES<T>; e++) {
    Y_row[e] = Y[e < n ? e : n - 1];
    weight_row[e] = e >= n ? 0 : weights ? weights[first + e] : 1;
  }
}

// Equation 4 and the cost of GROUP vectors of examples; Z2 becomes dZ2.
template <class T>
__attribute__((noinline)) void output_group(Vector<T>* Z2, const Vector<T>* Y, const Vector<T>* weights,
                                            OutputSums<T>& sums) {
#pragma GCC unroll 8
  for (int i = 0; i < GROUP; i++) Z2[i] = sums.add(Z2[i], Y[i], weights[i], i % PARTS);
}

// Equations 1 to 3 of the forward pass, and dZ2 (or Z2), of GROUP vectors of examples.
template <class T, G1 G, int N0>
INLINE void forward_group(Wanted wanted, const Network<T>& network, const Vector<T>* X, Vector<T>* A1,
                          Vector<T>* dZ2, OutputSums<T>& sums) {
  Vector<T> z[GROUP];
#pragma GCC unroll 8
  for (int i = 0; i < GROUP; i++) z[i] = all(network.b2[0]);
  for (int64_t j = 0; j < network.n1; j++) {
    // 1. Z1 = W1 X + b1
    Vector<T> a[GROUP];
#pragma GCC unroll 8
    for (int i = 0; i < GROUP; i++) {
      a[i] = all(network.b1[j]);
#pragma GCC unroll 8
      for (int k = 0; k < N0; k++) a[i] = fma(X[k * VECTORS + i], all(network.W1[j * N0 + k]), a[i]);
    }
    // 2. A1 = g1(Z1)
    activate<G, T, GROUP>(a);
    // 3. Z2 = W2 A1 + b2
#pragma GCC unroll 8
    for (int i = 0; i < GROUP; i++) {
      A1[j * VECTORS + i] = a[i];
      z[i] = fma(a[i], all(network.W2[j]), z[i]);
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < GROUP; i++) dZ2[i] = z[i];
  if (wanted != OUTPUTS)
    output_group<T>(dZ2, X + N0 * VECTORS, X + (N0 + 1) * VECTORS, sums);
}

// Equations 2, 4, 5 and 6 of the backward pass, for each hidden unit.
template <class T, G1 G, int N0>
INLINE void backward_tile(const Network<T>& network, const Vector<T>* X, const Vector<T>* A1,
                          const Vector<T>* dZ2, Vector<T>* sums) {
  for (int64_t j = 0; j < network.n1; j++) {
    const Vector<T> W2 = all(network.W2[j]);
#pragma GCC unroll 4
    for (int part = 0; part < PARTS; part++) {
      Vector<T> dW1[N0], db1 = {}, dW2 = {};
#pragma GCC unroll 8
      for (int k = 0; k < N0; k++) dW1[k] = Vector<T>{};
#pragma GCC unroll 8
      for (int i = part; i < VECTORS; i += PARTS) {
        const Vector<T> a = A1[j * VECTORS + i];
        // 2. dW2 = 1/m dZ2 A1'
        dW2 = fma(a, dZ2[i], dW2);
        // 4. dZ1 = W2' dZ2 * g1'(Z1)
        const Vector<T> dZ1 = times_slope<G, T>(a, W2) * dZ2[i];
        // 5. dW1 = 1/m dZ1 X'
#pragma GCC unroll 8
        for (int k = 0; k < N0; k++) dW1[k] = fma(X[k * VECTORS + i], dZ1, dW1[k]);
        // 6. db1 = 1/m sum of dZ1
        db1 += dZ1;
      }
      Vector<T>* sum = sums + j * (N0 + 2) * PARTS + part;
#pragma GCC unroll 8
      for (int k = 0; k < N0; k++) sum[k * PARTS] += dW1[k];
      sum[N0 * PARTS] += db1;
      sum[(N0 + 1) * PARTS] += dW2;
    }
  }
}

// All of a tile that is turned; `left` of its examples and those after it are not padding.
template <class T, G1 G, int N0>
INLINE void narrow_tile(Wanted wanted, const Network<T>& network, const Vector<T>* X, int64_t left,
                        const NarrowMemory<T>& memory, OutputSums<T>& sums, Vector<T>* dZ2) {
  for (int f = 0; f < VECTORS; f += GROUP) {
    if (f && f * LANES<T> >= left) {  // padding alone, which would add zeros
      for (int64_t j = 0; j < network.n1; j++)
        memset(memory.A1 + j * VECTORS + f, 0, sizeof(Vector<T>) * GROUP);
      memset(dZ2 + f, 0, sizeof(Vector<T>) * GROUP);
    } else {
      forward_group<T, G, N0>(wanted, network, X + f, memory.A1 + f, dZ2 + f, sums);
    }
  }
  if (wanted == GRADIENT) backward_tile<T, G, N0>(network, X, memory.A1, dZ2, memory.sums);
}

template <class T>
void narrow_totals(int64_t n0, int64_t n1, const NarrowMemory<T>& memory, const OutputSums<T>& sums, T* out) {
  T *db1 = out + n1 * n0, *dW2 = db1 + n1;
  for (int64_t j = 0; j < n1; j++) {
    const Vector<T>* sum = memory.sums + j * (n0 + 2) * PARTS;
    for (int k = 0; k < n0; k++) out[j * n0 + k] = total<T>(sum + k * PARTS);
    db1[j] = total<T>(sum + n0 * PARTS);
    dW2[j] = total<T>(sum + (n0 + 1) * PARTS);
  }
  dW2[n1] = total<T>(sums.db2);
  dW2[n1 + 1] = total<T>(sums.J);
}

// Where all tiles have been turned before, they lie one after the other.
template <class T, G1 G, int N0>
void narrow(Wanted wanted, const Examples<T>& examples, const Network<T>& network, T* out,
            const NarrowMemory<T>& w, bool turned) {
  memset(w.sums, 0, sizeof(Vector<T>) * PARTS * network.n1 * (N0 + 2));
  OutputSums<T> sums;
  Vector<T> dZ2[VECTORS];
  const Vector<T>* tile = w.tiles;
  for (int64_t first = 0; first < examples.m; first += EXAMPLES<T>) {
    const int64_t left = examples.m - first;
    if (!turned) turn<T, N0>(wanted, examples, first, (T*)w.tiles);
    narrow_tile<T, G, N0>(wanted, network, tile, left, w, sums, dZ2);
    if (turned) tile += rows_of(N0) * VECTORS;
    if (wanted == OUTPUTS)
      memcpy(out + first, dZ2, sizeof(T) * (left < EXAMPLES<T> ? left : EXAMPLES<T>));
  }
  if (wanted == COST) out[0] = total<T>(sums.J);
  if (wanted == GRADIENT) narrow_totals<T>(N0, network.n1, w, sums, out);
}

}  // namespace
