// `Lists` doubly linked lists over the same nodes 0..n-1, as arrays; a node is in one list at most. Not thread-safe.
#pragma once

#include <cstdint>
#include <vector>

namespace tierscope {

template <uint32_t Lists>
class NodeLists {
 public:
  explicit NodeLists(uint64_t nodes) : links_(Lists + nodes) {
    for (uint32_t anchor = 0; anchor < Lists; ++anchor) links_[anchor] = {anchor, anchor};
  }

  bool empty(uint32_t list) const { return links_[list].next == list; }
  // Of a list that is not empty.
  uint32_t front(uint32_t list) const { return links_[list].next - Lists; }
  uint32_t back(uint32_t list) const { return links_[list].previous - Lists; }

  void push_front(uint32_t list, uint32_t node) { link(list, links_[list].next, node + Lists); }
  void push_back(uint32_t list, uint32_t node) { link(links_[list].previous, list, node + Lists); }
  void remove(uint32_t node) {
    const Links links = links_[node + Lists];
    links_[links.previous].next = links.next;
    links_[links.next].previous = links.previous;
  }
  void to_front(uint32_t list, uint32_t node) {
    remove(node);
    push_front(list, node);
  }
  uint32_t pop_back(uint32_t list) {
    const uint32_t node = back(list);
    remove(node);
    return node;
  }
  // The node before `node`, towards the front; `node` itself must be linked. kNone at the front.
  static constexpr uint32_t kNone = UINT32_MAX;
  uint32_t before(uint32_t node) const {
    const uint32_t previous = links_[node + Lists].previous;
    return previous < Lists ? kNone : previous - Lists;
  }

  void grow(uint64_t nodes) { links_.resize(Lists + nodes); }
  // Nodes of a list, counted by walking it both ways; UINT64_MAX where the links disagree.
  uint64_t count(uint32_t list) const {
    uint64_t nodes = 0;
    for (uint32_t at = list; links_[at].next != list; at = links_[at].next)
      if (links_[links_[at].next].previous != at || ++nodes > links_.size()) return UINT64_MAX;
    return nodes;
  }
  uint64_t state_bytes() const { return links_.size() * sizeof(Links); }

 private:
  struct Links {
    uint32_t previous, next;
  };

  void link(uint32_t before, uint32_t after, uint32_t at) {
    links_[at] = {before, after};
    links_[before].next = at;
    links_[after].previous = at;
  }

  std::vector<Links> links_;  // the anchors of the lists, then the nodes
};

}  // namespace tierscope
