// CLOCK: a ring with a use counter a slot; the hand counts down what it passes and evicts where the counter is zero.
// Corbato, "A paging experiment with the Multics system", 1969. A row enters with its counter at zero. Deviation: the
// counter may have more than the paper's one bit (parameter `bits`), as in the GCLOCK of Smith, TODS 3(3), 1978.
#include "runtime/placement/policies/policies.h"
#include "runtime/placement/policies/residents.h"

namespace tierscope {
namespace {

class Clock final : public PolicyBase<Clock> {
 public:
  explicit Clock(const PolicyContext& context)
      : residents_(context),
        uses_(context.slots),
        most_(static_cast<uint8_t>((1u << context.whole_number("bits", 1, 8)) - 1)) {}

  Outcome touch(RowId row, uint32_t) {
    const uint32_t found = residents_.slot_of(row);
    if (found != kNoSlot) {
      uses_[found] = static_cast<uint8_t>(uses_[found] + (uses_[found] < most_));
      return {found, kNoRow, true};
    }
    if (!residents_.full()) {
      const uint32_t slot = residents_.place(row);
      uses_[slot] = 0;
      return {slot, kNoRow, false};
    }
    while (uses_[hand_] > 0) {
      --uses_[hand_];
      advance();
    }
    const uint32_t slot = hand_;
    advance();
    return {slot, residents_.replace(slot, row), false};
  }

  uint32_t take(RowId row) override { return residents_.remove(row); }
  uint32_t slot_of(RowId row) const override { return residents_.slot_of(row); }
  void grow(uint64_t rows) override { residents_.grow(rows); }
  void check() const override {
    residents_.check("clock");
    for (const uint8_t uses : uses_)
      if (uses > most_) throw std::logic_error("clock: a counter is beyond its bits");
  }
  uint64_t state_bytes() const override { return residents_.state_bytes() + uses_.size(); }

 private:
  void advance() { hand_ = hand_ + 1 == residents_.slots() ? 0 : hand_ + 1; }

  Residents residents_;
  std::vector<uint8_t> uses_;  // by slot, up to most_
  uint8_t most_;
  uint32_t hand_ = 0;
};

}  // namespace

PolicyInfo clock_policy() {
  return {"clock",
          "a hand passes over rows that were used since it came by last",
          "Corbato, A paging experiment with the Multics system, 1969",
          {{"bits", "1", "bits of a row's use counter, 1 to 8"}},
          false,
          [](const PolicyContext& context) { return std::make_unique<Clock>(context); }};
}

}  // namespace tierscope
