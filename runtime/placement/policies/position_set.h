// A set of trace positions that gives its greatest member fast: a tree of 64-bit words, each bit telling whether the
// word below it holds anything. Not thread-safe.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tierscope {

class PositionSet {
 public:
  bool empty() const { return words_.empty() || words_.back()[0] == 0; }

  void insert(uint32_t position) {
    while (position >= capacity()) add_level();
    size_t at = position;
    for (std::vector<uint64_t>& level : words_) {
      const size_t bit = at % 64;
      at /= 64;
      if (at >= level.size()) level.resize(at + at / 2 + 1);
      const bool held = level[at] != 0;
      level[at] |= uint64_t{1} << bit;
      if (held) break;
    }
  }
  void erase(uint32_t position) {
    size_t at = position;
    for (std::vector<uint64_t>& level : words_) {
      const size_t bit = at % 64;
      at /= 64;
      level[at] &= ~(uint64_t{1} << bit);
      if (level[at] != 0) break;
    }
  }
  // Of a set that is not empty.
  uint32_t greatest() const {
    uint64_t at = 0;
    for (size_t level = words_.size(); level-- > 0;)
      at = at * 64 + 63 - static_cast<uint64_t>(std::countl_zero(words_[level][at]));
    return static_cast<uint32_t>(at);
  }
  uint64_t state_bytes() const {
    uint64_t bytes = 0;
    for (const auto& level : words_) bytes += 8 * level.size();
    return bytes;
  }

 private:
  uint64_t capacity() const { return words_.empty() ? 0 : uint64_t{1} << 6 * words_.size(); }
  void add_level() {
    const bool held = !empty();
    words_.emplace_back(1, held ? 1 : 0);
  }

  std::vector<std::vector<uint64_t>> words_;  // bottom first; the top is one word
};

}  // namespace tierscope
