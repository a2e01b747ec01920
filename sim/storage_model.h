// What a step's reads cost on a profiled device, read together as the store reads them: the time to the last completion
// and each read's latency. Where the profile has measured bursts, they answer; else a queue over the device's channels
// (storage_clock.h). Times are drawn from the distributions, so runs with one seed agree and percentiles mean
// something. Not thread-safe: one owner.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "runtime/base/random.h"
#include "runtime/metrics/distribution.h"
#include "sim/device_profile.h"
#include "sim/quantile_function.h"
#include "sim/storage_clock.h"

namespace tierscope {

class StorageModel {
 public:
  // Of a described device `depth` reads are in flight at most; more are sent when `round_reads` of them are in.
  StorageModel(const StorageProfile& profile, uint32_t depth, uint32_t round_reads, uint64_t seed);

  // `reads` reads of `bytes` in all, handed over together at `start_us` (never going back): when the last completes.
  // `background`: their sender does not wait for them at once. Their latencies go to `latencies`.
  double read_together(double start_us, uint32_t reads, uint64_t bytes, bool background, LatencyHistogram& latencies);
  // What handing reads over in the background at `start_us` will keep the sender busy; empty where bursts do not tell.
  std::optional<double> submit_us(double start_us, uint32_t reads, uint64_t bytes) const;

 private:
  // At one block size: `value` of a burst, on straight lines between the counts of reads.
  template <class Value>
  double between_counts(std::span<const Burst> sizes, uint32_t reads, Value&& value) const;
  double from_bursts(uint32_t reads, double block_bytes, bool background);
  double from_clock(double start_us, uint32_t reads, uint64_t block_bytes, LatencyHistogram& latencies);
  // On the straight line between the pauses around this one.
  double idle_us(double pause_us, double IdleRead::*extra) const;
  double latency_us(uint32_t depth, double block_bytes);

  StorageProfile profile_;
  StorageClock clock_;
  uint32_t depth_, round_reads_;
  double free_us_ = 0;  // bursts: when the reads before have completed
  Random random_;
  std::vector<double> in_flight_;  // a heap, smallest first
};

}  // namespace tierscope
