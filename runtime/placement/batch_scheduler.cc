#include "runtime/placement/batch_scheduler.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace tierscope {

BatchScheduler::BatchScheduler(std::vector<BatchRequest> requests, const BatchLimits& limits)
    : requests_(std::move(requests)), limits_(limits), sequence_taken_(limits.sequences) {
  if (limits.sequences == 0) throw UsageError("a batch has at least one sequence", "--max-batch");
  if (limits.chunk_tokens == 0) throw UsageError("a chunk has at least one token", "--chunk");
  for (size_t i = 0; i < requests_.size(); ++i) {
    const BatchRequest& request = requests_[i];
    if (request.kv_bytes > limits.kv_bytes)
      throw UsageError(fmt::format("request {} needs {} of KV cache for its {} tokens and the budget is {}", i,
                                   format_bytes(request.kv_bytes), request.prompt_tokens + request.output_tokens,
                                   format_bytes(limits.kv_bytes)),
                       "--kv-budget", "raise the budget or leave the request out");
    if (i > 0 && request.arrival_s < requests_[i - 1].arrival_s)
      throw UsageError(fmt::format("request {} arrives before the one ahead of it", i), "arrival_s",
                       "sort the requests by arrival");
  }
}

bool BatchScheduler::done() const {
  const bool only_finished = std::ranges::all_of(running_, [&](const Running& running) {
    return running.position == request(running).prompt_tokens + request(running).output_tokens;
  });
  return waiting_ == requests_.size() && only_finished;
}

double BatchScheduler::next_arrival_s() const {
  return waiting_ == requests_.size() ? std::numeric_limits<double>::infinity() : requests_[waiting_].arrival_s;
}

void BatchScheduler::retire() {
  std::erase_if(running_, [&](const Running& running) {
    if (running.position < request(running).prompt_tokens + request(running).output_tokens) return false;
    kv_bytes_ -= request(running).kv_bytes;
    sequence_taken_[running.sequence] = false;
    return true;
  });
}

void BatchScheduler::admit(double now_s) {
  while (waiting_ < requests_.size() && running_.size() < limits_.sequences) {
    const BatchRequest& next = requests_[waiting_];
    if (next.arrival_s > now_s || next.kv_bytes > limits_.kv_bytes - kv_bytes_) return;
    const auto free = std::ranges::find(sequence_taken_, false);
    *free = true;
    kv_bytes_ += next.kv_bytes;
    running_.push_back({waiting_++, static_cast<uint32_t>(free - sequence_taken_.begin()), 0});
  }
}

BatchStep BatchScheduler::prefill_step() {
  Running& running = *std::ranges::find_if(running_, [&](const Running& each) { return in_prompt(each); });
  const uint32_t count = std::min(limits_.chunk_tokens, request(running).prompt_tokens - running.position);
  const BatchStep step{true, {{running.request, running.sequence, running.position, count}}};
  running.position += count;
  return step;
}

BatchStep BatchScheduler::decode_step() {
  BatchStep step;
  for (Running& running : running_)
    if (!in_prompt(running)) step.parts.push_back({running.request, running.sequence, running.position++, 1});
  std::ranges::sort(step.parts, {}, &StepPart::sequence);
  return step;
}

std::optional<BatchStep> BatchScheduler::next(double now_s) {
  retire();
  admit(now_s);
  if (running_.empty()) return std::nullopt;
  const auto prompts = std::ranges::count_if(running_, [&](const Running& running) { return in_prompt(running); });
  const bool prefill = prompts > 0 && (decoded_last_ || prompts == std::ssize(running_));
  decoded_last_ = !prefill;
  return prefill ? prefill_step() : decode_step();
}

}  // namespace tierscope
