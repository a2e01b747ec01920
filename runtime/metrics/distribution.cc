#include "runtime/metrics/distribution.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

namespace tierscope {
namespace {

// 0-based index of the nearest-rank sample of percentile q.
uint64_t rank_of(uint64_t samples, double q) {
  const auto rank = static_cast<uint64_t>(std::ceil(q * static_cast<double>(samples)));
  return std::clamp<uint64_t>(rank, 1, samples) - 1;
}

}  // namespace

bool supports_percentile(uint64_t samples, double q) {
  // The tolerance keeps 5 / (1 - 0.99), a little above 500 in binary, at 500.
  return static_cast<double>(samples) * (1 - q) >= 5 - 1e-9;
}

Distribution summarize(std::vector<double> samples) {
  Distribution result;
  result.samples = samples.size();
  if (samples.empty()) return result;
  std::ranges::sort(samples);
  result.sum = std::accumulate(samples.begin(), samples.end(), 0.0);
  result.mean = result.sum / static_cast<double>(samples.size());
  result.max = samples.back();
  const auto at = [&](double q) {
    return supports_percentile(samples.size(), q) ? std::optional(samples[rank_of(samples.size(), q)]) : std::nullopt;
  };
  result.p50 = at(0.5);
  result.p90 = at(0.9);
  result.p99 = at(0.99);
  return result;
}

uint32_t LatencyHistogram::bucket_of(uint64_t nanoseconds) {
  if (nanoseconds < (1u << kSubBits)) return static_cast<uint32_t>(nanoseconds);
  const auto exponent = static_cast<uint32_t>(std::bit_width(nanoseconds)) - 1 - kSubBits;
  return ((exponent + 1) << kSubBits) + static_cast<uint32_t>((nanoseconds >> exponent) - (1u << kSubBits));
}

double LatencyHistogram::middle_of(uint32_t bucket) {
  if (bucket < (1u << kSubBits)) return bucket;
  const uint32_t exponent = (bucket >> kSubBits) - 1;
  const uint64_t low = static_cast<uint64_t>((bucket & ((1u << kSubBits) - 1)) + (1u << kSubBits)) << exponent;
  return static_cast<double>(low) + static_cast<double>(uint64_t{1} << exponent) / 2;
}

void LatencyHistogram::add(uint64_t nanoseconds) {
  ++counts_[bucket_of(nanoseconds)];
  ++samples_;
  sum_ns_ += static_cast<double>(nanoseconds);
}

void LatencyHistogram::merge(const LatencyHistogram& other) {
  for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  samples_ += other.samples_;
  sum_ns_ += other.sum_ns_;
}

std::optional<double> LatencyHistogram::percentile_us(double q) const {
  if (samples_ == 0 || !supports_percentile(samples_, q)) return std::nullopt;
  uint64_t left = rank_of(samples_, q);
  for (uint32_t bucket = 0; bucket < kBuckets; ++bucket) {
    if (left < counts_[bucket]) return middle_of(bucket) / 1e3;
    left -= counts_[bucket];
  }
  return std::nullopt;
}

std::optional<double> LatencyHistogram::mean_us() const {
  if (samples_ == 0) return std::nullopt;
  return sum_ns_ / static_cast<double>(samples_) / 1e3;
}

}  // namespace tierscope
