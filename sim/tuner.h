// Which placement suits a device, a model and a trace: candidates are thinned by their misses, the rest is priced by
// the timing model. Deterministic for a seed, whatever the number of threads. Thread-safe: no shared state. Errors:
// UsageError where the model does not fit the device at all, or nothing meets the objective (then with the nearest that
// could be had).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sim/timing.h"

namespace tierscope {

// What is asked for, as text:
//   memory:tpot=5%      least memory with a mean TPOT at most 5 % above that of everything in fast memory
//   memory:ttft=5%      the same of the mean TTFT
//   memory:p99=80ms     least memory with the 99th percentile of the time between tokens at most 80 ms
//   latency:memory=64MiB    least mean TPOT (then TTFT) within so much memory for caches and buffers
struct Objective {
  enum class Kind { memory_tpot, memory_ttft, memory_p99, latency } kind = Kind::memory_tpot;
  double bound = 0.05;  // a share, milliseconds or bytes
};
Objective parse_objective(std::string_view text);
std::string to_text(const Objective& objective);

struct TuneOptions {
  std::vector<std::string> policies;                    // of caches; each must be in the registry
  std::vector<CachingUnit> units = {CachingUnit::row};  // that caches may hold
  bool exhaustive = false;                              // price every candidate, thin nothing out
  unsigned threads = 2;
  TimingOptions timing;
};

struct PricedPlacement {
  Placement placement;
  uint64_t memory_bytes = 0;  // caches, buffers and tables in RAM and VRAM; not the weights
  double ttft_ms = 0, tpot_ms = 0;
  double p99_ms = 0;         // between tokens; the largest where the trace is too short for a percentile
  double at_hand_ratio = 0;  // accesses that needed no read
  bool fits = true;
};

struct Tuning {
  PricedPlacement chosen;
  PricedPlacement fast;                      // everything in the fastest memory, whether it fits or not
  PricedPlacement nothing;                   // nothing cached
  std::vector<PricedPlacement> front;        // no other has both less memory and less latency; by memory
  std::vector<PricedPlacement> sensitivity;  // the choice with one thing changed
  size_t candidates = 0, priced = 0;
};

Tuning tune(const DeviceProfile& device, const ModelShape& model, const TableLayout& table, const AccessStream& stream,
            const Objective& objective, const TuneOptions& options);
// One placement as the tuner prices it.
PricedPlacement price(const DeviceProfile& device, const ModelShape& model, const TableLayout& table,
                      const AccessStream& stream, const Placement& placement, const TimingOptions& options);
// The best of `priced` for the objective; null where none meets it.
const PricedPlacement* best_of(const std::vector<PricedPlacement>& priced, const Objective& objective,
                               const PricedPlacement& fast);

}  // namespace tierscope
