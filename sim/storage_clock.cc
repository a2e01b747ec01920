#include "sim/storage_clock.h"

#include <algorithm>
#include <cmath>

namespace tierscope {

StorageClock::StorageClock(const StorageProfile& profile, uint64_t seed)
    : link_us_per_byte_(1e6 / profile.sequential_bytes_per_s.value), random_(seed) {
  for (const RandomRead& read : profile.random_reads)
    if (read.depth == 1) services_.push_back({static_cast<double>(read.block_bytes), read.latency_us});
  double channels = 1;
  for (const RandomRead& read : profile.random_reads)
    channels = std::max(channels, std::min<double>(read.depth, read.iops * 1e-6 * mean_latency_us(read.block_bytes)));
  for (int i = 0; i < std::max(1, static_cast<int>(std::lround(channels))); ++i) channel_free_us_.push(0);
}

Quantiles StorageClock::service_us(uint64_t bytes) const {
  const auto upper = std::ranges::find_if(services_, [&](const Service& s) { return s.bytes >= double(bytes); });
  if (upper == services_.begin()) return services_.front().latency_us;
  if (upper != services_.end()) {
    const Service &low = *(upper - 1), &high = *upper;
    return between(low.latency_us, high.latency_us, (double(bytes) - low.bytes) / (high.bytes - low.bytes));
  }
  // Beyond the largest block given, only the link's time grows.
  Quantiles q = services_.back().latency_us;
  const double more_us = (double(bytes) - services_.back().bytes) * link_us_per_byte_;
  for (double* us : {&q.p50, &q.p90, &q.p99, &q.p999}) *us += more_us;
  return q;
}

double StorageClock::mean_latency_us(uint64_t bytes) const {
  return mean_of(service_us(bytes));
}

double StorageClock::submit(double now_us, uint64_t bytes) {
  const double start_us = std::max(now_us, channel_free_us_.top());
  channel_free_us_.pop();
  const double served_us = start_us + value_at(service_us(bytes), random_.unit());
  channel_free_us_.push(served_us);
  // The bytes leave over one link: a read whose service ends while the link is busy waits for its turn there.
  link_free_us_ = std::max(link_free_us_, start_us) + static_cast<double>(bytes) * link_us_per_byte_;
  return std::max(served_us, link_free_us_);
}

}  // namespace tierscope
