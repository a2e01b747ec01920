#include "runtime/placement/draft.h"

#include <algorithm>

namespace tierscope {

void SuccessorTable::observe(RowId before, std::span<const RowId> token) {
  Successors& known = successors_[before];
  auto& ranked = known.ranked;
  const auto same = [&](const Candidate& candidate) {
    return known.rows[size_t{candidate.group} * rows_per_token_] == token[0];
  };
  auto found = std::ranges::find_if(ranked, same);
  if (found == ranked.end()) {
    if (ranked.size() < 2 * size_t{candidates_}) {
      ranked.push_back({0, static_cast<uint32_t>(ranked.size())});
      known.rows.insert(known.rows.end(), token.begin(), token.end());
    }
    // Where the list is full, the newcomer inherits the count of the last, as in Space-Saving (Metwally et al. 2005).
    found = ranked.end() - 1;
  }
  std::ranges::copy(token, known.rows.begin() + static_cast<std::ptrdiff_t>(found->group) * rows_per_token_);
  ++found->count;
  for (; found != ranked.begin() && (found - 1)->count <= found->count; --found) std::iter_swap(found - 1, found);
}

std::span<const RowId> SuccessorTable::successor(RowId token, uint32_t rank) const {
  const auto known = successors_.find(token);
  if (known == successors_.end() || rank >= known->second.ranked.size()) return {};
  const size_t first = size_t{known->second.ranked[rank].group} * rows_per_token_;
  return std::span(known->second.rows).subspan(first, rows_per_token_);
}

uint32_t StagingArea::slot_of(RowId row) const {
  const auto found = slot_of_.find(row);
  return found == slot_of_.end() ? kNoSlot : found->second;
}

void StagingArea::use(RowId row, uint32_t step) {
  const auto found = slot_of_.find(row);
  slots_[found->second] = {kNoRow, step + 2};
  slot_of_.erase(found);
}

uint32_t StagingArea::stage(RowId row, uint32_t step) {
  for (uint32_t tries = 0; tries < slots_.size(); ++tries) {
    const uint32_t slot = hand_;
    hand_ = hand_ + 1 == slots_.size() ? 0 : hand_ + 1;
    if (slots_[slot].free_from > step) continue;
    if (slots_[slot].row != kNoRow) {
      slot_of_.erase(slots_[slot].row);
      ++wasted_;
    }
    slots_[slot] = {row, step + 2};
    slot_of_[row] = slot;
    return slot;
  }
  return kNoSlot;
}

}  // namespace tierscope
