// Whether the processor has what the kernels were compiled for; setup.py has the same instruction sets.
extern "C" {
// As in cpu_library.py.
int gdnet_interface() { return 4; }
#if defined(__aarch64__)
int gdnet_supports_neon() { return 1; }
#else
int gdnet_supports_v3() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
int gdnet_supports_v4() {
  return gdnet_supports_v3() && __builtin_cpu_supports("avx512f") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
#endif
}
