// One sequence over decoder, planner and store: tokens go in, the logits after the last one come out. Not thread-safe.
// Errors: Error where a row cannot be read, a token is unknown or the context is full.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "runtime/engine/placed_decoder.h"

namespace tierscope {

struct GeneratorOptions {
  uint32_t chunk_tokens = 512;  // of a forward pass at most
  uint64_t seed = 1;            // of the placement's policies
  StoreOptions store;
};

class Generator {
 public:
  // `decoder` must outlive it and is used for sequence 0. No table: a model without per-layer embeddings.
  Generator(Decoder& decoder, const std::optional<TableFile>& table, const Placement& placement,
            const GeneratorOptions& options);

  // `tokens` (at least one) continue the sequence. The logits are valid until the next call.
  std::span<const float> feed(std::span<const TokenId> tokens);
  // The sequence starts anew; caches keep their rows.
  void restart();
  uint32_t position() const { return position_; }

  // Null where there is no table.
  const Planner* planner() const { return placed_.planner(); }
  TierStore* store() const { return placed_.store(); }

 private:
  void run(std::span<const TokenId> tokens, bool wants_logits);

  Decoder& decoder_;
  const uint32_t chunk_tokens_;
  PlacedDecoder placed_;
  std::vector<BatchToken> batch_;
  std::vector<float> logits_;
  uint32_t position_ = 0;
};

}  // namespace tierscope
