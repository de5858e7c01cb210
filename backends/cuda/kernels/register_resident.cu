// The same as fused.cu for networks of so few weights that all of them, and the sums of all
// gradients, fit into the registers of one thread. A thread has an example at a time.
//
// Defined when compiled: N0, N1, G1, G2, BLOCK (of a block).

#define SIZE (N1 * N0 + 2 * N1 + 2)  // dW1, db1, dW2, db2, J

struct Network {
  float W1[N1][N0], b1[N1], W2[N1], b2;
};

// Adds what an example contributes to the sums.
__device__ __forceinline__ void add_example(const Network& p, const float* X, float y, float share,
                                            float* sums) {
  float x[N0], a[N1], z2 = p.b2;
#pragma unroll
  for (int k = 0; k < N0; k++) x[k] = X[k];
#pragma unroll
  for (int j = 0; j < N1; j++) {
    // 1. Z1 = W1 X + b1
    float z = p.b1[j];
#pragma unroll
    for (int k = 0; k < N0; k++) z = fmaf(p.W1[j][k], x[k], z);
    // 2. A1 = g1(Z1)
    a[j] = g1_value(G1, z);
    // 3. Z2 = W2 A1 + b2
    z2 = fmaf(p.W2[j], a[j], z2);
  }
  // 4. A2 = g2(Z2)
  // 1. dZ2 = A2 - Y
  float loss = 0;
  const float d = (g2_value(G2, z2, y, &loss) - y) * share;
#pragma unroll
  for (int j = 0; j < N1; j++) {
    // 4. dZ1 = W2' dZ2 * g1'(Z1)
    const float dz = p.W2[j] * d * g1_slope(G1, a[j]);
    // 5. dW1 = 1/m dZ1 X'
#pragma unroll
    for (int k = 0; k < N0; k++) sums[j * N0 + k] = fmaf(dz, x[k], sums[j * N0 + k]);
    // 6. db1 = 1/m sum of dZ1
    sums[N1 * N0 + j] += dz;
    // 2. dW2 = 1/m dZ2 A1'
    sums[N1 * N0 + N1 + j] = fmaf(d, a[j], sums[N1 * N0 + N1 + j]);
  }
  // 3. db2 = 1/m sum of dZ2
  sums[SIZE - 2] += d;
  sums[SIZE - 1] = fmaf(loss, share, sums[SIZE - 1]);
}

typedef float OfWarps[BLOCK / 32][SIZE];

// Put the sums over the threads of each warp where all threads of the block can read them.
__device__ __forceinline__ void sum_of_warps(const float* sums, OfWarps& of_warps) {
#pragma unroll
  for (int i = 0; i < SIZE; i++) {
    const float sum = warp_sum(sums[i]);
    if (threadIdx.x % 32 == 0) of_warps[threadIdx.x / 32][i] = sum;
  }
  __syncthreads();
}

__device__ __forceinline__ float sum_of_block(const OfWarps& of_warps, int i) {
  float sum = 0;
  for (int w = 0; w < BLOCK / 32; w++) sum += of_warps[w][i];
  return sum;
}

extern "C" __global__ void __launch_bounds__(BLOCK)
register_resident(const float* X, const float* Y, const float* weights, const float* W1, const float* b1,
     const float* W2, const float* b2, Index columns, float* parts) {
  __shared__ OfWarps of_warps;
  Network p;
#pragma unroll
  for (int j = 0; j < N1; j++) {
#pragma unroll
    for (int k = 0; k < N0; k++) p.W1[j][k] = W1[j * N0 + k];
    p.b1[j] = b1[j];
    p.W2[j] = W2[j];
  }
  p.b2 = b2[0];
  float sums[SIZE];
#pragma unroll
  for (int i = 0; i < SIZE; i++) sums[i] = 0;
  const Index steps = (columns + BLOCK - 1) / BLOCK;
  const Index after = first_step(blockIdx.x + 1, gridDim.x, steps) * BLOCK;
  if (after < columns) columns = after;
  for (Index e = first_step(blockIdx.x, gridDim.x, steps) * BLOCK + threadIdx.x; e < columns; e += BLOCK)
    add_example(p, X + e * N0, Y[e], weights ? weights[e] : 1, sums);
  sum_of_warps(sums, of_warps);
  for (int i = threadIdx.x; i < SIZE; i += BLOCK)
    parts[(Index)blockIdx.x * SIZE + i] = sum_of_block(of_warps, i);
}

// Where the parameters lie in a row of register_resident_descent, each ALIGNED, and the cost.
#define B1_AT ALIGNED(N1 * N0)
#define W2_AT (B1_AT + ALIGNED(N1))
#define B2_AT (W2_AT + ALIGNED(N1))
#define J_AT (B2_AT + ALIGNED(1))
#define ROW (J_AT + ALIGNED(1))

// The place of sum i of SIZE in such a row.
__device__ __forceinline__ int place(int i) {
  if (i < N1 * N0) return i;
  i -= N1 * N0;
  if (i < N1) return B1_AT + i;
  i -= N1;
  return i < N1 ? W2_AT + i : i == N1 ? B2_AT : J_AT;
}

// `iterations` of gradient descent by one thread block: for data so few that a launch takes longer
// than an iteration. Row i of `path` gets the parameters after update i and the cost before it.
extern "C" __global__ void __launch_bounds__(BLOCK)
register_resident_descent(const float* X, const float* Y, const float* weights, const float* W1, const float* b1,
             const float* W2, const float* b2, const float* m, const float* alpha, int columns,
             int iterations, float* path) {
  __shared__ float packed[SIZE - 1];
  __shared__ OfWarps of_warps;
  for (int i = threadIdx.x; i < SIZE - 1; i += BLOCK)
    packed[i] = i < N1 * N0            ? W1[i]
              : i < N1 * N0 + N1     ? b1[i - N1 * N0]
              : i < N1 * N0 + 2 * N1 ? W2[i - N1 * N0 - N1]
                                     : b2[0];
  __syncthreads();
  for (int n = 0; n < iterations; n++) {
    Network p;
#pragma unroll
    for (int j = 0; j < N1; j++) {
#pragma unroll
      for (int k = 0; k < N0; k++) p.W1[j][k] = packed[j * N0 + k];
      p.b1[j] = packed[N1 * N0 + j];
      p.W2[j] = packed[N1 * N0 + N1 + j];
    }
    p.b2 = packed[SIZE - 2];
    float sums[SIZE];
#pragma unroll
    for (int i = 0; i < SIZE; i++) sums[i] = 0;
    for (int e = threadIdx.x; e < columns; e += BLOCK)
      add_example(p, X + e * N0, Y[e], weights ? weights[e] : 1, sums);
    sum_of_warps(sums, of_warps);
    for (int i = threadIdx.x; i < SIZE; i += BLOCK) {
      const float gradient = sum_of_block(of_warps, i) / *m;
      if (i < SIZE - 1) packed[i] = packed[i] - *alpha * gradient;
      path[n * ROW + place(i)] = i < SIZE - 1 ? packed[i] : gradient;
    }
    __syncthreads();
  }
}
