// The rows of a step whose store holds pages (unit=page): a row that lies in one page is used where it is, one that
// straddles pages is put together when the step is awaited.
#pragma once

#include <span>
#include <vector>

#include "runtime/placement/step_rows.h"
#include "runtime/store/table_handle.h"

namespace tierscope {

class RowsInPages final : public StepRows {
 public:
  // `pages`: the step's, each row's in order; `rows` the rows that they were asked for. `table`: in pages. All must
  // outlive it.
  RowsInPages(StepRows& pages, std::span<const RowId> rows, const TableFile& table);

  void await() override;  // Error also where a row of a packed table does not match its checksum
  const std::byte* row(size_t i) const override { return rows_[i]; }

 private:
  StepRows& pages_;
  std::span<const RowId> ids_;
  const TableFile& table_;
  std::vector<std::byte> joined_;  // rows that straddle pages
  std::vector<const std::byte*> rows_;
};

}  // namespace tierscope
