// Turns the ends of steps into the latencies of requests (DESIGN.md, "Semantics": TTFT, TPOT, ITL, stall). One sequence
// at a time. Not thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "runtime/metrics/run_metrics.h"

namespace tierscope {

class RequestClock {
 public:
  using Clock = std::chrono::steady_clock;

  // Also ends the request before.
  void begin_request(Clock::time_point now = Clock::now());
  // The step's logits are out.
  void end_step(bool prefill, uint32_t tokens, double stall_ms, Clock::time_point now = Clock::now());
  // Ends the last request and fills in the latencies, stalls, rates and token counts.
  void summarize(RunMetrics& metrics);

 private:
  void end_request();

  bool open_ = false;
  Clock::time_point begin_, last_end_;
  std::optional<Clock::time_point> first_emission_;
  // A decode step's logits are an emission only if another output token follows; known when that token's step ends.
  std::vector<Clock::time_point> decode_ends_;
  Clock::duration prefill_{}, decode_{};
  uint64_t prompt_tokens_ = 0, output_tokens_ = 0;
  std::vector<double> ttft_ms_, tpot_ms_, itl_ms_, stall_prefill_ms_, stall_decode_ms_;
};

}  // namespace tierscope
