// The real run: feeds a trace's recorded tokens through planner, store and compute, one sequence at a time, and
// measures (DESIGN.md, "Semantics": replay, TTFT, TPOT, stall, cold and warm). Errors: Error where a row cannot be read
// or the memory budget does not suffice, UsageError where trace, table and placement do not fit.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "runtime/engine/compute_clock.h"
#include "runtime/metrics/run_metrics.h"
#include "runtime/model/decoder.h"
#include "runtime/placement/placement.h"
#include "runtime/store/tier_store.h"
#include "traces/addressing.h"
#include "traces/token_trace.h"

namespace tierscope {

struct ReplayOptions {
  uint32_t chunk_tokens = 512;
  bool warm = false;  // one unmeasured pass first; else caches empty and the table's file out of the page cache
  uint64_t seed = 1;
  StoreOptions store;
  // What computes: the decoder where set; else the clock is waited for; else nothing.
  Decoder* decoder = nullptr;
  ComputeClock clock;
  std::string compute_text = "none";              // as it is to be reported: "real", "none", "paced:D"
  std::function<void(double share)> on_progress;  // share of the measured steps that are done
};

// `addressing` names the rows of each token. The trace's requests run in order; arrival times are not waited for.
RunMetrics replay(const TableFile& table, const Placement& placement, const TokenTrace& trace,
                  const Addressing& addressing, const ReplayOptions& options);

}  // namespace tierscope
