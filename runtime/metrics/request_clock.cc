#include "runtime/metrics/request_clock.h"

namespace tierscope {
namespace {

using Clock = RequestClock::Clock;

double milliseconds(Clock::duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

std::optional<double> per_second(uint64_t tokens, Clock::duration duration) {
  if (tokens == 0 || duration <= Clock::duration::zero()) return std::nullopt;
  return static_cast<double>(tokens) / std::chrono::duration<double>(duration).count();
}

}  // namespace

void RequestClock::begin_request(uint32_t request, Clock::time_point start) {
  open_[request] = {start, std::nullopt, start, 0};
}

void RequestClock::emit(Open& request, Clock::time_point now) {
  if (request.first_emission)
    itl_ms_.push_back(milliseconds(now - request.last_emission));
  else
    ttft_ms_.push_back(milliseconds(now - request.start));
  if (!request.first_emission) request.first_emission = now;
  request.last_emission = now;
  ++request.emissions;
}

void RequestClock::end_step(bool prefill, std::span<const StepShare> shares, double stall_ms, Clock::time_point now) {
  (prefill ? prefill_ : decode_) += now - step_begin_;
  step_begin_ = now;
  (prefill ? stall_prefill_ms_ : stall_decode_ms_).push_back(stall_ms);
  for (const StepShare& share : shares) {
    (prefill ? prompt_tokens_ : output_tokens_) += share.tokens;
    Open& request = open_.at(share.request);
    if (share.emits) emit(request, now);
    if (!share.ends) continue;
    if (request.emissions > 1)
      tpot_ms_.push_back(milliseconds(request.last_emission - *request.first_emission) /
                         static_cast<double>(request.emissions - 1));
    open_.erase(share.request);
  }
}

void RequestClock::summarize(RunMetrics& metrics) const {
  metrics.prompt_tokens = prompt_tokens_;
  metrics.output_tokens = output_tokens_;
  metrics.ttft_ms = tierscope::summarize(ttft_ms_);
  metrics.tpot_ms = tierscope::summarize(tpot_ms_);
  metrics.itl_ms = tierscope::summarize(itl_ms_);
  metrics.stall_prefill_ms = tierscope::summarize(stall_prefill_ms_);
  metrics.stall_decode_ms = tierscope::summarize(stall_decode_ms_);
  metrics.prefill_tokens_per_s = per_second(prompt_tokens_, prefill_);
  metrics.decode_tokens_per_s = per_second(output_tokens_, decode_);
}

}  // namespace tierscope
