// LIRS: rows with a short time between their uses (LIR) keep most slots; the others (HIR) share a few, and one that is
// used again while it is still on the recency stack S takes the place of the LIR row at the stack's bottom. Jiang and
// Zhang, "LIRS: an efficient low inter-reference recency set replacement policy", SIGMETRICS 2002. Deviations: none in
// the decisions; the stack remembers any number of rows that left the cache, as in the paper, which dense ids bound.
#include <algorithm>

#include "runtime/placement/policies/node_lists.h"
#include "runtime/placement/policies/policies.h"
#include "runtime/placement/policies/residents.h"

namespace tierscope {
namespace {

class Lirs final : public PolicyBase<Lirs> {
 public:
  explicit Lirs(const PolicyContext& context)
      : residents_(context),
        stack_(context.table_rows),
        queue_(context.slots),
        state_(context.table_rows),
        lir_room_(context.slots - context.share_of_slots("hir", 1, context.slots)) {}

  Outcome touch(RowId row, uint32_t) {
    const uint32_t found = residents_.slot_of(row);
    if (found == kNoSlot) return miss(row);
    State& state = state_[row];
    if (state.lir) {
      const bool bottom = stack_.back(0) == row;
      to_top(row);
      if (bottom) prune();
    } else if (state.in_stack) {
      queue_.remove(found);
      become_lir(row);
    } else {
      to_top(row);
      queue_.remove(found);
      queue_.push_back(0, found);
    }
    return {found, kNoRow, true};
  }

  uint32_t take(RowId row) override {
    const uint32_t slot = residents_.remove(row);
    if (slot == kNoSlot) return slot;
    if (state_[row].lir) {
      --lir_count_;
      state_[row].lir = false;
      prune();
    } else {
      queue_.remove(slot);
    }
    return slot;
  }
  uint32_t slot_of(RowId row) const override { return residents_.slot_of(row); }
  void grow(uint64_t rows) override {
    residents_.grow(rows);
    stack_.grow(rows);
    state_.resize(rows);
  }
  void check() const override {
    residents_.check("lirs");
    const uint64_t lir = std::ranges::count_if(state_, [](const State& state) { return state.lir; });
    const uint64_t in_stack = std::ranges::count_if(state_, [](const State& state) { return state.in_stack; });
    if (lir != lir_count_ || lir_count_ > lir_room_) throw std::logic_error("lirs: too many LIR rows");
    if (stack_.count(0) != in_stack) throw std::logic_error("lirs: the stack lost a row");
    if (queue_.count(0) + lir != residents_.count()) throw std::logic_error("lirs: a resident row is in no list");
    if (!stack_.empty(0) && !state_[stack_.back(0)].lir) throw std::logic_error("lirs: the stack is not pruned");
  }
  uint64_t state_bytes() const override {
    return residents_.state_bytes() + stack_.state_bytes() + queue_.state_bytes() + state_.size() * sizeof(State);
  }

 private:
  struct State {
    bool lir : 1 = false;
    bool in_stack : 1 = false;
  };

  Outcome miss(RowId row) {
    const Outcome outcome = residents_.admit(row, [&] {
      // All LIR slots are fewer than all slots, so the queue has a row.
      const uint32_t slot = queue_.front(0);
      queue_.remove(slot);
      return slot;
    });
    if (state_[row].in_stack || lir_count_ < lir_room_) {
      become_lir(row);
    } else {
      to_top(row);
      queue_.push_back(0, outcome.slot);
    }
    return outcome;
  }

  void to_top(RowId row) {
    if (state_[row].in_stack) stack_.remove(row);
    stack_.push_front(0, row);
    state_[row].in_stack = true;
  }
  // `row` is resident and in no queue. The LIR row that it displaces goes to the end of the queue.
  void become_lir(RowId row) {
    to_top(row);
    state_[row].lir = true;
    ++lir_count_;
    prune();
    if (lir_count_ <= lir_room_) return;
    const RowId bottom = stack_.back(0);
    state_[bottom].lir = false;
    --lir_count_;
    queue_.push_back(0, residents_.slot_of(bottom));
    prune();
  }
  // The bottom of the stack is a LIR row: HIR rows below the last LIR row have longer reuse times than any of those.
  void prune() {
    while (!stack_.empty(0) && !state_[stack_.back(0)].lir) {
      const RowId bottom = stack_.pop_back(0);
      state_[bottom].in_stack = false;
    }
  }

  Residents residents_;
  NodeLists<1> stack_;  // S, of rows: the most recent first
  NodeLists<1> queue_;  // Q, of slots: the resident HIR rows, the next victim first
  std::vector<State> state_;
  uint32_t lir_room_, lir_count_ = 0;
};

}  // namespace

PolicyInfo lirs_policy() {
  return {"lirs",
          "rows with short times between uses keep the slots; the others pass through a few",
          "Jiang and Zhang, SIGMETRICS 2002",
          {{"hir", "1%", "share of the slots for rows with long times between uses"}},
          false,
          [](const PolicyContext& context) { return std::make_unique<Lirs>(context); }};
}

}  // namespace tierscope
