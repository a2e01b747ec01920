// FIFO: the row that entered first leaves first. Belady, "A study of replacement algorithms for a virtual-storage
// computer", IBM Systems Journal 5(2), 1966, calls it FIFO and measures it. No deviation.
#include <stdexcept>

#include "runtime/placement/policies/policies.h"

namespace tierscope {
namespace {

class Fifo final : public PolicyBase<Fifo> {
 public:
  explicit Fifo(const PolicyContext& context) : slot_of_(context.table_rows, kNoSlot), row_at_(context.slots, kNoRow) {}

  Outcome touch(RowId row, uint32_t) {
    if (slot_of_[row] != kNoSlot) return {slot_of_[row], kNoRow, true};
    const uint32_t slot = hand_;
    hand_ = hand_ + 1 == row_at_.size() ? 0 : hand_ + 1;
    const RowId victim = row_at_[slot];
    if (victim != kNoRow) slot_of_[victim] = kNoSlot;
    row_at_[slot] = row;
    slot_of_[row] = slot;
    return {slot, victim, false};
  }

  uint32_t take(RowId row) override {
    const uint32_t slot = slot_of_[row];
    if (slot == kNoSlot) return kNoSlot;
    slot_of_[row] = kNoSlot;
    row_at_[slot] = kNoRow;
    return slot;
  }
  uint32_t slot_of(RowId row) const override { return slot_of_[row]; }
  void grow(uint64_t rows) override { slot_of_.resize(rows, kNoSlot); }
  void check() const override {
    for (size_t slot = 0; slot < row_at_.size(); ++slot)
      if (row_at_[slot] != kNoRow && slot_of_[row_at_[slot]] != slot)
        throw std::logic_error("fifo: slot and row disagree");
  }
  uint64_t state_bytes() const override { return slot_of_.size() * 4 + row_at_.size() * 4; }

 private:
  std::vector<uint32_t> slot_of_;  // by row
  std::vector<RowId> row_at_;      // by slot; slots fill and empty in a ring
  uint32_t hand_ = 0;
};

}  // namespace

PolicyInfo fifo_policy() {
  return {"fifo",
          "the row that entered first leaves first",
          "Belady, IBM Systems Journal 5(2), 1966",
          {},
          false,
          [](const PolicyContext& context) { return std::make_unique<Fifo>(context); }};
}

}  // namespace tierscope
