// FIFO: the row that entered first leaves first. Belady, "A study of replacement algorithms for a virtual-storage
// computer", IBM Systems Journal 5(2), 1966, calls it FIFO and measures it. Deviation: a slot that an exclusive cache
// emptied is refilled first, and its new row has the place in the order that the old one had.
#include "runtime/placement/policies/policies.h"
#include "runtime/placement/policies/residents.h"

namespace tierscope {
namespace {

class Fifo final : public PolicyBase<Fifo> {
 public:
  explicit Fifo(const PolicyContext& context) : residents_(context) {}

  Outcome touch(RowId row, uint32_t) {
    const uint32_t found = residents_.slot_of(row);
    if (found != kNoSlot) return {found, kNoRow, true};
    if (!residents_.full()) return {residents_.place(row), kNoRow, false};
    const uint32_t slot = hand_;
    hand_ = hand_ + 1 == residents_.slots() ? 0 : hand_ + 1;
    return {slot, residents_.replace(slot, row), false};
  }

  uint32_t take(RowId row) override { return residents_.remove(row); }
  uint32_t slot_of(RowId row) const override { return residents_.slot_of(row); }
  void grow(uint64_t rows) override { residents_.grow(rows); }
  void check() const override { residents_.check("fifo"); }
  uint64_t state_bytes() const override { return residents_.state_bytes(); }

 private:
  Residents residents_;  // slots fill in a ring, so their order is the order of entry
  uint32_t hand_ = 0;    // the oldest
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
