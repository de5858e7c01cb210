// Cost and all gradients of a block in one pass over X: narrow networks, n2 = 1, float32.
//
// A group of LANES threads takes CHUNK examples at a time. Thread t of it owns the hidden units
// t, t + LANES, ... (UNITS of them): their sums of dW1, db1 and dW2 stay in its registers for the
// whole pass. W1 lies in shared memory, X comes through it; both are read as float4. Memory sees X,
// Y and weights once, and one row of sums from each thread block.
//
// A thread block has one part of the examples, see first_step: as many are launched as there are parts,
// and wait for a place on the card.
//
// Defined when compiled: N0, N1, G1, G2, LANES (8, 16, 32, or a multiple of 32), UNITS, GROUPS (a
// thread block has LANES * GROUPS threads, a multiple of 32), RESIDENT (thread blocks of a
// multiprocessor).
//
// No sum depends on when a thread runs, or on how many run at a time: each part has the same chunks in
// the same order, and what it has is added up in a fixed order.

#define CHUNK 8
#define QUADS ((N0 + 3) / 4)  // of features; the last is filled up with zeros
#define WIDTH (4 * QUADS)
#define HIDDEN (UNITS * LANES)  // hidden units, filled up with units whose weights are zero
#define THREADS (LANES * GROUPS)
#define WARPS_OF_GROUP ((LANES + 31) / 32)
#define STRIDE (HIDDEN + 1)  // between features in the sums of dW1, which are read unit by unit
#define SIZE (N1 * N0 + 2 * N1 + 2)  // dW1, db1, dW2, db2, J
#define ALL 0xffffffffu

// Of a chunk, what one thread brings from X: whole float4 where N0 allows.
#if N0 % 4 == 0
typedef float4 Load;
#define LOADS_OF_CHUNK (CHUNK * QUADS)
#else
typedef float Load;
#define LOADS_OF_CHUNK (CHUNK * N0)
#endif
#define LOADS ((LOADS_OF_CHUNK + LANES - 1) / LANES)
#define AHEAD (LOADS <= 8)  // whether there are registers for the chunk after the one at work

__device__ __forceinline__ void group_barrier() {
  if (LANES > 32) __syncthreads();
  else __syncwarp();
}

// How many examples a chunk has: fewer at the end, and none beyond it.
__device__ __forceinline__ int examples_of(Index chunk, Index columns) {
  const Index left = columns - chunk * CHUNK;
  return left > CHUNK ? CHUNK : left > 0 ? (int)left : 0;
}

__device__ __forceinline__ void fetch(const float* X, Index chunk, Index columns, int t, Load* loaded) {
  const int available = examples_of(chunk, columns) * LOADS_OF_CHUNK / CHUNK;
  const Load* from = (const Load*)(X + chunk * CHUNK * N0);
#pragma unroll
  for (int i = 0; i < LOADS; i++) {
    const int k = t + i * LANES;
    if (k < available) loaded[i] = from[k];
    else loaded[i] = Load();
  }
}

__device__ __forceinline__ void store(const Load* loaded, int t, float4* chunk) {
#pragma unroll
  for (int i = 0; i < LOADS; i++) {
    const int k = t + i * LANES;
#if N0 % 4 == 0
    if (k < LOADS_OF_CHUNK) chunk[k] = loaded[i];
#else
    if (k < LOADS_OF_CHUNK) ((float*)chunk)[k / N0 * WIDTH + k % N0] = loaded[i];
#endif
  }
}

