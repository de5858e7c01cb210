// Examples along the lanes: for networks of up to MAX_FEW features.
//
// A tile is GROUP logical vectors (of 64 bytes) of examples, turned so that a vector holds one feature
// of LANES examples:
//
//   X  (n0, EXAMPLES), Y (n2, EXAMPLES), weights (EXAMPLES)    turned
//   A1 (n1, EXAMPLES)    a vector of examples for each hidden unit
//   Z2 (n2, EXAMPLES)    Z2, then dZ2
//
// No gradient is summed over lanes before the end of the block. The last tile is filled up with the
// last example, of weight 0: what is finite of that is finite there.
#pragma once

#include "block.hpp"

namespace {

constexpr int GROUP = 8, VECTORS = GROUP * PARTS;
template <class T> constexpr int EXAMPLES = VECTORS * LANES<T>;

template <class T> struct NarrowMemory {
  Vector<T>*A1, *Z2, *sums, *tiles;

  // Vectors of the sums of a hidden unit: dW1, db1, dW2.
  static int64_t sums_of_unit(int64_t n0, int64_t n2) { return (n0 + 1 + n2) * PARTS; }
  static int64_t tile_size(int64_t n0, int64_t n2) { return (n0 + n2 + 1) * VECTORS; }
  // `tiles` is 1, or, where the block is gone through many times, all that it has.
  static int64_t bytes(int64_t n0, int64_t n1, int64_t n2, int64_t tiles) {
    return 64 + BYTES * ((n1 + n2) * VECTORS + n1 * sums_of_unit(n0, n2) + tiles * tile_size(n0, n2));
  }
  NarrowMemory(void* memory, int64_t n0, int64_t n1, int64_t n2) {
    A1 = aligned<Vector<T>>(memory), Z2 = A1 + n1 * VECTORS, sums = Z2 + n2 * VECTORS;
    tiles = sums + n1 * sums_of_unit(n0, n2);
  }
};

// Feature K of LANES examples that lie one after the other in N0 vectors, V at the first.
template <class T, int N0, int K, int V, int... E>
INLINE Vector<T> feature_of(Vector<T> found, const T* X, Indices<E...> lanes) {
  if constexpr (V == N0) return found;
  else {
    constexpr int N = LANES<T>;
    found = __builtin_shufflevector(found, load(X + V * N),
                                    ((E * N0 + K) / N == V ? N + (E * N0 + K) % N : E)...);
    return feature_of<T, N0, K, V + 1>(found, X, lanes);
  }
}
template <class T, int N0, int... K> INLINE void turn_vectors(const T* X, T* to, Indices<K...>) {
  (store(to + K * EXAMPLES<T>, feature_of<T, N0, K, 0>(Vector<T>{}, X, Lanes<T>{})), ...);
}

template <class T, int N0>
void turn(const Examples<T>& examples, int64_t n2, int64_t first, T* to) {
  const int64_t left = examples.m - first, n = left < EXAMPLES<T> ? left : EXAMPLES<T>;
  T converted[EXAMPLES<T> * N0];
  const T *X = examples.X_float32 ? converted : examples.X + first * N0, *weights = examples.weights;
  if (examples.X_float32) convert(examples.X_float32 + first * N0, converted, n * N0);
  int e = 0;
  for (; e + LANES<T> <= n; e += LANES<T>)
    turn_vectors<T, N0>(X + e * N0, to + e, typename CountTo<N0>::type{});
  for (; e < EXAMPLES<T>; e++)
    for (int k = 0; k < N0; k++) to[k * EXAMPLES<T> + e] = X[(e < n ? e : n - 1) * N0 + k];
  if (!examples.Y) return;
  to += N0 * EXAMPLES<T>;
  for (int64_t o = 0; o < n2; o++, to += EXAMPLES<T>) {
    const T* Y = examples.Y + o * examples.m + first;
    memcpy(to, Y, sizeof(T) * n);
    for (int e = n; e < EXAMPLES<T>; e++) to[e] = Y[n - 1];
  }
  for (int e = 0; e < EXAMPLES<T>; e += LANES<T>) store(to + e, all((T)1));
  if (weights) memcpy(to, weights + first, sizeof(T) * n);
  memset(to + n, 0, sizeof(T) * (EXAMPLES<T> - n));
}

// Equation 4 and the cost of a tile, or of what is not padding of it; Z2 becomes dZ2.
template <class T>
__attribute__((noinline)) void narrow_cost(G2 g2, int64_t n2, int64_t left, Vector<T>* Z2,
                                           const Vector<T>* Y, OutputSums<T>& sums) {
  for (int i = 0; i < VECTORS && i / GROUP * GROUP * LANES<T> < left; i++)
    sums.add(g2, n2, (T*)(Z2 + i), EXAMPLES<T>, (const T*)(Y + i), EXAMPLES<T>, Y[n2 * VECTORS + i], i % PARTS);
}

// Equations 1 to 3 of the forward pass, of GROUP vectors of examples.
template <class T, G1 G, int N0>
INLINE void forward_group(const Network<T>& network, const Vector<T>* X, Vector<T>* A1, Vector<T>* Z2) {
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
#pragma GCC unroll 8
    for (int i = 0; i < GROUP; i++) A1[j * VECTORS + i] = a[i];
  }
  for (int64_t o = 0; o < network.n2; o++) {
    // 3. Z2 = W2 A1 + b2
    Vector<T> z[GROUP];
#pragma GCC unroll 8
    for (int i = 0; i < GROUP; i++) z[i] = all(network.b2[o]);
    for (int64_t j = 0; j < network.n1; j++)
#pragma GCC unroll 8
      for (int i = 0; i < GROUP; i++)
        z[i] = fma(A1[j * VECTORS + i], all(network.W2[o * network.n1 + j]), z[i]);
#pragma GCC unroll 8
    for (int i = 0; i < GROUP; i++) Z2[o * VECTORS + i] = z[i];
  }
}

