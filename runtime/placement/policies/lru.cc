// LRU: the row that was not used for the longest time leaves. Mattson et al., "Evaluation techniques for storage
// hierarchies", IBM Systems Journal 9(2), 1970. No deviation.
#include <stdexcept>

#include "runtime/placement/policies/policies.h"

namespace tierscope {
namespace {

class Lru final : public PolicyBase<Lru> {
 public:
  explicit Lru(const PolicyContext& context) : slot_of_(context.table_rows, kNoSlot), nodes_(context.slots + 1) {
    // The last node is the list's anchor: its next is the most recent slot, its previous the least recent.
    anchor_ = context.slots;
    for (uint32_t i = 0; i <= anchor_; ++i) nodes_[i] = {i == 0 ? anchor_ : i - 1, i == anchor_ ? 0 : i + 1, kNoRow};
  }

  Outcome touch(RowId row, uint32_t) {
    const uint32_t found = slot_of_[row];
    if (found != kNoSlot) {
      move_to_front(found);
      return {found, kNoRow, true};
    }
    const uint32_t slot = nodes_[anchor_].previous;
    const RowId victim = nodes_[slot].row;
    if (victim != kNoRow) slot_of_[victim] = kNoSlot;
    nodes_[slot].row = row;
    slot_of_[row] = slot;
    move_to_front(slot);
    return {slot, victim, false};
  }

  uint32_t take(RowId row) override {
    const uint32_t slot = slot_of_[row];
    if (slot == kNoSlot) return kNoSlot;
    slot_of_[row] = kNoSlot;
    nodes_[slot].row = kNoRow;
    unlink(slot);
    link(nodes_[anchor_].previous, slot);  // an empty slot is the next victim
    return slot;
  }
  uint32_t slot_of(RowId row) const override { return slot_of_[row]; }
  void grow(uint64_t rows) override { slot_of_.resize(rows, kNoSlot); }
  void check() const override {
    uint32_t seen = 0;
    for (uint32_t i = nodes_[anchor_].next; i != anchor_; i = nodes_[i].next) {
      if (++seen > anchor_) throw std::logic_error("lru: the list has a cycle");
      if (nodes_[i].row != kNoRow && slot_of_[nodes_[i].row] != i) throw std::logic_error("lru: slot and row disagree");
    }
    if (seen != anchor_) throw std::logic_error("lru: the list lost a slot");
  }
  uint64_t state_bytes() const override { return slot_of_.size() * 4 + nodes_.size() * sizeof(Node); }

 private:
  struct Node {
    uint32_t previous, next;
    RowId row;
  };

  void unlink(uint32_t i) {
    nodes_[nodes_[i].previous].next = nodes_[i].next;
    nodes_[nodes_[i].next].previous = nodes_[i].previous;
  }
  void link(uint32_t after, uint32_t i) {
    const uint32_t next = nodes_[after].next;
    nodes_[i].previous = after;
    nodes_[i].next = next;
    nodes_[after].next = i;
    nodes_[next].previous = i;
  }
  void move_to_front(uint32_t i) {
    if (nodes_[anchor_].next == i) return;
    unlink(i);
    link(anchor_, i);
  }

  std::vector<uint32_t> slot_of_;  // by row
  std::vector<Node> nodes_;        // by slot
  uint32_t anchor_ = 0;
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
