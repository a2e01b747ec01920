// Slots in buckets by how often they were used, so that the least used, least recent one is found at once. Counts
// saturate at kMost. Not thread-safe.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

#include "runtime/placement/policies/node_lists.h"

namespace tierscope {

class FrequencyBuckets {
 public:
  static constexpr uint32_t kMost = 1023;

  explicit FrequencyBuckets(uint32_t slots) : buckets_(slots), count_(slots) {}

  void add(uint32_t slot, uint32_t count) {
    count = std::clamp(count, 1u, kMost);
    buckets_.push_front(count, slot);
    occupied_[count / 64] |= uint64_t{1} << count % 64;
    count_[slot] = static_cast<uint16_t>(count);
    sum_ += count;
  }
  void remove(uint32_t slot) {
    const uint32_t count = count_[slot];
    buckets_.remove(slot);
    if (buckets_.empty(count)) occupied_[count / 64] &= ~(uint64_t{1} << count % 64);
    sum_ -= count;
  }
  void use(uint32_t slot) {
    remove(slot);
    add(slot, count_[slot] + 1u);
  }
  uint32_t count(uint32_t slot) const { return count_[slot]; }
  uint64_t sum() const { return sum_; }
  // The least recent slot of the lowest bucket; there must be one.
  uint32_t least() const {
    uint32_t word = 0;
    while (occupied_[word] == 0) ++word;
    return buckets_.back(word * 64 + static_cast<uint32_t>(std::countr_zero(occupied_[word])));
  }
  // Halves every count, rounding up; within a bucket the rows that were used more are the more recent.
  void halve() {
    for (uint32_t count = 2; count <= kMost; ++count)
      while (!buckets_.empty(count)) {
        const uint32_t slot = buckets_.back(count);
        remove(slot);
        add(slot, (count + 1) / 2);
      }
  }
  // Slots in all buckets, counted; UINT64_MAX where the links disagree.
  uint64_t walk() const {
    uint64_t slots = 0;
    for (uint32_t count = 1; count <= kMost; ++count) {
      const uint64_t here = buckets_.count(count);
      if (here == UINT64_MAX) return here;
      slots += here;
    }
    return slots;
  }
  uint64_t state_bytes() const { return buckets_.state_bytes() + 2 * count_.size() + sizeof(occupied_); }

 private:
  NodeLists<kMost + 1> buckets_;  // the most recent first; bucket 0 stays empty
  std::vector<uint16_t> count_;   // by slot
  uint64_t occupied_[(kMost + 1) / 64] = {};
  uint64_t sum_ = 0;
};

}  // namespace tierscope
