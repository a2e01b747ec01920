// SIEVE: a queue in order of entry and a hand that moves from its tail to its head, sparing rows that were visited
// since it came by last. Zhang et al., "SIEVE is simpler than LRU", NSDI 2024. No deviation.
#include "runtime/placement/policies/node_lists.h"
#include "runtime/placement/policies/policies.h"
#include "runtime/placement/policies/residents.h"

namespace tierscope {
namespace {

class Sieve final : public PolicyBase<Sieve> {
 public:
  explicit Sieve(const PolicyContext& context) : residents_(context), queue_(context.slots), visited_(context.slots) {}

  Outcome touch(RowId row, uint32_t) {
    const uint32_t found = residents_.slot_of(row);
    if (found != kNoSlot) {
      visited_[found] = 1;
      return {found, kNoRow, true};
    }
    const Outcome outcome = residents_.admit(row, [&] { return evict(); });
    visited_[outcome.slot] = 0;
    queue_.push_front(0, outcome.slot);
    return outcome;
  }

  uint32_t take(RowId row) override {
    const uint32_t slot = residents_.remove(row);
    if (slot != kNoSlot) unlink(slot);
    return slot;
  }
  uint32_t slot_of(RowId row) const override { return residents_.slot_of(row); }
  void grow(uint64_t rows) override { residents_.grow(rows); }
  void check() const override {
    residents_.check("sieve");
    if (queue_.count(0) != residents_.count()) throw std::logic_error("sieve: the queue lost a slot");
  }
  uint64_t state_bytes() const override { return residents_.state_bytes() + queue_.state_bytes() + visited_.size(); }

 private:
  uint32_t evict() {
    uint32_t slot = hand_ == queue_.kNone ? queue_.back(0) : hand_;
    while (visited_[slot]) {
      visited_[slot] = 0;
      slot = queue_.before(slot);
      if (slot == queue_.kNone) slot = queue_.back(0);
    }
    hand_ = slot;
    unlink(slot);
    return slot;
  }
  void unlink(uint32_t slot) {
    if (hand_ == slot) hand_ = queue_.before(slot);
    queue_.remove(slot);
  }

  Residents residents_;
  NodeLists<1> queue_;  // of slots, the newest first
  std::vector<uint8_t> visited_;
  uint32_t hand_ = NodeLists<1>::kNone;  // kNone: at the tail
};

}  // namespace

PolicyInfo sieve_policy() {
  return {"sieve",
          "first in, first out, but a hand spares the rows visited since it came by last",
          "Zhang et al., SIEVE is simpler than LRU, NSDI 2024",
          {},
          false,
          [](const PolicyContext& context) { return std::make_unique<Sieve>(context); }};
}

}  // namespace tierscope
