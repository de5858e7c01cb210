// Hidden units along the lanes: for networks of more than a few features.
//
// A tile of TILE examples goes through all equations while it is in the caches:
//
//   X  (TILE, n0)    as it is in memory
//   A1 (n1, TILE)    a vector of hidden units for each example: Z1, then A1, then dZ1
//   Z2 (n2, TILE)    examples along the lanes: Z2, then dZ2
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
  Vector<T> *W1, *b1, *W2, *dW1, *db1, *dW2, *A1;
  T *Z2, *ones, *last_Y, *last_weights, *last_X;

  static int64_t vectors_of_units(int64_t n1) {
    return up_to_multiple(n1, LANES<T> * PARTS) / LANES<T>;
  }
  static int64_t bytes(int64_t n0, int64_t n1, int64_t n2) {
    const int64_t H = vectors_of_units(n1);
    return 64 + BYTES * (2 * (n0 + 1 + n2) * H + TILE * H) + (int64_t)sizeof(T) * TILE * (n0 + 2 * n2 + 2);
  }
  WideMemory(void* memory, int64_t n0, int64_t n1, int64_t n2) : H(vectors_of_units(n1)) {
    W1 = aligned<Vector<T>>(memory), b1 = W1 + n0 * H, W2 = b1 + H;
    dW1 = W2 + n2 * H, db1 = dW1 + n0 * H, dW2 = db1 + H, A1 = dW2 + n2 * H;
    Z2 = (T*)(A1 + TILE * H), ones = Z2 + n2 * TILE;
    last_Y = ones + TILE, last_weights = last_Y + n2 * TILE, last_X = last_weights + TILE;
  }
};

// A tile of examples; the last one of a block is filled up with its last example, of weight 0: what
// is finite of that is finite here.
template <class T> struct Tile {
  const T *X, *Y, *weights;
  int64_t Y_step;  // from one output to the next
};

template <class T>
Tile<T> tile_of(const Examples<T>& e, int64_t n2, int64_t first, const WideMemory<T>& w) {
  const int64_t n = e.m - first;
  const T* weights = e.weights ? e.weights + first : w.ones;
  const T* X = e.X_float32 ? w.last_X : e.X + first * e.n0;
  if (e.X_float32) convert(e.X_float32 + first * e.n0, w.last_X, (n < TILE ? n : TILE) * e.n0);
  if (n >= TILE) return {X, e.Y + first, weights, e.m};
  for (int64_t i = 0; i < TILE; i++) {
    const int64_t from = i < n ? i : n - 1;
    memmove(w.last_X + i * e.n0, X + from * e.n0, sizeof(T) * e.n0);
    if (!e.Y) continue;
    for (int64_t o = 0; o < n2; o++) w.last_Y[o * TILE + i] = e.Y[o * e.m + first + from];
    w.last_weights[i] = i < n ? weights[i] : 0;
  }
  return {w.last_X, w.last_Y, w.last_weights, TILE};
}

// Asks for the examples of the tile after this one, which come while this one is computed.
template <class T> INLINE void fetch_next(const T* X, int64_t n0, int64_t left) {
  constexpr int LINE = 64 / sizeof(T);
  if (left < 2 * TILE) return;
  for (int64_t i = 0; i < TILE * n0; i += LINE) __builtin_prefetch(X + TILE * n0 + i, 0, 2);
}

// Z1 of U vectors of hidden units and all examples of a tile.
template <class T, int U> void product_of_units(const T* X, int64_t n0, const WideMemory<T>& w, int64_t h) {
  constexpr int E = ACCUMULATORS / U > 12 ? 12 : ACCUMULATORS / U;  // examples at a time
  const Vector<T>*W1 = w.W1 + h, *b1 = w.b1 + h;
  Vector<T>* Z1 = w.A1 + h * TILE;
  for (int first = 0; first < TILE; first += E) {
    // 1. Z1 = W1 X + b1
    Vector<T> z[E][U];
#pragma GCC unroll 24
    for (int e = 0; e < E; e++)
#pragma GCC unroll 4
      for (int u = 0; u < U; u++) z[e][u] = b1[u];
    const T* x = X + first * n0;
    for (int64_t k = 0; k < n0; k++) {
      Vector<T> weight[U];
#pragma GCC unroll 4
      for (int u = 0; u < U; u++) weight[u] = W1[k * w.H + u];
#pragma GCC unroll 24
      for (int e = 0; e < E; e++) {
        const Vector<T> feature = all(x[e * n0 + k]);
#pragma GCC unroll 4
        for (int u = 0; u < U; u++) z[e][u] = fma(weight[u], feature, z[e][u]);
      }
    }
#pragma GCC unroll 24
    for (int e = 0; e < E; e++)
#pragma GCC unroll 4
      for (int u = 0; u < U; u++) Z1[u * TILE + first + e] = z[e][u];
  }
}

