// LeCaR: at each eviction a weighted coin picks LRU or LFU; a miss on a row that one of them threw out costs that one
// weight, the less the longer ago it was. Vietri et al., "Driving cache replacement with ML-based LeCaR", HotStorage
// 2018, with their learning rate and discount. Deviations: counts saturate at 1,023; the two histories forget as
// ghost_queue.h says; a victim on which both agree enters no history, as in the authors' code.
#include <cmath>

#include "runtime/base/random.h"
#include "runtime/placement/policies/frequency_buckets.h"
#include "runtime/placement/policies/ghost_queue.h"
#include "runtime/placement/policies/policies.h"
#include "runtime/placement/policies/residents.h"

namespace tierscope {
namespace {

class LeCaR final : public PolicyBase<LeCaR> {
 public:
  explicit LeCaR(const PolicyContext& context)
      : residents_(context),
        recency_(context.slots),
        frequency_(context.slots),
        histories_{{context.table_rows, context.slots}, {context.table_rows, context.slots}},
        left_(context.table_rows),
        random_(context.seed),
        rate_(context.number("rate", 0, 10)),
        log_discount_(std::log(context.number("discount", 1e-9, 1)) / context.slots) {}

  Outcome touch(RowId row, uint32_t) {
    ++now_;
    const uint32_t found = residents_.slot_of(row);
    if (found != kNoSlot) {
      recency_.to_front(0, found);
      frequency_.use(found);
      return {found, kNoRow, true};
    }
    const uint32_t count = learn(row) + 1;
    const Outcome outcome = residents_.admit(row, [&] { return evict(); });
    recency_.push_front(0, outcome.slot);
    frequency_.add(outcome.slot, count);
    return outcome;
  }

  uint32_t take(RowId row) override {
    const uint32_t slot = residents_.remove(row);
    if (slot != kNoSlot) unlink(slot);
    return slot;
  }
  uint32_t slot_of(RowId row) const override { return residents_.slot_of(row); }
  void grow(uint64_t rows) override {
    residents_.grow(rows);
    for (GhostQueue& history : histories_) history.grow(rows);
    left_.resize(rows);
  }
  void check() const override {
    residents_.check("lecar");
    if (recency_.count(0) != residents_.count() || frequency_.walk() != residents_.count())
      throw std::logic_error("lecar: a resident row is in no list");
    if (!(lru_weight_ >= 0 && lru_weight_ <= 1)) throw std::logic_error("lecar: a weight is not a share");
  }
  uint64_t state_bytes() const override {
    return residents_.state_bytes() + recency_.state_bytes() + frequency_.state_bytes() +
           histories_[kLru].state_bytes() + histories_[kLfu].state_bytes() + left_.size() * sizeof(Left);
  }

 private:
  enum Expert { kLru, kLfu };
  struct Left {  // of a row in a history
    uint32_t time;
    uint32_t count;
  };

  void unlink(uint32_t slot) {
    recency_.remove(slot);
    frequency_.remove(slot);
  }

  // Blames the expert that threw `row` out, if one remembers it; gives the uses it had then.
  uint32_t learn(RowId row) {
    for (const Expert expert : {kLru, kLfu}) {
      if (!histories_[expert].contains(row)) continue;
      histories_[expert].remove(row);
      const double regret = std::exp(log_discount_ * (now_ - left_[row].time));
      const double gain = std::exp(rate_ * regret);
      const double lru = lru_weight_ * (expert == kLfu ? gain : 1);
      const double lfu = (1 - lru_weight_) * (expert == kLru ? gain : 1);
      lru_weight_ = lru / (lru + lfu);
      return left_[row].count;
    }
    return 0;
  }

  uint32_t evict() {
    const uint32_t victims[] = {recency_.back(0), frequency_.least()};
    const Expert expert = random_.unit() < lru_weight_ ? kLru : kLfu;
    const uint32_t slot = victims[expert];
    if (victims[kLru] != victims[kLfu]) {
      const RowId row = residents_.row_at(slot);
      histories_[expert].push(row);
      left_[row] = {now_, frequency_.count(slot)};
    }
    unlink(slot);
    return slot;
  }

  Residents residents_;
  NodeLists<1> recency_;  // of slots, the most recent first
  FrequencyBuckets frequency_;
  GhostQueue histories_[2];  // by expert: what it threw out
  std::vector<Left> left_;   // by row
  Random random_;
  double rate_, log_discount_;
  double lru_weight_ = 0.5;
  uint32_t now_ = 0;
};

}  // namespace

PolicyInfo lecar_policy() {
  return {"lecar",
          "learns online whether to evict by LRU or by LFU",
          "Vietri et al., HotStorage 2018",
          {{"rate", "0.45", "learning rate"},
           {"discount", "0.005", "what a regret is worth after as many accesses as there are slots"}},
          false,
          [](const PolicyContext& context) { return std::make_unique<LeCaR>(context); }};
}

}  // namespace tierscope
