// The element-wise work between the matrix products of an iteration, in few passes over memory.
//
// Arrays (rows, columns) are in C order; `columns` are the examples of a block. dZ2 is scaled by
// weight / m when it is made, so that every gradient comes out of its sum complete.

#define THREADS 256
#define SEGMENT 4096  // columns of a row that one thread block sums up

// --- one output: Z1 becomes A1, and the example's Z2, dZ2 and loss come with it ------------------

#define COLUMNS 32  // of a thread block; ROWS threads share each of them
#define UNROLL 4    // rows that a thread has under way at a time, to keep the memory busy

extern "C" __global__ void __launch_bounds__(COLUMNS * 8)
hidden_and_output(Real* Z1, const Real* b1, const Real* W2, const Real* b2, const Real* Y,
                  const Real* weights, const Real* m, int g1, int g2, int n1, Index columns,
                  Real* dZ2, Real* L) {
  __shared__ Real sums[8][COLUMNS];
  const int ROWS = blockDim.y;
  const Index e = (Index)blockIdx.x * COLUMNS + threadIdx.x;
  Real z2 = 0;
  if (e < columns)
    for (int j = threadIdx.y; j < n1; j += UNROLL * ROWS) {
      Real a[UNROLL];
#pragma unroll
      for (int u = 0; u < UNROLL; u++)
        if (j + u * ROWS < n1) a[u] = Z1[(j + u * ROWS) * columns + e];
#pragma unroll
      for (int u = 0; u < UNROLL; u++) {
        const int row = j + u * ROWS;
        if (row < n1) {
          // 2. A1 = g1(Z1)
          a[u] = g1_value(g1, a[u] + b1[row]);
          Z1[row * columns + e] = a[u];
          // 3. Z2 = W2 A1 + b2
          z2 = MATH(fma)(W2[row], a[u], z2);
        }
      }
    }
  sums[threadIdx.y][threadIdx.x] = z2;
  __syncthreads();
  if (threadIdx.y == 0 && e < columns) {
    z2 = b2[0];
    for (int r = 0; r < ROWS; r++) z2 += sums[r][threadIdx.x];
    const Real share = (weights ? weights[e] : 1) / *m;
    // 4. A2 = g2(Z2)
    // 1. dZ2 = A2 - Y
    Real loss = 0;
    dZ2[e] = (g2_value(g2, z2, Y[e], &loss) - Y[e]) * share;
    L[e] = loss * share;
  }
}

// --- several outputs -----------------------------------------------------------------------------

// Z1 becomes A1. A thread block has a segment of a row.
extern "C" __global__ void __launch_bounds__(THREADS)
hidden(Real* Z1, const Real* b1, int g1, int segments, Index columns) {
  const int row = blockIdx.x / segments;
  const Index begin = (Index)(blockIdx.x % segments) * SEGMENT;
  const Index end = begin + SEGMENT < columns ? begin + SEGMENT : columns;
  const Real b = b1[row];
  Real* z = Z1 + row * columns;
  // 2. A1 = g1(Z1)
  for (Index e = begin + threadIdx.x; e < end; e += THREADS) z[e] = g1_value(g1, z[e] + b);
}

// Z2 becomes dZ2, and L the loss. A thread has an example.
extern "C" __global__ void __launch_bounds__(THREADS)
output(Real* Z2, const Real* b2, const Real* Y, const Real* weights, const Real* m, int g2, int n2,
       Index columns, Real* L) {
  const Index e = (Index)blockIdx.x * THREADS + threadIdx.x;
  if (e >= columns) return;
  const Real share = (weights ? weights[e] : 1) / *m;
  Real* z = Z2 + e;
  const Real* y = Y + e;
  Real loss = 0;
  if (g2 != SOFTMAX) {
    for (int k = 0; k < n2; k++) {
      // 4. A2 = g2(Z2)
      // 1. dZ2 = A2 - Y
      const Real yk = y[k * columns];
      const Real a = g2_value(g2, z[k * columns] + b2[k], yk, &loss);
      z[k * columns] = (a - yk) * share;
    }
    L[e] = loss * share;
    return;
  }
  Real highest = z[0] + b2[0], of_label = 0;
  for (int k = 0; k < n2; k++) {
    const Real zk = z[k * columns] + b2[k];
    z[k * columns] = zk;
    if (!(zk <= highest)) highest = zk;  // NaN becomes the highest
    if (y[k * columns] != 0) of_label = MATH(fma)(y[k * columns], zk, of_label);
  }
  // The largest exp is exactly 1: one such term is left out of the sum, and stands in log1p, which
  // keeps the rest when it is tiny.
  Real rest = 0;
  int ties = -1;
  for (int k = 0; k < n2; k++) {
    const Real ek = exp_of_negative(z[k * columns] - highest);
    z[k * columns] = ek;
    if (ek == 1) ties++;
    else rest += ek;
  }
  loss = MATH(log1p)(rest + ties) + (highest - of_label);
  // 4. A2 = g2(Z2)
  // 1. dZ2 = A2 - Y
  const Real sum = rest + ties + 1;
  for (int k = 0; k < n2; k++) z[k * columns] = (z[k * columns] / sum - y[k * columns]) * share;
  L[e] = loss * share;
}