template <class T, G1 G> void forward_tile(const T* X, int64_t n0, const WideMemory<T>& w) {
  for (int64_t h = 0, U; h < w.H; h += U) {
    U = w.H - h < 4 ? w.H - h : 4;
    if (U == 4) product_of_units<T, 4>(X, n0, w, h);
    if (U == 3) product_of_units<T, 3>(X, n0, w, h);
    if (U == 2) product_of_units<T, 2>(X, n0, w, h);
    if (U == 1) product_of_units<T, 1>(X, n0, w, h);
    // 2. A1 = g1(Z1)
    if (G != IDENTITY)
      for (int64_t i = h * TILE; i < (h + U) * TILE; i += 4) activate<G, T, 4>(w.A1 + i);
  }
}

// An output of LANES examples, without its bias.
template <class T> INLINE Vector<T> product_of_outputs(const Vector<T>* W2, const Vector<T>* A1, int64_t H) {
  // 3. Z2 = W2 A1 + b2
  constexpr int E = PARTS == 1 || LANES<T> < 4 ? LANES<T> : 4;  // examples at a time
  Vector<T> z[LANES<T>];
#pragma GCC unroll 4
  for (int first = 0; first < LANES<T>; first += E) {
    Vector<T> sum[E][PARTS] = {};
    for (int64_t h = 0; h < H; h += PARTS)
#pragma GCC unroll 4
      for (int p = 0; p < PARTS; p++)
#pragma GCC unroll 16
        for (int e = 0; e < E; e++)
          sum[e][p] = fma(W2[h + p], A1[(h + p) * TILE + first + e], sum[e][p]);
#pragma GCC unroll 16
    for (int e = 0; e < E; e++) z[first + e] = sum_of_parts<T>(sum[e]);
  }
  sums_of_lanes<T>(z);
  return z[0];
}

// Equation 3; equation 4 and the cost, where Z2 becomes dZ2.
template <class T> void output_tile(const Network<T>& network, const WideMemory<T>& w) {
  for (int e = 0; e < TILE; e += LANES<T>)
    for (int64_t o = 0; o < network.n2; o++)
      store(w.Z2 + o * TILE + e, product_of_outputs<T>(w.W2 + o * w.H, w.A1 + e, w.H) + network.b2[o]);
}
template <class T> void wide_cost(const Tile<T>& tile, G2 g2, int64_t n2, T* Z2, OutputSums<T>& sums) {
  for (int e = 0; e < TILE; e += LANES<T>)
    sums.add(g2, n2, Z2 + e, TILE, tile.Y + e, tile.Y_step, load(tile.weights + e), e / LANES<T> % PARTS);
}

// dW2 of R outputs and a vector of hidden units, in four sums.
template <class T, int R>
INLINE void backward_outputs(const T* dZ2, const Vector<T>* A1, Vector<T>* dW2, int64_t H) {
  Vector<T> sum[R][4] = {};
  for (int e = 0; e < TILE; e += 4)
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++)
#pragma GCC unroll 2
      for (int r = 0; r < R; r++)
        // 2. dW2 = 1/m dZ2 A1'
        sum[r][i] = fma(A1[e + i], all(dZ2[r * TILE + e + i]), sum[r][i]);
#pragma GCC unroll 2
  for (int r = 0; r < R; r++) dW2[r * H] += (sum[r][0] + sum[r][1]) + (sum[r][2] + sum[r][3]);
}

