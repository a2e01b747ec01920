// Another project that uses the planner: four accesses over a cache of two rows.
#include <cstdio>
#include <vector>

#include "runtime/placement/planner.h"

int main() {
  using namespace tierscope;
  Planner planner(parse_placement("nvme+ram:2rows:lru"), {100, 4096});
  const std::vector<RowId> rows{1, 2, 1, 3};
  StepInput step;
  step.rows = rows;
  planner.count(step);
  std::printf("%llu hits\n", static_cast<unsigned long long>(planner.totals().levels[0].hits));
}
