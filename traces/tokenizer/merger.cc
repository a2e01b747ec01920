#include "traces/tokenizer/merger.h"

#include <algorithm>

namespace tierscope {
namespace {

constexpr uint32_t kEnd = UINT32_MAX;

}  // namespace

void Merger::propose(const std::vector<Piece>& pieces, uint32_t left) {
  if (left == kEnd || next_[left] == kEnd) return;
  const Symbol a = pieces[left].symbol, b = pieces[next_[left]].symbol;
  if (a == kNoSymbol || b == kNoSymbol) return;
  const Merge* merge = table_.find(a, b);
  if (!merge) return;
  heap_.push_back({uint64_t{merge->priority} << 32 | left, a, b, merge->result});
  std::push_heap(heap_.begin(), heap_.end());
}

void Merger::merge(std::vector<Piece>& pieces) {
  const uint32_t count = static_cast<uint32_t>(pieces.size());
  if (count < 2) return;
  next_.resize(count);
  previous_.resize(count);
  heap_.clear();
  for (uint32_t i = 0; i < count; ++i) {
    previous_[i] = i == 0 ? kEnd : i - 1;
    next_[i] = i + 1 == count ? kEnd : i + 1;
  }
  for (uint32_t i = 0; i < count; ++i) propose(pieces, i);
  while (!heap_.empty()) {
    const Candidate best = heap_.front();
    std::pop_heap(heap_.begin(), heap_.end());
    heap_.pop_back();
    const uint32_t left = static_cast<uint32_t>(best.order), right = next_[left];
    // A merged piece has a longer text and so another symbol: equal symbols mean that nothing changed here.
    if (pieces[left].symbol != best.left || right == kEnd || pieces[right].symbol != best.right) continue;
    pieces[left] = {best.result, {pieces[left].text.data(), pieces[left].text.size() + pieces[right].text.size()}};
    pieces[right] = {};
    next_[left] = next_[right];
    if (next_[left] != kEnd) previous_[next_[left]] = left;
    propose(pieces, left);
    propose(pieces, previous_[left]);
  }
  std::erase_if(pieces, [](const Piece& piece) { return piece.text.empty(); });
}

}  // namespace tierscope
