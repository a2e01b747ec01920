#include "runtime/store/read_planning.h"

#include <algorithm>
#include <numeric>

namespace tierscope {
namespace {

uint64_t round_down(uint64_t value, uint64_t step) {
  return value / step * step;
}
uint64_t round_up(uint64_t value, uint64_t step) {
  return round_down(value + step - 1, step);
}

// A range per run of neighbours. `order` holds indices into `rows`, by row; `op_of` receives the op of each in order.
std::vector<ReadOp> ranges(const TableFile& table, std::span<const RowId> rows, std::span<const uint32_t> order,
                           const RangeRules& rules, std::vector<uint32_t>& op_of) {
  std::vector<ReadOp> ops;
  for (const uint32_t i : order) {
    const uint64_t first = table.row_offset(rows[i]), last = std::min(first + table.row_bytes, table.end());
    const uint64_t begin = round_down(first, rules.alignment_bytes), end = round_up(last, rules.alignment_bytes);
    ReadOp* const open = ops.empty() ? nullptr : &ops.back();
    if (open && begin <= open->offset + open->bytes + rules.gap_bytes && end - open->offset <= rules.max_op_bytes) {
      open->bytes = static_cast<uint32_t>(end - open->offset);
      open->needed = static_cast<uint32_t>(last - open->offset);
      ++open->rows;
    } else {
      ops.push_back({begin, static_cast<uint32_t>(end - begin), static_cast<uint32_t>(last - begin), nullptr, 1});
    }
    op_of.push_back(static_cast<uint32_t>(ops.size() - 1));
  }
  return ops;
}

}  // namespace

uint64_t row_read_bytes(const TableFile& table, uint32_t alignment_bytes) {
  const bool aligned = table.offset % alignment_bytes == 0 && table.stride() % alignment_bytes == 0;
  return round_up(table.row_bytes + (aligned ? 0 : alignment_bytes - 1), alignment_bytes);
}

PlannedReads plan_reads(const TableFile& table, std::span<const RowId> rows, std::span<std::byte> memory,
                        const RangeRules& rules) {
  std::vector<uint32_t> order(rows.size());
  std::iota(order.begin(), order.end(), 0u);
  std::ranges::sort(order, {}, [&](uint32_t i) { return rows[i]; });

  PlannedReads planned;
  std::vector<uint32_t> op_of;
  RangeRules tried = rules;
  for (const uint32_t gap : {rules.gap_bytes, 0u}) {
    tried.gap_bytes = gap;
    op_of.clear();
    planned.ops = ranges(table, rows, order, tried, op_of);
    uint64_t used = 0;
    for (ReadOp& op : planned.ops) {
      op.to = memory.data() + used;
      used += op.bytes;
    }
    if (used <= memory.size()) break;
  }
  planned.rows.resize(rows.size());
  for (size_t k = 0; k < order.size(); ++k) {
    const ReadOp& op = planned.ops[op_of[k]];
    planned.rows[order[k]] = op.to + (table.row_offset(rows[order[k]]) - op.offset);
  }
  return planned;
}

}  // namespace tierscope
