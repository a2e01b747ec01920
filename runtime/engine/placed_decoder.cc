#include "runtime/engine/placed_decoder.h"

#include <algorithm>
#include <stdexcept>
#include <utility>
#include <vector>

#include "runtime/base/error.h"
#include "runtime/engine/model_table.h"
#include "runtime/model/device_decoder.h"

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

PlacedDecoder::PlacedDecoder(const GgufFile& file, const Placement& placement, const DecoderOptions& options,
                             const StoreOptions& store_options, uint64_t seed)
    : overlap_(placement.prefetch.overlap) {
  // The table comes first: a placement that does not suit it should not cost the loading of the weights.
  if (find_model_table(file)) {
    const TableFile table = placed_table(file, placement, default_packed_path(file.paths().front()));
    planner_ = std::make_unique<Planner>(placement, table.shape(), seed);
    if (planner_->offline())
      throw UsageError("needs to know the tokens to come", to_text(placement), "use it with simulate or replay");
    StoreOptions fitted = store_options;
    fitted.max_step_rows = options.max_batch_tokens;
    store_ = make_tier_store(table, placement, *planner_, fitted);
  }
  decoder_ = store_options.device ? make_device_decoder(file, options, *store_options.device)
                                  : make_cpu_decoder(file, options);
}

void PlacedDecoder::forward(std::span<const BatchToken> tokens, float* logits) {
  std::vector<RowId> rows;
  for (const BatchToken& token : tokens) rows.push_back(token.token);
  const uint32_t vocab = decoder_->hyperparameters().vocab;
  const bool foreign = std::ranges::any_of(rows, [&](RowId row) { return row >= vocab; });
  if (!planner_ || foreign) {
    NoRows none;  // the decoder refuses foreign tokens before it asks for rows
    return decoder_->forward(tokens, none, logits);
  }
  const std::vector<SequencePart> parts = parts_of(tokens);
  std::unique_ptr<StepRows> step = store_->begin(planner_->plan({rows, nullptr, parts}));
  if (!overlap_) step->await();
  decoder_->forward(tokens, *step, logits);
  store_->retire(std::move(step));
}

}  // namespace tierscope
