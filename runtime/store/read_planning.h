// Which ranges of the file to read for a set of rows, and where the rows then are. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/store/batch_reader.h"
#include "runtime/store/table_handle.h"

namespace tierscope {

struct RangeRules {
  uint32_t alignment_bytes = 1;
  uint32_t gap_bytes = 0;         // rows with at most this between them share a read
  uint32_t max_op_bytes = 65536;  // but no read grows beyond this by sharing
};

// Memory for one row that is read on its own, wherever it lies in the file.
uint64_t row_read_bytes(const TableFile& table, uint32_t alignment_bytes);

struct PlannedReads {
  std::vector<ReadOp> ops;       // `to` of each: within the memory given
  std::vector<std::byte*> rows;  // parallel to the rows asked for
};

// Reads for distinct `rows` into `memory`, which must hold row_read_bytes for each; where sharing would need more than
// that, nothing is shared.
PlannedReads plan_reads(const TableFile& table, std::span<const RowId> rows, std::span<std::byte> memory,
                        const RangeRules& rules);

}  // namespace tierscope
