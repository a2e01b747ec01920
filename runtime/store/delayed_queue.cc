#include "runtime/store/delayed_queue.h"

#include <chrono>
#include <mutex>
#include <queue>
#include <unordered_map>

#include "runtime/base/wait.h"

namespace tierscope {
namespace {

using Clock = std::chrono::steady_clock;

class SharedDevice {
 public:
  explicit SharedDevice(CompletionClock clock) : clock_(std::move(clock)), origin_(Clock::now()) {}

  Clock::time_point due(uint64_t bytes) {
    // Under the lock, so that moments come in order whichever queue asks.
    const std::lock_guard lock(mutex_);
    const double now_us = std::chrono::duration<double, std::micro>(Clock::now() - origin_).count();
    const std::chrono::duration<double, std::micro> due_us(clock_(now_us, bytes));
    return origin_ + std::chrono::duration_cast<Clock::duration>(due_us);
  }

 private:
  std::mutex mutex_;
  CompletionClock clock_;
  const Clock::time_point origin_;
};

// Hands completions out in the order in which the emulated device would.
class DelayedQueue final : public ReadQueue {
 public:
  DelayedQueue(std::unique_ptr<ReadQueue> inner, std::shared_ptr<SharedDevice> device)
      : inner_(std::move(inner)), device_(std::move(device)) {}

  void exchange(std::span<const RawRead> reads, std::vector<RawCompletion>& completed, size_t at_least) override {
    for (const RawRead& read : reads) in_flight_.push({device_->due(read.bytes), read.tag});
    take(reads, 0);
    for (size_t given = 0; !in_flight_.empty(); ++given) {
      const auto [due, tag] = in_flight_.top();
      const bool must_wait = given < at_least;
      if (!must_wait && (due > Clock::now() || !arrived_.contains(tag))) return;
      wait_until(due);
      while (!arrived_.contains(tag)) take({}, 1);
      completed.push_back({tag, arrived_[tag]});
      arrived_.erase(tag);
      in_flight_.pop();
    }
  }

  uint32_t max_depth() const override { return inner_->max_depth(); }
  bool needs_pumping() const override { return true; }
  std::string effective_access() const override { return inner_->effective_access() + ", emulated device"; }

 private:
  struct Due {
    Clock::time_point at;
    uint32_t tag = 0;
    bool operator>(const Due& other) const { return at > other.at; }
  };

  void take(std::span<const RawRead> reads, size_t at_least) {
    batch_.clear();
    inner_->exchange(reads, batch_, at_least);
    for (const RawCompletion& completion : batch_) arrived_[completion.tag] = completion.result;
  }

  std::unique_ptr<ReadQueue> inner_;
  std::shared_ptr<SharedDevice> device_;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> in_flight_;
  std::unordered_map<uint32_t, int32_t> arrived_;  // by tag: results that are not due yet
  std::vector<RawCompletion> batch_;
};

}  // namespace

QueueDecorator emulate_storage(CompletionClock clock) {
  const auto device = std::make_shared<SharedDevice>(std::move(clock));
  return [device](std::unique_ptr<ReadQueue> inner) -> std::unique_ptr<ReadQueue> {
    return std::make_unique<DelayedQueue>(std::move(inner), device);
  };
}

}  // namespace tierscope
