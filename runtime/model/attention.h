// Scaled-by-one dot-product attention of a few query rows over one key-value head, softmax in one pass over the keys
// (running maximum and sum), so that no row of scores is ever whole in memory. SIMD is picked at run time.
// Method: Dao et al., "FlashAttention", 2022; Milakov and Gimelshein, "Online normalizer calculation for softmax",
// 2018. Thread-safe with a scratch of one's own; same kernel level, same bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "runtime/model/kv_cache.h"

namespace tierscope {

// Query rows one call may have: tokens x heads.
inline constexpr size_t kMaxAttentionRows = 64;

struct AttentionBlock {
  KvHead kv;
  uint32_t window = 0;                  // positions a query sees, its own included; 0: all before it
  std::span<const uint32_t> positions;  // of the block's tokens, ascending, in one sequence, all stored
  uint32_t heads = 0;                   // query heads of each token, adjacent, that read `kv`
  size_t token_stride = 0;              // floats from one token's first head to the next token's
  const float* queries = nullptr;       // of the first token's first head
  float* out = nullptr;                 // laid out like the queries
};

size_t attention_scratch_floats(uint32_t head_dim);
void attend(const AttentionBlock& block, float* scratch);

}  // namespace tierscope
