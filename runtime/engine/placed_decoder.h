// A decoder whose per-layer embeddings come through a placement: every pass is planned, read, computed and retired.
// Errors: those of the decoder and the store. Not thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <span>

#include "runtime/model/decoder.h"
#include "runtime/placement/placement.h"
#include "runtime/placement/planner.h"
#include "runtime/store/tier_store.h"

namespace tierscope {

class PlacedDecoder {
 public:
  // `decoder` must outlive it. No table: a model without per-layer embeddings, on which a placement has no effect.
  // `store.max_step_rows` bounds the tokens of a pass, `seed` is that of the placement's policies.
  PlacedDecoder(Decoder& decoder, const std::optional<TableFile>& table, const Placement& placement,
                const StoreOptions& store, uint64_t seed);

  // One pass, as Decoder::forward.
  void forward(std::span<const BatchToken> tokens, float* logits);

  // Null where there is no table.
  const Planner* planner() const { return planner_ ? &*planner_ : nullptr; }
  TierStore* store() const { return store_.get(); }

 private:
  Decoder& decoder_;
  bool overlap_ = false;
  std::optional<TableFile> table_;  // in the placement's unit
  std::optional<Planner> planner_;
  std::unique_ptr<TierStore> store_;
};

}  // namespace tierscope
