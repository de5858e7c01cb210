// The functions of the library, for one instruction set; backends/cpu_compiled.py calls them.
//
// Compiled with -DISA=NAME once for each: f32_gradient_v4, f64_gradient_v4, f32_gradient_v3 ...
#include "descend.hpp"
#include "scores.hpp"

namespace {

// A library that was compiled with -ffast-math may have set that denormal numbers are zeros, for the
// thread: exp then has other bits. It is as IEEE says it while a function here computes.
class IeeeDenormals {
 public:
#if defined(__aarch64__)
  IeeeDenormals() {
    asm volatile("mrs %0, fpcr" : "=r"(before_));
    // Neither FZ nor DN, and rounding to the nearest.
    asm volatile("msr fpcr, %0" ::"r"(before_ & ~(uint64_t)0x3c00000) : "memory");
  }
  ~IeeeDenormals() { asm volatile("msr fpcr, %0" ::"r"(before_) : "memory"); }

 private:
  uint64_t before_;
#else
  IeeeDenormals() : before_(_mm_getcsr()) { _mm_setcsr(before_ & ~0x8040u & ~0x6000u); }
  ~IeeeDenormals() { _mm_setcsr(before_); }

 private:
  unsigned before_;
#endif
};

template <class T, G1 G>
void block(Wanted wanted, const Examples<T>& examples, const Network<T>& network, T* out, void* memory) {
  const bool few = with_few_features(examples.n0, [&](auto features) {
    constexpr int N0 = decltype(features)::value;
    const NarrowMemory<T> w(memory, N0, network.n1, network.n2);
    narrow<T, G, N0>(wanted, examples, network, out, w, false);
  });
  if (!few) wide<T, G>(wanted, examples, network, out, memory);
}

// Calls f with the activation as a constant.
template <class F> INLINE void with_activation(int g1, F f) {
  switch (g1) {
#define CASE(G) case G: return f(Constant<G>{});
    CASE(TANH) CASE(SIGMOID) CASE(RELU) CASE(LEAKY_RELU) CASE(IDENTITY) CASE(SOFTPLUS)
#undef CASE
  }
}

template <class T>
void call_block(Wanted wanted, int g1, const Examples<T>& examples, const Network<T>& network, T* out,
                void* memory) {
  const IeeeDenormals as_long_as_this_lives;
  with_activation(g1, [&](auto g) {
    block<T, (G1)decltype(g)::value>(wanted, examples, network, out, memory);
  });
}

}  // namespace

#define JOINED_(a, b) a##b
#define JOINED(a, b) JOINED_(a, b)
#define NAME(name) JOINED(name, ISA)
#define BLOCK_ARGUMENTS(T, Input)                                                           \
  int g1, int g2, const Input *X, const T *Y, const T *weights, const T *W1, const T *b1, const T *W2,  \
      const T *b2, int64_t m, int64_t n0, int64_t n1, int64_t n2, T *out, void *memory
#define BLOCK_FUNCTION(T, name, wanted)                                                     \
  extern "C" void NAME(name)(BLOCK_ARGUMENTS(T, T)) {                                       \
    call_block<T>(wanted, g1, {X, Y, weights, m, n0}, {W1, b1, W2, b2, n1, n2, (G2)g2}, out, memory); \
  }
#define COUNT_FUNCTION(T, name, Count)                                                      \
  extern "C" void NAME(name)(const T* scores, const uint8_t* positive, int64_t n,           \
                             const Ranks* ranks, Count* counts) {                           \
    const IeeeDenormals as_long_as_this_lives;                                              \
    count_scores(scores, positive, n, *ranks, counts);                                      \
  }
#define FUNCTION_OF_NUMBERS(T, name, value)                                                 \
  extern "C" void NAME(name)(const T* x, T* y, int64_t whole_vectors) {                     \
    const IeeeDenormals as_long_as_this_lives;                                              \
    for (int64_t i = 0; i < whole_vectors * 64 / (int64_t)sizeof(T); i += LANES<T>) {       \
      const Vector<T> v = load(x + i);                                                      \
      store(y + i, value);                                                                  \
    }                                                                                       \
  }
#define FUNCTIONS(T, prefix)                                                                \
  BLOCK_FUNCTION(T, prefix##_gradient_, GRADIENT)                                           \
  BLOCK_FUNCTION(T, prefix##_cost_, COST)                                                   \
  BLOCK_FUNCTION(T, prefix##_outputs_, OUTPUTS)                                             \
  extern "C" void NAME(prefix##_descend_)(                                                  \
      int g1, int g2, const T* X, const T* Y, const T* weights, int64_t count, int64_t n0, int64_t n1, \
      int64_t n2, T m, T alpha, int64_t iterations, T* parameters, T* costs, T* sums, void* memory) { \
    const IeeeDenormals as_long_as_this_lives;                                              \
    with_activation(g1, [&](auto g) {                                                       \
      descend<T, (G1)decltype(g)::value>({X, Y, weights, count, n0}, (G2)g2, n1, n2, m, alpha, \
                                         iterations, parameters, costs, sums, memory);      \
    });                                                                                     \
  }                                                                                         \
  extern "C" int64_t NAME(prefix##_memory_)(int64_t n0, int64_t n1, int64_t n2, int64_t count) { \
    if (n0 > MAX_FEW) return WideMemory<T>::bytes(n0, n1, n2);                              \
    const int64_t tiles = (count + EXAMPLES<T> - 1) / EXAMPLES<T>;                          \
    return NarrowMemory<T>::bytes(n0, n1, n2, tiles > 1 ? tiles : 1);                           \
  }                                                                                         \
  COUNT_FUNCTION(T, prefix##_count_uint32_, uint32_t)                                            \
  COUNT_FUNCTION(T, prefix##_count_uint64_, uint64_t)                                            \
  FUNCTION_OF_NUMBERS(T, prefix##_exp_, exp_of_negative<T>(v))                              \
  FUNCTION_OF_NUMBERS(T, prefix##_expm1_, expm1_of_negative<T>(v))                          \
  FUNCTION_OF_NUMBERS(T, prefix##_log1p_, log1p_up_to_1<T>(v))                              \
  FUNCTION_OF_NUMBERS(T, prefix##_log1p_of_positive_, log1p_of_positive<T>(v))            \
  FUNCTION_OF_NUMBERS(T, prefix##_tanh_, tanh_of<T>(v))                                     \
  FUNCTION_OF_NUMBERS(T, prefix##_sigmoid_, sigmoid<T>(v))                                  \
  FUNCTION_OF_NUMBERS(T, prefix##_softplus_, softplus<T>(v))
FUNCTIONS(float, f32)
FUNCTIONS(double, f64)

// Z2 (and J) in float64 of examples in float32.
extern "C" void NAME(f64_outputs_of_float32_)(BLOCK_ARGUMENTS(double, float)) {
  call_block<double>(OUTPUTS, g1, {nullptr, Y, weights, m, n0, X}, {W1, b1, W2, b2, n1, n2, (G2)g2}, out, memory);
}
