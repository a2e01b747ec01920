// Which row a cache holds in which slot, both ways, and which slots are free. Not thread-safe.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "runtime/placement/policy.h"

namespace tierscope {

class Residents {
 public:
  explicit Residents(const PolicyContext& context)
      : slot_of_(context.table_rows, kNoSlot), row_at_(context.slots, kNoRow) {}

  uint32_t slots() const { return static_cast<uint32_t>(row_at_.size()); }
  uint32_t count() const { return fresh_ - static_cast<uint32_t>(freed_.size()); }
  bool full() const { return fresh_ == row_at_.size() && freed_.empty(); }
  uint32_t slot_of(RowId row) const { return slot_of_[row]; }
  RowId row_at(uint32_t slot) const { return row_at_[slot]; }

  // A miss: gives `row` a free slot, or, where there is none, the one that `evict()` names, with its row as the victim.
  template <class Evict>
  Outcome admit(RowId row, Evict evict) {
    if (!full()) return {place(row), kNoRow, false};
    const uint32_t slot = evict();
    return {slot, replace(slot, row), false};
  }
  // Not full: gives `row` a free slot.
  uint32_t place(RowId row) {
    uint32_t slot = fresh_;
    if (freed_.empty()) {
      ++fresh_;
    } else {
      slot = freed_.back();
      freed_.pop_back();
    }
    row_at_[slot] = row;
    slot_of_[row] = slot;
    return slot;
  }
  // Gives `row` the slot of another row; returns that one.
  RowId replace(uint32_t slot, RowId row) {
    const RowId victim = row_at_[slot];
    slot_of_[victim] = kNoSlot;
    row_at_[slot] = row;
    slot_of_[row] = slot;
    return victim;
  }
  // Frees the slot of `row`; kNoSlot where it has none.
  uint32_t remove(RowId row) {
    const uint32_t slot = slot_of_[row];
    if (slot == kNoSlot) return kNoSlot;
    slot_of_[row] = kNoSlot;
    row_at_[slot] = kNoRow;
    freed_.push_back(slot);
    return slot;
  }

  void grow(uint64_t rows) { slot_of_.resize(rows, kNoSlot); }
  void check(const std::string& policy) const {
    uint64_t used = 0;
    for (uint32_t slot = 0; slot < row_at_.size(); ++slot) {
      if (row_at_[slot] == kNoRow) continue;
      ++used;
      if (slot_of_[row_at_[slot]] != slot) throw std::logic_error(policy + ": a slot and its row disagree");
    }
    uint64_t placed = 0;
    for (const uint32_t slot : slot_of_) placed += slot != kNoSlot;
    if (placed != used || used != count()) throw std::logic_error(policy + ": rows and slots do not add up");
  }
  uint64_t state_bytes() const { return 4 * (slot_of_.size() + row_at_.size() + freed_.capacity()); }

 private:
  std::vector<uint32_t> slot_of_;  // by row
  std::vector<RowId> row_at_;      // by slot
  std::vector<uint32_t> freed_;    // slots below fresh_ that hold no row
  uint32_t fresh_ = 0;             // slots from here on were never used
};

}  // namespace tierscope
