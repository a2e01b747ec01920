// A ReadQueue that misbehaves as devices and kernels may: completions come late and in another order, reads come short,
// and chosen reads fail. Deterministic for a seed.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <random>
#include <unordered_map>
#include <utility>
#include <vector>

#include "runtime/store/read_queue.h"

namespace tierscope::testing {

struct Faults {
  // What becomes of the result of the `attempt`-th (from 1) completion of the range at `offset`; null: nothing.
  std::function<int32_t(uint64_t offset, uint32_t attempt, int32_t result)> result;
  bool shuffle = true;
  uint64_t seed = 1;
};

class FaultyQueue final : public ReadQueue {
 public:
  FaultyQueue(std::unique_ptr<ReadQueue> inner, Faults faults)
      : inner_(std::move(inner)), faults_(std::move(faults)), random_(faults_.seed) {}

  void exchange(std::span<const RawRead> reads, std::vector<RawCompletion>& completed, size_t at_least) override {
    for (const RawRead& read : reads) offset_of_[read.tag] = read.offset;
    arrived_.clear();
    inner_->exchange(reads, arrived_, 0);
    in_flight_ += reads.size() - arrived_.size();
    held_.insert(held_.end(), arrived_.begin(), arrived_.end());
    size_t given = 0;
    while (given < at_least) {
      // All completions that there are compete for being the next.
      if (in_flight_ > 0 && faults_.shuffle) take_all();
      if (held_.empty()) take_one();
      give(completed);
      ++given;
    }
  }

  uint32_t max_depth() const override { return inner_->max_depth(); }
  bool needs_pumping() const override { return inner_->needs_pumping(); }
  std::string effective_access() const override { return inner_->effective_access(); }

 private:
  void take_all() { take(in_flight_); }
  void take_one() { take(1); }
  void take(size_t at_least) {
    arrived_.clear();
    inner_->exchange({}, arrived_, at_least);
    in_flight_ -= arrived_.size();
    held_.insert(held_.end(), arrived_.begin(), arrived_.end());
  }

  void give(std::vector<RawCompletion>& completed) {
    const size_t at = faults_.shuffle ? random_() % held_.size() : 0;
    RawCompletion completion = held_[at];
    held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(at));
    const uint64_t offset = offset_of_[completion.tag];
    if (faults_.result) completion.result = faults_.result(offset, ++attempts_[offset], completion.result);
    completed.push_back(completion);
  }

  std::unique_ptr<ReadQueue> inner_;
  Faults faults_;
  std::mt19937_64 random_;
  size_t in_flight_ = 0;
  std::vector<RawCompletion> held_, arrived_;
  std::unordered_map<uint32_t, uint64_t> offset_of_;
  std::unordered_map<uint64_t, uint32_t> attempts_;
};

inline QueueDecorator with_faults(Faults faults) {
  return [faults](std::unique_ptr<ReadQueue> inner) -> std::unique_ptr<ReadQueue> {
    return std::make_unique<FaultyQueue>(std::move(inner), faults);
  };
}

}  // namespace tierscope::testing
