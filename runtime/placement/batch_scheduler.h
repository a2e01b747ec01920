// Continuous batching: which tokens of which requests the next step computes. Shared by simulator and runtime, so that
// both form the same steps at the same times. Pure: the caller says what time it is. Deterministic; not thread-safe.
//
// Requests are admitted in order of arrival, each only when there is a free sequence and its whole prompt and output
// fit what is left of the KV budget; once admitted it runs to its end. A decode step takes one token of every sequence
// that is past its prompt; while some admitted request still has prompt left, decode steps and prefill chunks
// alternate.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace tierscope {

struct BatchLimits {
  uint32_t sequences = 1;          // running at once (--max-batch)
  uint64_t kv_bytes = UINT64_MAX;  // that all admitted requests may need (--kv-budget)
  uint32_t chunk_tokens = 512;
};

struct BatchRequest {
  double arrival_s = 0;
  uint32_t prompt_tokens = 0;  // at least 1
  uint32_t output_tokens = 0;
  uint64_t kv_bytes = 0;  // of its prompt and output
};

// Consecutive tokens of one request; positions count from its first prompt token through its output.
struct StepPart {
  uint32_t request = 0, sequence = 0, first = 0, count = 0;
  bool operator==(const StepPart&) const = default;
};

struct BatchStep {
  bool prefill = false;
  std::vector<StepPart> parts;  // by sequence; one part where prefill
  bool operator==(const BatchStep&) const = default;
};

class BatchScheduler {
 public:
  // UsageError where a request alone exceeds the KV budget, or arrivals go back.
  BatchScheduler(std::vector<BatchRequest> requests, const BatchLimits& limits);

  // The step to start at `now_s`, which never goes back; it is taken as done when next() is called again. Empty where
  // nothing can run: then next_arrival_s() says when to ask again, or done() is true.
  std::optional<BatchStep> next(double now_s);
  bool done() const;
  double next_arrival_s() const;  // of the first request not yet admitted; infinity where there is none

 private:
  struct Running {
    uint32_t request = 0, sequence = 0, position = 0;
  };
  const BatchRequest& request(const Running& running) const { return requests_[running.request]; }
  bool in_prompt(const Running& running) const { return running.position < request(running).prompt_tokens; }
  void admit(double now_s);
  void retire();
  BatchStep prefill_step();
  BatchStep decode_step();

  std::vector<BatchRequest> requests_;
  BatchLimits limits_;
  std::vector<Running> running_;  // in order of admission
  std::vector<bool> sequence_taken_;
  uint32_t waiting_ = 0;  // the first request not yet admitted
  uint64_t kv_bytes_ = 0;
  bool decoded_last_ = true;
};

}  // namespace tierscope
