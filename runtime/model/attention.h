// Scaled-by-one dot-product attention of a few query rows over one key-value head, softmax in one pass over the keys
// (running maximum and sum), so that no row of scores is ever whole in memory. SIMD is picked at run time.
// Method: Dao et al., "FlashAttention", 2022; Milakov and Gimelshein, "Online normalizer calculation for softmax",
// 2018. Thread-safe with a scratch of one's own; same kernel level, same bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include "runtime/model/kv_cache.h"

namespace tierscope {

// Query rows one call may have: tokens x heads.
inline constexpr size_t kMaxAttentionRows = 64;

// Positions [first, end).
struct KeyRange {
  uint32_t first = 0, end = std::numeric_limits<uint32_t>::max();
};

// What normalised a row: the largest score, and the sum of exp(score - maximum).
struct SoftmaxTotals {
  float maximum = -std::numeric_limits<float>::infinity();
  float sum = 0;
};

struct AttentionBlock {
  KvHead kv;
  uint32_t window = 0;                  // positions a query sees, its own included; 0: all before it
  std::span<const uint32_t> positions;  // of the block's tokens, ascending, in one sequence, all stored
  uint32_t heads = 0;                   // query heads of each token, adjacent, that read `kv`
  size_t token_stride = 0;              // floats from one token's first head to the next token's
  const float* queries = nullptr;       // of the first token's first head
  float* out = nullptr;                 // laid out like the queries
  // For sharing the keys of one token out: only these are seen, at least one of them visible to each row, and the
  // totals of each row go here (null: not wanted).
  KeyRange keys = {};
  SoftmaxTotals* totals = nullptr;
};

// The keys that a query at `position` sees under `window`.
KeyRange visible_keys(uint32_t position, uint32_t window);

size_t attention_scratch_floats(uint32_t head_dim);
void attend(const AttentionBlock& block, float* scratch);
// Joins a row's result over some keys into its result over others.
void join_attention(const float* part, const SoftmaxTotals& part_totals, uint32_t head_dim, float* out,
                    SoftmaxTotals& totals);

}  // namespace tierscope
