// A hash map from 64-bit keys that is filled once and then only read: open addressing, one cache line a look-up.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tierscope {

template <class Value>
class FlatMap {
 public:
  explicit FlatMap(size_t expected = 0) { slots_.resize(std::bit_ceil(expected * 2 + 8)); }

  // Keeps the first value of a key.
  void insert(uint64_t key, Value value) {
    if ((size_ + 1) * 2 > slots_.size()) grow();
    Slot& slot = slots_[index_of(key)];
    if (slot.key != kEmpty) return;
    slot = {key, value};
    ++size_;
  }
  const Value* find(uint64_t key) const {
    const Slot& slot = slots_[index_of(key)];
    return slot.key == kEmpty ? nullptr : &slot.value;
  }

 private:
  static constexpr uint64_t kEmpty = UINT64_MAX;  // no key: keys are pairs of ids, nodes or code points
  struct Slot {
    uint64_t key = kEmpty;
    Value value{};
  };

  size_t index_of(uint64_t key) const {
    const size_t mask = slots_.size() - 1;
    size_t i = (key * 0x9E3779B97F4A7C15) >> 20 & mask;
    while (slots_[i].key != key && slots_[i].key != kEmpty) i = (i + 1) & mask;
    return i;
  }
  void grow() {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& slot : old)
      if (slot.key != kEmpty) slots_[index_of(slot.key)] = slot;
  }

  std::vector<Slot> slots_;
  size_t size_ = 0;
};

}  // namespace tierscope
