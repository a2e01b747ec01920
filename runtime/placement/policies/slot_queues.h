// The queues that a segmented cache keeps its slots in: which queue a slot is in, in which order, and how many are in
// each. The most recent is first. Not thread-safe.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "runtime/placement/policies/node_lists.h"

namespace tierscope {

template <uint32_t Queues>
class SlotQueues {
 public:
  explicit SlotQueues(uint32_t slots) : order_(slots), queue_(slots) {}

  uint32_t size(uint32_t queue) const { return size_[queue]; }
  uint32_t queue_of(uint32_t slot) const { return queue_[slot]; }
  uint32_t last(uint32_t queue) const { return order_.back(queue); }  // of one that is not empty

  // A slot that is in no queue.
  void enter(uint32_t queue, uint32_t slot) {
    ++size_[queue];
    order_.push_front(queue, slot);
    queue_[slot] = static_cast<uint8_t>(queue);  // last: a byte may alias anything that is read after it
  }
  void leave(uint32_t slot) {
    order_.remove(slot);
    --size_[queue_[slot]];
  }
  uint32_t drop_last(uint32_t queue) {
    --size_[queue];
    return order_.pop_back(queue);
  }
  // To the front of its own queue, or of another.
  void refresh(uint32_t slot) { order_.to_front(queue_[slot], slot); }
  void move(uint32_t slot, uint32_t to) {
    leave(slot);
    enter(to, slot);
  }

  // std::logic_error unless the queues together hold `slots` slots, each as many as it says.
  void check(const std::string& policy, uint64_t slots) const {
    uint64_t all = 0;
    for (uint32_t queue = 0; queue < Queues; ++queue) {
      if (order_.count(queue) != size_[queue]) throw std::logic_error(policy + ": a queue has the wrong size");
      all += size_[queue];
    }
    if (all != slots) throw std::logic_error(policy + ": a resident row is in no queue");
  }
  uint64_t state_bytes() const { return order_.state_bytes() + queue_.size(); }

 private:
  NodeLists<Queues> order_;
  std::vector<uint8_t> queue_;  // by slot
  uint32_t size_[Queues] = {};
};

}  // namespace tierscope
