// Counting simulation: the planner's decisions over an access stream, without time.
#pragma once

#include "runtime/placement/planner.h"
#include "runtime/placement/request_steps.h"

namespace tierscope {

struct CountResult {
  PlanCounts counts;
  uint64_t compulsory_misses = 0;  // distinct rows of the stream
  double seconds = 0;              // of the simulation itself
};

// UsageError where the stream names rows outside the table.
CountResult count_stream(const AccessStream& stream, Planner& planner, const TableShape& table);

}  // namespace tierscope
