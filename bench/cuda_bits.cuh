// tanh of backends/cpu_kernel/functions.hpp for float32 on CUDA, operation by operation. After
// functions.cuh; for bench/cuda_bits.py.

// n / d, rounded as IEEE says, for 0 <= n <= d and 1 <= d <= 2. Of such numbers no step overflows or
// loses digits, and the last one rounds rightly whatever the card's reciprocal is (Markstein, 1990).
__device__ __forceinline__ float quotient(float n, float d) {
#ifdef SHORT_DIVISION
  float r;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(d));
  r = fmaf(fmaf(-d, r, 1.f), r, r);
  float q = n * r;
  q = fmaf(fmaf(-d, q, n), r, q);
  return fmaf(fmaf(-d, q, n), r, q);
#else
  return n / d;
#endif
}

__device__ __forceinline__ float own_tanh(float x) {
  float y = fabsf(x);
  y = y > 10.f ? 10.f : y;
  float k = fmaf(y, -2 * LOG2_E, ROUND + 127);
  const float power = __int_as_float(__float_as_int(k) << 23);
  k -= ROUND + 127;
  const float r = fmaf(-k, LOG_2_LOW, fmaf(-k, LOG_2_HIGH, -2 * y));
  const float u = fmaf(power, expm1_near_0(r), power - 1);
  return copysignf(quotient(0 - u, u + 2), x);
}

#ifdef EVALUATE
extern "C" __global__ void evaluate(int function, const float* x, long long count, float* y) {
  for (long long i = threadIdx.x; i < count; i += blockDim.x)
    y[i] = function == 0   ? exp_of_negative(x[i])
           : function == 1 ? expm1_of_negative(x[i])
           : function == 2 ? log1p_up_to_1(x[i])
                           : own_tanh(x[i]);
}
#endif
