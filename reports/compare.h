// Two runs beside each other: the cells they share, figure by figure. Pure, thread-safe.
#pragma once

#include <string_view>
#include <vector>

#include "reports/aggregate.h"

namespace tierscope {

enum class Verdict {
  regression,   // worse, and the confidence interval excludes no change
  improvement,  // better, likewise
  same,         // the interval includes no change, or the change is below a hundredth
  unknown       // differs, but one repeat says nothing about noise
};
std::string_view name(Verdict verdict);

struct Change {
  size_t cell_a = 0, cell_b = 0;  // indices into the runs' cells
  size_t metric = 0;              // index into metrics()
  Difference difference;
  Verdict verdict = Verdict::unknown;
};

struct Comparison {
  std::vector<Change> changes;         // every figure that both cells have and that has a better side
  std::vector<size_t> only_a, only_b;  // cells without a counterpart
};

Comparison compare(const RunSummary& a, const RunSummary& b);

}  // namespace tierscope
