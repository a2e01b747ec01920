// The one planner: given a placement, a table and each step's row ids in order, it decides hits, misses, slots,
// evictions and prefetches. The store executes its plans, the simulator prices them; nothing else decides where a row
// lives. Deterministic for a seed; not thread-safe.
//
// At hand: a row's bytes need no read in a step where the row was resident at any level when the step began (fills
// happen only when the step retires, so its slot is intact), or was read earlier in the step.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/placement/page_unit.h"
#include "runtime/placement/placement.h"
#include "runtime/placement/policy.h"
#include "runtime/placement/request_steps.h"

namespace tierscope {

struct TableShape {
  uint64_t rows = 0;
  uint64_t row_bytes = 0;
  uint32_t rows_per_token = 1;  // of the addressing that asks
  // unit=page: how the table's real rows lie in what are rows to the planner, its pages.
  std::optional<PageMap> pages = std::nullopt;
};

// The table as a placement with unit=page sees it.
inline TableShape in_pages(const PageMap& map, uint32_t rows_per_token) {
  return {map.pages(), kPageBytes, rows_per_token, map};
}

// What a step holds of one sequence.
struct SequencePart {
  uint64_t sequence = 0;  // any number that stays the sequence's own
  uint32_t tokens = 0;
  bool next_known = false;  // the token after these is known already, so none has to be guessed
  // prefetch=draft:K only: rows of the tokens that the trace's `draft` field expects next, likeliest first. Where it is
  // empty, the planner's order-1 successor table proposes them.
  std::span<const RowId> draft_rows = {};
};

struct StepInput {
  std::span<const RowId> rows;               // in token order; a batch orders by sequence, then position
  const uint32_t* next_use = nullptr;        // parallel to rows; needed where a policy is offline
  std::span<const SequencePart> parts = {};  // together all tokens of the step; empty: all of one endless sequence
};

struct LevelCounts {
  uint64_t hits = 0, misses = 0, evictions = 0;
  // Known to plan() only, 0 with count():
  uint64_t fills = 0;    // rows copied into a slot of this level when a step retires
  uint64_t demotes = 0;  // fills that came down from the level above (exclusive)
  bool operator==(const LevelCounts&) const = default;
};

struct PlanCounts {
  uint64_t accesses = 0;
  std::vector<LevelCounts> levels;  // top first
  uint64_t reads = 0;               // rows fetched from the backing tier, prefetches apart
  // Wasted: left the staging area unused. Reads = used + wasted + what is staged still.
  uint64_t prefetch_reads = 0, prefetch_used = 0, prefetch_wasted = 0;
  bool operator==(const PlanCounts&) const = default;
};

// Where a row's bytes are when its step begins.
struct RowLocation {
  static constexpr uint8_t kBacking = 0xff, kStaging = 0xfe;
  uint8_t level = kBacking;  // index into levels, top first, or one of the above
  uint32_t slot = kNoSlot;   // slot of that level, or staging slot
};

struct PlannedRow {
  RowId row = kNoRow;
  RowLocation from;
};

struct SlotFill {
  uint8_t level = 0;  // destination
  uint32_t slot = 0;
  RowId row = kNoRow;
  RowLocation from;                // a cache slot's content as of the step's start; kBacking: from the step buffer
  uint32_t planned_row = kNoSlot;  // index into StepPlan::rows of its bytes in the step buffer
  bool demote = false;
};

struct StagingRead {
  RowId row = kNoRow;
  uint32_t staging_slot = 0;
};

struct StepPlan {
  uint64_t step = 0;
  std::vector<PlannedRow> rows;  // distinct rows of the step, in order of first use; `kBacking`: to be read
  std::vector<uint32_t> use;     // per access: index into rows
  // To be done, as if at once, after the last use of this step's rows: every `from` means the content before any fill.
  std::vector<SlotFill> fills;
  // Reads into staging slots, started with this step's own reads and needed by the next step at the earliest. No slot
  // is named that this step or the one before it uses or filled; what was read into it earlier is not needed any more.
  std::vector<StagingRead> prefetch;
  PlanCounts counts;  // of this step alone
};

class Planner {
 public:
  // Tables of up to this many rows have state for every row; for larger ones it follows the rows that were met.
  static constexpr uint64_t kDenseRows = uint64_t{1} << 24;

  // UsageError where the placement does not suit the table (no slot, more slots than rows) or a policy's parameter is
  // wrong.
  Planner(const Placement& placement, const TableShape& table, uint64_t seed = 1, uint64_t dense_rows = kDenseRows);
  ~Planner();
  Planner(Planner&&) noexcept;

  // Allocates what plans need, a few bytes a row of the table. plan() does so where it was not done before, in the
  // first step's time.
  void prepare();
  // UsageError where a row is not of the table.
  StepPlan plan(const StepInput& step);
  // The same decisions without the plan: counts only, much faster. A planner is used with plan() or with the two
  // below, not with both.
  void count(const StepInput& step);
  // All steps of a stream, as if one by one; `next_use` is parallel to its rows.
  void count_all(const AccessStream& stream, const uint32_t* next_use = nullptr);

  const PlanCounts& totals() const;
  size_t level_count() const;
  const CacheSpec& level(size_t top_first) const;
  uint32_t slots(size_t top_first) const;
  uint32_t staging_slots() const;
  bool offline() const;          // some policy needs next_use
  uint64_t state_bytes() const;  // of all levels' policies
  // Rows that must be in their slots before the first step: slot i of each level holds preload[i].
  std::vector<RowId> preload(size_t top_first) const;
  void check() const;  // invariants of planner and policies; std::logic_error

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Step `index` of a stream as its planner wants it; each request is a sequence. `parts` is overwritten and must outlive
// the result, as must the stream; `next_use` is parallel to the stream's rows, or null.
StepInput step_input(const AccessStream& stream, size_t index, const uint32_t* next_use,
                     std::vector<SequencePart>& parts);

// For offline policies: per access of the whole stream, the position of the same row's next access, or kNeverUsed.
std::vector<uint32_t> next_uses(std::span<const RowId> stream, uint64_t table_rows);

}  // namespace tierscope
