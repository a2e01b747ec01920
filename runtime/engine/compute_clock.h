// How long a step's compute takes on some device: what `--compute paced:D` waits for in place of the decoder. Injected
// by experiments, which knows device profiles; the engine knows only durations.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace tierscope {

struct StepWork {
  uint32_t tokens = 0;          // positions computed in this step
  uint32_t context_tokens = 0;  // positions before them
  uint32_t logits = 0;          // positions whose logits are computed
};

// All from the start of the pass, in microseconds.
struct StepPace {
  double before_rows_us = 0;          // the first use of the table's rows
  std::vector<double> block_ends_us;  // not decreasing; may be empty
  double total_us = 0;                // logits included
};

using ComputeClock = std::function<StepPace(const StepWork&)>;

}  // namespace tierscope
