// Rows that are loaded before the first access and never evicted; all others pass by. Row i of `rows` owns slot i for
// good: when an exclusive cache takes the row away, the slot waits for it. Not thread-safe.
#pragma once

#include <vector>

#include "runtime/placement/policy.h"

namespace tierscope {

class PinnedRows final : public PolicyBase<PinnedRows> {
 public:
  // `rows` are table rows, distinct, no more than the context's slots.
  PinnedRows(const PolicyContext& context, const std::vector<RowId>& rows);

  bool owns(RowId row) const { return slot_of_[row] != kNoSlot; }

  Outcome touch(RowId row, uint32_t) {
    const uint32_t slot = slot_of_[row];
    if (slot == kNoSlot) return {};
    const bool hit = present_[slot] != 0;
    present_[slot] = 1;
    return {slot, kNoRow, hit};
  }
  uint32_t take(RowId row) override;
  uint32_t slot_of(RowId row) const override;
  std::vector<RowId> preload() const override { return rows_; }
  void grow(uint64_t rows) override { slot_of_.resize(rows, kNoSlot); }
  void check() const override;
  uint64_t state_bytes() const override { return 4 * slot_of_.size() + 4 * rows_.size() + present_.size(); }

 private:
  std::vector<RowId> rows_;        // by slot
  std::vector<uint32_t> slot_of_;  // by row
  std::vector<uint8_t> present_;   // by slot
};

// The `count` rows to pin, the most wanted first: "rank" for the lowest ids, anything else names a hot set.
// Error or UsageError where the hot set cannot be read or belongs to another table.
std::vector<RowId> rows_to_pin(const std::string& source, uint64_t count, const PolicyContext& context);

// A pinned head in the first slots, and `tail` behind it in the others.
std::unique_ptr<Policy> make_pinned_head(const PolicyContext& context, const std::vector<RowId>& head,
                                         std::unique_ptr<Policy> tail);

}  // namespace tierscope
