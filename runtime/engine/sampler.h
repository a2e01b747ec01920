// Picks the next token from logits: greedy, or drawn after temperature, top-k and top-p. The same logits, options and
// seed give the same tokens. Not thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "traces/token_trace.h"

namespace tierscope {

struct SamplerOptions {
  double temperature = 0;  // 0: greedy
  uint32_t top_k = 0;      // only the K likeliest; 0: all
  double top_p = 1;        // of these, the fewest that together have this probability
  uint64_t seed = 1;
};

class Sampler {
 public:
  explicit Sampler(const SamplerOptions& options);  // UsageError where one is out of range
  TokenId sample(std::span<const float> logits);

 private:
  double uniform();

  SamplerOptions options_;
  uint64_t state_;
  std::vector<TokenId> candidates_;
  std::vector<double> weights_;
};

}  // namespace tierscope
