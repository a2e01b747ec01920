// The timing model: prices the planner's plans against a device profile, step by step, and yields what a replay of the
// same placement would measure: one sequence at a time, requests in order, or requests that arrive and share steps, as
// `replay` runs them. Deterministic for a seed. What is modelled and where it errs: docs/timing-model.md. Thread-safe:
// no shared state.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "runtime/metrics/run_metrics.h"
#include "runtime/placement/planner.h"
#include "runtime/placement/request_steps.h"
#include "runtime/placement/step_schedule.h"
#include "sim/block_clock.h"
#include "sim/device_profile.h"

namespace tierscope {

// Where the table's rows lie in their file: what one row's read really moves.
struct TableLayout {
  uint64_t rows = 0, row_bytes = 0;
  uint64_t offset = 0;                          // of row 0 in the file
  uint64_t stride_bytes = 0;                    // from row to row
  uint32_t alignment_bytes = 1;                 // of a read's offset and size
  uint32_t gap_bytes = 0;                       // rows with at most this between them share a read
  uint32_t max_read_bytes = 65536;              // but no read grows beyond this by sharing
  std::optional<PageMap> pages = std::nullopt;  // unit=page: what are rows here are pages, and how rows lie in them
  TableShape shape() const { return pages ? in_pages(*pages, 1) : TableShape{rows, row_bytes}; }
};
// The table as a placement of this unit sees it: the same, or its pages. Idempotent.
TableLayout in_units(const TableLayout& table, CachingUnit unit);

struct TimingOptions {
  bool warm = false;     // one unmeasured pass first
  bool computes = true;  // false: steps only move rows (`--compute none`)
  // Of the store's reader as it starts: reads in flight, and how many it waits for before it sends more.
  uint32_t depth = 64, round_reads = 8;
  uint64_t seed = 1;
  bool must_fit = true;  // false: price it even where the device has not the memory
};

// One step's life, microseconds from the start of the run.
struct StepTiming {
  uint32_t request = 0;
  bool prefill = false;
  uint32_t accesses = 0, reads = 0;  // rows read for this step, prefetches apart
  uint64_t read_bytes = 0;
  double begin_us = 0;      // the step's start: its rows are known
  double requested_us = 0;  // its reads are handed over (earlier than begin_us where a prefetch did so)
  double served_us = 0;     // its last row is in memory
  double uploaded_us = 0;   // and where the compute is
  double needed_us = 0;     // the compute comes to the first use
  double stall_us = 0;
  double end_us = 0;  // computed, and the slots filled
};

struct TimedRun {
  RunMetrics metrics;
  double simulated_accesses_per_s = 0;  // how fast the model itself ran
};

// `table` and `stream` are in rows, or both in the placement's unit. `model` may have no blocks where options.computes
// is false. `on_step`, where set, is called for each measured step. UsageError where the placement asks for a tier that
// the device lacks or that does not hold it.
TimedRun time_placement(const DeviceProfile& device, const ModelShape& model, const TableLayout& table,
                        const Placement& placement, const AccessStream& stream, const TimingOptions& options,
                        const std::function<void(const StepTiming&)>& on_step = {});

// Requests that arrive while others run: which steps form follows from the predicted times (or is given), and so do the
// counts. Keeps references while it runs.
struct ArrivingRequests {
  const TokenTrace& trace;
  const Addressing& addressing;
  BatchOptions batches;
  uint32_t chunk_tokens = 512;
  const std::vector<BatchStep>* steps = nullptr;  // those that a replay formed; null: as the scheduler decides
};

// As time_placement; TTFT counts from a request's arrival. UsageError also for policies that know the future.
TimedRun time_arrivals(const DeviceProfile& device, const ModelShape& model, const TableLayout& table,
                       const Placement& placement, const ArrivingRequests& requests, const TimingOptions& options,
                       const std::function<void(const StepTiming&)>& on_step = {}, StepSchedule* formed = nullptr);

// Bytes that a placement takes in each memory of the device: its slots, step and staging buffers, or the whole table.
struct PlacementMemory {
  uint64_t ram_bytes = 0, vram_bytes = 0;
};
// Why the device cannot hold model and placement; empty where it can. VRAM on a device that has none is refused always.
std::optional<std::string> why_not_fitting(const DeviceProfile& device, const ModelShape& model,
                                           const TableLayout& table, const Placement& placement,
                                           const AccessStream& stream);
uint64_t widest_step(const AccessStream& stream);  // rows
PlacementMemory placement_memory(const Placement& placement, const TableShape& table, uint64_t rows_per_step);

}  // namespace tierscope
