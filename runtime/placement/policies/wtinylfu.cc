// W-TinyLFU: newcomers enter a small LRU window; what the window drops enters the main part (SLRU: probation and
// protected) only if it was asked for more often lately than the row it would push out. Einziger, Friedman and Manes,
// "TinyLFU: a highly efficient cache admission policy", TOS 13(4), 2017. Deviations: exact counters (aged_counts.h),
// hence no doorkeeper; the window has a fixed size.
#include <algorithm>

#include "runtime/placement/policies/aged_counts.h"
#include "runtime/placement/policies/node_lists.h"
#include "runtime/placement/policies/policies.h"
#include "runtime/placement/policies/residents.h"

namespace tierscope {
namespace {

class WTinyLfu final : public PolicyBase<WTinyLfu> {
 public:
  explicit WTinyLfu(const PolicyContext& context)
      : residents_(context),
        order_(context.slots),
        part_(context.slots),
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
    Outcome outcome;
    if (residents_.full()) {
      outcome.slot = evict();
      outcome.victim = residents_.replace(outcome.slot, row);
    } else {
      outcome.slot = residents_.place(row);
    }
    enter(kWindow, outcome.slot);
    // Only while the cache fills: the window overflows into the main part without a contest.
    if (size_[kWindow] > window_room_) move(order_.back(kWindow), kProbation);
    return outcome;
  }

  uint32_t take(RowId row) override {
    const uint32_t slot = residents_.remove(row);
    if (slot != kNoSlot) leave(slot);
    return slot;
  }
  uint32_t slot_of(RowId row) const override { return residents_.slot_of(row); }
  void grow(uint64_t rows) override {
    residents_.grow(rows);
    counts_.grow(rows);
  }
  void check() const override {
    residents_.check("wtinylfu");
    for (const Part part : {kWindow, kProbation, kProtected})
      if (order_.count(part) != size_[part]) throw std::logic_error("wtinylfu: a part has the wrong size");
    if (size_[kWindow] > window_room_ || size_[kProtected] > protected_room_)
      throw std::logic_error("wtinylfu: a part is too large");
  }
  uint64_t state_bytes() const override {
    return residents_.state_bytes() + order_.state_bytes() + part_.size() + counts_.state_bytes();
  }

 private:
  enum Part : uint8_t { kWindow, kProbation, kProtected };

  void enter(Part part, uint32_t slot) {
    order_.push_front(part, slot);
    part_[slot] = part;
    ++size_[part];
  }
  void leave(uint32_t slot) {
    order_.remove(slot);
    --size_[part_[slot]];
  }
  void move(uint32_t slot, Part to) {
    leave(slot);
    enter(to, slot);
  }
  void promote(uint32_t slot) {
    move(slot, part_[slot] == kWindow || protected_room_ == 0 ? part_[slot] : kProtected);
    if (size_[kProtected] > protected_room_) move(order_.back(kProtected), kProbation);
  }

  // Full: the slot of the row that loses the contest between the window's last and the main part's last.
  uint32_t evict() {
    const Part last = size_[kProbation] > 0 ? kProbation : kProtected;
    if (size_[kWindow] < window_room_) return dropped(order_.back(last));
    const uint32_t candidate = order_.back(kWindow);
    if (size_[last] == 0) return dropped(candidate);
    const uint32_t victim = order_.back(last);
    if (counts_.of(residents_.row_at(candidate)) <= counts_.of(residents_.row_at(victim))) return dropped(candidate);
    move(candidate, kProbation);
    return dropped(victim);
  }
  uint32_t dropped(uint32_t slot) {
    leave(slot);
    return slot;
  }

  Residents residents_;
  NodeLists<3> order_;      // of slots, the most recent first
  std::vector<Part> part_;  // by slot
  AgedCounts counts_;
  uint32_t window_room_, protected_room_ = 0;
  uint32_t size_[3] = {};
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
