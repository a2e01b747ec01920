// The activations of one forward pass, a row for each token still computed. Allocated for the largest batch, but not
// touched: memory that no batch fills never becomes resident.
#pragma once

#include <hwy/aligned_allocator.h>

#include <cstdint>

#include "runtime/model/hyperparameters.h"

namespace tierscope {

struct Activations {
  // Floats a row needs in the widest layer.
  struct Widths {
    explicit Widths(const Hyperparameters& model);
    size_t hidden = 0, query = 0, kv = 0, ffn = 0, ple = 0, half_full = 0, half_sliding = 0;
    size_t total() const;
  };
  using Floats = hwy::AlignedFreeUniquePtr<float[]>;

  Activations(const Hyperparameters& model, uint32_t batch_tokens);
  static uint64_t bytes(const Hyperparameters& model, uint32_t batch_tokens);

  Widths widths;
  Floats x, normed, delta;   // [hidden]
  Floats queries, attended;  // [heads][head_dim]
  Floats keys, values;       // [kv_heads][head_dim]
  Floats gate, up;           // [ffn_width] or [ple_dim]
  Floats ple;                // [layers][ple_dim]
  // Of the rotation: [head_dim / 2] for full and for sliding layers.
  Floats cosines_full, sines_full, cosines_sliding, sines_sliding;
};

}  // namespace tierscope
