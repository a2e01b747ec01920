// The tiers: moves bytes as the planner's plans say, and counts on its own what completed. One step at a time is
// awaited and retired, in plan order; reads of later steps may be in flight. Not thread-safe: one owner thread.
// Errors: Error with file, offset and reason; after one, no further row is handed out.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/metrics/distribution.h"
#include "runtime/metrics/run_metrics.h"
#include "runtime/metrics/spans.h"
#include "runtime/placement/planner.h"
#include "runtime/placement/step_rows.h"
#include "runtime/store/read_queue.h"
#include "runtime/store/table_handle.h"

namespace tierscope {

class Device;

// What really completed, counted where it completes.
struct StoreCounts {
  uint64_t rows_read = 0;  // from the backing tier, by the steps' own reads
  uint64_t prefetch_rows_read = 0;
  uint64_t device_reads = 0;          // operations sent to the device or the kernel
  uint64_t device_bytes = 0;          // that the device moved
  uint64_t retries = 0;               // reads sent again: short, interrupted, refused for the moment
  std::vector<uint64_t> rows_served;  // per level, top first: distinct rows of a step taken from its slots
  std::vector<uint64_t> fills;        // per level, top first
  uint64_t device_copies = 0;         // rows that crossed from the host to the VRAM tier's device
  uint64_t device_copy_bytes = 0;
  double device_copy_seconds = 0;         // by the device's clock
  double device_copy_hidden_seconds = 0;  // of these, while kernels ran
  uint64_t staging_served = 0;            // distinct rows of a step taken from staging
  // Of reads whose completion was looked out for, which those that overlap with compute are not.
  uint64_t observed_reads = 0, observed_bytes = 0, busy_ns = 0;
  LatencyHistogram latency;
};

class TierStore {
 public:
  virtual ~TierStore() = default;
  // Starts the reads of `plan` and keeps it until retired. No more than the options' steps in flight.
  virtual std::unique_ptr<StepRows> begin(StepPlan plan) = 0;
  // After the last use of the step's rows: fills slots. Steps retire in the order they began. A step that is destroyed
  // without being retired (after an error) leaves the store fit for destruction only.
  virtual void retire(std::unique_ptr<StepRows> step) = 0;
  // Waits for reads that no step awaited (prefetches), so that counts() is final.
  virtual void drain() = 0;
  virtual StoreCounts counts() = 0;
  // Counts start from 0 again; drains first.
  virtual void reset_counts() = 0;
  // Error where the table's file is no longer the one that was opened.
  virtual void check_unchanged() const = 0;
  virtual std::string effective_access() const = 0;  // "io_uring+o_direct", "pread (O_DIRECT refused)"
  virtual const PreloadMetrics& preloaded() const = 0;
  virtual uint64_t level_bytes(size_t top_first) const = 0;  // memory its slots take, alignment included
  virtual uint64_t memory_bytes() const = 0;                 // all that the store holds in the host's memory
};

struct StoreOptions {
  unsigned threads = 2;         // that copy out of a mapping (access=mmap)
  unsigned pread_threads = 16;  // access=pread: each keeps one read in flight
  uint32_t max_depth = 128;     // access=io_uring
  uint32_t max_step_rows = 512;
  // Neighbouring rows become one read where no more than this lies between them: on the devices measured, moving so
  // much costs less than another operation (docs/store.md).
  uint32_t coalesce_gap_bytes = 8192;
  // Reads pass through what this returns: emulated devices, faults of tests.
  QueueDecorator decorate;
  SpanRecorder* spans = nullptr;
  Device* device = nullptr;  // where the VRAM tier lies; its owner thread is the store's
};

// `planner` gives capacities and preloads; it is not kept. Notes of fallbacks go to stderr, once a process.
std::unique_ptr<TierStore> make_tier_store(const TableFile& table, const Placement& placement, const Planner& planner,
                                           const StoreOptions& options);

// What make_tier_store would allocate in the device's memory; 0 without a VRAM tier.
uint64_t store_device_bytes(const TableFile& table, const Placement& placement, const Planner& planner,
                            const StoreOptions& options);
// What it would allocate in the host's, without doing so.
uint64_t store_memory_bytes(const TableFile& table, const Placement& placement, const Planner& planner,
                            const StoreOptions& options);

}  // namespace tierscope
