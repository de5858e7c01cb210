// What the kernels of gdnet share: the type of the numbers, g1 with its derivative, g2 with its loss
// (but for softmax), sums over threads. Compiled in front of each .cu file here, after functions.cuh.
//
// Every formula is that of gdnet/activations.py or gdnet/losses.py, chosen there for its accuracy.
// Comparisons are written so that NaN stays NaN: a descent that diverges must show it.
//
// A product is fused with an addition where fma is written, and nowhere else: it is compiled with
// -fmad=false, so that no compiler, and no card that it compiles for, decides about bits.

#ifdef DOUBLE
typedef double Real;
#define MATH(name) name
#else
typedef float Real;
#define MATH(name) name##f
#endif

typedef long long Index;  // an int overflows where n1 * m does

// The numbers that a parameter takes in an array of all four: each begins as cuBLAS likes it.
#define ALIGNED(size) (((size) + 3) / 4 * 4)

enum { TANH, SIGMOID, RELU, LEAKY_RELU, IDENTITY, SOFTPLUS };  // g1
enum { SIGMOID_OUTPUT, SOFTMAX, IDENTITY_OUTPUT };             // g2

// 1 / (1 + exp(-z)), with e = exp(-|z|).
__device__ __forceinline__ Real sigmoid(Real z, Real e) { return (z < 0 ? e : 1) / (1 + e); }

__device__ __forceinline__ Real g1_value(int g1, Real z) {
  switch (g1) {
    case TANH: return MATH(tanh)(z);
    case SIGMOID: return sigmoid(z, MATH(exp)(-MATH(fabs)(z)));
    case RELU: return z < 0 ? 0 : z;
    case LEAKY_RELU: return z < 0 ? Real(0.01) * z : z;
    case SOFTPLUS: return (z < 0 ? 0 : z) + log1p_up_to_1(exp_of_negative(-MATH(fabs)(z)));
    default: return z;
  }
}

// g1' in terms of a = g1(z).
__device__ __forceinline__ Real g1_slope(int g1, Real a) {
  switch (g1) {
    case TANH: return MATH(fma)(-a, a, 1);
    case SIGMOID: return a * (1 - a);
    case RELU: return a > 0 ? 1 : 0;
    case LEAKY_RELU: return a > 0 ? Real(1) : Real(0.01);
    case SOFTPLUS: return -expm1_of_negative(-a);
    default: return 1;
  }
}

// A2 = sigmoid(z); adds the loss of label y to *loss.
__device__ __forceinline__ Real sigmoid_output(Real z, Real y, Real* loss) {
  const Real positive = z < 0 ? 0 : z, negative = z - positive;
  const Real e = exp_of_negative(negative - positive);
  *loss += MATH(fma)(-y, z, positive) + log1p_up_to_1(e);
  return sigmoid(z, e);
}

// A2 = z; adds half the squared error, of number y, to *loss.
__device__ __forceinline__ Real identity_output(Real z, Real y, Real* loss) {
  const Real error = z - y;
  *loss = MATH(fma)(Real(0.5) * error, error, *loss);
  return z;
}

// A2 = g2(z) where it takes no other output of the example, as softmax does; adds the loss.
__device__ __forceinline__ Real g2_value(int g2, Real z, Real y, Real* loss) {
  return g2 == IDENTITY_OUTPUT ? identity_output(z, y, loss) : sigmoid_output(z, y, loss);
}

// Where part p begins, of the parts into which the `steps` of a block are cut: by its shape alone, with
// at least one step in each. A part is a thread block's. The first have nearly three times the mean, the
// last one step, and those between fall as the squares do: a multiprocessor takes the next part when it
// is done with one, and so all of them end nearly together, however many there are.
__device__ __forceinline__ Index first_step(Index p, Index parts, Index steps) {
  const Index cube = parts * parts * parts, after = parts - p;
  return (steps - parts) * (cube - after * after * after) / cube + p;
}

// The sum over the 32 threads of a warp, in each of them.
template <class T>
__device__ __forceinline__ T warp_sum(T x) {
#pragma unroll
  for (int s = 16; s; s >>= 1) x += __shfl_xor_sync(0xffffffffu, x, s);
  return x;
}

// The sum over a block of THREADS threads (a multiple of 32), in thread 0.
template <int THREADS, class T>
__device__ __forceinline__ T block_sum(T x) {
  __shared__ T of_warps[THREADS / 32];
  x = warp_sum(x);
  __syncthreads();  // the memory may hold the sum before
  if (threadIdx.x % 32 == 0) of_warps[threadIdx.x / 32] = x;
  __syncthreads();
  if (threadIdx.x == 0)
    for (int w = 1; w < THREADS / 32; w++) x += of_warps[w];
  return x;
}
