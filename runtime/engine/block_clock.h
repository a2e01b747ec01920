// How long each part of a step's compute takes on some device: what `--compute paced:D` waits for in place of the
// decoder. Injected by experiments (the simulator's timing model implements it). Thread-safe where const.
#pragma once

#include <cstdint>
#include <vector>

namespace tierscope {

struct StepShape {
  bool prefill = false;
  uint32_t tokens = 0;          // computed in this step
  uint64_t context_tokens = 0;  // already in the KV cache when the step begins
  uint32_t tokens_with_logits = 0;
};

// A step's compute in order: segments[0..first_use) run before its rows are needed, the rest after.
struct StepDurations {
  std::vector<double> segments_s;
  uint32_t first_use = 0;
};

class BlockClock {
 public:
  virtual ~BlockClock() = default;
  virtual StepDurations step(const StepShape& shape) const = 0;
};

}  // namespace tierscope
