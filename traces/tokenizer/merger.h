// Greedy pair merging: of all neighbours that may be merged, the pair of the best priority is, the leftmost of equals,
// until none is left. O(n log n) for n symbols. Table: immutable once built. Merger: scratch space, one owner.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "traces/flat_map.h"

namespace tierscope {

using Symbol = uint32_t;
inline constexpr Symbol kNoSymbol = UINT32_MAX;  // a character that no token begins with or holds: never merged

struct Merge {
  uint32_t priority = 0;  // smaller is better
  Symbol result = kNoSymbol;
};

class MergeTable {
 public:
  explicit MergeTable(size_t expected) : merges_(expected) {}
  void add(Symbol left, Symbol right, Merge merge) { merges_.insert(key(left, right), merge); }
  const Merge* find(Symbol left, Symbol right) const { return merges_.find(key(left, right)); }

 private:
  static uint64_t key(Symbol left, Symbol right) { return uint64_t{left} << 32 | right; }

  FlatMap<Merge> merges_;
};

struct Piece {
  Symbol symbol = kNoSymbol;
  std::string_view text;
};

class Merger {
 public:
  explicit Merger(const MergeTable& table) : table_(table) {}
  // Merges in place; `pieces` are consecutive parts of one text.
  void merge(std::vector<Piece>& pieces);

 private:
  struct Candidate {
    uint64_t order;  // priority, then place
    Symbol left, right, result;
    bool operator<(const Candidate& other) const { return order > other.order; }  // the heap's top is the smallest
  };
  void propose(const std::vector<Piece>& pieces, uint32_t left);

  const MergeTable& table_;
  std::vector<Candidate> heap_;
  std::vector<uint32_t> next_, previous_;
};

}  // namespace tierscope
