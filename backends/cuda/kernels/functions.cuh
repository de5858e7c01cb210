// exp, expm1 and log1p for the numbers of which the kernels need them. In front of common.cuh.
//
// In float32 they are those of cpu_kernel/functions.hpp, operation by operation, so that no card's table
// of approximations and no version of CUDA's library has a part in their bits; only that exp ends at 0
// where the denormal numbers would begin. tanh of that kind would cost too much (docs/gpu.md).

#ifdef DOUBLE

__device__ __forceinline__ double exp_of_negative(double x) { return exp(x); }
__device__ __forceinline__ double expm1_of_negative(double x) { return expm1(x); }
__device__ __forceinline__ double log1p_up_to_1(double e) { return log1p(e); }

#else

// Adding it rounds to a whole number, which stands in the last bits of the sum.
#define ROUND 12582912.f
#define LOG2_E 1.442695041f
#define LOG_2_HIGH 0.693359375f
#define LOG_2_LOW -2.12194440e-4f

// exp(r) - 1 for |r| <= log(2) / 2.
__device__ __forceinline__ float expm1_near_0(float r) {
  float p = fmaf(1.9875691500e-4f, r, 1.3981999507e-3f);
  p = fmaf(p, r, 8.3334519073e-3f);
  p = fmaf(p, r, 4.1665795894e-2f);
  p = fmaf(p, r, 1.6666665459e-1f);
  p = fmaf(p, r, 5.0000001201e-1f);
  return fmaf(r * r, p, r);
}

// x = k log 2 + r; 2^k in *power, for x >= -87.
__device__ __forceinline__ float reduced(float x, float* power) {
  const float shifted = fmaf(x, LOG2_E, ROUND), k = shifted - ROUND;
  *power = __int_as_float((__float_as_int(shifted) << 23) + (127 << 23));
  return fmaf(-k, LOG_2_LOW, fmaf(-k, LOG_2_HIGH, x));
}

// exp(x) for x <= 0.
__device__ __forceinline__ float exp_of_negative(float x) {
  float power;
  const float p = expm1_near_0(reduced(x, &power)) + 1;
  return x < -87 ? 0 : p * power;
}

// exp(x) - 1 for x <= 0.
__device__ __forceinline__ float expm1_of_negative(float x) {
  float power;
  const float p = expm1_near_0(reduced(x < -40 ? -40 : x, &power));
  return fmaf(power, p, power - 1);
}

// log(1 + e) for 0 <= e <= 1, as 2 artanh(e / (2 + e)).
__device__ __forceinline__ float log1p_up_to_1(float e) {
  const float s = e / (e + 2), square = s * s;
  float p = 1.f / 13;
#pragma unroll
  for (int i = 11; i >= 3; i -= 2) p = fmaf(p, square, 1.f / i);
  return fmaf((s + s) * square, p, s + s);
}

#endif
