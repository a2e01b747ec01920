// LFU with ageing: the row used least often since it entered leaves, the least recent of several. When the mean count
// of the residents exceeds `mean`, all counts are halved. Robinson and Devarakonda, "Data cache management using
// frequency-based replacement", SIGMETRICS 1990, have this ageing (A_max). Deviations: no sections (their "new" one
// hides bursts); counts saturate at 1,023.
#include "runtime/placement/policies/frequency_buckets.h"
#include "runtime/placement/policies/policies.h"
#include "runtime/placement/policies/residents.h"

namespace tierscope {
namespace {

class Lfu final : public PolicyBase<Lfu> {
 public:
  explicit Lfu(const PolicyContext& context)
      : residents_(context),
        frequency_(context.slots),
        most_uses_(context.slots * context.whole_number("mean", 2, FrequencyBuckets::kMost)) {}

  Outcome touch(RowId row, uint32_t) {
    const uint32_t found = residents_.slot_of(row);
    if (found != kNoSlot) {
      frequency_.use(found);
      if (frequency_.sum() > most_uses_) frequency_.halve();
      return {found, kNoRow, true};
    }
    const Outcome outcome = residents_.admit(row, [&] {
      const uint32_t slot = frequency_.least();
      frequency_.remove(slot);
      return slot;
    });
    frequency_.add(outcome.slot, 1);
    return outcome;
  }

  uint32_t take(RowId row) override {
    const uint32_t slot = residents_.remove(row);
    if (slot != kNoSlot) frequency_.remove(slot);
    return slot;
  }
  uint32_t slot_of(RowId row) const override { return residents_.slot_of(row); }
  void grow(uint64_t rows) override { residents_.grow(rows); }
  void check() const override {
    residents_.check("lfu");
    if (frequency_.walk() != residents_.count()) throw std::logic_error("lfu: a resident row is in no bucket");
  }
  uint64_t state_bytes() const override { return residents_.state_bytes() + frequency_.state_bytes(); }

 private:
  Residents residents_;
  FrequencyBuckets frequency_;
  uint64_t most_uses_;
};

}  // namespace

PolicyInfo lfu_policy() {
  return {"lfu",
          "the row used least often leaves; counts halve when their mean grows too high",
          "Robinson and Devarakonda, SIGMETRICS 1990",
          {{"mean", "16", "mean count of the residents above which all counts are halved"}},
          false,
          [](const PolicyContext& context) { return std::make_unique<Lfu>(context); }};
}

}  // namespace tierscope
