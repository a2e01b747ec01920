// The offline optimum: the row whose next use is farthest away leaves. Belady, "A study of replacement algorithms for a
// virtual-storage computer", IBM Systems Journal 5(2), 1966 (MIN). `belady` admits every row, as a demand-only cache
// must; `belady-bypass` lets a row pass whose next use is farther than that of any resident, and no demand-only policy
// does better. Deviation: as a lower level it knows the row's next use in the trace, not the next one that comes down.
#include <algorithm>

#include "runtime/placement/policies/policies.h"
#include "runtime/placement/policies/position_set.h"
#include "runtime/placement/policies/residents.h"

namespace tierscope {
namespace {

template <bool Bypass>
class Belady final : public PolicyBase<Belady<Bypass>> {
 public:
  explicit Belady(const PolicyContext& context) : residents_(context), next_use_(context.slots, kNeverUsed) {}

  Outcome touch(RowId row, uint32_t next_use) {
    const uint32_t found = residents_.slot_of(row);
    if (found != kNoSlot) {
      forget(found);
      know(found, next_use);
      return {found, kNoRow, true};
    }
    Outcome outcome;
    if (residents_.full()) {
      const uint32_t slot = farthest();
      if (Bypass && next_use >= next_use_[slot]) return outcome;
      forget(slot);
      outcome.slot = slot;
      outcome.victim = residents_.replace(slot, row);
    } else {
      outcome.slot = residents_.place(row);
    }
    know(outcome.slot, next_use);
    return outcome;
  }

  uint32_t take(RowId row) override {
    const uint32_t slot = residents_.remove(row);
    if (slot != kNoSlot) forget(slot);
    return slot;
  }
  uint32_t slot_of(RowId row) const override { return residents_.slot_of(row); }
  void grow(uint64_t rows) override { residents_.grow(rows); }
  void check() const override {
    residents_.check("belady");
    for (uint32_t slot = 0; slot < residents_.slots(); ++slot)
      if (residents_.row_at(slot) != kNoRow && next_use_[slot] != kNeverUsed && slot_at_[next_use_[slot]] != slot)
        throw std::logic_error("belady: a slot and its next use disagree");
  }
  uint64_t state_bytes() const override { return residents_.state_bytes() + 4 * (next_use_.size() + dead_.capacity()); }

 private:
  void know(uint32_t slot, uint32_t next_use) {
    next_use_[slot] = next_use;
    if (next_use == kNeverUsed) {
      dead_.push_back(slot);
      return;
    }
    if (next_use >= slot_at_.size()) slot_at_.resize(next_use + next_use / 2 + 1);
    slot_at_[next_use] = slot;
    uses_.insert(next_use);
  }
  void forget(uint32_t slot) {
    if (next_use_[slot] != kNeverUsed)
      uses_.erase(next_use_[slot]);
    else if (dead_.back() == slot)
      dead_.pop_back();
    else
      std::erase(dead_, slot);
  }
  uint32_t farthest() const { return dead_.empty() ? slot_at_[uses_.greatest()] : dead_.back(); }

  Residents residents_;
  std::vector<uint32_t> next_use_;  // by slot
  std::vector<uint32_t> dead_;      // slots of rows that are not used again
  // The index of the future: which slots are used when.
  PositionSet uses_;
  std::vector<uint32_t> slot_at_;  // by position; right where uses_ has the position
};

template <bool Bypass>
PolicyInfo belady_info(const char* name, const char* summary) {
  return {name, summary, "Belady, IBM Systems Journal 5(2), 1966",
          {},   true,    [](const PolicyContext& context) { return std::make_unique<Belady<Bypass>>(context); }};
}

}  // namespace

PolicyInfo belady_policy() {
  return belady_info<false>("belady", "offline: the row whose next use is farthest away leaves");
}
PolicyInfo belady_bypass_policy() {
  return belady_info<true>("belady-bypass", "offline: like belady, and a row used later than all others is not kept");
}

}  // namespace tierscope
