#include "sim/count.h"

#include <fmt/format.h>

#include <chrono>

#include "runtime/base/error.h"

namespace tierscope {

CountResult count_stream(const AccessStream& stream, Planner& planner, const TableShape& table) {
  CountResult result;
  std::vector<bool> seen(table.rows);
  for (const RowId row : stream.rows) {
    if (row >= table.rows)
      throw UsageError(fmt::format("the trace asks for row {} of a table of {}", row, table.rows), "--trace",
                       "use the model or the number of rows that the trace was made for");
    if (!seen[row]) ++result.compulsory_misses;
    seen[row] = true;
  }
  std::vector<uint32_t> uses;
  if (planner.offline()) uses = next_uses(stream.rows, table.rows);
  const auto start = std::chrono::steady_clock::now();
  planner.count_all(stream, uses.empty() ? nullptr : uses.data());
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  planner.check();
  result.counts = planner.totals();
  return result;
}

}  // namespace tierscope
