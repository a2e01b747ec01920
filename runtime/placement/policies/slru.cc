// SLRU: several LRU segments; a hit moves a row one segment up, and what overflows there cools down one segment.
// Karedla, Love and Wherry, "Caching strategies to improve disk system performance", IEEE Computer 27(3), 1994.
// Deviations: `segments` equal segments (the paper has two); while the cache fills, a miss enters the lowest segment
// that has room, as in libCacheSim.
#include <algorithm>

#include "runtime/placement/policies/policies.h"
#include "runtime/placement/policies/residents.h"
#include "runtime/placement/policies/slot_queues.h"

namespace tierscope {
namespace {

constexpr uint32_t kMostSegments = 8;

class Slru final : public PolicyBase<Slru> {
 public:
  explicit Slru(const PolicyContext& context)
      : residents_(context),
        segments_(context.slots),
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
    uint32_t segment = 0;
    if (!residents_.full())
      while (segments_.size(segment) == room_[segment]) ++segment;
    const Outcome outcome = residents_.admit(row, [&] { return segments_.drop_last(0); });
    segments_.enter(segment, outcome.slot);
    return outcome;
  }

  uint32_t take(RowId row) override {
    const uint32_t slot = residents_.remove(row);
    if (slot != kNoSlot) segments_.leave(slot);
    return slot;
  }
  uint32_t slot_of(RowId row) const override { return residents_.slot_of(row); }
  void grow(uint64_t rows) override { residents_.grow(rows); }
  void check() const override {
    residents_.check("slru");
    segments_.check("slru", residents_.count());
    for (uint32_t i = 0; i <= top_; ++i)
      if (segments_.size(i) > room_[i]) throw std::logic_error("slru: a segment is too large");
  }
  uint64_t state_bytes() const override { return residents_.state_bytes() + segments_.state_bytes(); }

 private:
  void promote(uint32_t slot) {
    uint32_t segment = segments_.queue_of(slot);
    if (segment == top_) return segments_.refresh(slot);
    segments_.move(slot, ++segment);
    // The slot's old segment has a place free, so the chain of overflows ends there at the latest.
    for (; segments_.size(segment) > room_[segment]; --segment)
      segments_.enter(segment - 1, segments_.drop_last(segment));
  }

  Residents residents_;
  SlotQueues<kMostSegments> segments_;
  uint32_t top_;
  uint32_t room_[kMostSegments] = {};
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
