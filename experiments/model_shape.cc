#include "experiments/model_shape.h"

#include <algorithm>
#include <vector>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/gguf/gguf.h"
#include "runtime/model/hyperparameters.h"
#include "runtime/model/ngram_table.h"
#include "runtime/model/synthetic.h"
#include "runtime/store/read_planning.h"
#include "runtime/store/tier_store.h"

namespace tierscope {
namespace {

// Gemma uses a row after block 0's feed-forward; what is left of the block then is a gate of the row's width.
constexpr double kFirstUseInBlock = 0.97;

// "blk.12.ffn_up.weight" -> 12.
std::optional<uint64_t> block_of(std::string_view tensor) {
  if (!tensor.starts_with("blk.")) return std::nullopt;
  return parse_unsigned(tensor.substr(4, tensor.find('.', 4) - 4));
}

// What O_DIRECT asks of offsets and sizes on most devices.
constexpr uint32_t kDirectAlignmentBytes = 512;

}  // namespace

TableLayout direct_layout(uint64_t rows, uint64_t row_bytes, uint64_t offset) {
  return {rows,
          row_bytes,
          offset,
          row_bytes,
          kDirectAlignmentBytes,
          StoreOptions{}.coalesce_gap_bytes,
          RangeRules{}.max_op_bytes};
}

ShapedModel shape_of_model(const std::filesystem::path& path) {
  const GgufFile file = GgufFile::open(path);
  const auto table = find_ple_table(file);
  if (table && read_ngram_geometry(file)) {
    ShapedModel model{{}, direct_layout(table->rows, table->row_bytes, table->offset)};
    model.shape.name = path.stem().string();
    return model;
  }
  const Hyperparameters hyper = read_hyperparameters(file);
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
  model.table = direct_layout(table->rows, table->row_bytes, table->offset);
  return model;
}

namespace {

// The tensors that a file of the preset would hold, norms left out.
ShapedModel shape_of_preset(const SynthPreset& preset) {
  ShapedModel model;
  ModelShape& shape = model.shape;
  shape.name = preset.name;
  const auto matrix = [&](BlockShape& part, DType type, uint64_t in, uint64_t out) {
    const uint64_t bytes = row_bytes(*dtype_info(type), in) * out;
    part.weight_bytes += bytes;
    part.weights += in * out;
    shape.weight_bytes += bytes;
  };
  const uint64_t hidden = preset.hidden, row_values = uint64_t{preset.layers} * preset.ple_dim;
  matrix(shape.head, preset.embedding, hidden, preset.vocab);
  matrix(shape.input, preset.weights, hidden, row_values);
  shape.blocks.resize(preset.layers);
  for (uint32_t layer = 0; layer < preset.layers; ++layer) {
    BlockShape& block = shape.blocks[layer];
    const bool full = (layer + 1) % preset.full_every == 0;
    const bool shares = layer >= preset.layers - preset.shared_layers;
    const uint64_t dim = full ? preset.head_dim_full : preset.head_dim_sliding;
    const uint64_t ffn = shares ? preset.ffn_width_shared : preset.ffn_width;
    block.attention_width = static_cast<uint32_t>(preset.heads * dim);
    block.kv_width = static_cast<uint32_t>(2 * preset.kv_heads * dim);
    block.window = full ? 0 : preset.window;
    if (!shares) shape.kv_bytes_per_token += block.kv_width * sizeof(float);
    matrix(block, preset.weights, hidden, block.attention_width);
    matrix(block, preset.weights, block.attention_width, hidden);
    if (!shares) matrix(block, preset.weights, hidden, block.kv_width);
    for (uint32_t i = 0; i < 3; ++i) matrix(block, preset.weights, hidden, ffn);
    for (uint32_t i = 0; i < 2; ++i) matrix(block, preset.weights, preset.ple_dim, hidden);
  }
  shape.first_use_in_block = kFirstUseInBlock;
  shape.table_rows = preset.vocab;
  shape.row_bytes = row_bytes(*dtype_info(preset.ple), row_values);
  model.table = direct_layout(preset.vocab, shape.row_bytes, 0);
  return model;
}

}  // namespace

std::optional<ShapedModel> find_preset_shape(const std::string& name) {
  const auto preset = std::ranges::find(synth_presets(), name, &SynthPreset::name);
  return preset == synth_presets().end() ? std::nullopt : std::optional(shape_of_preset(*preset));
}

ShapedModel find_model_shape(const std::string& preset_or_file) {
  if (const auto preset = find_preset_shape(preset_or_file)) return *preset;
  std::vector<std::string> names;
  for (const SynthPreset& preset : synth_presets()) names.emplace_back(preset.name);
  if (!std::filesystem::exists(preset_or_file))
    throw UsageError(unknown_name("model", preset_or_file, names), "--model", "or give a GGUF file");
  return shape_of_model(preset_or_file);
}

std::unique_ptr<Addressing> addressing_of_model(const std::string& preset_or_file) {
  if (find_preset_shape(preset_or_file)) return parse_addressing("token");
  return file_addressing(GgufFile::open(preset_or_file));
}

}  // namespace tierscope
