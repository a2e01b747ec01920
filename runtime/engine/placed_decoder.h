// A decoder whose per-layer embeddings come through a placement: every pass is planned, read, computed and retired.
// Errors: those of the decoder and the store. Not thread-safe.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "runtime/gguf/gguf.h"
#include "runtime/model/decoder.h"
#include "runtime/placement/placement.h"
#include "runtime/placement/planner.h"
#include "runtime/store/tier_store.h"

namespace tierscope {

class PlacedDecoder {
 public:
  // Computes on the store options' device where one is set, else on the CPU. For a model without PLE the placement has
  // no table, hence no effect.
  PlacedDecoder(const GgufFile& file, const Placement& placement, const DecoderOptions& options,
                const StoreOptions& store_options = {}, uint64_t seed = 1);

  Decoder& decoder() { return *decoder_; }
  // One pass, as Decoder::forward.
  void forward(std::span<const BatchToken> tokens, float* logits);
  // Null where the model has no PLE.
  const Planner* planner() const { return planner_.get(); }
  TierStore* store() const { return store_.get(); }

 private:
  std::unique_ptr<Decoder> decoder_;
  const bool overlap_;
  std::unique_ptr<Planner> planner_;
  std::unique_ptr<TierStore> store_;
};

}  // namespace tierscope
