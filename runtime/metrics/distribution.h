// Summaries of measured samples. A percentile that too few samples support is absent, never guessed: percentile q needs
// at least 5 / (1 - q) samples (10 for p50, 50 for p90, 500 for p99). Values are thread-compatible; no global state.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace tierscope {

// Whether `samples` samples support percentile `q` (0 <= q < 1).
bool supports_percentile(uint64_t samples, double q);

struct Distribution {
  uint64_t samples = 0;
  std::optional<double> mean, p50, p90, p99, max;  // absent where the samples do not support them
  double sum = 0;
};

// Nearest-rank percentiles of `samples` (any order, any unit).
Distribution summarize(std::vector<double> samples);

// Counts of durations in buckets whose width is at most 1/32 of their value: constant memory, no allocation on add.
class LatencyHistogram {
 public:
  void add(uint64_t nanoseconds);
  void merge(const LatencyHistogram& other);
  uint64_t samples() const { return samples_; }
  // In microseconds; the middle of the bucket that holds the nearest-rank sample.
  std::optional<double> percentile_us(double q) const;
  std::optional<double> mean_us() const;

 private:
  static constexpr uint32_t kSubBits = 5;
  static constexpr uint32_t kBuckets = (64 - kSubBits + 1) << kSubBits;
  static uint32_t bucket_of(uint64_t nanoseconds);
  static double middle_of(uint32_t bucket);

  std::array<uint64_t, kBuckets> counts_{};
  uint64_t samples_ = 0;
  double sum_ns_ = 0;
};

}  // namespace tierscope
