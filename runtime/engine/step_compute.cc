#include "runtime/engine/step_compute.h"

#include <algorithm>
#include <chrono>

#include "runtime/base/wait.h"

namespace tierscope {
namespace {

using Clock = std::chrono::steady_clock;

Clock::duration microseconds(double us) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double, std::micro>(us));
}

class NoCompute final : public StepCompute {
 public:
  void run(const StepTokens&, StepRows& rows) override { rows.await(); }
};

class PacedCompute final : public StepCompute {
 public:
  PacedCompute(ComputeClock clock, SpanRecorder* spans) : clock_(std::move(clock)), spans_(spans) {
    if (spans_) track_ = spans_->track("paced blocks");
  }

  void run(const StepTokens& step, StepRows& rows) override {
    const StepPace pace = clock_(step.work);
    const Clock::time_point begin = Clock::now();
    wait_until(begin + microseconds(pace.before_rows_us));
    const Clock::time_point first_use = Clock::now();
    rows.await();
    // A device that waits computes nothing: everything after moves back by the wait.
    const Clock::duration stall = Clock::now() - first_use;
    wait_until(begin + microseconds(pace.total_us) + stall);
    if (spans_) record(pace, begin, stall);
  }

 private:
  void record(const StepPace& pace, Clock::time_point begin, Clock::duration stall) const {
    const auto at = [&](double us) {
      return begin + microseconds(us) + (us > pace.before_rows_us ? stall : Clock::duration::zero());
    };
    double last_us = 0;
    for (size_t block = 0; block < pace.block_ends_us.size(); ++block) {
      spans_->add(track_, "block", at(last_us), at(pace.block_ends_us[block]), "block", block);
      last_us = pace.block_ends_us[block];
    }
    spans_->add(track_, "head", at(last_us), at(pace.total_us));
  }

  ComputeClock clock_;
  SpanRecorder* spans_;
  uint32_t track_ = 0;
};

class RealCompute final : public StepCompute {
 public:
  RealCompute(Decoder& decoder, SpanRecorder* spans) : decoder_(decoder), spans_(spans) {
    if (spans_) track_ = spans_->track("blocks");
  }

  void begin_request(uint32_t sequence) override { decoder_.reset(sequence); }

  void run(const StepTokens& step, StepRows& rows) override {
    logits_.resize(std::max<size_t>(logits_.size(), size_t{step.work.logits} * decoder_.hyperparameters().vocab));
    const Clock::time_point begin = Clock::now();
    if (spans_) watch_blocks(begin);
    decoder_.forward(step.tokens, rows, logits_.data());
    decoder_.on_block = nullptr;
  }

 private:
  void watch_blocks(Clock::time_point begin) {
    decoder_.on_block = [this, begin, last_us = 0.0](uint32_t block, double seconds) mutable {
      spans_->add(track_, "block", begin + microseconds(last_us), begin + microseconds(seconds * 1e6), "block", block);
      last_us = seconds * 1e6;
    };
  }

  Decoder& decoder_;
  SpanRecorder* spans_;
  std::vector<float> logits_;
  uint32_t track_ = 0;
};

}  // namespace

std::unique_ptr<StepCompute> make_no_compute() {
  return std::make_unique<NoCompute>();
}

std::unique_ptr<StepCompute> make_paced_compute(ComputeClock clock, SpanRecorder* spans) {
  return std::make_unique<PacedCompute>(std::move(clock), spans);
}

std::unique_ptr<StepCompute> make_real_compute(Decoder& decoder, SpanRecorder* spans) {
  return std::make_unique<RealCompute>(decoder, spans);
}

}  // namespace tierscope
