// Numbers the rows of a sparse table in the order in which they are met, so that state by row is as large as what was
// seen. A hash table with linear probing; grows, never forgets. Not thread-safe.
#pragma once

#include <cstdint>
#include <vector>

#include "traces/addressing.h"

namespace tierscope {

class RowInterner {
 public:
  // The number of `row`, a new one where it was not met before.
  uint32_t id_of(RowId row) {
    if (2 * rows_.size() >= cells_.size()) rehash();
    for (size_t at = home(row);; at = (at + 1) & mask_) {
      if (cells_[at] == kEmpty) {
        cells_[at] = static_cast<uint32_t>(rows_.size());
        rows_.push_back(row);
        return cells_[at];
      }
      if (rows_[cells_[at]] == row) return cells_[at];
    }
  }
  RowId row_of(uint32_t id) const { return rows_[id]; }
  uint32_t size() const { return static_cast<uint32_t>(rows_.size()); }
  uint64_t state_bytes() const { return 4 * (cells_.capacity() + rows_.capacity()); }

 private:
  static constexpr uint32_t kEmpty = UINT32_MAX;

  size_t home(RowId row) const { return (row * 0x9e3779b97f4a7c15u >> 32) & mask_; }
  void rehash() {
    cells_.assign(cells_.empty() ? 1024 : 2 * cells_.size(), kEmpty);
    mask_ = cells_.size() - 1;
    for (uint32_t id = 0; id < rows_.size(); ++id) {
      size_t at = home(rows_[id]);
      while (cells_[at] != kEmpty) at = (at + 1) & mask_;
      cells_[at] = id;
    }
  }

  std::vector<uint32_t> cells_;  // ids
  std::vector<RowId> rows_;      // by id
  size_t mask_ = 0;
};

}  // namespace tierscope
