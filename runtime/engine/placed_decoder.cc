#include "runtime/engine/placed_decoder.h"

#include <algorithm>
#include <stdexcept>
#include <utility>
#include <vector>

#include "runtime/base/error.h"
#include "runtime/store/rows_in_pages.h"

namespace tierscope {
namespace {

class NoRows final : public StepRows {
 public:
  void await() override {}
  const std::byte* row(size_t) const override { throw std::logic_error("a row of a step that has none"); }
};

std::vector<SequencePart> parts_of(std::span<const BatchToken> tokens) {
  std::vector<SequencePart> parts;
  for (const BatchToken& token : tokens) {
    if (parts.empty() || parts.back().sequence != token.sequence) parts.push_back({token.sequence, 0, false, {}});
    ++parts.back().tokens;
  }
  return parts;
}

}  // namespace

PlacedDecoder::PlacedDecoder(Decoder& decoder, const std::optional<TableFile>& table, const Placement& placement,
                             const StoreOptions& store, uint64_t seed)
    : decoder_(decoder), overlap_(placement.prefetch.overlap) {
  if (!table) return;
  table_ = in_units(*table, placement.unit);
  planner_.emplace(placement, table_->shape(), seed);
  if (planner_->offline())
    throw UsageError("a policy that knows the future cannot serve tokens that are not known yet", to_text(placement),
                     "choose another policy");
  StoreOptions options = store;
  if (table_->pages) options.max_step_rows *= static_cast<uint32_t>(table_->pages->widest_row());
  planner_->prepare();
  store_ = make_tier_store(*table_, placement, *planner_, options);
}

void PlacedDecoder::forward(std::span<const BatchToken> tokens, float* logits) {
  std::vector<RowId> rows;
  for (const BatchToken& token : tokens) rows.push_back(token.token);
  const uint32_t vocab = decoder_.hyperparameters().vocab;
  const bool foreign = std::ranges::any_of(rows, [&](RowId row) { return row >= vocab; });
  if (!planner_ || foreign) {
    NoRows none;  // the decoder refuses foreign tokens before it asks for rows
    return decoder_.forward(tokens, none, logits);
  }
  const std::vector<SequencePart> parts = parts_of(tokens);
  const std::vector<RowId> pages = table_->pages ? table_->pages->pages_of(rows) : std::vector<RowId>{};
  std::unique_ptr<StepRows> step = store_->begin(planner_->plan({table_->pages ? pages : rows, nullptr, parts}));
  std::optional<RowsInPages> joined;
  if (table_->pages) joined.emplace(*step, rows, *table_);
  StepRows& served = joined ? static_cast<StepRows&>(*joined) : *step;
  if (!overlap_) served.await();
  decoder_.forward(tokens, served, logits);
  store_->retire(std::move(step));
}

}  // namespace tierscope