extern "C" __global__ void __launch_bounds__(THREADS, RESIDENT)
fused(const float* X, const float* Y, const float* weights, const float* W1, const float* b1,
      const float* W2, const float* b2, Index columns, float* parts) {
  __shared__ float4 W[QUADS * STRIDE];  // quad q of unit j at q * HIDDEN + j; later the sums of dW1
  __shared__ float4 chunks[GROUPS][CHUNK * QUADS];
  __shared__ float of_warps[GROUPS][WARPS_OF_GROUP][CHUNK];
  __shared__ float rest[2 * HIDDEN + 2];  // at the end, the sums of db1, dW2, db2, J
  const int group = threadIdx.x / LANES, t = threadIdx.x % LANES, lane = threadIdx.x % 32;

  for (int i = threadIdx.x; i < WIDTH * HIDDEN; i += THREADS) {
    const int quad = i / (4 * HIDDEN), j = i / 4 % HIDDEN, k = 4 * quad + i % 4;
    ((float*)W)[i] = j < N1 && k < N0 ? W1[j * N0 + k] : 0;
  }
  for (int i = threadIdx.x; i < GROUPS * CHUNK * WIDTH; i += THREADS) ((float*)chunks)[i] = 0;
  float b[UNITS], v[UNITS], db[UNITS], dv[UNITS], dW[UNITS][WIDTH];
#pragma unroll
  for (int u = 0; u < UNITS; u++) {
    const int j = u * LANES + t;
    b[u] = j < N1 ? b1[j] : 0;
    v[u] = j < N1 ? W2[j] : 0;
    db[u] = dv[u] = 0;
#pragma unroll
    for (int k = 0; k < WIDTH; k++) dW[u][k] = 0;
  }
  const float c = b2[0];
  float db2 = 0, J = 0;
  float4* const mine = chunks[group];
  __syncthreads();

  // A step is a chunk for each group.
  const Index steps = (columns + CHUNK * GROUPS - 1) / (CHUNK * GROUPS);
  const Index begin = first_step(blockIdx.x, gridDim.x, steps) * GROUPS;
  const Index end = first_step(blockIdx.x + 1, gridDim.x, steps) * GROUPS;
  if (end * CHUNK < columns) columns = end * CHUNK;
  const int e = t % CHUNK;  // the example of a chunk whose output this thread computes
  Load loaded[LOADS];
  // All groups of a thread block go round equally often: those without a chunk have no examples.
  Index own = begin + group;
  if (AHEAD) fetch(X, own, columns, t, loaded);
  for (Index first = begin; first < end; first += GROUPS) {
    if (!AHEAD) fetch(X, own, columns, t, loaded);
    store(loaded, t, mine);
    const int examples = examples_of(own, columns);
    const bool there = e < examples;
    const float y = there ? Y[own * CHUNK + e] : 0;
    const float share = there ? (weights ? weights[own * CHUNK + e] : 1) : 0;
    group_barrier();
    own += GROUPS;
    if (AHEAD) fetch(X, own, columns, t, loaded);

    // 1. Z1 = W1 X + b1
    float a[UNITS][CHUNK];  // Z1, then A1
#pragma unroll
    for (int u = 0; u < UNITS; u++)
#pragma unroll
      for (int i = 0; i < CHUNK; i++) a[u][i] = b[u];
#pragma unroll
    for (int q = 0; q < QUADS; q++) {
      float4 w[UNITS];
#pragma unroll
      for (int u = 0; u < UNITS; u++) w[u] = W[q * HIDDEN + u * LANES + t];
#pragma unroll
      for (int i = 0; i < CHUNK; i++) {
        const float4 x = mine[i * QUADS + q];
#pragma unroll
        for (int u = 0; u < UNITS; u++)
          a[u][i] = fmaf(w[u].w, x.w,
                         fmaf(w[u].z, x.z, fmaf(w[u].y, x.y, fmaf(w[u].x, x.x, a[u][i]))));
      }
    }
    float z[CHUNK];  // this thread's part of Z2, for every example
#pragma unroll
    for (int i = 0; i < CHUNK; i++) {
      z[i] = 0;
#pragma unroll
      for (int u = 0; u < UNITS; u++) {
        // 2. A1 = g1(Z1)
        a[u][i] = g1_value(G1, a[u][i]);
        // 3. Z2 = W2 A1 + b2
        z[i] = fmaf(v[u], a[u][i], z[i]);
      }
    }
    // Sums over the threads, for all examples at a time: each exchange halves the examples of a
    // thread and doubles the threads in its sums. In the end thread t has example t % CHUNK.
#pragma unroll
    for (int s = CHUNK / 2; s; s >>= 1)
#pragma unroll
      for (int i = 0; i < s; i++) {
        const bool upper = t & s;
        const float give = upper ? z[i] : z[i + s], keep = upper ? z[i + s] : z[i];
        z[i] = keep + __shfl_xor_sync(ALL, give, s);
      }
#pragma unroll
    for (int s = CHUNK; s < (LANES < 32 ? LANES : 32); s <<= 1)
      z[0] += __shfl_xor_sync(ALL, z[0], s);
    float z2 = c;
    if (LANES > 32) {
      if (lane < CHUNK) of_warps[group][t / 32][lane] = z[0];
      __syncthreads();
#pragma unroll
      for (int w = 0; w < WARPS_OF_GROUP; w++) z2 += of_warps[group][w][e];
    } else {
      z2 += z[0];
    }
    // 4. A2 = g2(Z2)
    // 1. dZ2 = A2 - Y
    float loss = 0;
    // Of examples that are not there nothing may come, not even NaN.
    const float d = there ? (g2_value(G2, z2, y, &loss) - y) * share : 0;
    if (there && t < CHUNK) {
      J = fmaf(loss, share, J);
      // 3. db2 = 1/m sum of dZ2
      db2 += d;
    }
    // So simple an output does not keep apart what the compiler does before and after it: mixed, the
    // two run out of registers.
    if (G2 == IDENTITY_OUTPUT) __syncwarp();

#pragma unroll
    for (int i = 0; i < CHUNK; i++) {
      // One example after the other: the compiler would fetch X for all of them, and run out of
      // registers.
      asm volatile("" ::: "memory");
      const float di = __shfl_sync(ALL, d, (LANES < 32 ? lane / LANES * LANES : 0) + i);
      float dz[UNITS];
#pragma unroll
      for (int u = 0; u < UNITS; u++) {
        // 2. dW2 = 1/m dZ2 A1'
        dv[u] = fmaf(di, a[u][i], dv[u]);
        // 4. dZ1 = W2' dZ2 * g1'(Z1)
        dz[u] = v[u] * di * g1_slope(G1, a[u][i]);
        // 6. db1 = 1/m sum of dZ1
        db[u] += dz[u];
      }
      // 5. dW1 = 1/m dZ1 X'
#pragma unroll
      for (int q = 0; q < QUADS; q++) {
        const float4 x = mine[i * QUADS + q];
#pragma unroll
        for (int u = 0; u < UNITS; u++) {
          dW[u][4 * q] = fmaf(dz[u], x.x, dW[u][4 * q]);
          dW[u][4 * q + 1] = fmaf(dz[u], x.y, dW[u][4 * q + 1]);
          dW[u][4 * q + 2] = fmaf(dz[u], x.z, dW[u][4 * q + 2]);
          dW[u][4 * q + 3] = fmaf(dz[u], x.w, dW[u][4 * q + 3]);
        }
      }
    }
    group_barrier();
  }

  // The groups add their sums to those in shared memory, one group after the other.
  __syncthreads();
  float* const sums = (float*)W;
  for (int g = 0; g < GROUPS; g++) {
    if (group == g) {
#pragma unroll
      for (int u = 0; u < UNITS; u++) {
        const int j = u * LANES + t;
#pragma unroll
        for (int k = 0; k < WIDTH; k++) {
          float* const sum = sums + k * STRIDE + j;
          *sum = (g ? *sum : 0) + dW[u][k];
        }
        rest[j] = (g ? rest[j] : 0) + db[u];
        rest[HIDDEN + j] = (g ? rest[HIDDEN + j] : 0) + dv[u];
      }
    }
    // Each of the first CHUNK threads of a group has the examples of one place in the chunks.
    for (int i = 0; i < CHUNK; i++) {
      if (group == g && t == i) {
        rest[2 * HIDDEN] = (g || i ? rest[2 * HIDDEN] : 0) + db2;
        rest[2 * HIDDEN + 1] = (g || i ? rest[2 * HIDDEN + 1] : 0) + J;
      }
      __syncwarp();
    }
    __syncthreads();
  }
  float* const part = parts + (Index)blockIdx.x * SIZE;
  for (int i = threadIdx.x; i < N1 * N0; i += THREADS) part[i] = sums[i % N0 * STRIDE + i / N0];
  for (int j = threadIdx.x; j < N1; j += THREADS) {
    part[N1 * N0 + j] = rest[j];
    part[N1 * N0 + N1 + j] = rest[HIDDEN + j];
  }
  if (threadIdx.x < 2) part[SIZE - 2 + threadIdx.x] = rest[2 * HIDDEN + threadIdx.x];
}
