// Exact LRU stack distances of an access stream, in one pass: how many distinct rows were used since a row's last use,
// itself included. An lru cache of C slots hits exactly the accesses of distance C or less (Mattson et al., IBM Systems
// Journal 9(2), 1970). Each row's last use is a mark on a time line that is renumbered when it is full, so memory
// follows the rows seen, not the stream's length. Not thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "traces/addressing.h"

namespace tierscope {

class ReuseDistances {
 public:
  // Row ids are below `rows`.
  explicit ReuseDistances(uint64_t rows);

  void add(std::span<const RowId> rows);

  uint64_t accesses() const { return accesses_; }
  uint64_t distinct_rows() const { return distinct_; }
  // Accesses of each distance; [0] stays 0. First uses have none.
  const std::vector<uint64_t>& histogram() const { return histogram_; }
  // Hits of an lru cache for each number of slots from 0 to the distinct rows.
  std::vector<uint64_t> hits_by_slots() const;

 private:
  uint64_t marks_from(uint32_t position) const;
  void mark(uint32_t position);
  void unmark(uint32_t position);
  void renumber();

  std::vector<uint32_t> last_use_;  // by row: its mark's position
  std::vector<RowId> row_at_;       // by position, right where there is a mark
  // The marks: bits, and their number in each word, block of 64 words and group of 64 blocks.
  std::vector<uint64_t> words_;
  std::vector<uint8_t> word_marks_;
  std::vector<uint32_t> block_marks_, group_marks_;
  uint32_t now_ = 0;
  std::vector<uint64_t> histogram_{0};
  uint64_t accesses_ = 0, distinct_ = 0;
};

}  // namespace tierscope
