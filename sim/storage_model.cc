#include "sim/storage_model.h"

#include <algorithm>
#include <functional>

namespace tierscope {
namespace {

// Entries of one block size, and the two block sizes around the one asked for (the same twice at the ends).
template <class Entry>
struct Around {
  std::span<const Entry> low, high;
  double share = 0;  // of the way from low to high
};

template <class Entry>
Around<Entry> around(const std::vector<Entry>& entries, double block_bytes) {
  const auto of = [&](const Entry& entry) {
    const auto range = std::ranges::equal_range(entries, entry.block_bytes, {}, &Entry::block_bytes);
    return std::span<const Entry>(range.begin(), range.end());
  };
  const auto upper = std::ranges::find_if(entries, [&](const Entry& e) { return e.block_bytes >= block_bytes; });
  if (upper == entries.begin()) return {of(entries.front()), of(entries.front()), 0};
  if (upper == entries.end()) return {of(entries.back()), of(entries.back()), 0};
  const Entry& below = *(upper - 1);
  return {of(below), of(*upper), (block_bytes - below.block_bytes) / (upper->block_bytes - below.block_bytes)};
}

}  // namespace

StorageModel::StorageModel(const StorageProfile& profile, uint32_t depth, uint32_t round_reads, uint64_t seed)
    : profile_(profile),
      clock_(profile, seed),
      depth_(depth),
      round_reads_(std::min(round_reads, depth)),
      random_(seed, 1) {}

template <class Value>
double StorageModel::between_counts(std::span<const Burst> sizes, uint32_t reads, Value&& value) const {
  const auto upper = std::ranges::find_if(sizes, [&](const Burst& b) { return b.reads >= reads; });
  if (upper == sizes.begin()) return value(sizes.front()) * reads / sizes.front().reads;
  // Beyond the largest burst the device is saturated: the time grows with the reads, at the last slope.
  const Burst& high = upper == sizes.end() ? sizes.back() : *upper;
  if (sizes.size() == 1) return value(high) * reads / high.reads;
  const Burst& low = *(&high - 1);
  const double share = (double(reads) - low.reads) / (double(high.reads) - low.reads);
  return value(low) + share * (value(high) - value(low));
}

double StorageModel::from_bursts(uint32_t reads, double block_bytes, bool background) {
  const auto sizes = around(profile_.bursts, block_bytes);
  const double u = random_.unit();
  const auto value = [&](const Burst& burst) {
    return (background ? burst.background_us : burst.mean_us) * value_at(burst.us, u) / mean_of(burst.us);
  };
  const double low = between_counts(sizes.low, reads, value), high = between_counts(sizes.high, reads, value);
  return low + sizes.share * (high - low);
}

std::optional<double> StorageModel::submit_us(double start_us, uint32_t reads, uint64_t bytes) const {
  if (reads == 0) return 0;
  if (profile_.bursts.empty()) return std::nullopt;
  const auto sizes = around(profile_.bursts, static_cast<double>(bytes) / reads);
  // More than fit the queue are a thread's to send, however many: waking it is no mean of that and of sending them, and
  // what the first read costs more after a pause is the thread's too.
  const bool by_thread = reads > depth_;
  const double extra_us = by_thread ? 0 : idle_us(start_us - free_us_, &IdleRead::extra_submit_us);
  if (by_thread) reads = std::max(reads, 2 * depth_);
  const double low = between_counts(sizes.low, reads, std::mem_fn(&Burst::submit_us));
  const double high = between_counts(sizes.high, reads, std::mem_fn(&Burst::submit_us));
  return low + sizes.share * (high - low) + extra_us;
}

double StorageModel::latency_us(uint32_t depth, double block_bytes) {
  const auto sizes = around(profile_.random_reads, block_bytes);
  const double u = random_.unit();
  const auto at = [&](std::span<const RandomRead> depths) {
    const auto upper = std::ranges::find_if(depths, [&](const RandomRead& r) { return r.depth >= depth; });
    if (upper == depths.end()) return value_at(depths.back().latency_us, u);
    if (upper == depths.begin()) return value_at(upper->latency_us, u);
    const RandomRead& low = *(upper - 1);
    const double share = (double(depth) - low.depth) / (double(upper->depth) - low.depth);
    return value_at(between(low.latency_us, upper->latency_us, share), u);
  };
  const double low = at(sizes.low);
  return low + sizes.share * (at(sizes.high) - low);
}

double StorageModel::from_clock(double start_us, uint32_t reads, uint64_t block_bytes, LatencyHistogram& latencies) {
  in_flight_.clear();
  double now_us = start_us, last_us = start_us;
  for (uint32_t i = 0; i < reads; ++i) {
    if (in_flight_.size() == depth_)
      for (uint32_t done = 0; done < round_reads_; ++done) {
        std::ranges::pop_heap(in_flight_, std::greater<>{});
        now_us = std::max(now_us, in_flight_.back());
        in_flight_.pop_back();
      }
    now_us += profile_.cpu_us_per_read.value;
    const double done_us = clock_.submit(now_us, block_bytes);
    latencies.add(static_cast<uint64_t>((done_us - now_us) * 1e3));
    in_flight_.push_back(done_us);
    std::ranges::push_heap(in_flight_, std::greater<>{});
    last_us = std::max(last_us, done_us);
  }
  return last_us;
}

double StorageModel::read_together(double start_us, uint32_t reads, uint64_t bytes, bool background,
                                   LatencyHistogram& latencies) {
  if (reads == 0) return start_us;
  const double block_bytes = static_cast<double>(bytes) / reads;
  if (profile_.bursts.empty()) return from_clock(start_us, reads, bytes / reads, latencies);
  for (uint32_t i = 0; i < reads; ++i)
    latencies.add(static_cast<uint64_t>(latency_us(std::min(reads, depth_), block_bytes) * 1e3));
  const double pause_us = start_us - free_us_;
  free_us_ = std::max(free_us_, start_us) + from_bursts(reads, block_bytes, background) +
             idle_us(pause_us, &IdleRead::extra_us);
  return free_us_;
}

double StorageModel::idle_us(double pause_us, double IdleRead::*extra) const {
  IdleRead low;
  for (const IdleRead& high : profile_.idle_reads) {
    if (pause_us <= high.pause_us)
      return low.*extra +
             (high.*extra - low.*extra) * std::max(0.0, pause_us - low.pause_us) / (high.pause_us - low.pause_us);
    low = high;
  }
  return low.*extra;
}

}  // namespace tierscope
