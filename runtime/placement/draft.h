// What prefetch=draft:K needs inside the planner: who is likely to follow whom, and where rows read ahead are kept.
// Row ids are the planner's own. Not thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "runtime/placement/policy.h"

namespace tierscope {

// Order-1 successors of tokens, learnt online. A token is known by the first of its rows.
class SuccessorTable {
 public:
  // `rows_per_token` rows stand for a token; a token's `candidates` most likely successors can be asked for.
  SuccessorTable(uint32_t rows_per_token, uint32_t candidates)
      : rows_per_token_(rows_per_token), candidates_(candidates) {}

  // The rows of one token, coming after the token whose first row is `before`.
  void observe(RowId before, std::span<const RowId> token);
  // The rows of the `rank`-th most likely successor (from 0); empty where fewer are known.
  std::span<const RowId> successor(RowId token, uint32_t rank) const;

 private:
  struct Candidate {
    uint32_t count;
    uint32_t group;  // index into Successors::rows, in tokens
  };
  struct Successors {
    std::vector<Candidate> ranked;  // by falling count; of equal counts the more recent first
    std::vector<RowId> rows;
  };

  uint32_t rows_per_token_, candidates_;
  std::unordered_map<RowId, Successors> successors_;
};

// A ring of slots for rows read ahead. A row stays until it is used or until the ring comes round. A slot is filled no
// earlier than two steps after it was last used or filled, so that two steps may be in flight.
class StagingArea {
 public:
  explicit StagingArea(uint32_t slots) : slots_(slots) {}

  uint32_t slots() const { return static_cast<uint32_t>(slots_.size()); }
  uint32_t slot_of(RowId row) const;  // kNoSlot where it is not staged
  // `row` is staged and step `step` uses it: its slot is free for reads of later steps.
  void use(RowId row, uint32_t step);
  // A slot for a row to be read with step `step`, or kNoSlot where all are still needed.
  uint32_t stage(RowId row, uint32_t step);
  uint64_t staged() const { return slot_of_.size(); }
  uint64_t wasted() const { return wasted_; }  // rows that left unused

 private:
  struct Slot {
    RowId row = kNoRow;
    uint32_t free_from = 0;  // the first step that may fill it
  };
  std::vector<Slot> slots_;
  std::unordered_map<RowId, uint32_t> slot_of_;
  uint32_t hand_ = 0;
  uint64_t wasted_ = 0;
};

}  // namespace tierscope
