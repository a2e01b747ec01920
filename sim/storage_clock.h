// When reads complete on a device that is only described: a first-come-first-served queue over the device's internal
// channels, each read's service drawn from the profile's latency distribution at depth 1, and one link that all bytes
// pass. The simulator runs it in virtual time; emulated storage delays real completions by it. The channels are as many
// as the deepest measured rate needs, so both ends of the profile's depth curve are met.
// Deterministic for a seed. Not thread-safe: one owner.
#pragma once

#include <cstdint>
#include <queue>
#include <vector>

#include "runtime/base/random.h"
#include "sim/device_profile.h"
#include "sim/quantile_function.h"

namespace tierscope {

class StorageClock {
 public:
  StorageClock(const StorageProfile& profile, uint64_t seed);

  // A read of `bytes` handed over at `now_us` (which never goes back): the time it completes, in the same clock.
  double submit(double now_us, uint64_t bytes);
  uint32_t channels() const { return static_cast<uint32_t>(channel_free_us_.size()); }
  // Mean service of one read with nothing else in flight.
  double mean_latency_us(uint64_t bytes) const;

 private:
  struct Service {
    double bytes = 0;
    Quantiles latency_us;
  };
  Quantiles service_us(uint64_t bytes) const;

  std::vector<Service> services_;  // at depth 1, by block size
  std::priority_queue<double, std::vector<double>, std::greater<>> channel_free_us_;
  double link_free_us_ = 0;
  double link_us_per_byte_ = 0;
  Random random_;
};

}  // namespace tierscope
