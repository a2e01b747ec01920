// How often each row was asked for lately: counters up to 15 that halve after every `sample` additions, as TinyLFU
// keeps (Einziger, Friedman and Manes, TOS 13(4), 2017). Deviation: one exact counter a row in place of a sketch, as
// row ids are dense; halving is put off until a counter is looked at. Not thread-safe.
#pragma once

#include <cstdint>
#include <vector>

#include "traces/addressing.h"

namespace tierscope {

class AgedCounts {
 public:
  static constexpr uint32_t kMost = 15;

  AgedCounts(uint64_t table_rows, uint64_t sample) : words_(table_rows, 0), sample_(sample) {}

  void add(RowId row) {
    const uint32_t count = of(row);
    words_[row] = epoch_ << kCountBits | (count + (count < kMost));
    if (++additions_ >= sample_) {
      additions_ /= 2;
      epoch_ = (epoch_ + 1) & kEpochMask;
    }
  }
  uint32_t of(RowId row) const {
    const uint32_t word = words_[row], age = (epoch_ - (word >> kCountBits)) & kEpochMask;
    return age > kCountBits ? 0 : (word & kMost) >> age;
  }

  void grow(uint64_t rows) { words_.resize(rows, 0); }
  uint64_t state_bytes() const { return 4 * words_.size(); }

 private:
  static constexpr uint32_t kCountBits = 4, kEpochMask = UINT32_MAX >> kCountBits;

  std::vector<uint32_t> words_;  // by row: the count, and the epoch in which it was right
  uint64_t sample_, additions_ = 0;
  uint32_t epoch_ = 0;
};

}  // namespace tierscope