// --- backward ------------------------------------------------------------------------------------

// Thread block (row, segment) sums a segment of one row into `parts` (sums, segments). First come
// the n1 rows of the hidden layer, of which dZ1 is made on the way: in place of A1 where n2 = 1
// (`dA1` is null), else in place of dA1 = W2' dZ2. Then the n2 rows of dZ2, then L.
//
// The sums: n1 of db1; where n2 = 1, n1 of dW2; n2 of db2; J.
extern "C" __global__ void __launch_bounds__(THREADS)
backward(Real* A1, Real* dA1, const Real* W2, const Real* dZ2, const Real* L, int g1, int n1,
         int n2, int segments, Index columns, Real* parts) {
  const int row = blockIdx.x / segments, segment = blockIdx.x % segments;
  const Index begin = (Index)segment * SEGMENT;
  const Index end = begin + SEGMENT < columns ? begin + SEGMENT : columns;
  Real sum = 0, of_dW2 = 0;
  int at = row;
  if (row >= n1) {
    const Real* values = row < n1 + n2 ? dZ2 + (row - n1) * columns : L;
    // 3. db2 = 1/m sum of dZ2
    for (Index e = begin + threadIdx.x; e < end; e += THREADS) sum += values[e];
    if (!dA1) at += n1;
  } else if (dA1) {
    const Real* a = A1 + row * columns;
    Real* d = dA1 + row * columns;
    for (Index e = begin + threadIdx.x; e < end; e += THREADS) {
      // 4. dZ1 = W2' dZ2 * g1'(Z1)
      const Real dz = d[e] * g1_slope(g1, a[e]);
      d[e] = dz;
      // 6. db1 = 1/m sum of dZ1
      sum += dz;
    }
  } else {
    const Real w = W2[row];
    Real* a = A1 + row * columns;
    for (Index e = begin + threadIdx.x; e < end; e += THREADS) {
      // 4. dZ1 = W2' dZ2 * g1'(Z1)
      const Real value = a[e], d = dZ2[e], dz = w * d * g1_slope(g1, value);
      a[e] = dz;
      // 6. db1 = 1/m sum of dZ1
      sum += dz;
      // 2. dW2 = 1/m dZ2 A1'
      of_dW2 = MATH(fma)(d, value, of_dW2);
    }
    of_dW2 = block_sum<THREADS>(of_dW2);
    if (threadIdx.x == 0) parts[(Index)(n1 + row) * segments + segment] = of_dW2;
  }
  sum = block_sum<THREADS>(sum);
  if (threadIdx.x == 0) parts[(Index)at * segments + segment] = sum;
}

// Thread block k adds up row k of `parts` and writes it where it belongs in `packed`, which holds
// dW1, db1, dW2, db2, J one after the other: `gap` is the size of a dW2 that is not in `parts`.
extern "C" __global__ void __launch_bounds__(128)
finish(const Real* parts, int segments, Index size_of_W1, int n1, Index gap, Real* packed) {
  const Index k = blockIdx.x;
  double sum = 0;
  for (int s = threadIdx.x; s < segments; s += 128) sum += parts[k * segments + s];
  sum = block_sum<128>(sum);
  if (threadIdx.x == 0) packed[size_of_W1 + k + (k < n1 ? 0 : gap)] = (Real)sum;
}
