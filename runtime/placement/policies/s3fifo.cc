// S3-FIFO: a small FIFO queue takes newcomers, a main one (with reinsertion) those that were used again, and a ghost
// queue sends rows that come back straight to the main one. Yang et al., "FIFO queues are all you need for cache
// eviction", SOSP 2023. Deviation: `threshold` uses in the small queue earn the main one (the paper's pseudo-code has
// "more than 1", which is the default 2).
#include "runtime/placement/policies/exact_ghost_queue.h"
#include "runtime/placement/policies/policies.h"
#include "runtime/placement/policies/residents.h"
#include "runtime/placement/policies/slot_queues.h"

namespace tierscope {
namespace {

constexpr uint8_t kMostUses = 3;

class S3Fifo final : public PolicyBase<S3Fifo> {
 public:
  explicit S3Fifo(const PolicyContext& context)
      : residents_(context),
        queues_(context.slots),
        uses_(context.slots),
        ghosts_(context.table_rows, context.share_of_slots("ghost", 1, context.slots)),
        threshold_(static_cast<uint8_t>(context.whole_number("threshold", 1, kMostUses))),
        main_room_(context.slots - context.share_of_slots("small", 1, context.slots)) {}

  Outcome touch(RowId row, uint32_t) {
    const uint32_t found = residents_.slot_of(row);
    if (found != kNoSlot) {
      uses_[found] = static_cast<uint8_t>(uses_[found] + (uses_[found] < kMostUses));
      return {found, kNoRow, true};
    }
    return miss(row);
  }

  uint32_t take(RowId row) override {
    const uint32_t slot = residents_.remove(row);
    if (slot != kNoSlot) queues_.leave(slot);
    return slot;
  }
  uint32_t slot_of(RowId row) const override { return residents_.slot_of(row); }
  void grow(uint64_t rows) override {
    residents_.grow(rows);
    ghosts_.grow(rows);
  }
  void check() const override {
    residents_.check("s3fifo");
    queues_.check("s3fifo", residents_.count());
    ghosts_.check();
  }
  uint64_t state_bytes() const override {
    return residents_.state_bytes() + queues_.state_bytes() + uses_.size() + ghosts_.state_bytes();
  }

 private:
  enum Queue : uint32_t { kSmall, kMain };

  Outcome miss(RowId row) {
    Queue queue = kSmall;
    if (ghosts_.contains(row)) {
      ghosts_.remove(row);
      queue = kMain;
    }
    const Outcome outcome = residents_.admit(row, [&] { return evict(); });
    uses_[outcome.slot] = 0;
    queues_.enter(queue, outcome.slot);
    return outcome;
  }

  uint32_t evict() {
    if (queues_.size(kMain) <= main_room_)
      while (queues_.size(kSmall) > 0) {
        const uint32_t slot = queues_.drop_last(kSmall);
        if (uses_[slot] < threshold_) {
          ghosts_.push(residents_.row_at(slot));
          return slot;
        }
        uses_[slot] = 0;
        queues_.enter(kMain, slot);
      }
    for (;;) {
      const uint32_t slot = queues_.drop_last(kMain);
      if (uses_[slot] == 0) return slot;
      --uses_[slot];
      queues_.enter(kMain, slot);
    }
  }

  Residents residents_;
  SlotQueues<2> queues_;       // the newest first
  std::vector<uint8_t> uses_;  // by slot
  ExactGhostQueue ghosts_;
  uint8_t threshold_;
  uint32_t main_room_;
};

}  // namespace

PolicyInfo s3fifo_policy() {
  return {"s3fifo",
          "a small FIFO queue filters what enters the main one; ghosts go there at once",
          "Yang et al., SOSP 2023",
          {{"small", "10%", "share of the slots that the small queue may keep"},
           {"ghost", "90%", "rows remembered after they left it, as a share of the slots"},
           {"threshold", "2", "uses in the small queue that earn the main one, 1 to 3"}},
          false,
          [](const PolicyContext& context) { return std::make_unique<S3Fifo>(context); }};
}

}  // namespace tierscope
