// The weights of a Gemma 4 decoder: everything in the file but the PLE table. Immutable once loaded.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/compute/matmul.h"
#include "runtime/gguf/gguf.h"
#include "runtime/model/hyperparameters.h"

namespace tierscope {

// Where they are held is up to Matrix and Vector (host memory, device memory). Matrices that a block does not have stay
// empty (rows() == 0), vectors too.
template <class Matrix, class Vector>
struct BlockWeightsIn {
  Vector attn_norm, attn_q_norm, attn_k_norm, post_attention_norm, ffn_norm, post_ffw_norm, post_norm;
  Vector output_scale;                         // 1 value
  Matrix attn_q, attn_k, attn_v, attn_output;  // no attn_v: the raw keys are the values
  Matrix ffn_gate, ffn_up, ffn_down;
  Matrix inp_gate, proj;  // of the per-layer embedding
};

template <class Matrix, class Vector>
struct DecoderWeightsIn {
  Matrix token_embd, output;  // no output: token_embd is the head too
  Matrix per_layer_model_proj;
  Vector per_layer_proj_norm, output_norm, rope_freqs;
  std::vector<BlockWeightsIn<Matrix, Vector>> blocks;

  const Matrix& head() const { return output.rows() ? output : token_embd; }
};

using BlockWeights = BlockWeightsIn<WeightMatrix, std::vector<float>>;
using DecoderWeights = DecoderWeightsIn<WeightMatrix, std::vector<float>>;

// Error naming file and tensor where one is missing, has another shape or an unsupported type, or cannot be read.
DecoderWeights load_weights(const GgufFile& file, const Hyperparameters& model, unsigned threads);
// Bytes of the tensors that load_weights would read; the same checks.
uint64_t weight_bytes(const GgufFile& file, const Hyperparameters& model);

}  // namespace tierscope
