// Which tensors a Gemma 4 decoder has, with their shapes: said once for every place that weights are loaded into.
// Source: shapes as in llama.cpp's gemma4 files. Errors: Error naming file and tensor.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "runtime/model/weights.h"

namespace tierscope {

// Checks the tensors a model must have and shows each to `visit(tensor, Matrix&)` or `visit(tensor, Vector&)`.
template <class Visit>
class WeightList {
 public:
  WeightList(const GgufFile& file, Visit& visit) : file_(file), visit_(visit) {}

  template <class Matrix>
  void matrix(const std::string& name, uint64_t cols, uint64_t rows, Matrix& into) {
    visit_(checked(name, {cols, rows}), into);
  }
  template <class Matrix>
  void optional_matrix(const std::string& name, uint64_t cols, uint64_t rows, Matrix& into) {
    if (file_.find(name) != nullptr) matrix(name, cols, rows, into);
  }
  template <class Vector>
  void vector(const std::string& name, uint64_t count, Vector& into) {
    visit_(checked(name, {count}), into);
  }

 private:
  const GgufTensor& checked(const std::string& name, const std::vector<uint64_t>& shape) const {
    const GgufTensor& tensor = file_.tensor(name);
    file_.dtype(tensor);
    std::vector<uint64_t> found = tensor.shape;
    while (found.size() > shape.size() && found.back() == 1) found.pop_back();
    if (found != shape)
      throw file_.error("tensor", name,
                        fmt::format("its shape is [{}], the keys ask for [{}]", fmt::join(tensor.shape, ", "),
                                    fmt::join(shape, ", ")));
    return tensor;
  }

  const GgufFile& file_;
  Visit& visit_;
};

template <class Visit, class Matrix, class Vector>
void list_block(WeightList<Visit>& list, const Hyperparameters& model, uint32_t index,
                BlockWeightsIn<Matrix, Vector>& block) {
  const LayerShape& layer = model.layer[index];
  const uint64_t hidden = model.hidden;
  const uint64_t query = uint64_t{layer.heads} * layer.head_dim, kv = uint64_t{layer.kv_heads} * layer.head_dim;
  const auto name = [&](const char* part) { return fmt::format("blk.{}.{}.weight", index, part); };
  list.vector(name("attn_norm"), hidden, block.attn_norm);
  list.matrix(name("attn_q"), hidden, query, block.attn_q);
  list.vector(name("attn_q_norm"), layer.head_dim, block.attn_q_norm);
  if (layer.own_kv) {
    list.matrix(name("attn_k"), hidden, kv, block.attn_k);
    list.optional_matrix(name("attn_v"), hidden, kv, block.attn_v);
    list.vector(name("attn_k_norm"), layer.head_dim, block.attn_k_norm);
  }
  list.matrix(name("attn_output"), query, hidden, block.attn_output);
  list.vector(name("post_attention_norm"), hidden, block.post_attention_norm);
  list.vector(name("ffn_norm"), hidden, block.ffn_norm);
  list.matrix(name("ffn_gate"), hidden, layer.ffn_width, block.ffn_gate);
  list.matrix(name("ffn_up"), hidden, layer.ffn_width, block.ffn_up);
  list.matrix(name("ffn_down"), layer.ffn_width, hidden, block.ffn_down);
  list.vector(name("post_ffw_norm"), hidden, block.post_ffw_norm);
  if (model.ple_dim != 0) {
    list.matrix(name("inp_gate"), hidden, model.ple_dim, block.inp_gate);
    list.matrix(name("proj"), model.ple_dim, hidden, block.proj);
    list.vector(name("post_norm"), hidden, block.post_norm);
  }
  list.vector(name("layer_output_scale"), 1, block.output_scale);
}

// Every tensor of the decoder, in the order of the forward pass.
template <class Matrix, class Vector, class Visit>
void list_weights(const GgufFile& file, const Hyperparameters& model, DecoderWeightsIn<Matrix, Vector>& weights,
                  Visit visit) {
  WeightList<Visit> list(file, visit);
  list.matrix("token_embd.weight", model.hidden, model.vocab, weights.token_embd);
  list.optional_matrix("output.weight", model.hidden, model.vocab, weights.output);
  list.vector("output_norm.weight", model.hidden, weights.output_norm);
  const auto full = std::ranges::find(model.layer, false, &LayerShape::sliding);
  if (full != model.layer.end()) list.vector("rope_freqs.weight", full->head_dim / 2, weights.rope_freqs);
  if (model.ple_dim != 0) {
    list.matrix("per_layer_model_proj.weight", model.hidden, uint64_t{model.layers} * model.ple_dim,
                weights.per_layer_model_proj);
    list.vector("per_layer_proj_norm.weight", model.ple_dim, weights.per_layer_proj_norm);
  }
  weights.blocks.resize(model.layers);
  for (uint32_t l = 0; l < model.layers; ++l) list_block(list, model, l, weights.blocks[l]);
}

}  // namespace tierscope
