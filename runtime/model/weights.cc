#include "runtime/model/weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "runtime/model/sequential_reader.h"

namespace tierscope {
namespace {

// A tensor of the file and where it goes: one of the two.
struct Destination {
  const GgufTensor* tensor = nullptr;
  WeightMatrix* matrix = nullptr;
  std::vector<float>* vector = nullptr;
};

// Collects and checks the tensors a model must have.
class Inventory {
 public:
  explicit Inventory(const GgufFile& file) : file_(file) {}

  void matrix(const std::string& name, uint64_t cols, uint64_t rows, WeightMatrix& into) {
    const GgufTensor& tensor = checked(name, {cols, rows});
    destinations_.push_back({&tensor, &into, nullptr});
  }
  void optional_matrix(const std::string& name, uint64_t cols, uint64_t rows, WeightMatrix& into) {
    if (file_.find(name) != nullptr) matrix(name, cols, rows, into);
  }
  void vector(const std::string& name, uint64_t count, std::vector<float>& into) {
    const GgufTensor& tensor = checked(name, {count});
    destinations_.push_back({&tensor, nullptr, &into});
  }
  std::vector<Destination> destinations() && { return std::move(destinations_); }

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
  std::vector<Destination> destinations_;
};

void list_block(Inventory& list, const Hyperparameters& model, uint32_t index, BlockWeights& block) {
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

std::vector<Destination> list_weights(const GgufFile& file, const Hyperparameters& model, DecoderWeights& weights) {
  Inventory list(file);
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
  return std::move(list).destinations();
}

// Pieces of whole groups of rows, about this large: several fit one read.
constexpr uint64_t kPieceBytes = 1 << 20;

void add_matrix(const GgufTensor& tensor, WeightMatrix& matrix, std::vector<ReadExtent>& extents) {
  const size_t rows = tensor.shape[1];
  const uint64_t bytes_per_row = tensor.bytes / rows;
  const size_t groups = std::max<size_t>(1, kPieceBytes / (bytes_per_row * WeightMatrix::kRowGroup));
  const size_t step = groups * WeightMatrix::kRowGroup;
  matrix = WeightMatrix(tensor.type, rows, tensor.shape[0]);
  for (size_t first = 0; first < rows; first += step) {
    const size_t count = std::min(step, rows - first);
    extents.push_back({tensor.file, tensor.offset + first * bytes_per_row, count * bytes_per_row,
                       [&matrix, first, count](const std::byte* data) { matrix.set_rows(first, count, data); }});
  }
}

void add_vector(const GgufTensor& tensor, std::vector<float>& vector, std::vector<ReadExtent>& extents) {
  vector.resize(tensor.values());
  extents.push_back({tensor.file, tensor.offset, tensor.bytes, [&vector, type = tensor.type](const std::byte* data) {
                       known_dtype(type).dequantize(data, vector.data(), vector.size());
                     }});
}

}  // namespace

DecoderWeights load_weights(const GgufFile& file, const Hyperparameters& model, unsigned threads) {
  DecoderWeights weights;
  std::vector<ReadExtent> extents;
  for (const Destination& to : list_weights(file, model, weights)) {
    if (to.matrix != nullptr)
      add_matrix(*to.tensor, *to.matrix, extents);
    else
      add_vector(*to.tensor, *to.vector, extents);
  }
  read_sequentially(file.paths(), std::move(extents), threads);
  return weights;
}

uint64_t weight_bytes(const GgufFile& file, const Hyperparameters& model) {
  DecoderWeights unused;
  uint64_t bytes = 0;
  for (const Destination& to : list_weights(file, model, unused)) bytes += to.tensor->bytes;
  return bytes;
}

}  // namespace tierscope
