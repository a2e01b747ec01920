// LRU: the row that was not used for the longest time leaves. Mattson et al., "Evaluation techniques for storage
// hierarchies", IBM Systems Journal 9(2), 1970. No deviation.
#include "runtime/placement/policies/node_lists.h"
#include "runtime/placement/policies/policies.h"
#include "runtime/placement/policies/residents.h"

namespace tierscope {
namespace {

class Lru final : public PolicyBase<Lru> {
 public:
  explicit Lru(const PolicyContext& context) : residents_(context), order_(context.slots) {}

  Outcome touch(RowId row, uint32_t) {
    const uint32_t found = residents_.slot_of(row);
    if (found != kNoSlot) {
      order_.to_front(0, found);
      return {found, kNoRow, true};
    }
    const Outcome outcome = residents_.admit(row, [&] { return order_.pop_back(0); });
    order_.push_front(0, outcome.slot);
    return outcome;
  }

  uint32_t take(RowId row) override {
    const uint32_t slot = residents_.remove(row);
    if (slot != kNoSlot) order_.remove(slot);
    return slot;
  }
  uint32_t slot_of(RowId row) const override { return residents_.slot_of(row); }
  void grow(uint64_t rows) override { residents_.grow(rows); }
  void check() const override {
    residents_.check("lru");
    if (order_.count(0) != residents_.count()) throw std::logic_error("lru: the order lost a slot");
  }
  uint64_t state_bytes() const override { return residents_.state_bytes() + order_.state_bytes(); }

 private:
  Residents residents_;
  NodeLists<1> order_;  // of slots, the most recent first
};

}  // namespace

PolicyInfo lru_policy() {
  return {"lru",
          "the row that was not used for the longest time leaves",
          "Mattson et al., IBM Systems Journal 9(2), 1970",
          {},
          false,
          [](const PolicyContext& context) { return std::make_unique<Lru>(context); }};
}

}  // namespace tierscope
