#include "runtime/engine/generator.h"

#include <algorithm>

#include "runtime/base/error.h"

namespace tierscope {
namespace {

// Of a model without a table.
class NoRows final : public StepRows {
 public:
  void await() override {}
  const std::byte* row(size_t) const override { return nullptr; }
};

}  // namespace

Generator::Generator(Decoder& decoder, const std::optional<TableFile>& table, const Placement& placement,
                     const GeneratorOptions& options)
    : decoder_(decoder), options_(options), overlap_(placement.prefetch.overlap) {
  logits_.resize(decoder.hyperparameters().vocab);
  if (!table) return;
  planner_.emplace(placement, table->shape(), options.seed);
  if (planner_->offline())
    throw UsageError("a policy that knows the future cannot serve a text that is not written yet", to_text(placement),
                     "choose another policy");
  options_.store.max_step_rows = options.chunk_tokens;
  store_ = make_tier_store(*table, placement, *planner_, options_.store);
}

void Generator::restart() {
  decoder_.reset(0);
  position_ = 0;
}

std::span<const float> Generator::feed(std::span<const TokenId> tokens) {
  while (!tokens.empty()) {
    const auto chunk = tokens.first(std::min<size_t>(tokens.size(), options_.chunk_tokens));
    tokens = tokens.subspan(chunk.size());
    run(chunk, tokens.empty());
  }
  return logits_;
}

void Generator::run(std::span<const TokenId> tokens, bool wants_logits) {
  batch_.clear();
  for (const TokenId token : tokens) batch_.push_back({token, 0, position_++, false});
  batch_.back().wants_logits = wants_logits;
  if (!store_) {
    NoRows none;
    return decoder_.forward(batch_, none, logits_.data());
  }
  StepInput input;
  input.rows = tokens;
  std::unique_ptr<StepRows> rows = store_->begin(planner_->plan(input));
  if (!overlap_) rows->await();
  decoder_.forward(batch_, *rows, logits_.data());
  store_->retire(std::move(rows));
}

}  // namespace tierscope
