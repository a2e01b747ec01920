// The weights of a Gemma 4 decoder in memory: everything in the file but the PLE table. Immutable once loaded.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/compute/matmul.h"
#include "runtime/gguf/gguf.h"
#include "runtime/model/hyperparameters.h"

namespace tierscope {

// Matrices that a block does not have stay empty (0 rows), vectors too.
struct BlockWeights {
  std::vector<float> attn_norm, attn_q_norm, attn_k_norm, post_attention_norm, ffn_norm, post_ffw_norm, post_norm;
  std::vector<float> output_scale;                   // 1 value
  WeightMatrix attn_q, attn_k, attn_v, attn_output;  // no attn_v: the raw keys are the values
  WeightMatrix ffn_gate, ffn_up, ffn_down;
  WeightMatrix inp_gate, proj;  // of the per-layer embedding
};

struct DecoderWeights {
  WeightMatrix token_embd, output;  // no output: token_embd is the head too
  WeightMatrix per_layer_model_proj;
  std::vector<float> per_layer_proj_norm, output_norm, rope_freqs;
  std::vector<BlockWeights> blocks;

  const WeightMatrix& head() const { return output.rows() ? output : token_embd; }
};

// Error naming file and tensor where one is missing, has another shape or an unsupported type, or cannot be read.
DecoderWeights load_weights(const GgufFile& file, const Hyperparameters& model, unsigned threads);
// Bytes of the tensors that load_weights would read; the same checks.
uint64_t weight_bytes(const GgufFile& file, const Hyperparameters& model);

}  // namespace tierscope
