#include "experiments/model_shape.h"

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/gguf/gguf.h"
#include "runtime/model/hyperparameters.h"

namespace tierscope {
namespace {

// Gemma uses a row after block 0's feed-forward; what is left of the block then is a gate of the row's width.
constexpr double kFirstUseInBlock = 0.97;

// "blk.12.ffn_up.weight" -> 12.
std::optional<uint64_t> block_of(std::string_view tensor) {
  if (!tensor.starts_with("blk.")) return std::nullopt;
  return parse_unsigned(tensor.substr(4, tensor.find('.', 4) - 4));
}

}  // namespace

ShapedModel shape_of_model(const std::filesystem::path& path) {
  const GgufFile file = GgufFile::open(path);
  const Hyperparameters hyper = read_hyperparameters(file);
  const auto table = find_ple_table(file);
  if (!table)
    throw Error("the model has no per-layer embeddings", path.string(), "nothing of it can be placed; use an E-model");
  ShapedModel model;
  ModelShape& shape = model.shape;
  shape.name = path.stem().string();
  shape.blocks.resize(hyper.layers);
  for (uint32_t i = 0; i < hyper.layers; ++i) {
    const LayerShape& layer = hyper.layer[i];
    shape.blocks[i].attention_width = layer.heads * layer.head_dim;
    shape.blocks[i].kv_width = 2 * layer.kv_heads * layer.head_dim;
    shape.blocks[i].window = layer.sliding ? hyper.sliding_window : 0;
    if (layer.own_kv) shape.kv_bytes_per_token += uint64_t{2} * layer.kv_heads * layer.head_dim * sizeof(float);
  }
  const bool tied = file.find("output.weight") == nullptr;
  for (const GgufTensor& tensor : file.tensors()) {
    if (tensor.name == "per_layer_token_embd.weight") continue;
    shape.weight_bytes += tensor.bytes;
    BlockShape* part = nullptr;
    if (const auto block = block_of(tensor.name); block && *block < shape.blocks.size())
      part = &shape.blocks[*block];
    else if (tensor.name == "per_layer_model_proj.weight")
      part = &shape.input;
    else if (tensor.name == (tied ? "token_embd.weight" : "output.weight"))
      part = &shape.head;
    if (!part) continue;
    part->weight_bytes += tensor.bytes;
    part->weights += tensor.values();
  }
  shape.first_use_in_block = kFirstUseInBlock;
  shape.table_rows = static_cast<uint32_t>(table->rows);
  shape.row_bytes = table->row_bytes;
  model.table = {table->rows, table->row_bytes, table->offset, table->row_bytes, kDirectAlignmentBytes};
  return model;
}

}  // namespace tierscope
