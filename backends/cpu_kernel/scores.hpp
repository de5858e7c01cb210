// Counts of scores by their leading bits, from which gdnet/scores/score_counts.py has the area under
// the ROC curve; what it does with NumPy in many passes is one pass here, with the same places.
#pragma once

#include "vectors.hpp"

namespace {

// The ranks of the scores: those of one rank have one count for the negative examples and one for the
// positive ones. All is of the bits of a float32.
struct Ranks {
  int32_t lowest, highest;  // bits of a size; what is beyond them is taken together
  int32_t dropped_bits, of_one_sign;  // how many ranks there are of positive scores
};

// So many at a time: first all of their places, by vectors, and then the counts, which lie all over the
// memory: each is on its way, to the second cache, which can wait for more of them than the first.
constexpr int BATCH = 512;

template <class T> void places_of(const T* scores, Ranks ranks, int32_t* places) {
  typedef float Numbers __attribute__((vector_size(4 * LANES<T>)));
  typedef int32_t Ints __attribute__((vector_size(4 * LANES<T>)));
  for (int i = 0; i < BATCH; i += LANES<T>) {
    const Vector<T> score = load(scores + i);
    // NaN is above all numbers; a negative zero is as large as zero, and so is what rounds to it.
    const Vector<T> number = score == score ? score : all((T)__builtin_inf());
    const Ints bits = (Ints)(__builtin_convertvector(number, Numbers) + 0.0f);
    const Ints sign = bits >> 31;
    Ints size = bits & 0x7fffffff;
    size = size < ranks.lowest ? ranks.lowest - (Ints){} : size;
    size = size > ranks.highest ? ranks.highest - (Ints){} : size;
    // The larger the bits of a negative number, the lower it is.
    const Ints rank = (((size - ranks.lowest) >> ranks.dropped_bits) ^ sign) + ranks.of_one_sign;
    const Ints place = 2 * rank;
    memcpy(places + i, &place, sizeof place);
  }
}

template <class T, class Count>
void count_scores(const T* scores, const uint8_t* positive, int64_t n, const Ranks& ranks, Count* counts) {
  int32_t places[BATCH];
  for (int64_t first = 0; first < n; first += BATCH, scores += BATCH, positive += BATCH) {
    const int some = n - first < BATCH ? (int)(n - first) : BATCH;
    T last[BATCH] = {};
    if (some < BATCH) memcpy(last, scores, sizeof(T) * some);
    places_of(some < BATCH ? last : scores, ranks, places);
    for (int i = 0; i < some; i++) __builtin_prefetch(counts + places[i], 1, 2);
    for (int i = 0; i < some; i++) counts[places[i] + positive[i]]++;
  }
}

}  // namespace
