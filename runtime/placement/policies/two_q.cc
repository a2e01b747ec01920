// 2Q: a row enters a FIFO queue (A1in); only one that is asked for again after it left that queue (A1out remembers)
// enters the LRU main part (Am). Johnson and Shasha, "2Q: a low overhead high performance buffer management replacement
// algorithm", VLDB 1994, the full version. No deviation.
#include "runtime/placement/policies/exact_ghost_queue.h"
#include "runtime/placement/policies/node_lists.h"
#include "runtime/placement/policies/policies.h"
#include "runtime/placement/policies/residents.h"

namespace tierscope {
namespace {

class TwoQ final : public PolicyBase<TwoQ> {
 public:
  explicit TwoQ(const PolicyContext& context)
      : residents_(context),
        order_(context.slots),
        part_(context.slots),
        ghosts_(context.table_rows, context.share_of_slots("out", 1, context.slots)),
        in_room_(context.share_of_slots("in", 1, context.slots)) {}

  Outcome touch(RowId row, uint32_t) {
    const uint32_t found = residents_.slot_of(row);
    if (found != kNoSlot) {
      if (part_[found] == kMain) {
        order_.remove(found);
        order_.push_front(kMain, found);
      }
      return {found, kNoRow, true};
    }
    const Part part = ghosts_.contains(row) ? kMain : kIn;
    if (part == kMain) ghosts_.remove(row);
    Outcome outcome;
    if (residents_.full()) {
      outcome.slot = evict();
      outcome.victim = residents_.replace(outcome.slot, row);
    } else {
      outcome.slot = residents_.place(row);
    }
    order_.push_front(part, outcome.slot);
    part_[outcome.slot] = part;
    in_size_ += part == kIn;
    return outcome;
  }

  uint32_t take(RowId row) override {
    const uint32_t slot = residents_.remove(row);
    if (slot == kNoSlot) return slot;
    order_.remove(slot);
    in_size_ -= part_[slot] == kIn;
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
    if (order_.count(kIn) != in_size_ || order_.count(kMain) + in_size_ != residents_.count())
      throw std::logic_error("2q: a queue has the wrong size");
  }
  uint64_t state_bytes() const override {
    return residents_.state_bytes() + order_.state_bytes() + part_.size() + ghosts_.state_bytes();
  }

 private:
  enum Part : uint8_t { kIn, kMain };

  uint32_t evict() {
    if (in_size_ > in_room_ || order_.empty(kMain)) {
      const uint32_t slot = order_.pop_back(kIn);
      --in_size_;
      ghosts_.push(residents_.row_at(slot));
      return slot;
    }
    return order_.pop_back(kMain);
  }

  Residents residents_;
  NodeLists<2> order_;  // of slots: A1in, the newest first; Am, the most recent first
  std::vector<Part> part_;
  ExactGhostQueue ghosts_;  // A1out
  uint32_t in_room_, in_size_ = 0;
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
