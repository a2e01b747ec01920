// S3-FIFO: a small FIFO queue takes newcomers, a main one (with reinsertion) those that were used again, and a ghost
// queue sends rows that come back straight to the main one. Yang et al., "FIFO queues are all you need for cache
// eviction", SOSP 2023. Deviation: `threshold` uses in the small queue earn the main one (the paper's pseudo-code has
// "more than 1", which is the default 2).
#include "runtime/placement/policies/exact_ghost_queue.h"
#include "runtime/placement/policies/node_lists.h"
#include "runtime/placement/policies/policies.h"
#include "runtime/placement/policies/residents.h"

namespace tierscope {
namespace {

constexpr uint8_t kMostUses = 3;

class S3Fifo final : public PolicyBase<S3Fifo> {
 public:
  explicit S3Fifo(const PolicyContext& context)
      : residents_(context),
        queues_(context.slots),
        state_(context.slots),
        ghosts_(context.table_rows, context.share_of_slots("ghost", 1, context.slots)),
        threshold_(static_cast<uint8_t>(context.whole_number("threshold", 1, kMostUses))),
        main_room_(context.slots - context.share_of_slots("small", 1, context.slots)) {}

  Outcome touch(RowId row, uint32_t) {
    const uint32_t found = residents_.slot_of(row);
    if (found != kNoSlot) {
      uint8_t& uses = state_[found].uses;
      uses = static_cast<uint8_t>(uses + (uses < kMostUses));
      return {found, kNoRow, true};
    }
    return miss(row);
  }

  uint32_t take(RowId row) override {
    const uint32_t slot = residents_.remove(row);
    if (slot == kNoSlot) return slot;
    queues_.remove(slot);
    --size_[state_[slot].queue];
    return slot;
  }
  uint32_t slot_of(RowId row) const override { return residents_.slot_of(row); }
  void grow(uint64_t rows) override {
    residents_.grow(rows);
    ghosts_.grow(rows);
  }
  void check() const override {
    residents_.check("s3fifo");
    for (const Queue queue : {kSmall, kMain})
      if (queues_.count(queue) != size_[queue]) throw std::logic_error("s3fifo: a queue has the wrong size");
    ghosts_.check();
    if (size_[kSmall] + size_[kMain] != residents_.count()) throw std::logic_error("s3fifo: a row is in no queue");
  }
  uint64_t state_bytes() const override {
    return residents_.state_bytes() + queues_.state_bytes() + state_.size() * sizeof(SlotState) + ghosts_.state_bytes();
  }

 private:
  enum Queue : uint8_t { kSmall, kMain };
  struct SlotState {
    uint8_t uses;
    Queue queue;
  };

  Outcome miss(RowId row) {
    Queue queue = kSmall;
    if (ghosts_.contains(row)) {
      ghosts_.remove(row);
      queue = kMain;
    }
    Outcome outcome;
    if (residents_.full()) {
      outcome.slot = evict();
      outcome.victim = residents_.replace(outcome.slot, row);
    } else {
      outcome.slot = residents_.place(row);
    }
    state_[outcome.slot].uses = 0;
    enter(queue, outcome.slot);
    return outcome;
  }

  void enter(Queue queue, uint32_t slot) {
    queues_.push_front(queue, slot);
    state_[slot].queue = queue;
    ++size_[queue];
  }
  uint32_t leave(Queue queue) {
    --size_[queue];
    return queues_.pop_back(queue);
  }

  uint32_t evict() {
    if (size_[kMain] <= main_room_)
      while (size_[kSmall] > 0) {
        const uint32_t slot = leave(kSmall);
        if (state_[slot].uses < threshold_) {
          ghosts_.push(residents_.row_at(slot));
          return slot;
        }
        state_[slot].uses = 0;
        enter(kMain, slot);
      }
    for (;;) {
      const uint32_t slot = leave(kMain);
      if (state_[slot].uses == 0) return slot;
      --state_[slot].uses;
      enter(kMain, slot);
    }
  }

  Residents residents_;
  NodeLists<2> queues_;           // of slots, the newest first
  std::vector<SlotState> state_;  // by slot
  ExactGhostQueue ghosts_;
  uint8_t threshold_;
  uint32_t main_room_;
  uint32_t size_[2] = {};
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