// Equations 2, 4, 5 and 6 of the backward pass, for each hidden unit.
template <class T, G1 G, int N0>
INLINE void backward_tile(const Network<T>& network, const Vector<T>* X, const NarrowMemory<T>& w) {
  const int64_t n1 = network.n1, n2 = network.n2;
  Vector<T>* sum = w.sums;
  for (int64_t j = 0; j < n1; j++, sum += w.sums_of_unit(N0, n2)) {
#pragma GCC unroll 4
    for (int part = 0; part < PARTS; part++) {
      const Vector<T>*A1 = w.A1 + j * VECTORS + part, *dZ2 = w.Z2 + part;
      Vector<T> D[GROUP] = {};  // W2' dZ2
      for (int64_t o = 0; o < n2; o++, dZ2 += VECTORS) {
        const Vector<T> W2 = all(network.W2[o * n1 + j]);
        Vector<T> dW2 = {};
#pragma GCC unroll 8
        for (int i = 0; i < GROUP; i++) {
          // 2. dW2 = 1/m dZ2 A1'
          dW2 = fma(A1[i * PARTS], dZ2[i * PARTS], dW2);
          D[i] = fma(W2, dZ2[i * PARTS], D[i]);
        }
        sum[(N0 + 1 + o) * PARTS + part] += dW2;
      }
      Vector<T> dW1[N0] = {}, db1 = {};
#pragma GCC unroll 8
      for (int i = 0; i < GROUP; i++) {
        // 4. dZ1 = W2' dZ2 * g1'(Z1)
        const Vector<T> dZ1 = times_slope<G, T>(A1[i * PARTS], D[i]);
        // 5. dW1 = 1/m dZ1 X'
#pragma GCC unroll 8
        for (int k = 0; k < N0; k++) dW1[k] = fma(X[k * VECTORS + part + i * PARTS], dZ1, dW1[k]);
        // 6. db1 = 1/m sum of dZ1
        db1 += dZ1;
      }
#pragma GCC unroll 8
      for (int k = 0; k < N0; k++) sum[k * PARTS + part] += dW1[k];
      sum[N0 * PARTS + part] += db1;
    }
  }
}

// The forward pass of a tile that is turned; `left` of its examples and those after it are not padding.
template <class T, G1 G, int N0>
INLINE void narrow_tile(const Network<T>& network, const Vector<T>* X, int64_t left, const NarrowMemory<T>& w) {
  for (int f = 0; f < VECTORS; f += GROUP) {
    if (f && f * LANES<T> >= left) {  // padding alone, which would add zeros
      for (int64_t j = 0; j < network.n1 + network.n2; j++)  // Z2 follows A1
        memset(w.A1 + j * VECTORS + f, 0, sizeof(Vector<T>) * GROUP);
    } else {
      forward_group<T, G, N0>(network, X + f, w.A1 + f, w.Z2 + f);
    }
  }
}

template <class T>
void narrow_totals(int64_t n0, int64_t n1, int64_t n2, const NarrowMemory<T>& w,
                   const OutputSums<T>& sums, T* out) {
  T *db1 = out + n1 * n0, *dW2 = db1 + n1, *db2 = dW2 + n2 * n1;
  for (int64_t j = 0; j < n1; j++) {
    const Vector<T>* sum = w.sums + j * w.sums_of_unit(n0, n2);
    for (int k = 0; k < n0; k++) out[j * n0 + k] = total<T>(sum + k * PARTS);
    db1[j] = total<T>(sum + n0 * PARTS);
    for (int64_t o = 0; o < n2; o++) dW2[o * n1 + j] = total<T>(sum + (n0 + 1 + o) * PARTS);
  }
  for (int64_t o = 0; o < n2; o++) db2[o] = total<T>(sums.db2[o]);
  db2[n2] = total<T>(sums.J);
}

// Where all tiles have been turned before, they lie one after the other.
template <class T, G1 G, int N0>
void narrow(Wanted wanted, const Examples<T>& examples, const Network<T>& network, T* out,
            const NarrowMemory<T>& w, bool turned) {
  const int64_t m = examples.m, n1 = network.n1, n2 = network.n2;
  memset(w.sums, 0, sizeof(Vector<T>) * n1 * w.sums_of_unit(N0, n2));
  OutputSums<T> sums;
  const Vector<T>* tile = w.tiles;
  for (int64_t first = 0; first < m; first += EXAMPLES<T>) {
    const int64_t left = m - first, n = left < EXAMPLES<T> ? left : EXAMPLES<T>;
    if (!turned) turn<T, N0>(examples, n2, first, (T*)w.tiles);
    narrow_tile<T, G, N0>(network, tile, left, w);
    if (wanted == OUTPUTS)
      for (int64_t o = 0; o < n2; o++) memcpy(out + o * m + first, w.Z2 + o * VECTORS, sizeof(T) * n);
    if (examples.Y) narrow_cost<T>(network.g2, n2, n, w.Z2, tile + N0 * VECTORS, sums);
    if (wanted == OUTPUTS) sums.add_J_to_loss();
    if (wanted == GRADIENT) backward_tile<T, G, N0>(network, tile, w);
    if (turned) tile += w.tile_size(N0, n2);
  }
  if (wanted == COST) out[0] = total<T>(sums.J);
  if (wanted == OUTPUTS && examples.Y) out[n2 * m] = sums.loss;
  if (wanted == GRADIENT) narrow_totals<T>(N0, n1, n2, w, sums, out);
}

}  // namespace
