// What a report says first: for each comparable group of cells, which placement suits which need, and what it costs.
// Pure, thread-safe.
#pragma once

#include <string>
#include <vector>

#include "reports/aggregate.h"

namespace tierscope {

struct Advice {
  std::string need;   // "lowest TPOT"
  size_t cell = 0;    // index into RunSummary::cells
  std::string costs;  // "61.2 ms; 2.50 GB of fast memory, 0 B read from the device"
};

// Cells that differ in nothing but their placement.
struct Answer {
  CellAxes group;  // with an empty placement
  std::vector<std::string> caveats;
  std::string latency_metric;  // id of the figure that "fast" means here
  std::vector<Advice> advice;
};

// Groups with at least two placements that have a latency figure, in the order of their first cell.
std::vector<Answer> answer(const RunSummary& run);

// Cells of `run` that `better` picks among: all with equal axes but their placement.
std::vector<std::vector<size_t>> comparable_groups(const RunSummary& run);

// Three significant digits with the unit, for people: "61.2 ms", "2.50 GB".
std::string format_value(double value, std::string_view unit);

}  // namespace tierscope
