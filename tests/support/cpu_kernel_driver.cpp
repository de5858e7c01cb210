// Runs the compiled kernels of the CPU on made-up examples and scores, and prints hashes of what they
// give: of examples, of their outputs with the loss, and of scores.
//
// Linked with the kernels of one instruction set (-DISA=NAME). The numbers are made from whole ones, so
// that they are the same on every machine; every buffer has exactly the size that it needs, so that a
// sanitizer sees what is beyond it. The work memory is filled with NaN: what is read was written.
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <vector>

#define JOINED_(a, b) a##b
#define JOINED(a, b) JOINED_(a, b)
#define NAME(name) JOINED(name, ISA)
#define DECLARE_BLOCK(T, name)                                                                     \
  extern "C" void NAME(name)(int, int, const T*, const T*, const T*, const T*, const T*, const T*, \
                             const T*, int64_t, int64_t, int64_t, int64_t, T*, void*);
#define DECLARE(T, prefix)                                                                         \
  DECLARE_BLOCK(T, prefix##_gradient_)                                                             \
  DECLARE_BLOCK(T, prefix##_cost_)                                                                 \
  DECLARE_BLOCK(T, prefix##_outputs_)                                                              \
  extern "C" void NAME(prefix##_descend_)(int, int, const T*, const T*, const T*, int64_t, int64_t, \
                                          int64_t, int64_t, T, T, int64_t, T*, T*, T*, void*);     \
  extern "C" int64_t NAME(prefix##_memory_)(int64_t, int64_t, int64_t, int64_t);
DECLARE(float, f32)
DECLARE(double, f64)
extern "C" void NAME(f64_outputs_of_float32_)(int, int, const float*, const double*, const double*,
                                              const double*, const double*, const double*, const double*,
                                              int64_t, int64_t, int64_t, int64_t, double*, void*);
#define DECLARE_COUNT(T, name, Count)                                                                \
  extern "C" void NAME(name)(const T*, const uint8_t*, int64_t, const int32_t*, Count*);
DECLARE_COUNT(float, f32_count_uint32_, uint32_t)
DECLARE_COUNT(double, f64_count_uint64_, uint64_t)

static uint64_t hash = 14695981039346656037u, hash_of_losses = hash, random_state = 1;

static void add_to_hash(const void* data, size_t size, uint64_t& hash = ::hash) {
  for (size_t i = 0; i < size; i++) hash = (hash ^ ((const unsigned char*)data)[i]) * 1099511628211u;
}

// Between -1 and 1, of 20 bits.
static double next() {
  random_state = random_state * 6364136223846793005u + 1442695040888963407u;
  return (double)(int64_t)((random_state >> 43) & 0x1fffff) / 1048576 - 1;
}

template <class T> std::vector<T> numbers(int64_t count, double size) {
  std::vector<T> found(count);
  for (T& x : found) x = (T)(size * next());
  return found;
}

template <class T, class Block, class Descend, class Memory>
void run(Block gradient, Block cost, Block outputs, Descend descend, Memory memory, int g1, int g2,
         int64_t m, int64_t n0, int64_t n1, int64_t n2, bool weighted) {
  const auto X = numbers<T>(m * n0, 2), W1 = numbers<T>(n1 * n0, 1), b1 = numbers<T>(n1, 1);
  const auto W2 = numbers<T>(n2 * n1, 1), b2 = numbers<T>(n2, 1);
  auto Y = numbers<T>(n2 * m, 1), weights = numbers<T>(m, 1);
  for (T& y : Y) y = y > 0;
  for (T& w : weights) w = w > 0 ? w : 0;
  const T* w = weighted ? weights.data() : nullptr;
  const int64_t size = n1 * (n0 + 1) + n2 * (n1 + 1);
  std::vector<unsigned char> work(memory(n0, n1, n2, 0), 0xff);
  std::vector<T> out(size + 1), J(1), Z2(n2 * m);
  const auto call = [&](Block block, const T* Y, std::vector<T>& to, uint64_t& hash) {
    block(g1, g2, X.data(), Y, w, W1.data(), b1.data(), W2.data(), b2.data(), m, n0, n1, n2, to.data(),
          work.data());
    add_to_hash(to.data(), sizeof(T) * to.size(), hash);
  };
  call(gradient, Y.data(), out, hash);
  call(cost, Y.data(), J, hash);
  if (J[0] != out[size]) printf("the cost alone differs: %g %g\n", (double)J[0], (double)out[size]);
  call(outputs, nullptr, Z2, hash);
  std::vector<T> Z2_and_loss(n2 * m + 1);
  call(outputs, Y.data(), Z2_and_loss, hash_of_losses);
  if (memcmp(Z2.data(), Z2_and_loss.data(), sizeof(T) * Z2.size())) printf("the outputs differ\n");
  if constexpr (sizeof(T) == 8) {
    const std::vector<float> X_float32(X.begin(), X.end());  // 20 bits fit
    std::vector<T> found(n2 * m + 1);
    NAME(f64_outputs_of_float32_)(g1, g2, X_float32.data(), Y.data(), w, W1.data(), b1.data(), W2.data(),
                                  b2.data(), m, n0, n1, n2, found.data(), work.data());
    if (found != Z2_and_loss) printf("the outputs of float32 differ\n");
  }
  std::vector<T> parameters = W1, costs(3);
  for (const auto* each : {&b1, &W2, &b2})
    parameters.insert(parameters.end(), each->begin(), each->end());
  std::vector<unsigned char> more(memory(n0, n1, n2, m), 0xff);
  descend(g1, g2, X.data(), Y.data(), w, m, n0, n1, n2, (T)m, (T)0.3, 3, parameters.data(), costs.data(),
          out.data(), more.data());
  add_to_hash(parameters.data(), sizeof(T) * parameters.size());
  add_to_hash(costs.data(), sizeof(T) * costs.size());
}

// The ranks are few: of sizes from 1/16 to 2, by their first two bits.
template <class T, class Counts, class Count> void count(Count count_scores, int64_t n) {
  std::vector<T> scores = numbers<T>(n, 3);
  std::vector<uint8_t> positive(n);
  for (uint8_t& each : positive) each = next() > 0;
  for (int64_t i = 0; i < n; i += 7) scores[i] = i % 2 ? (T)-0.0 : (T)1 / (T)0;
  const int32_t lowest = (127 - 4) << 23, of_one_sign = 5 << 2;
  const int32_t ranks[] = {lowest, lowest + (5 << 23) - 1, 21, of_one_sign};
  Counts counts(2 * 2 * of_one_sign);
  count_scores(scores.data(), positive.data(), n, ranks, counts.data());
  add_to_hash(counts.data(), sizeof counts[0] * counts.size());
}

int main() {
  const int64_t shapes[][2] = {{1, 1},  {2, 4},  {3, 16}, {5, 7},    {8, 40},   {9, 1},
                               {13, 17}, {28, 128}, {33, 16}, {64, 100}, {100, 65}, {256, 33}};
  const int64_t counts[] = {1, 47, 48, 130, 401};
  int i = 0;
  for (const auto& shape : shapes)
    for (const int64_t m : counts)
      for (int g1 = 0; g1 < 6; g1++, i++) {
        // One output by all activations; then the outputs in turns, and up to ten of each.
        const int64_t n2 = i % 4 ? 1 : 1 + i / 4 % 10;
        const int g2 = i % 4 ? 0 : i / 4 % 3;
        run<float>(NAME(f32_gradient_), NAME(f32_cost_), NAME(f32_outputs_), NAME(f32_descend_),
                   NAME(f32_memory_), g1, g2, m, shape[0], shape[1], n2, i % 2);
        run<double>(NAME(f64_gradient_), NAME(f64_cost_), NAME(f64_outputs_), NAME(f64_descend_),
                    NAME(f64_memory_), g1, g2, m, shape[0], shape[1], n2, i % 2);
      }
  printf("%016llx\n", (unsigned long long)hash);
  printf("%016llx\n", (unsigned long long)hash_of_losses);
  for (const int64_t n : {1, 511, 512, 513, 2000}) {
    count<float, std::vector<uint32_t>>(NAME(f32_count_uint32_), n);
    count<double, std::vector<uint64_t>>(NAME(f64_count_uint64_), n);
  }
  printf("%016llx\n", (unsigned long long)hash);
}
