// Pages as the unit of caching (unit=page): the table is seen as the 4 KiB pages of its file, so a cache keeps a page
// with all rows in it, and a row that straddles pages takes each of them. Planner, store and simulator then deal in
// pages as they otherwise deal in rows; an access is an access to a page. Pure.
#pragma once

#include <cstdint>

#include "runtime/placement/request_steps.h"

namespace tierscope {

inline constexpr uint64_t kPageBytes = 4096;

// Which pages hold which rows.
class PageMap {
 public:
  // `offset`: of row 0 in its file. Pages are the file's, so that one page is one read; page 0 holds row 0's first
  // byte. UsageError where there are more pages than a RowId can name.
  PageMap(uint64_t rows, uint64_t row_bytes, uint64_t offset, uint64_t stride_bytes);

  uint64_t rows() const { return rows_; }
  uint64_t row_offset(uint64_t row) const { return offset_ + row * stride_bytes_; }  // in the file
  uint64_t row_bytes() const { return row_bytes_; }
  uint64_t pages() const { return pages_; }
  uint64_t offset() const { return offset_ - lead_; }                  // of page 0 in the file
  uint64_t end() const { return row_offset(rows_ - 1) + row_bytes_; }  // of the last row
  // Pages of one row, at most.
  uint64_t widest_row() const { return (row_bytes_ + kPageBytes - 2) / kPageBytes + 1; }

  RowId first_page(uint64_t row) const { return static_cast<RowId>(at(row) / kPageBytes); }
  RowId last_page(uint64_t row) const { return static_cast<RowId>((at(row) + row_bytes_ - 1) / kPageBytes); }
  // Of all `rows`, in order.
  std::vector<RowId> pages_of(std::span<const RowId> rows) const;
  // Of the row's first byte in its first page.
  uint64_t offset_in_page(uint64_t row) const { return at(row) % kPageBytes; }

  bool operator==(const PageMap&) const = default;

 private:
  uint64_t at(uint64_t row) const { return lead_ + row * stride_bytes_; }

  uint64_t rows_, row_bytes_, stride_bytes_, offset_;
  uint64_t lead_;  // bytes of page 0 before row 0
  uint64_t pages_;
};

// The stream's accesses as accesses to pages, in order. Drafts are left out: placements with unit=page have none.
// UsageError where a row is not of the table.
AccessStream in_pages(const AccessStream& rows, const PageMap& map);

}  // namespace tierscope
