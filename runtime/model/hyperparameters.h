// Hyperparameters of a Gemma 4 text decoder, read from a GGUF file's `gemma4.*` keys and checked against each other.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "runtime/gguf/gguf.h"

namespace tierscope {

struct LayerShape {
  bool sliding = false;
  bool own_kv = true;
  uint32_t kv_from = 0;  // the layer whose cache it reads; itself where own_kv
  uint32_t heads = 0, kv_heads = 0;
  uint32_t head_dim = 0;
  uint32_t ffn_width = 0;
};

struct Hyperparameters {
  uint32_t layers = 0, hidden = 0, vocab = 0, context = 0;
  uint32_t ple_dim = 0;  // per layer; 0: the model has no PLE
  uint32_t sliding_window = 0;
  float rms_epsilon = 0, rope_base = 0, rope_base_sliding = 0, logit_softcap = 0;
  std::vector<LayerShape> layer;
};

// Error naming the key where one is missing or does not fit.
Hyperparameters read_hyperparameters(const GgufFile& file);

// The PLE table of a file: where it lies and how large a row is. Empty where the model has none.
struct PleTable {
  std::filesystem::path path;
  uint64_t offset = 0, rows = 0, row_bytes = 0;
  DType type = DType::f32;
  uint64_t row_values = 0;
};
std::optional<PleTable> find_ple_table(const GgufFile& file);

}  // namespace tierscope
