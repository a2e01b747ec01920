// How long the decoder computes, block by block, on a described device: measured tables of the profile where it has
// this very model, else derived from the device's arithmetic and bandwidth and the model's shape. Paced compute waits
// these times for real; the timing model adds them up. Immutable after construction: thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/device_profile.h"
#include "sim/model_shape.h"

namespace tierscope {

struct PassShape {
  uint32_t tokens = 1;          // new positions, of all sequences together
  uint32_t context_tokens = 0;  // positions before them, per sequence (the mean, in a batch)
  uint32_t logits = 1;          // positions whose logits are computed
};

class BlockClock {
 public:
  BlockClock(const ComputeProfile& profile, const ModelShape& model);

  // From the start of the pass to the first use of the table's rows.
  double before_rows_us(const PassShape& pass) const;
  // From there to the end of the pass, logits included.
  double after_rows_us(const PassShape& pass) const;
  double total_us(const PassShape& pass) const { return before_rows_us(pass) + after_rows_us(pass); }
  // When each block ends, from the start of the pass.
  std::vector<double> block_ends_us(const PassShape& pass) const;
  // "measured" or "derived": which of the two answers.
  std::string basis() const { return measured_.passes.empty() ? "derived" : "measured"; }

 private:
  // A pass as straight lines over the context: `before`, `blocks` and the block it was measured or derived at.
  struct Times {
    double before_us = 0, blocks_us = 0;
    double head_us = 0;  // of the pass's logits
  };
  double head_ratio(const PassShape& pass) const;
  Times times(const PassShape& pass) const;
  Times derived(uint32_t tokens, uint32_t context) const;
  Times interpolated(uint32_t tokens, uint32_t context) const;
  double derived_block_us(const BlockShape& block, uint32_t tokens, uint32_t context) const;

  ComputeProfile profile_;
  ModelShape model_;
  MeasuredModel measured_;  // without passes: derive
};

}  // namespace tierscope
