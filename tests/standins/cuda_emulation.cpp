// Runs CUDA kernels on the CPU: one thread block after the other, each of its threads a fiber that
// runs to the next barrier. Shared memory is NaN at the start of each block, and blocks run in many
// orders, so that a barrier that is missing shows in the result: every other one in reverse, in every
// other two a warp runs as far as it comes before the next one begins, and the first warp is another
// every four. Each multiprocessor has every so many-th block, and one runs after the other: what a
// block finds in memory of another one's is seldom there.
#include "cuda_emulation.h"

#include <setjmp.h>
#include <ucontext.h>

#include <algorithm>
#include <vector>

dim3 threadIdx, blockIdx, blockDim, gridDim;

extern char __start_cuda_shared[], __stop_cuda_shared[];
__attribute__((section("cuda_shared"), used)) static float at_least_one_variable_is_shared;

namespace emulation {

struct Fiber { ucontext_t start; jmp_buf here; std::vector<char> stack; bool begun, done; dim3 index; };
static Fiber fibers[1024];  // they live on from launch to launch: to make one is slow
static unsigned made;
static jmp_buf scheduler;
static unsigned current, count, block_waiting, block_round;
static std::vector<unsigned> warp_waiting, warp_round;
static std::vector<double> exchanged;
static std::vector<int> parity;
static void (*kernel)(void**);
static void** arguments;
static bool failed;

// Fibers are changed by setjmp and longjmp: swapcontext makes a system call each time.
static void leave() { if (!_setjmp(fibers[current].here)) _longjmp(scheduler, 1); }
static void begin() { for (;;) { kernel(arguments); fibers[current].done = true; leave(); } }

void block_barrier() {
  unsigned round = block_round;
  if (++block_waiting == count) block_waiting = 0, block_round++;
  else while (block_round == round) leave();
}

void warp_barrier() {
  unsigned warp = current / 32, size = std::min(32u, count - warp * 32), round = warp_round[warp];
  if (++warp_waiting[warp] == size) warp_waiting[warp] = 0, warp_round[warp]++;
  else while (warp_round[warp] == round) leave();
}

double exchange(double value, unsigned lane) {
  unsigned me = current, side = parity[me] ^= 1, from = me / 32 * 32 + lane;
  exchanged[side * count + me] = value;
  warp_barrier();
  return from < count ? exchanged[side * count + from] : value;
}

unsigned lane() { return current % 32; }

static void resume(unsigned i) {
  current = i;
  Fiber& f = fibers[i];
  threadIdx = f.index;
  if (_setjmp(scheduler)) return;
  if (f.begun) _longjmp(f.here, 1);
  f.begun = true;
  setcontext(&f.start);
}

static unsigned resume_warp(unsigned warp, bool reversed) {
  unsigned first = warp * 32, size = std::min(32u, count - first), left = 0;
  for (unsigned i = 0; i < size; i++) {
    unsigned j = first + (reversed ? size - 1 - i : i);
    if (!fibers[j].done) resume(j);
    left += !fibers[j].done;
  }
  return left;
}

static void run_block(bool reversed, bool eager, unsigned first) {
  memset(__start_cuda_shared, 0xff, __stop_cuda_shared - __start_cuda_shared);
  block_waiting = 0;
  std::fill(warp_waiting.begin(), warp_waiting.end(), 0);
  for (unsigned i = 0; i < count; i++) fibers[i].done = false;
  for (unsigned left = count, before; left; ) {
    before = left;
    unsigned progress = block_round;
    auto rounds = warp_round;
    left = 0;
    for (unsigned i = 0, warps = warp_round.size(); i < warps; i++) {
      unsigned warp = (first + (reversed ? warps - 1 - i : i)) % warps, of_warp, barriers;
      do {
        barriers = warp_round[warp];
        of_warp = resume_warp(warp, reversed);
      } while (eager && of_warp && warp_round[warp] != barriers);
      left += of_warp;
    }
    // Nobody ended, and nobody passed a barrier: some threads wait for others that never come.
    if (left == before && progress == block_round && rounds == warp_round) {
      failed = true;
      made = 0;  // those that wait are made again
      return;
    }
  }
}

int launch(void (*run)(void**), unsigned parameters, const unsigned* sizes, Launch as) {
  if (as.given != parameters) return 1;
  if (!std::equal(sizes, sizes + parameters, as.sizes)) return 2;
  kernel = run, arguments = as.arguments;
  const unsigned *grid = as.grid, *block = as.block;
  count = block[0] * block[1] * block[2];
  blockDim = {block[0], block[1], block[2]};
  gridDim = {grid[0], grid[1], grid[2]};
  failed = false;
  while (made < count) {
    Fiber& f = fibers[made++];
    f.stack.resize(1 << 16);
    f.begun = false;
    getcontext(&f.start);
    f.start.uc_stack.ss_sp = f.stack.data();
    f.start.uc_stack.ss_size = f.stack.size();
    makecontext(&f.start, begin, 0);
  }
  warp_waiting.assign((count + 31) / 32, 0);
  warp_round.assign((count + 31) / 32, 0);
  exchanged.assign(2 * count, 0);
  parity.assign(count, 0);
  for (unsigned i = 0; i < count; i++)
    fibers[i].index = {i % block[0], i / block[0] % block[1], i / block[0] / block[1]};
  static unsigned blocks;  // of all launches: the next launch of a kernel runs in another order
  const unsigned long long all = 1ull * grid[0] * grid[1] * grid[2];
  for (unsigned i = 0; i < as.multiprocessors; i++)
    for (unsigned long long b = i; b < all && !failed; b += as.multiprocessors, blocks++) {
      blockIdx = {unsigned(b % grid[0]), unsigned(b / grid[0] % grid[1]), unsigned(b / grid[0] / grid[1])};
      run_block(blocks & 1, blocks & 2, blocks / 4);
    }
  return failed ? 3 : 0;
}

}  // namespace emulation
