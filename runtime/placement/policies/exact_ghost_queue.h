// Rows that left a cache not long ago: a FIFO queue of at most `capacity`, from which any row can be taken out. Unlike
// GhostQueue it remembers one row more for each that is taken out, at 12 bytes an entry. Not thread-safe.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <vector>

#include "runtime/placement/policies/node_lists.h"
#include "traces/addressing.h"

namespace tierscope {

class ExactGhostQueue {
 public:
  ExactGhostQueue(uint64_t table_rows, uint32_t capacity)
      : entry_of_(table_rows, kNone), order_(capacity), row_at_(capacity), capacity_(capacity) {}

  void push(RowId row) {
    remove(row);
    uint32_t entry = fresh_;
    if (!free_.empty()) {
      entry = free_.back();
      free_.pop_back();
    } else if (fresh_ < capacity_) {
      ++fresh_;
    } else {
      entry = order_.pop_back(0);
      entry_of_[row_at_[entry]] = kNone;
    }
    row_at_[entry] = row;
    entry_of_[row] = entry;
    order_.push_front(0, entry);
  }
  bool contains(RowId row) const { return entry_of_[row] != kNone; }
  void remove(RowId row) {
    const uint32_t entry = entry_of_[row];
    if (entry == kNone) return;
    entry_of_[row] = kNone;
    order_.remove(entry);
    free_.push_back(entry);
  }

  void grow(uint64_t rows) { entry_of_.resize(rows, kNone); }
  void check() const {
    if (order_.count(0) + free_.size() != fresh_) throw std::logic_error("ghost queue: an entry is lost");
  }
  uint64_t state_bytes() const {
    return 4 * (entry_of_.size() + row_at_.size() + free_.capacity()) + order_.state_bytes();
  }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;

  std::vector<uint32_t> entry_of_;  // by row
  NodeLists<1> order_;              // of entries, the newest first
  std::vector<RowId> row_at_;       // by entry
  std::vector<uint32_t> free_;
  uint32_t capacity_, fresh_ = 0;
};

}  // namespace tierscope