// Equations 2, 4 and 6 of the backward pass; A1 becomes dZ1.
template <class T, G1 G> void backward_units(int64_t n2, const WideMemory<T>& w) {
  for (int64_t h = 0; h < w.H; h++) {
    Vector<T>*A1 = w.A1 + h * TILE, db1[2] = {};
    int64_t o = 0;
    for (; o + 2 <= n2; o += 2) backward_outputs<T, 2>(w.Z2 + o * TILE, A1, w.dW2 + o * w.H + h, w.H);
    if (o < n2) backward_outputs<T, 1>(w.Z2 + o * TILE, A1, w.dW2 + o * w.H + h, w.H);
    for (int e = 0; e < TILE; e += 4) {
      // 4. dZ1 = W2' dZ2 * g1'(Z1)
      Vector<T> D[4];
#pragma GCC unroll 4
      for (int i = 0; i < 4; i++) D[i] = w.W2[h] * w.Z2[e + i];
      for (int64_t o = 1; o < n2; o++)
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++) D[i] = fma(w.W2[o * w.H + h], all(w.Z2[o * TILE + e + i]), D[i]);
#pragma GCC unroll 4
      for (int i = 0; i < 4; i++) {
        const Vector<T> dZ1 = times_slope<G, T>(A1[e + i], D[i]);
        // 6. db1 = 1/m sum of dZ1
        db1[i % 2] += dZ1;
        A1[e + i] = dZ1;
      }
    }
    w.db1[h] += db1[0] + db1[1];
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
  const int64_t m = examples.m, n0 = examples.n0, n1 = network.n1, n2 = network.n2;
  const WideMemory<T> w(memory, n0, n1, n2);
  memset(w.W1, 0, sizeof(Vector<T>) * 2 * (n0 + 1 + n2) * w.H);
  for (int64_t j = 0; j < n1; j++) {
    for (int64_t k = 0; k < n0; k++) ((T*)(w.W1 + k * w.H))[j] = network.W1[j * n0 + k];
    ((T*)w.b1)[j] = network.b1[j];
    for (int64_t o = 0; o < n2; o++) ((T*)(w.W2 + o * w.H))[j] = network.W2[o * n1 + j];
  }
  for (int e = 0; e < TILE; e++) w.ones[e] = 1;
  OutputSums<T> sums;
  for (int64_t first = 0; first < m; first += TILE) {
    const Tile<T> tile = tile_of(examples, n2, first, w);
    if (examples.X_float32) fetch_next(examples.X_float32 + first * n0, n0, m - first);
    else fetch_next(tile.X, n0, m - first);
    forward_tile<T, G>(tile.X, n0, w);
    output_tile(network, w);
    const int64_t n = m - first < TILE ? m - first : TILE;
    if (wanted == OUTPUTS)
      for (int64_t o = 0; o < n2; o++) memcpy(out + o * m + first, w.Z2 + o * TILE, sizeof(T) * n);
    if (examples.Y) wide_cost(tile, network.g2, n2, w.Z2, sums);
    if (wanted == OUTPUTS) sums.add_J_to_loss();
    if (wanted == GRADIENT) {
      backward_units<T, G>(n2, w);
      backward_tile<T>(tile.X, n0, w);
    }
  }
  if (wanted == COST) out[0] = total<T>(sums.J);
  if (wanted == OUTPUTS && examples.Y) out[n2 * m] = sums.loss;
  if (wanted == GRADIENT) {
    T *db1 = out + n1 * n0, *dW2 = db1 + n1, *db2 = dW2 + n2 * n1;
    for (int64_t j = 0; j < n1; j++) {
      for (int64_t k = 0; k < n0; k++) out[j * n0 + k] = ((T*)(w.dW1 + k * w.H))[j];
      db1[j] = ((T*)w.db1)[j];
      for (int64_t o = 0; o < n2; o++) dW2[o * n1 + j] = ((T*)(w.dW2 + o * w.H))[j];
    }
    for (int64_t o = 0; o < n2; o++) db2[o] = total<T>(sums.db2[o]);
    db2[n2] = total<T>(sums.J);
  }
}

}  // namespace
