// Hidden units along the lanes: for networks of more than a few features.
//
// A tile of TILE examples goes through all equations while it is in the caches:
//
//   X  (TILE, n0)    as it is in memory
//   A1 (n1, TILE)    a vector of hidden units for each example; becomes dZ1
//   Z2 (TILE)        PARTS vectors for each example, summed over their lanes at the end
//
// W1 is turned once a block, so that a vector holds the weights of one feature to LANES hidden units.
// Hidden units are padded with zeros to 64 bytes: their weights, and so their gradients, are not used.
// dW1 is summed over a tile in registers and then added to the sum of the block, which keeps the
// rounding of long sums small.
#pragma once

#include "block.hpp"

namespace {

constexpr int TILE = 48;

template <class T> struct WideMemory {
  int64_t H;  // vectors of hidden units
  Vector<T> *W1, *b1, *W2, *dW1, *db1, *dW2, *A1, *Z2;
  T *dZ2, *ones, *last_Y, *last_weights, *last_X;

  static int64_t vectors_of_units(int64_t n1) {
    return up_to_multiple(n1, LANES<T> * PARTS) / LANES<T>;
  }
  static int64_t bytes(int64_t n0, int64_t n1) {
    const int64_t H = vectors_of_units(n1);
    return 64 + BYTES * (2 * n0 * H + 4 * H + TILE * H + TILE * PARTS) +
           (int64_t)sizeof(T) * TILE * (n0 + 4);
  }
  WideMemory(void* memory, int64_t n0, int64_t n1) : H(vectors_of_units(n1)) {
    W1 = aligned<Vector<T>>(memory), b1 = W1 + n0 * H, W2 = b1 + H;
    dW1 = W2 + H, db1 = dW1 + n0 * H, dW2 = db1 + H;
    A1 = dW2 + H, Z2 = A1 + TILE * H;
    dZ2 = (T*)(Z2 + TILE * PARTS), ones = dZ2 + TILE;
    last_Y = ones + TILE, last_weights = last_Y + TILE, last_X = last_weights + TILE;
  }
};

// A tile of examples; the last one of a block is filled up with its last example, of weight 0: what
// is finite of that is finite here.
template <class T> struct Tile { const T *X, *Y, *weights; };

template <class T>
Tile<T> tile_of(Wanted wanted, const Examples<T>& e, int64_t first, const WideMemory<T>& w) {
  const int64_t n = e.m - first;
  Tile<T> tile{e.X + first * e.n0, e.Y + first, e.weights ? e.weights + first : w.ones};
  if (wanted == OUTPUTS) tile.Y = tile.weights = w.ones;
  if (n >= TILE) return tile;
  for (int64_t i = 0; i < TILE; i++) {
    const int64_t from = i < n ? i : n - 1;
    memcpy(w.last_X + i * e.n0, tile.X + from * e.n0, sizeof(T) * e.n0);
    w.last_Y[i] = tile.Y[from];
    w.last_weights[i] = i < n ? tile.weights[i] : 0;
  }
  return {w.last_X, w.last_Y, w.last_weights};
}

// U vectors of hidden units of all examples of a tile: equations 1 to 3 of the forward pass.
template <class T, int U, G1 G>
INLINE void forward_units(const T* X, int64_t n0, const WideMemory<T>& w, int64_t h) {
  constexpr int E = ACCUMULATORS / U > 12 ? 12 : ACCUMULATORS / U;  // examples at a time
  constexpr int Z = PARTS < U ? PARTS : U;
  const Vector<T>*W1 = w.W1 + h, *b1 = w.b1 + h, *W2 = w.W2 + h;
  Vector<T>* A1 = w.A1 + h * TILE;
  for (int first = 0; first < TILE; first += E) {
    // 1. Z1 = W1 X + b1
    Vector<T> a[E][U];
#pragma GCC unroll 24
    for (int e = 0; e < E; e++)
#pragma GCC unroll 4
      for (int u = 0; u < U; u++) a[e][u] = b1[u];
    const T* x = X + first * n0;
    for (int64_t k = 0; k < n0; k++) {
      Vector<T> weight[U];
#pragma GCC unroll 4
      for (int u = 0; u < U; u++) weight[u] = W1[k * w.H + u];
#pragma GCC unroll 24
      for (int e = 0; e < E; e++) {
        const Vector<T> feature = all(x[e * n0 + k]);
#pragma GCC unroll 4
        for (int u = 0; u < U; u++) a[e][u] = fma(weight[u], feature, a[e][u]);
      }
    }
#pragma GCC unroll 24
    for (int e = 0; e < E; e++) {
      Vector<T>* Z2 = w.Z2 + (first + e) * PARTS;
      Vector<T> z[Z];
#pragma GCC unroll 4
      for (int i = 0; i < Z; i++) z[i] = Z2[i];
#pragma GCC unroll 4
      for (int u = 0; u < U; u++) {
        // 2. A1 = g1(Z1)
        activate<G, T, 1>(&a[e][u]);
        A1[u * TILE + first + e] = a[e][u];
        // 3. Z2 = W2 A1 + b2
        z[u % PARTS] = fma(W2[u], a[e][u], z[u % PARTS]);
      }
#pragma GCC unroll 4
      for (int i = 0; i < Z; i++) Z2[i] = z[i];
    }
  }
}

template <class T, G1 G> void forward_tile(const T* X, int64_t n0, const WideMemory<T>& w) {
  memset(w.Z2, 0, sizeof(Vector<T>) * TILE * PARTS);
  int64_t h = 0;
  for (; h + 4 <= w.H; h += 4) forward_units<T, 4, G>(X, n0, w, h);
  if (w.H - h == 3) forward_units<T, 3, G>(X, n0, w, h);
  if (w.H - h == 2) forward_units<T, 2, G>(X, n0, w, h);
  if (w.H - h == 1) forward_units<T, 1, G>(X, n0, w, h);
}

// Equation 4 and the cost, of LANES examples at a time, and dZ2.
template <class T>
void output_tile(Wanted wanted, const Tile<T>& tile, T b2, const WideMemory<T>& w, OutputSums<T>& sums) {
  for (int e = 0, part = 0; e < TILE; e += LANES<T>, part = (part + 1) % PARTS) {
    Vector<T> z[LANES<T>];
#pragma GCC unroll 16
    for (int j = 0; j < LANES<T>; j++) z[j] = sum_of_parts<T>(w.Z2 + (e + j) * PARTS);
    sums_of_lanes<T>(z);
    const Vector<T> Z2 = z[0] + b2;
    if (wanted == OUTPUTS) store(w.dZ2 + e, Z2);
    else store(w.dZ2 + e, sums.add(Z2, load(tile.Y + e), load(tile.weights + e), part));
  }
}

// Equations 2, 4 and 6 of the backward pass; A1 becomes dZ1.
template <class T, G1 G> void backward_units(const WideMemory<T>& w) {
  for (int64_t h = 0; h < w.H; h++) {
    Vector<T> db1[2] = {}, dW2[2] = {};
    const Vector<T> W2 = w.W2[h];
    Vector<T>* A1 = w.A1 + h * TILE;
    for (int e = 0; e < TILE; e += 2)
#pragma GCC unroll 2
      for (int i = 0; i < 2; i++) {
        const Vector<T> a = A1[e + i], dZ2 = all(w.dZ2[e + i]);
        // 2. dW2 = 1/m dZ2 A1'
        dW2[i] = fma(a, dZ2, dW2[i]);
        // 4. dZ1 = W2' dZ2 * g1'(Z1)
        const Vector<T> dZ1 = times_slope<G, T>(a, W2) * dZ2;
        // 6. db1 = 1/m sum of dZ1
        db1[i] += dZ1;
        A1[e + i] = dZ1;
      }
    w.db1[h] += db1[0] + db1[1];
    w.dW2[h] += dW2[0] + dW2[1];
  }
}

// dW1 of U vectors of hidden units and R features.
template <class T, int U, int R>
INLINE void backward_features(const T* X, int64_t n0, const Vector<T>* dZ1, Vector<T>* dW1, int64_t H) {
  // 5. dW1 = 1/m dZ1 X'
  Vector<T> sum[R][U];
#pragma GCC unroll 28
  for (int r = 0; r < R; r++)
#pragma GCC unroll 4
    for (int u = 0; u < U; u++) sum[r][u] = Vector<T>{};
  for (int e = 0; e < TILE; e++) {
    Vector<T> d[U];
#pragma GCC unroll 4
    for (int u = 0; u < U; u++) d[u] = dZ1[u * TILE + e];
#pragma GCC unroll 28
    for (int r = 0; r < R; r++) {
      const Vector<T> feature = all(X[e * n0 + r]);
#pragma GCC unroll 4
      for (int u = 0; u < U; u++) sum[r][u] = fma(d[u], feature, sum[r][u]);
    }
  }
#pragma GCC unroll 28
  for (int r = 0; r < R; r++)
#pragma GCC unroll 4
    for (int u = 0; u < U; u++) dW1[r * H + u] += sum[r][u];
}

template <class T, int U>
void backward_some_features(int64_t R, const T* X, int64_t n0, const Vector<T>* dZ1, Vector<T>* dW1, int64_t H) {
  switch (R) {
#define CASE(N)                                                                                    \
  case N:                                                                                          \
    if constexpr (N * U <= ACCUMULATORS + 4) backward_features<T, U, N>(X, n0, dZ1, dW1, H);       \
    break;
    CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7)
    CASE(8) CASE(9) CASE(10) CASE(11) CASE(12) CASE(13) CASE(14)
#undef CASE
  }
}

