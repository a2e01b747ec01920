// Rows that left a cache not long ago, in order of leaving: the last `capacity` of them. A row's number in that order
// is enough to know it, so there is no queue to keep. Deviation from a queue: a row that is taken out leaves a gap
// behind, where a queue would remember one more. Not thread-safe.
#pragma once

#include <cstdint>
#include <vector>

#include "traces/addressing.h"

namespace tierscope {

class GhostQueue {
 public:
  GhostQueue(uint64_t table_rows, uint32_t capacity) : number_(table_rows, 0), capacity_(capacity) {}

  void push(RowId row) {
    if (++last_ == UINT32_MAX) restart();
    number_[row] = last_;
  }
  bool contains(RowId row) const { return number_[row] != 0 && last_ - number_[row] < capacity_; }
  void remove(RowId row) { number_[row] = 0; }

  void grow(uint64_t rows) { number_.resize(rows, 0); }
  uint64_t state_bytes() const { return 4 * number_.size(); }

 private:
  void restart() {
    for (uint32_t& number : number_)
      number = number != 0 && last_ - number < capacity_ ? capacity_ - (last_ - number) : 0;
    last_ = capacity_;
  }

  std::vector<uint32_t> number_;  // by row: when it left, counted from 1; 0: not remembered
  uint32_t capacity_;
  uint32_t last_ = 0;
};

}  // namespace tierscope
