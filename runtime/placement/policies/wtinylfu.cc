// W-TinyLFU: newcomers enter a small LRU window; what the window drops enters the main part (SLRU: probation and
// protected) only if it was asked for more often lately than the row it would push out. Einziger, Friedman and Manes,
// "TinyLFU: a highly efficient cache admission policy", TOS 13(4), 2017. Deviations: exact counters (aged_counts.h),
// hence no doorkeeper; the window has a fixed size.
#include <algorithm>

#include "runtime/placement/policies/aged_counts.h"
#include "runtime/placement/policies/policies.h"
#include "runtime/placement/policies/residents.h"
#include "runtime/placement/policies/slot_queues.h"

namespace tierscope {
namespace {

class WTinyLfu final : public PolicyBase<WTinyLfu> {
 public:
  explicit WTinyLfu(const PolicyContext& context)
      : residents_(context),
        parts_(context.slots),
        counts_(context.table_rows, context.slots * context.whole_number("sample", 1, 1000)),
        window_room_(context.share_of_slots("window", 1, context.slots)) {
    const uint32_t main = context.slots - window_room_;
    protected_room_ = std::min(context.share_of_slots("protected", 0, context.slots), main > 0 ? main - 1 : 0);
  }

  Outcome touch(RowId row, uint32_t) {
    counts_.add(row);
    const uint32_t found = residents_.slot_of(row);
    if (found != kNoSlot) {
      promote(found);
      return {found, kNoRow, true};
    }
    const Outcome outcome = residents_.admit(row, [&] { return evict(); });
    parts_.enter(kWindow, outcome.slot);
    // Only while the cache fills: the window overflows into the main part without a contest.
    if (parts_.size(kWindow) > window_room_) parts_.enter(kProbation, parts_.drop_last(kWindow));
    return outcome;
  }

  uint32_t take(RowId row) override {
    const uint32_t slot = residents_.remove(row);
    if (slot != kNoSlot) parts_.leave(slot);
    return slot;
  }
  uint32_t slot_of(RowId row) const override { return residents_.slot_of(row); }
  void grow(uint64_t rows) override {
    residents_.grow(rows);
    counts_.grow(rows);
  }
  void check() const override {
    residents_.check("wtinylfu");
    parts_.check("wtinylfu", residents_.count());
    if (parts_.size(kWindow) > window_room_ || parts_.size(kProtected) > protected_room_)
      throw std::logic_error("wtinylfu: a part is too large");
  }
  uint64_t state_bytes() const override {
    return residents_.state_bytes() + parts_.state_bytes() + counts_.state_bytes();
  }

 private:
  enum Part : uint32_t { kWindow, kProbation, kProtected };

  void promote(uint32_t slot) {
    if (parts_.queue_of(slot) != kProbation || protected_room_ == 0) return parts_.refresh(slot);
    parts_.move(slot, kProtected);
    if (parts_.size(kProtected) > protected_room_) parts_.enter(kProbation, parts_.drop_last(kProtected));
  }

  // Full: the slot of the row that loses the contest between the window's last and the main part's last.
  uint32_t evict() {
    const Part last = parts_.size(kProbation) > 0 ? kProbation : kProtected;
    if (parts_.size(kWindow) < window_room_) return parts_.drop_last(last);
    if (parts_.size(last) == 0) return parts_.drop_last(kWindow);
    const RowId candidate = residents_.row_at(parts_.last(kWindow)), victim = residents_.row_at(parts_.last(last));
    if (counts_.of(candidate) <= counts_.of(victim)) return parts_.drop_last(kWindow);
    const uint32_t slot = parts_.drop_last(last);
    parts_.enter(kProbation, parts_.drop_last(kWindow));
    return slot;
  }

  Residents residents_;
  SlotQueues<3> parts_;
  AgedCounts counts_;
  uint32_t window_room_, protected_room_ = 0;
};

}  // namespace

PolicyInfo wtinylfu_policy() {
  return {"wtinylfu",
          "an LRU window; frequency decides what enters the segmented main part",
          "Einziger, Friedman, Manes, TOS 13(4), 2017",
          {{"window", "1%", "share of the slots that newcomers have"},
           {"protected", "80%", "share of the slots that rows hit in the main part may keep"},
           {"sample", "10", "accesses after which counts halve, in multiples of the slots"}},
          false,
          [](const PolicyContext& context) { return std::make_unique<WTinyLfu>(context); }};
}

}  // namespace tierscope
