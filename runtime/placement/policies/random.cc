// Random replacement: any resident row leaves, each with the same chance. Belady, "A study of replacement algorithms
// for a virtual-storage computer", IBM Systems Journal 5(2), 1966, uses it as the reference. Deviation: none; the
// generator has the run's seed, so a run can be repeated.
#include "runtime/base/random.h"
#include "runtime/placement/policies/policies.h"
#include "runtime/placement/policies/residents.h"

namespace tierscope {
namespace {

class RandomReplacement final : public PolicyBase<RandomReplacement> {
 public:
  explicit RandomReplacement(const PolicyContext& context) : residents_(context), random_(context.seed) {}

  Outcome touch(RowId row, uint32_t) {
    const uint32_t found = residents_.slot_of(row);
    if (found != kNoSlot) return {found, kNoRow, true};
    if (!residents_.full()) return {residents_.place(row), kNoRow, false};
    const uint32_t slot = random_.below(residents_.slots());
    return {slot, residents_.replace(slot, row), false};
  }

  uint32_t take(RowId row) override { return residents_.remove(row); }
  uint32_t slot_of(RowId row) const override { return residents_.slot_of(row); }
  void grow(uint64_t rows) override { residents_.grow(rows); }
  void check() const override { residents_.check("random"); }
  uint64_t state_bytes() const override { return residents_.state_bytes(); }

 private:
  Residents residents_;
  Random random_;
};

}  // namespace

PolicyInfo random_policy() {
  return {"random",
          "any row leaves, each with the same chance (seeded)",
          "Belady, IBM Systems Journal 5(2), 1966",
          {},
          false,
          [](const PolicyContext& context) { return std::make_unique<RandomReplacement>(context); }};
}

}  // namespace tierscope
