// ARC: two LRU lists, rows seen once (T1) and more often (T2), each with a list of ghosts (B1, B2); a hit on a ghost
// moves the border between T1 and T2. Megiddo and Modha, "ARC: a self-tuning, low overhead replacement cache", FAST
// 2003. Deviation: while a slot is free (an exclusive cache gave a row away), a miss takes it and replaces nothing.
#include <algorithm>

#include "runtime/placement/policies/node_lists.h"
#include "runtime/placement/policies/policies.h"

namespace tierscope {
namespace {

class Arc final : public PolicyBase<Arc> {
 public:
  explicit Arc(const PolicyContext& context)
      : slots_(context.slots), entry_of_(context.table_rows, kNoEntry), lists_(2 * uint64_t{slots_}) {
    entries_.reserve(2 * size_t{slots_});
  }

  Outcome touch(RowId row, uint32_t) {
    const uint32_t entry = entry_of_[row];
    if (entry != kNoEntry && entries_[entry].list <= kT2) {
      move(entry, kT2);
      return {entries_[entry].slot, kNoRow, true};
    }
    return miss(row, entry);
  }

  uint32_t take(RowId row) override {
    const uint32_t entry = entry_of_[row];
    if (entry == kNoEntry || entries_[entry].list > kT2) return kNoSlot;
    const uint32_t slot = entries_[entry].slot;
    free_slots_.push_back(slot);
    forget(entry);
    return slot;
  }
  uint32_t slot_of(RowId row) const override {
    const uint32_t entry = entry_of_[row];
    return entry != kNoEntry && entries_[entry].list <= kT2 ? entries_[entry].slot : kNoSlot;
  }
  void grow(uint64_t rows) override { entry_of_.resize(rows, kNoEntry); }
  void check() const override {
    for (uint32_t list = 0; list < 4; ++list)
      if (lists_.count(list) != size_[list]) throw std::logic_error("arc: a list has the wrong size");
    if (size_[kT1] + size_[kT2] + free_slots_.size() != fresh_slots_ || fresh_slots_ > slots_)
      throw std::logic_error("arc: more rows than slots");
    if (size_[kT1] + size_[kB1] > slots_ || size_[kT1] + size_[kT2] + size_[kB1] + size_[kB2] > 2 * uint64_t{slots_})
      throw std::logic_error("arc: too many ghosts");
    if (target_ < 0 || target_ > slots_) throw std::logic_error("arc: the border left the cache");
    for (RowId row = 0; row < entry_of_.size(); ++row)
      if (entry_of_[row] != kNoEntry && entries_[entry_of_[row]].row != row)
        throw std::logic_error("arc: an entry and its row disagree");
  }
  uint64_t state_bytes() const override {
    return 4 * entry_of_.size() + lists_.state_bytes() + entries_.capacity() * sizeof(Entry) +
           4 * (free_slots_.capacity() + free_entries_.capacity());
  }

 private:
  enum List : uint32_t { kT1, kT2, kB1, kB2 };
  static constexpr uint32_t kNoEntry = UINT32_MAX;
  struct Entry {
    RowId row;
    uint32_t slot : 30, list : 2;
  };

  Outcome miss(RowId row, uint32_t entry) {
    Outcome outcome;
    if (entry != kNoEntry) {
      adapt(static_cast<List>(entries_[entry].list));
      outcome = make_room(entries_[entry].list == kB2);
      move(entry, kT2);
      entries_[entry].slot = outcome.slot & kSlotMask;
      return outcome;
    }
    const uint64_t all = uint64_t{size_[kT1]} + size_[kT2] + size_[kB1] + size_[kB2];
    if (size_[kT1] + size_[kB1] == slots_) {
      if (size_[kT1] < slots_) {
        forget(lists_.back(kB1));
      } else {
        const uint32_t oldest = lists_.back(kT1);
        outcome = {entries_[oldest].slot, entries_[oldest].row, false};
        forget(oldest);
      }
    } else if (all == 2 * uint64_t{slots_}) {
      forget(lists_.back(kB2));
    }
    if (outcome.slot == kNoSlot) outcome = make_room(false);
    entry = static_cast<uint32_t>(entries_.size());
    if (free_entries_.empty()) {
      entries_.emplace_back();
    } else {
      entry = free_entries_.back();
      free_entries_.pop_back();
    }
    entries_[entry] = {row, outcome.slot & kSlotMask, kT1};
    entry_of_[row] = entry;
    lists_.push_front(kT1, entry);
    ++size_[kT1];
    return outcome;
  }

  void adapt(List ghosts) {
    const double here = size_[ghosts], other = size_[ghosts == kB1 ? kB2 : kB1];
    const double step = std::max(1.0, other / here);
    target_ = ghosts == kB1 ? std::min<double>(slots_, target_ + step) : std::max(0.0, target_ - step);
  }

  // A slot for a new row: a free one, or that of a row which becomes a ghost.
  Outcome make_room(bool for_b2_ghost) {
    if (!free_slots_.empty()) {
      const uint32_t slot = free_slots_.back();
      free_slots_.pop_back();
      return {slot, kNoRow, false};
    }
    if (fresh_slots_ < slots_) return {fresh_slots_++, kNoRow, false};
    const bool from_t1 = size_[kT1] > 0 && (size_[kT1] > target_ || (for_b2_ghost && size_[kT1] == target_));
    const bool t1 = from_t1 || size_[kT2] == 0;
    const uint32_t entry = lists_.back(t1 ? kT1 : kT2);
    move(entry, t1 ? kB1 : kB2);
    return {entries_[entry].slot, entries_[entry].row, false};
  }

  void move(uint32_t entry, List to) {
    --size_[entries_[entry].list];
    ++size_[to];
    lists_.remove(entry);
    lists_.push_front(to, entry);
    entries_[entry].list = to;
  }
  void forget(uint32_t entry) {
    --size_[entries_[entry].list];
    lists_.remove(entry);
    entry_of_[entries_[entry].row] = kNoEntry;
    free_entries_.push_back(entry);
  }

  static constexpr uint32_t kSlotMask = (1u << 30) - 1;

  uint32_t slots_;
  std::vector<uint32_t> entry_of_;  // by row
  std::vector<Entry> entries_;      // of residents and ghosts
  NodeLists<4> lists_;              // of entries, the most recent first
  uint32_t size_[4] = {};
  double target_ = 0;  // the wanted size of T1
  std::vector<uint32_t> free_slots_, free_entries_;
  uint32_t fresh_slots_ = 0;  // slots from here on were never used
};

}  // namespace

PolicyInfo arc_policy() {
  return {"arc",
          "two LRU lists, used once and used more often, whose border adapts",
          "Megiddo and Modha, FAST 2003",
          {},
          false,
          [](const PolicyContext& context) { return std::make_unique<Arc>(context); }};
}

}  // namespace tierscope
