// SLRU: several LRU segments; a hit moves a row one segment up, and what overflows there cools down one segment.
// Karedla, Love and Wherry, "Caching strategies to improve disk system performance", IEEE Computer 27(3), 1994.
// Deviations: `segments` equal segments (the paper has two); while the cache fills, a miss enters the lowest segment
// that has room, as in libCacheSim.
#include <algorithm>

#include "runtime/placement/policies/node_lists.h"
#include "runtime/placement/policies/policies.h"
#include "runtime/placement/policies/residents.h"

namespace tierscope {
namespace {

constexpr uint32_t kMostSegments = 8;

class Slru final : public PolicyBase<Slru> {
 public:
  explicit Slru(const PolicyContext& context)
      : residents_(context),
        order_(context.slots),
        segment_(context.slots),
        top_(static_cast<uint32_t>(
                 std::min<uint64_t>(context.whole_number("segments", 1, kMostSegments), context.slots)) -
             1) {
    for (uint32_t i = 0; i <= top_; ++i) room_[i] = context.slots / (top_ + 1);
    room_[0] += context.slots % (top_ + 1);
  }

  Outcome touch(RowId row, uint32_t) {
    const uint32_t found = residents_.slot_of(row);
    if (found != kNoSlot) {
      promote(found);
      return {found, kNoRow, true};
    }
    Outcome outcome;
    uint32_t segment = 0;
    if (residents_.full()) {
      outcome.slot = order_.pop_back(0);
      --size_[0];
      outcome.victim = residents_.replace(outcome.slot, row);
    } else {
      outcome.slot = residents_.place(row);
      while (size_[segment] == room_[segment]) ++segment;
    }
    enter(segment, outcome.slot);
    return outcome;
  }

  uint32_t take(RowId row) override {
    const uint32_t slot = residents_.remove(row);
    if (slot != kNoSlot) leave(slot);
    return slot;
  }
  uint32_t slot_of(RowId row) const override { return residents_.slot_of(row); }
  void grow(uint64_t rows) override { residents_.grow(rows); }
  void check() const override {
    residents_.check("slru");
    for (uint32_t i = 0; i <= top_; ++i)
      if (order_.count(i) != size_[i] || size_[i] > room_[i])
        throw std::logic_error("slru: a segment has the wrong size");
  }
  uint64_t state_bytes() const override { return residents_.state_bytes() + order_.state_bytes() + segment_.size(); }

 private:
  void enter(uint32_t segment, uint32_t slot) {
    order_.push_front(segment, slot);
    segment_[slot] = static_cast<uint8_t>(segment);
    ++size_[segment];
  }
  void leave(uint32_t slot) {
    order_.remove(slot);
    --size_[segment_[slot]];
  }
  void promote(uint32_t slot) {
    uint32_t segment = std::min<uint32_t>(segment_[slot] + 1u, top_);
    leave(slot);
    enter(segment, slot);
    // The slot's old segment has a place free, so the chain of overflows ends there at the latest.
    for (; size_[segment] > room_[segment]; --segment) {
      const uint32_t cooled = order_.back(segment);
      leave(cooled);
      enter(segment - 1, cooled);
    }
  }

  Residents residents_;
  NodeLists<kMostSegments> order_;  // of slots, a list for each segment, the most recent first
  std::vector<uint8_t> segment_;    // by slot
  uint32_t top_;
  uint32_t room_[kMostSegments] = {}, size_[kMostSegments] = {};
};

}  // namespace

PolicyInfo slru_policy() {
  return {"slru",
          "segments of LRU; every hit moves a row one segment up",
          "Karedla, Love, Wherry, IEEE Computer 27(3), 1994",
          {{"segments", "4", "equal segments, 1 to 8"}},
          false,
          [](const PolicyContext& context) { return std::make_unique<Slru>(context); }};
}

}  // namespace tierscope
