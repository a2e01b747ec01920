#include "runtime/placement/pinned_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <stdexcept>

#include "runtime/base/error.h"
#include "runtime/placement/hot_set.h"
#include "runtime/placement/page_unit.h"

namespace tierscope {
namespace {

class PinnedHead final : public Policy {
 public:
  PinnedHead(const PolicyContext& context, const std::vector<RowId>& head, std::unique_ptr<Policy> tail)
      : head_(context, head), head_slots_(static_cast<uint32_t>(head.size())), tail_(std::move(tail)) {}

  size_t access(std::span<const RowId> rows, const uint32_t* next_use, Miss* misses) override {
    tail_rows_.clear();
    tail_at_.clear();
    tail_uses_.clear();
    Miss* out = misses;
    for (uint32_t i = 0; i < rows.size(); ++i) {
      if (head_.owns(rows[i])) {
        const Outcome outcome = head_.touch(rows[i], kNeverUsed);
        if (!outcome.hit) *out++ = {i, outcome.slot, kNoRow};
        continue;
      }
      tail_rows_.push_back(rows[i]);
      tail_at_.push_back(i);
      if (next_use) tail_uses_.push_back(next_use[i]);
    }
    Miss* const tail_misses = out;
    out += tail_->access(tail_rows_, next_use ? tail_uses_.data() : nullptr, out);
    for (Miss* miss = tail_misses; miss != out; ++miss) {
      miss->at = tail_at_[miss->at];
      if (miss->slot != kNoSlot) miss->slot += head_slots_;
    }
    std::inplace_merge(misses, tail_misses, out, [](const Miss& a, const Miss& b) { return a.at < b.at; });
    return static_cast<size_t>(out - misses);
  }
  Outcome insert(RowId row, uint32_t next_use) override {
    if (head_.owns(row)) return head_.touch(row, next_use);
    Outcome outcome = tail_->insert(row, next_use);
    outcome.slot = shifted(outcome.slot);
    return outcome;
  }
  uint32_t take(RowId row) override { return head_.owns(row) ? head_.take(row) : shifted(tail_->take(row)); }
  uint32_t slot_of(RowId row) const override {
    return head_.owns(row) ? head_.slot_of(row) : shifted(tail_->slot_of(row));
  }
  std::vector<RowId> preload() const override { return head_.preload(); }
  void grow(uint64_t rows) override {
    head_.grow(rows);
    tail_->grow(rows);
  }
  void check() const override {
    head_.check();
    tail_->check();
    for (const RowId row : head_.preload())
      if (tail_->slot_of(row) != kNoSlot) throw std::logic_error("pinned head: one of its rows is behind it too");
  }
  uint64_t state_bytes() const override { return head_.state_bytes() + tail_->state_bytes(); }

 private:
  uint32_t shifted(uint32_t tail_slot) const { return tail_slot == kNoSlot ? kNoSlot : tail_slot + head_slots_; }

  PinnedRows head_;
  uint32_t head_slots_;
  std::unique_ptr<Policy> tail_;
  std::vector<RowId> tail_rows_;
  std::vector<uint32_t> tail_at_, tail_uses_;
};

}  // namespace

PinnedRows::PinnedRows(const PolicyContext& context, const std::vector<RowId>& rows)
    : rows_(rows), present_(rows.size(), 1) {
  uint64_t ids = context.table_rows;
  if (context.local_id)
    for (RowId& row : rows_) {
      row = context.local_id(row);
      ids = std::max<uint64_t>(ids, row + uint64_t{1});
    }
  slot_of_.assign(ids, kNoSlot);
  for (uint32_t slot = 0; slot < rows_.size(); ++slot) slot_of_[rows_[slot]] = slot;
}

uint32_t PinnedRows::take(RowId row) {
  const uint32_t slot = slot_of(row);
  if (slot != kNoSlot) present_[slot] = 0;
  return slot;
}

uint32_t PinnedRows::slot_of(RowId row) const {
  const uint32_t slot = slot_of_[row];
  return slot != kNoSlot && present_[slot] ? slot : kNoSlot;
}

void PinnedRows::check() const {
  for (uint32_t slot = 0; slot < rows_.size(); ++slot)
    if (slot_of_[rows_[slot]] != slot) throw std::logic_error("pinned rows: a slot and its row disagree");
  const auto pinned = std::ranges::count_if(slot_of_, [](uint32_t slot) { return slot != kNoSlot; });
  if (static_cast<size_t>(pinned) != rows_.size()) throw std::logic_error("pinned rows: a row is pinned twice");
}

std::vector<RowId> rows_to_pin(const std::string& source, uint64_t count, const PolicyContext& context) {
  std::vector<RowId> rows;
  if (source == "rank") {
    rows.resize(std::min(count, context.full_table_rows()));
    std::iota(rows.begin(), rows.end(), RowId{0});
    return rows;
  }
  HotSet hot = read_hot_set(source);
  const uint64_t table_rows = context.pages ? context.pages->rows() : context.full_table_rows();
  if (hot.table_rows != table_rows)
    throw UsageError(
        fmt::format("this hot set was learnt for a table of {} rows, not of {}", hot.table_rows, table_rows), source,
        "learn one from a trace of this vocabulary: tierscope learn");
  if (context.pages) hot = hot_pages(hot, *context.pages);
  for (size_t i = 0; i < std::min<size_t>(count, hot.rows.size()); ++i) rows.push_back(hot.rows[i].row);
  return rows;
}

std::unique_ptr<Policy> make_pinned_head(const PolicyContext& context, const std::vector<RowId>& head,
                                         std::unique_ptr<Policy> tail) {
  return std::make_unique<PinnedHead>(context, head, std::move(tail));
}

}  // namespace tierscope
