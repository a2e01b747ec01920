// Miss-ratio curves: the share of accesses that miss a single cache, as a function of its slots. Exact, or from a
// spatial sample of the rows: SHARDS with its adjustment (Waldspurger et al., FAST 2015), and mini-simulation for
// policies other than lru (Waldspurger et al., USENIX ATC 2017). Pure; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/placement/placement.h"
#include "runtime/placement/request_steps.h"

namespace tierscope {

struct CurvePoint {
  std::string policy;  // with its parameters
  uint64_t capacity_rows = 0;
  double miss_ratio = 0;
  std::optional<double> standard_error;  // of a sample too small to be trusted without
};

struct CurveRequest {
  std::vector<std::string> policies;  // as in a placement: "lru", "s3fifo:small=20%"
  std::vector<uint64_t> capacities;   // rows, rising
  double sampled = 1;                 // share of the rows that is simulated
  unsigned threads = 1;
  uint64_t seed = 1;
};

struct Curves {
  std::vector<CurvePoint> points;  // by policy as requested, then by capacity
  uint64_t accesses = 0, distinct_rows = 0, sampled_rows = 0;
  // No demand-only cache misses less: distinct rows over accesses.
  double compulsory_miss_ratio() const { return static_cast<double>(distinct_rows) / static_cast<double>(accesses); }
};

// A sample of at least this many rows needs no error bar.
inline constexpr uint64_t kTrustedSampleRows = 2000;

// UsageError for policies that are not known or cannot be sampled, and for capacities outside the table.
Curves miss_ratio_curves(const AccessStream& stream, uint64_t table_rows, const CurveRequest& request);

// `points` capacities from 16 rows (or 1) to all distinct rows of the stream, spaced evenly in their logarithm.
std::vector<uint64_t> capacity_grid(const AccessStream& stream, uint64_t table_rows, uint32_t points);

}  // namespace tierscope
