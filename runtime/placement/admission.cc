// second-access: a row enters at its second miss, if not too many rows were turned away in between. Maggs and
// Sitaraman, "Algorithmic nuggets in content delivery", SIGCOMM CCR 45(3), 2015 (cache on second hit). Deviation: the
// last 10 rows a slot are remembered exactly, in place of two Bloom filters in turn.
//
// tinylfu: a row enters only if it was asked for more often lately than the row that it would push out. Einziger,
// Friedman and Manes, "TinyLFU: a highly efficient cache admission policy", TOS 13(4), 2017. Deviations: exact counters
// (aged_counts.h); the victim that wins returns to its slot as a new row of its policy, which any policy can do.
#include "runtime/placement/admission.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/placement/policies/aged_counts.h"
#include "runtime/placement/policies/ghost_queue.h"

namespace tierscope {
namespace {

constexpr uint64_t kMemoryPerSlot = 10;

// What both filters pass on to the policy behind them.
template <class Derived>
class Admission : public PolicyBase<Derived> {
 public:
  explicit Admission(std::unique_ptr<Policy> behind) : behind_(std::move(behind)) {}

  uint32_t take(RowId row) override { return behind_->take(row); }
  uint32_t slot_of(RowId row) const override { return behind_->slot_of(row); }
  std::vector<RowId> preload() const override { return behind_->preload(); }
  void check() const override { behind_->check(); }

 protected:
  Outcome pass(RowId row, uint32_t next_use) {
    Miss miss;
    if (behind_->access({&row, 1}, &next_use, &miss) == 0) return {behind_->slot_of(row), kNoRow, true};
    return {miss.slot, miss.victim, false};
  }

  std::unique_ptr<Policy> behind_;
};

class SecondAccess final : public Admission<SecondAccess> {
 public:
  SecondAccess(const PolicyContext& context, std::unique_ptr<Policy> behind)
      : Admission(std::move(behind)),
        turned_away_(context.table_rows,
                     static_cast<uint32_t>(std::min<uint64_t>(context.slots * kMemoryPerSlot, UINT32_MAX / 2))) {}

  Outcome touch(RowId row, uint32_t next_use) {
    if (behind_->slot_of(row) == kNoSlot && !turned_away_.contains(row)) {
      turned_away_.push(row);
      return {};
    }
    turned_away_.remove(row);
    return pass(row, next_use);
  }
  void grow(uint64_t rows) override {
    behind_->grow(rows);
    turned_away_.grow(rows);
  }
  uint64_t state_bytes() const override { return behind_->state_bytes() + turned_away_.state_bytes(); }

 private:
  GhostQueue turned_away_;
};

class TinyLfu final : public Admission<TinyLfu> {
 public:
  TinyLfu(const PolicyContext& context, std::unique_ptr<Policy> behind)
      : Admission(std::move(behind)), counts_(context.table_rows, context.slots * kMemoryPerSlot) {}

  Outcome touch(RowId row, uint32_t next_use) {
    counts_.add(row);
    const Outcome outcome = pass(row, next_use);
    if (outcome.victim == kNoRow || counts_.of(row) > counts_.of(outcome.victim)) return outcome;
    behind_->take(row);
    if (behind_->insert(outcome.victim, kNeverUsed).slot != outcome.slot)
      throw std::logic_error("tinylfu: the victim did not get its slot back");
    return {};
  }
  void grow(uint64_t rows) override {
    behind_->grow(rows);
    counts_.grow(rows);
  }
  uint64_t state_bytes() const override { return behind_->state_bytes() + counts_.state_bytes(); }

 private:
  AgedCounts counts_;
};

}  // namespace

std::unique_ptr<Policy> make_admission(const std::string& how, const PolicyContext& context,
                                       std::unique_ptr<Policy> behind) {
  static const std::vector<std::string> known{"always", "second-access", "tinylfu"};
  if (how == "always") return behind;
  if (how == "second-access") return std::make_unique<SecondAccess>(context, std::move(behind));
  if (how == "tinylfu") return std::make_unique<TinyLfu>(context, std::move(behind));
  throw UsageError(unknown_name("admission", how, known));
}

}  // namespace tierscope
