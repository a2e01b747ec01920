// The real run: feeds a trace's recorded tokens through planner, store and compute, one sequence at a time or several
// in batches, and measures (DESIGN.md, "Semantics": replay, TTFT, TPOT, stall, cold and warm). Errors: Error where a
// row cannot be read or the file changes under the run, UsageError where trace, table and placement do not fit. Not
// thread-safe: a run has the decoder and the page cache to itself.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "runtime/engine/step_compute.h"
#include "runtime/metrics/run_metrics.h"
#include "runtime/placement/placement.h"
#include "runtime/placement/step_schedule.h"
#include "runtime/store/tier_store.h"
#include "traces/addressing.h"
#include "traces/token_trace.h"

namespace tierscope {

// A run while it goes on; of a warm one, the unmeasured pass too.
struct ReplayProgress {
  double share = 0;                 // of all steps that are done
  uint64_t accesses = 0, hits = 0;  // hits of any cache
  uint64_t steps = 0;
  double stall_ms = 0;  // of all steps
};

struct ReplayOptions {
  uint32_t chunk_tokens = 512;
  bool warm = false;  // one unmeasured pass first; else caches empty and the table's file out of the page cache
  uint64_t seed = 1;
  StoreOptions store;                                               // its max_step_rows is set here
  std::string compute = "none";                                     // as reported: "real", "none", "paced:D"
  std::function<void(const ReplayProgress& progress)> on_progress;  // after every step
  // Called after a step's rows were awaited and before it retires, with the ids it asked for. For tests and checks.
  std::function<void(std::span<const RowId> ids, const StepRows& rows)> on_rows;
};

// Requests arrive when the trace says (all at once where it does not) and are waited for. The steps that formed go to
// `schedule`, if it is not null. UsageError for policies that know the future: which steps form is known only then.
RunMetrics replay_batches(const TableFile& table, const Placement& placement, const TokenTrace& trace,
                          const Addressing& addressing, StepCompute& compute, const ReplayOptions& options,
                          const BatchOptions& batches, StepSchedule* schedule);

// `addressing` names the rows of each token. The trace's requests run in order; arrival times are not waited for.
RunMetrics replay(const TableFile& table, const Placement& placement, const TokenTrace& trace,
                  const Addressing& addressing, StepCompute& compute, const ReplayOptions& options);

}  // namespace tierscope
