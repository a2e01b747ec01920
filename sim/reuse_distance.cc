#include "sim/reuse_distance.h"

#include <bit>
#include <cstring>
#include <numeric>

namespace tierscope {
namespace {

constexpr uint32_t kNoPosition = UINT32_MAX;
constexpr uint32_t kWordBits = 64, kBlockBits = 64 * kWordBits, kGroupBits = 64 * kBlockBits;

// The sum of `bytes` from index `first` of 64 up, each at most 64: eight at a time, in 16-bit lanes.
uint32_t sum_from(const uint8_t* bytes, uint32_t first) {
  constexpr uint64_t kEven = 0x00ff00ff00ff00ffu;
  uint64_t sums = 0;
  for (uint32_t i = first / 8; i < 8; ++i) {
    uint64_t eight;
    std::memcpy(&eight, bytes + i * 8, 8);
    if (i == first / 8) eight &= ~uint64_t{0} << first % 8 * 8;
    sums += (eight & kEven) + (eight >> 8 & kEven);
  }
  return static_cast<uint32_t>(sums * 0x0001000100010001u >> 48);
}

uint32_t sum_between(const std::vector<uint32_t>& counts, uint32_t first, uint32_t end) {
  return std::accumulate(counts.begin() + first, counts.begin() + end, 0u);
}

}  // namespace

ReuseDistances::ReuseDistances(uint64_t rows) : last_use_(rows, kNoPosition) {
  renumber();
}

void ReuseDistances::add(std::span<const RowId> rows) {
  accesses_ += rows.size();
  for (const RowId row : rows) {
    if (now_ == row_at_.size()) renumber();
    const uint32_t last = last_use_[row];
    if (last == kNoPosition) {
      histogram_.push_back(0);
      ++distinct_;
    } else {
      ++histogram_[marks_from(last)];
      unmark(last);
    }
    mark(now_);
    row_at_[now_] = row;
    last_use_[row] = now_++;
  }
}

std::vector<uint64_t> ReuseDistances::hits_by_slots() const {
  std::vector<uint64_t> hits(histogram_.size());
  std::partial_sum(histogram_.begin(), histogram_.end(), hits.begin());
  return hits;
}

uint64_t ReuseDistances::marks_from(uint32_t position) const {
  const uint32_t word = position / kWordBits, block = position / kBlockBits, group = position / kGroupBits;
  const uint32_t last_block = (now_ - 1) / kBlockBits, last_group = (now_ - 1) / kGroupBits;
  uint64_t marks = static_cast<uint64_t>(std::popcount(words_[word] >> position % kWordBits));
  if (word % 64 != 63) marks += sum_from(word_marks_.data() + block * size_t{64}, word % 64 + 1);
  if (group == last_group) return marks + sum_between(block_marks_, block + 1, std::max(last_block, block) + 1);
  marks += sum_between(block_marks_, block + 1, (group + 1) * 64);
  return marks + sum_between(group_marks_, group + 1, last_group + 1);
}

void ReuseDistances::mark(uint32_t position) {
  words_[position / kWordBits] |= uint64_t{1} << position % kWordBits;
  ++word_marks_[position / kWordBits];
  ++block_marks_[position / kBlockBits];
  ++group_marks_[position / kGroupBits];
}

void ReuseDistances::unmark(uint32_t position) {
  words_[position / kWordBits] &= ~(uint64_t{1} << position % kWordBits);
  --word_marks_[position / kWordBits];
  --block_marks_[position / kBlockBits];
  --group_marks_[position / kGroupBits];
}

// Moves all marks to the beginning of the time line, which is at least four times as long as they need.
void ReuseDistances::renumber() {
  std::vector<RowId> marked;
  marked.reserve(distinct_);
  for (size_t word = 0; word < words_.size(); ++word)
    for (uint64_t bits = words_[word]; bits != 0; bits &= bits - 1)
      marked.push_back(row_at_[word * kWordBits + static_cast<size_t>(std::countr_zero(bits))]);
  const size_t groups = 4 * marked.size() / kGroupBits + 1;
  row_at_.resize(groups * kGroupBits);
  words_.assign(groups * kGroupBits / kWordBits, 0);
  word_marks_.assign(words_.size(), 0);
  block_marks_.assign(groups * 64, 0);
  group_marks_.assign(groups, 0);
  for (now_ = 0; now_ < marked.size(); ++now_) {
    mark(now_);
    row_at_[now_] = marked[now_];
    last_use_[marked[now_]] = now_;
  }
}

}  // namespace tierscope
