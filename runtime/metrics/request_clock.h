// Turns the ends of steps into the latencies of requests (DESIGN.md, "Semantics": TTFT, TPOT, ITL, stall), of one or of
// several at a time. Not thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "runtime/metrics/run_metrics.h"

namespace tierscope {

// What a step did for one request.
struct StepShare {
  uint32_t request = 0, tokens = 0;
  bool emits = false;  // the request's next token, or the logits after its prompt, came out
  bool ends = false;   // all its tokens were fed
};

class RequestClock {
 public:
  using Clock = std::chrono::steady_clock;

  // `start`: its arrival, or when its first step begins.
  void begin_request(uint32_t request, Clock::time_point start);
  // Time before this, in which nothing ran, belongs to no step.
  void begin_step(Clock::time_point now = Clock::now()) { step_begin_ = now; }
  // The step's logits are out. The next step begins now, unless begin_step() says otherwise.
  void end_step(bool prefill, std::span<const StepShare> shares, double stall_ms, Clock::time_point now = Clock::now());
  // Fills in the latencies, stalls, rates and token counts.
  void summarize(RunMetrics& metrics) const;

 private:
  struct Open {
    Clock::time_point start;
    std::optional<Clock::time_point> first_emission;
    Clock::time_point last_emission;
    uint64_t emissions = 0;
  };
  void emit(Open& request, Clock::time_point now);

  std::unordered_map<uint32_t, Open> open_;
  Clock::time_point step_begin_;
  Clock::duration prefill_{}, decode_{};
  uint64_t prompt_tokens_ = 0, output_tokens_ = 0;
  std::vector<double> ttft_ms_, tpot_ms_, itl_ms_, stall_prefill_ms_, stall_decode_ms_;
};

}  // namespace tierscope
