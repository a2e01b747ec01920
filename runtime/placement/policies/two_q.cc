// 2Q: a row enters a FIFO queue (A1in); only one that is asked for again after it left that queue (A1out remembers)
// enters the LRU main part (Am). Johnson and Shasha, "2Q: a low overhead high performance buffer management replacement
// algorithm", VLDB 1994, the full version. No deviation.
#include "runtime/placement/policies/exact_ghost_queue.h"
#include "runtime/placement/policies/policies.h"
#include "runtime/placement/policies/residents.h"
#include "runtime/placement/policies/slot_queues.h"

namespace tierscope {
namespace {

class TwoQ final : public PolicyBase<TwoQ> {
 public:
  explicit TwoQ(const PolicyContext& context)
      : residents_(context),
        queues_(context.slots),
        ghosts_(context.table_rows, context.share_of_slots("out", 1, context.slots)),
        in_room_(context.share_of_slots("in", 1, context.slots)) {}

  Outcome touch(RowId row, uint32_t) {
    const uint32_t found = residents_.slot_of(row);
    if (found != kNoSlot) {
      if (queues_.queue_of(found) == kMain) queues_.refresh(found);
      return {found, kNoRow, true};
    }
    const Queue queue = ghosts_.contains(row) ? kMain : kIn;
    if (queue == kMain) ghosts_.remove(row);
    const Outcome outcome = residents_.admit(row, [&] { return evict(); });
    queues_.enter(queue, outcome.slot);
    return outcome;
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
    residents_.check("2q");
    ghosts_.check();
    queues_.check("2q", residents_.count());
  }
  uint64_t state_bytes() const override {
    return residents_.state_bytes() + queues_.state_bytes() + ghosts_.state_bytes();
  }

 private:
  enum Queue : uint32_t { kIn, kMain };

  uint32_t evict() {
    if (queues_.size(kIn) <= in_room_ && queues_.size(kMain) > 0) return queues_.drop_last(kMain);
    const uint32_t slot = queues_.drop_last(kIn);
    ghosts_.push(residents_.row_at(slot));
    return slot;
  }

  Residents residents_;
  SlotQueues<2> queues_;    // A1in and Am
  ExactGhostQueue ghosts_;  // A1out
  uint32_t in_room_;
};

}  // namespace

PolicyInfo two_q_policy() {
  return {"2q",
          "a FIFO queue sorts out the rows used once, LRU keeps those that came back",
          "Johnson and Shasha, VLDB 1994",
          {{"in", "25%", "share of the slots that the FIFO queue may keep"},
           {"out", "50%", "rows remembered after they left it, as a share of the slots"}},
          false,
          [](const PolicyContext& context) { return std::make_unique<TwoQ>(context); }};
}

}  // namespace tierscope
