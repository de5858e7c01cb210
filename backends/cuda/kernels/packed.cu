// What is done to arrays in which dW1, db1, dW2, db2 and J lie one after the other, and to those of
// the parameters, in which each is ALIGNED.

#define COLUMNS 32
#define ROWS 32
#define THREADS 256

// The sums of the parts of fused.cu or register_resident.cu become those of all examples, divided by m: those of
// every ROWS-th part one after the other, and then these.
extern "C" __global__ void __launch_bounds__(COLUMNS * ROWS)
sum_parts(const float* parts, const float* m, int rows, int size, float* packed) {
  __shared__ double sums[ROWS][COLUMNS];
  const int i = blockIdx.x * COLUMNS + threadIdx.x;
  double sum = 0;
  if (i < size) {
#pragma unroll 8
    for (int r = threadIdx.y; r < rows; r += ROWS) sum += parts[(Index)r * size + i];
  }
  sums[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y == 0 && i < size) {
    for (int r = 1; r < ROWS; r++) sum += sums[r][threadIdx.x];
    packed[i] = (float)(sum / *m);
  }
}

// All four parameters less alpha times their gradients, rounded as NumPy and CuPy round: twice.
extern "C" __global__ void __launch_bounds__(THREADS)
update(const Real* W1, const Real* b1, const Real* W2, const Real* b2, const Real* gradients,
       const Real* alpha, Index size_of_W1, Index n1, Index size_of_W2, Index size, Real* updated) {
  const Index i = (Index)blockIdx.x * THREADS + threadIdx.x;
  if (i >= size) return;
  Index at = i;
  const Real* p = W1;
  if (at >= size_of_W1) {
    p = b1, at -= size_of_W1, updated += ALIGNED(size_of_W1);
    if (at >= n1) {
      p = W2, at -= n1, updated += ALIGNED(n1);
      if (at >= size_of_W2) p = b2, at -= size_of_W2, updated += ALIGNED(size_of_W2);
    }
  }
  updated[at] = p[at] - *alpha * gradients[i];
}
