#include "runtime/model/hyperparameters.h"

#include <fmt/format.h>

#include <limits>

namespace tierscope {
namespace {

constexpr uint64_t kMostLayers = 1024;
constexpr uint64_t kWidest = 1 << 20;  // values of one token's vector; keeps products of sizes within 64 bits
constexpr const char* kTable = "per_layer_token_embd.weight";

std::string key(std::string_view name) {
  return fmt::format("gemma4.{}", name);
}

uint32_t checked(const GgufFile& file, const std::string& name, uint64_t value, uint64_t lowest, uint64_t highest) {
  if (value < lowest || value > highest)
    throw file.error("key", name, fmt::format("{} is outside {} to {}", value, lowest, highest));
  return static_cast<uint32_t>(value);
}

uint32_t number(const GgufFile& file, std::string_view name, uint64_t lowest, uint64_t highest,
                std::optional<uint64_t> fallback = std::nullopt) {
  return checked(file, key(name), file.unsigned_value(key(name), fallback), lowest, highest);
}

float positive(const GgufFile& file, std::string_view name, std::optional<double> fallback = std::nullopt) {
  const double value = file.float_value(key(name), fallback);
  if (!(value > 0) || value > double(std::numeric_limits<float>::max()))
    throw file.error("key", key(name), fmt::format("{} is not a positive number", value));
  return static_cast<float>(value);
}

void check_kind(const GgufFile& file) {
  const std::string architecture = file.string_value("general.architecture");
  if (architecture != "gemma4")
    throw file.error("key", "general.architecture",
                     fmt::format("the architecture '{}' has no decoder here", architecture), "use a Gemma 4 model");
  if (file.unsigned_value(key("expert_count"), 0) != 0)
    throw file.error("key", key("expert_count"), "mixtures of experts are not supported", "use a dense Gemma 4 model");
}

// Keys, queries and values of a layer have one size, all of it rotated.
uint32_t head_dim(const GgufFile& file, std::string_view suffix) {
  const auto named = [&](std::string_view name) { return fmt::format("{}{}", name, suffix); };
  const uint32_t dim = number(file, named("attention.key_length"), 2, kWidest);
  if (dim % 2 != 0)
    throw file.error("key", key(named("attention.key_length")), "is odd, so its pairs cannot be rotated");
  for (const auto& other : {named("attention.value_length"), named("rope.dimension_count")})
    if (const uint32_t value = number(file, other, 1, kWidest, dim); value != dim)
      throw file.error("key", key(other), fmt::format("{} differs from the key length {}", value, dim));
  return dim;
}

void share_kv(const GgufFile& file, Hyperparameters& model) {
  const std::string name = key("attention.shared_kv_layers");
  const uint32_t shared = number(file, "attention.shared_kv_layers", 0, model.layers, 0);
  const uint32_t first = model.layers - shared;
  for (uint32_t l = 0; l < model.layers; ++l) {
    LayerShape& layer = model.layer[l];
    layer.kv_from = l;
    if (l < first) continue;
    layer.own_kv = false;
    const uint32_t back = layer.sliding ? 2 : 1;
    if (first < back) throw file.error("key", name, fmt::format("layer {} has no earlier layer to share with", l));
    layer.kv_from = first - back;
    const LayerShape& source = model.layer[layer.kv_from];
    if (source.sliding != layer.sliding || source.kv_heads != layer.kv_heads)
      throw file.error("key", name,
                       fmt::format("layer {} would share with layer {}, which is of another kind", l, layer.kv_from));
  }
}

void read_layers(const GgufFile& file, Hyperparameters& model) {
  const auto per_layer = [&](std::string_view name) { return file.unsigned_per_layer(key(name), model.layers); };
  const auto sliding = per_layer("attention.sliding_window_pattern");
  const auto heads = per_layer("attention.head_count"), kv_heads = per_layer("attention.head_count_kv");
  const auto ffn_width = per_layer("feed_forward_length");
  const uint32_t full_dim = head_dim(file, ""), sliding_dim = head_dim(file, "_swa");
  for (uint32_t l = 0; l < model.layers; ++l) {
    LayerShape layer;
    layer.sliding = sliding[l] != 0;
    layer.head_dim = layer.sliding ? sliding_dim : full_dim;
    layer.heads = checked(file, key("attention.head_count"), heads[l], 1, kWidest / layer.head_dim);
    layer.kv_heads = checked(file, key("attention.head_count_kv"), kv_heads[l], 1, layer.heads);
    if (layer.heads % layer.kv_heads != 0)
      throw file.error("key", key("attention.head_count_kv"),
                       fmt::format("layer {}: {} heads do not share {} evenly", l, layer.heads, layer.kv_heads));
    layer.ffn_width = checked(file, key("feed_forward_length"), ffn_width[l], 1, kWidest);
    model.layer.push_back(layer);
  }
}

PleTable describe_table(const GgufFile& file, const GgufTensor& tensor) {
  if (tensor.shape.size() != 2) throw file.error("tensor", tensor.name, "is not a table of two dimensions");
  const DTypeInfo& info = file.dtype(tensor);
  return {file.paths()[tensor.file],        tensor.offset, tensor.shape[1],
          row_bytes(info, tensor.shape[0]), tensor.type,   tensor.shape[0]};
}

}  // namespace

Hyperparameters read_hyperparameters(const GgufFile& file) {
  check_kind(file);
  Hyperparameters model;
  model.layers = number(file, "block_count", 1, kMostLayers);
  model.hidden = number(file, "embedding_length", 1, kWidest);
  model.context = number(file, "context_length", 1, std::numeric_limits<uint32_t>::max());
  model.ple_dim = number(file, "embedding_length_per_layer_input", 0, kWidest, 0);
  model.rms_epsilon = positive(file, "attention.layer_norm_rms_epsilon");
  model.rope_base = positive(file, "rope.freq_base");
  model.rope_base_sliding = positive(file, "rope.freq_base_swa");
  model.sliding_window = number(file, "attention.sliding_window", 1, std::numeric_limits<uint32_t>::max());
  model.logit_softcap = file.value(key("final_logit_softcapping")) ? positive(file, "final_logit_softcapping") : 0;
  read_layers(file, model);
  share_kv(file, model);

  const GgufTensor& embedding = file.tensor("token_embd.weight");
  if (embedding.shape.size() != 2 || embedding.shape[0] != model.hidden)
    throw file.error("tensor", embedding.name, fmt::format("its rows do not have the hidden size {}", model.hidden));
  if (embedding.shape[1] > std::numeric_limits<uint32_t>::max())
    throw file.error("tensor", embedding.name, fmt::format("a vocabulary of {} is too large", embedding.shape[1]));
  model.vocab = static_cast<uint32_t>(embedding.shape[1]);
  return model;
}

std::optional<PleTable> find_ple_table(const GgufFile& file) {
  const GgufTensor* tensor = file.find(kTable);
  if (file.string_value("general.architecture", "") != "gemma4")
    return tensor ? std::optional(describe_table(file, *tensor)) : std::nullopt;
  const Hyperparameters model = read_hyperparameters(file);
  if (model.ple_dim == 0) return std::nullopt;
  const PleTable table = describe_table(file, file.tensor(kTable));
  if (table.row_values != uint64_t{model.layers} * model.ple_dim || table.rows != model.vocab)
    throw file.error("tensor", kTable,
                     fmt::format("its shape is {} x {}, the keys ask for {} x {}", table.row_values, table.rows,
                                 uint64_t{model.layers} * model.ple_dim, model.vocab));
  return table;
}

}  // namespace tierscope
