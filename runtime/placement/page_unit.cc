#include "runtime/placement/page_unit.h"

#include <fmt/format.h>

#include "runtime/base/error.h"

namespace tierscope {

PageMap::PageMap(uint64_t rows, uint64_t row_bytes, uint64_t offset, uint64_t stride_bytes)
    : rows_(rows), row_bytes_(row_bytes), stride_bytes_(stride_bytes), offset_(offset), lead_(offset % kPageBytes) {
  if (rows == 0 || row_bytes == 0)
    throw UsageError(fmt::format("a table of {} rows of {} bytes has no pages", rows, row_bytes), "table");
  pages_ = (at(rows - 1) + row_bytes - 1) / kPageBytes + 1;
  if (pages_ >= UINT32_MAX)
    throw UsageError(fmt::format("the table has {} pages, more than can be told apart", pages_), "unit=page",
                     "cache rows");
}

std::vector<RowId> PageMap::pages_of(std::span<const RowId> rows) const {
  std::vector<RowId> pages;
  pages.reserve(rows.size() + rows.size() / 8);
  for (const RowId row : rows)
    for (RowId page = first_page(row); page <= last_page(row); ++page) pages.push_back(page);
  return pages;
}

AccessStream in_pages(const AccessStream& rows, const PageMap& map) {
  AccessStream pages;
  pages.rows_per_token = rows.rows_per_token;
  pages.table_rows = map.pages();
  pages.rows.reserve(rows.rows.size() + rows.rows.size() / 8);
  pages.steps.reserve(rows.steps.size());
  pages.parts = rows.parts;
  for (AccessStream::Part& part : pages.parts) part.first_draft = part.draft_count = 0;
  for (AccessStream::Step step : rows.steps) {
    const uint64_t first = pages.rows.size();
    for (uint64_t i = step.first; i < step.first + step.count; ++i) {
      const RowId row = rows.rows[i];
      if (row >= map.rows())
        throw UsageError(fmt::format("the trace asks for row {} of a table of {}", row, map.rows()), "--trace",
                         "use the model or the number of rows that the trace was made for");
      const RowId last = map.last_page(row);
      for (RowId page = map.first_page(row); page <= last; ++page) pages.rows.push_back(page);
    }
    step.first = first;
    step.count = pages.rows.size() - first;
    pages.steps.push_back(step);
  }
  return pages;
}

}  // namespace tierscope
