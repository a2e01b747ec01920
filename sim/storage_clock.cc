#include "sim/storage_clock.h"

#include <algorithm>
#include <cmath>

#include "runtime/base/random.h"

namespace tierscope {
namespace {

// Inverse distribution function through the quantiles: a steep foot below the median (a read is seldom much faster
// than half the median's excess over nothing), straight lines between the known points, flat after p99.9.
double inverse(const Quantiles& q, double u) {
  struct Point {
    double u, us;
  };
  const Point points[] = {{0, 0.8 * q.p50}, {0.5, q.p50}, {0.9, q.p90}, {0.99, q.p99}, {0.999, q.p999}, {1, q.p999}};
  for (size_t i = 1; i < std::size(points); ++i)
    if (u <= points[i].u) {
      const double share = (u - points[i - 1].u) / (points[i].u - points[i - 1].u);
      return points[i - 1].us + share * (points[i].us - points[i - 1].us);
    }
  return q.p999;
}

// The exact mean of `inverse` over u: the areas of its trapezes.
double mean(const Quantiles& q) {
  return 0.5 * 0.9 * q.p50 + 0.4 * 0.5 * (q.p50 + q.p90) + 0.09 * 0.5 * (q.p90 + q.p99) +
         0.009 * 0.5 * (q.p99 + q.p999) + 0.001 * q.p999;
}

}  // namespace

StorageClock::StorageClock(const StorageProfile& profile, uint64_t seed)
    : link_us_per_byte_(1e6 / profile.sequential_bytes_per_s.value), state_(seed * 0x9e3779b97f4a7c15ULL + 1) {
  for (const RandomRead& read : profile.random_reads)
    if (read.depth == 1) services_.push_back({static_cast<double>(read.block_bytes), read.latency_us});
  double channels = 1;
  for (const RandomRead& read : profile.random_reads)
    channels = std::max(channels, std::min<double>(read.depth, read.iops * 1e-6 * mean_latency_us(read.block_bytes)));
  for (int i = 0; i < std::max(1, static_cast<int>(std::lround(channels))); ++i) channel_free_us_.push(0);
}

double StorageClock::mean_latency_us(uint64_t bytes) const {
  const auto upper = std::ranges::find_if(services_, [&](const Service& s) { return s.bytes >= double(bytes); });
  if (upper == services_.begin()) return mean(services_.front().latency_us);
  // Beyond the largest measured block only the link's time grows.
  if (upper == services_.end())
    return mean(services_.back().latency_us) + (double(bytes) - services_.back().bytes) * link_us_per_byte_;
  const Service &low = *(upper - 1), &high = *upper;
  const double share = (double(bytes) - low.bytes) / (high.bytes - low.bytes);
  return mean(low.latency_us) + share * (mean(high.latency_us) - mean(low.latency_us));
}

double StorageClock::quantile_us(uint64_t bytes, double u) const {
  const auto upper = std::ranges::find_if(services_, [&](const Service& s) { return s.bytes >= double(bytes); });
  if (upper == services_.begin()) return inverse(services_.front().latency_us, u);
  if (upper == services_.end())
    return inverse(services_.back().latency_us, u) + (double(bytes) - services_.back().bytes) * link_us_per_byte_;
  const Service &low = *(upper - 1), &high = *upper;
  const double share = (double(bytes) - low.bytes) / (high.bytes - low.bytes);
  return inverse(low.latency_us, u) + share * (inverse(high.latency_us, u) - inverse(low.latency_us, u));
}

double StorageClock::draw() {
  const uint64_t bits = splitmix64(state_);
  state_ += 0x9e3779b97f4a7c15ULL;
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

double StorageClock::submit(double now_us, uint64_t bytes) {
  const double start_us = std::max(now_us, channel_free_us_.top());
  channel_free_us_.pop();
  const double served_us = start_us + quantile_us(bytes, draw());
  channel_free_us_.push(served_us);
  // The bytes leave over one link: a read whose service ends while the link is busy waits for its turn there.
  link_free_us_ = std::max(link_free_us_, start_us) + static_cast<double>(bytes) * link_us_per_byte_;
  return std::max(served_us, link_free_us_);
}

}  // namespace tierscope
