// The tiers: moves bytes as the planner's plans say, and counts on its own what completed. One step at a time is
// awaited and retired, in plan order; reads of later steps may be in flight. Not thread-safe: one owner.
// Errors: Error with file, offset and reason; after one, no further row is handed out.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/placement/planner.h"
#include "runtime/placement/step_rows.h"

namespace tierscope {

// Where a table's rows lie on disk.
struct TableFile {
  std::filesystem::path path;
  uint64_t offset = 0;  // of row 0
  uint64_t rows = 0;
  uint64_t row_bytes = 0;
  uint64_t row_stride = 0;  // bytes from row to row; equals row_bytes but in packed files
  TableShape shape() const { return {rows, row_bytes}; }
};

// What really completed, counted where it completes.
struct StoreCounts {
  uint64_t rows_read = 0;  // by the step's own reads
  uint64_t prefetch_rows_read = 0;
  uint64_t device_reads = 0;  // operations sent to the device or the kernel
  uint64_t device_bytes = 0;
  std::vector<uint64_t> rows_served;  // per level, top first: distinct rows of a step taken from its slots
  std::vector<uint64_t> fills;        // per level, top first
};

class TierStore {
 public:
  virtual ~TierStore() = default;
  // Starts the reads of `plan` and keeps it until retired.
  virtual std::unique_ptr<StepRows> begin(StepPlan plan) = 0;
  // After the last use of the step's rows: fills slots. Steps retire in the order they began.
  virtual void retire(std::unique_ptr<StepRows> step) = 0;
  virtual const StoreCounts& counts() const = 0;
  virtual std::string effective_access() const = 0;  // "io_uring+o_direct", "pread (O_DIRECT refused)"
};

struct StoreOptions {
  unsigned threads = 2;
  uint32_t max_depth = 128;
};

// `planner` gives capacities and preloads; it is not kept.
std::unique_ptr<TierStore> make_tier_store(const TableFile& table, const Placement& placement, const Planner& planner,
                                           const StoreOptions& options);

}  // namespace tierscope
