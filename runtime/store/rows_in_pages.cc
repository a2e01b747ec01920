#include "runtime/store/rows_in_pages.h"

#include <algorithm>
#include <cstring>

namespace tierscope {

RowsInPages::RowsInPages(StepRows& pages, std::span<const RowId> rows, const TableFile& table)
    : pages_(pages), ids_(rows), table_(table) {}

void RowsInPages::await() {
  pages_.await();
  if (!rows_.empty() || ids_.empty()) return;
  const PageMap& map = *table_.pages;
  const uint64_t row_bytes = map.row_bytes();
  const auto straddling =
      std::ranges::count_if(ids_, [&](RowId row) { return map.first_page(row) != map.last_page(row); });
  joined_.resize(static_cast<uint64_t>(straddling) * row_bytes);
  std::byte* to = joined_.data();
  size_t access = 0;
  for (const RowId row : ids_) {
    const uint64_t at = map.offset_in_page(row);
    const size_t count = map.last_page(row) - map.first_page(row) + size_t{1};
    if (count == 1) {
      rows_.push_back(pages_.row(access) + at);
    } else {
      rows_.push_back(to);
      uint64_t from = at, left = row_bytes;
      for (size_t i = 0; i < count; ++i) {
        const uint64_t part = std::min(left, kPageBytes - from);
        std::memcpy(to, pages_.row(access + i) + from, part);
        to += part;
        left -= part;
        from = 0;
      }
    }
    check_row_hash(table_, row, rows_.back());
    access += count;
  }
}

}  // namespace tierscope
