// What a trace's access stream looks like, before any cache: how often rows are asked for, how far apart, and how many
// different ones within a window. Pure, thread-safe; memory follows the stream, not the table.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "traces/addressing.h"

namespace tierscope {

struct RowCount {
  RowId row = 0;
  uint64_t accesses = 0;
};

struct ReuseBucket {
  uint64_t distance = 0;  // largest of the bucket; a power of two
  uint64_t accesses = 0;
};

struct WorkingSetPoint {
  uint64_t window = 0;   // accesses
  double mean_rows = 0;  // distinct rows in a window, over all its places (those that overhang the start included)
};

struct StreamStatistics {
  uint64_t accesses = 0;
  std::vector<RowCount> by_frequency;  // most frequent first; equals by row
  // Of accesses to rows that were seen before: how many distinct rows were asked for since, this row included (1: the
  // row before was the same). An LRU cache of C rows hits exactly those with a distance up to C.
  std::vector<ReuseBucket> reuse;
  std::vector<WorkingSetPoint> working_set;  // windows of 1, 2, 4, ... accesses up to the whole stream
};

StreamStatistics stream_statistics(std::span<const RowId> rows);

}  // namespace tierscope
