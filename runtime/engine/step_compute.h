// What a replayed step computes with its rows: the real decoder, a clock that is waited for, or nothing. One owner
// thread. Errors: whatever awaiting the rows or the decoder throws.
#pragma once

#include <memory>
#include <span>

#include "runtime/engine/compute_clock.h"
#include "runtime/metrics/spans.h"
#include "runtime/model/decoder.h"
#include "runtime/placement/step_rows.h"
#include "traces/token_trace.h"

namespace tierscope {

struct StepTokens {
  std::span<const BatchToken> tokens;  // empty in access traces
  StepWork work;                       // of a batch: context_tokens is the mean of its sequences
};

class StepCompute {
 public:
  virtual ~StepCompute() = default;
  virtual void begin_request(uint32_t sequence) { static_cast<void>(sequence); }
  // Returns when the step's logits are out. Awaits `rows` just before their first use.
  virtual void run(const StepTokens& step, StepRows& rows) = 0;
};

std::unique_ptr<StepCompute> make_no_compute();
std::unique_ptr<StepCompute> make_paced_compute(ComputeClock clock, SpanRecorder* spans);
// Keeps a reference to `decoder`.
std::unique_ptr<StepCompute> make_real_compute(Decoder& decoder, SpanRecorder* spans);

}  // namespace tierscope