// Two vectors of hidden units at a time where there are two, and as many features as registers allow,
// shared out evenly.
template <class T> void backward_tile(const T* X, int64_t n0, const WideMemory<T>& w) {
  constexpr int FOR_ONE = ACCUMULATORS >= 14 ? 14 : ACCUMULATORS;
  constexpr int FOR_TWO = ACCUMULATORS >= 24 ? 14 : ACCUMULATORS / 2;
  for (int64_t h = 0; h < w.H; h += 2) {
    const bool two = h + 2 <= w.H;
    const int64_t most = two ? FOR_TWO : FOR_ONE, parts = (n0 + most - 1) / most;
    for (int64_t i = 0, k = 0; i < parts; i++) {
      const int64_t R = (n0 - k + parts - i - 1) / (parts - i);
      const Vector<T>* dZ1 = w.A1 + h * TILE;
      Vector<T>* dW1 = w.dW1 + k * w.H + h;
      if (two) backward_some_features<T, 2>(R, X + k, n0, dZ1, dW1, w.H);
      else backward_some_features<T, 1>(R, X + k, n0, dZ1, dW1, w.H);
      k += R;
    }
  }
}

template <class T, G1 G>
void wide(Wanted wanted, const Examples<T>& examples, const Network<T>& network, T* out, void* memory) {
  const int64_t n0 = examples.n0, n1 = network.n1;
  const WideMemory<T> w(memory, n0, n1);
  memset(w.W1, 0, sizeof(Vector<T>) * (2 * n0 + 4) * w.H);
  for (int64_t j = 0; j < n1; j++) {
    for (int64_t k = 0; k < n0; k++) ((T*)(w.W1 + k * w.H))[j] = network.W1[j * n0 + k];
    ((T*)w.b1)[j] = network.b1[j];
    ((T*)w.W2)[j] = network.W2[j];
  }
  for (int e = 0; e < TILE; e++) w.ones[e] = 1;
  OutputSums<T> sums;
  for (int64_t first = 0; first < examples.m; first += TILE) {
    const Tile<T> tile = tile_of(wanted, examples, first, w);
    forward_tile<T, G>(tile.X, n0, w);
    output_tile(wanted, tile, network.b2[0], w, sums);
    if (wanted == OUTPUTS) {
      const int64_t n = examples.m - first < TILE ? examples.m - first : TILE;
      memcpy(out + first, w.dZ2, sizeof(T) * n);
    }
    if (wanted == GRADIENT) {
      backward_units<T, G>(w);
      backward_tile<T>(tile.X, n0, w);
    }
  }
  if (wanted == COST) out[0] = total<T>(sums.J);
  if (wanted == GRADIENT) {
    T *db1 = out + n1 * n0, *dW2 = db1 + n1;
    for (int64_t j = 0; j < n1; j++) {
      for (int64_t k = 0; k < n0; k++) out[j * n0 + k] = ((T*)(w.dW1 + k * w.H))[j];
      db1[j] = ((T*)w.db1)[j];
      dW2[j] = ((T*)w.dW2)[j];
    }
    dW2[n1] = total<T>(sums.db2);
    dW2[n1 + 1] = total<T>(sums.J);
  }
}

}  // namespace
