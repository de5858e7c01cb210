// What CUDA kernels are compiled against to run on the CPU: the part of CUDA C++ that gdnet uses;
// everything else does not compile. How threads run is in cuda_emulation.cpp, which is compiled once
// and linked with each kernel.
#pragma once
#include <string.h>

#include <cmath>
#include <type_traits>
#include <utility>

#define __global__
#define __device__
#define __forceinline__ static
#define __launch_bounds__(...)
#define __restrict__
#define __shared__ static __attribute__((section("cuda_shared")))

struct dim3 { unsigned x, y, z; };
struct float4 { float x, y, z, w; };
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
extern dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace emulation {

void block_barrier();
void warp_barrier();
double exchange(double value, unsigned lane);  // what the lane of this warp gave
unsigned lane();                               // of the thread that runs

// What a caller says of a launch: sizes are those of the arguments in bytes.
struct Launch {
  const unsigned *grid, *block;
  void** arguments;
  const unsigned* sizes;
  unsigned given, multiprocessors;
};

// Runs a kernel that has `count` parameters of these sizes, and returns 0, or what is wrong.
int launch(void (*kernel)(void** arguments), unsigned count, const unsigned* sizes, Launch);

template <auto kernel, class... A, size_t... I>
static int launch(void (*)(A...), std::index_sequence<I...>, Launch as) {
  const unsigned sizes[] = {unsigned(sizeof(A))..., 0};
  auto run = [](void** arguments) { kernel(*(std::remove_const_t<A>*)arguments[I]...); };
  return launch(run, sizeof...(A), sizes, as);
}

template <auto kernel, class... A>
static int launch(void (*typed)(A...), Launch as) {
  return launch<kernel>(typed, std::index_sequence_for<A...>(), as);
}

}  // namespace emulation

// What is called from outside of the library to run a kernel.
#define RUNNER(kernel)                                                                  \
  extern "C" __attribute__((visibility("default"))) int run_##kernel(                   \
      const unsigned* grid, const unsigned* block, void** arguments,                    \
      const unsigned* sizes, unsigned given, unsigned multiprocessors) {                \
    return emulation::launch<kernel>(                                                   \
        kernel, {grid, block, arguments, sizes, given, multiprocessors});               \
  }

inline void __syncthreads() { emulation::block_barrier(); }
inline void __syncwarp(unsigned = ~0u) { emulation::warp_barrier(); }
template <class T> T __shfl_xor_sync(unsigned, T value, int mask) {
  return (T)emulation::exchange(value, emulation::lane() ^ mask);
}
template <class T> T __shfl_sync(unsigned, T value, int lane) {
  return (T)emulation::exchange(value, lane);
}
inline int __float_as_int(float x) { int bits; memcpy(&bits, &x, 4); return bits; }
inline float __int_as_float(int bits) { float x; memcpy(&x, &bits, 4); return x; }
