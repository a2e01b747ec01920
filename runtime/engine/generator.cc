#include "runtime/engine/generator.h"

#include <algorithm>

namespace tierscope {
namespace {

StoreOptions for_chunks(StoreOptions options, uint32_t chunk_tokens) {
  options.max_step_rows = chunk_tokens;
  return options;
}

}  // namespace

Generator::Generator(Decoder& decoder, const std::optional<TableFile>& table, const Placement& placement,
                     const GeneratorOptions& options)
    : decoder_(decoder),
      chunk_tokens_(options.chunk_tokens),
      placed_(decoder, table, placement, for_chunks(options.store, options.chunk_tokens), options.seed),
      logits_(decoder.hyperparameters().vocab) {}

void Generator::restart() {
  decoder_.reset(0);
  position_ = 0;
}

std::span<const float> Generator::feed(std::span<const TokenId> tokens) {
  while (!tokens.empty()) {
    const auto chunk = tokens.first(std::min<size_t>(tokens.size(), chunk_tokens_));
    tokens = tokens.subspan(chunk.size());
    run(chunk, tokens.empty());
  }
  return logits_;
}

void Generator::run(std::span<const TokenId> tokens, bool wants_logits) {
  batch_.clear();
  for (const TokenId token : tokens) batch_.push_back({token, 0, position_++, false});
  batch_.back().wants_logits = wants_logits;
  placed_.forward(batch_, logits_.data());
}

}  // namespace tierscope
