#include "runtime/engine/request_clock.h"

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

void RequestClock::begin_request(Clock::time_point now) {
  end_request();
  open_ = true;
  begin_ = last_end_ = now;
}

void RequestClock::end_step(bool prefill, uint32_t tokens, double stall_ms, Clock::time_point now) {
  const Clock::duration step = now - last_end_;
  last_end_ = now;
  if (prefill) {
    prefill_ += step;
    prompt_tokens_ += tokens;
    first_emission_ = now;
    stall_prefill_ms_.push_back(stall_ms);
  } else {
    decode_ += step;
    output_tokens_ += tokens;
    decode_ends_.push_back(now);
    stall_decode_ms_.push_back(stall_ms);
  }
}

void RequestClock::end_request() {
  if (!open_) return;
  open_ = false;
  if (first_emission_) {
    ttft_ms_.push_back(milliseconds(*first_emission_ - begin_));
    // The last output token is fed too, but its logits emit nothing.
    if (!decode_ends_.empty()) decode_ends_.pop_back();
    Clock::time_point last = *first_emission_;
    for (const Clock::time_point emission : decode_ends_) {
      itl_ms_.push_back(milliseconds(emission - last));
      last = emission;
    }
    if (!decode_ends_.empty())
      tpot_ms_.push_back(milliseconds(last - *first_emission_) / static_cast<double>(decode_ends_.size()));
  }
  first_emission_.reset();
  decode_ends_.clear();
}

void RequestClock::summarize(RunMetrics& metrics) {
  end_request();
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
