#include "runtime/model/synthetic.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <tuple>

#include "runtime/base/random.h"
#include "runtime/base/text.h"
#include "runtime/model/random_blocks.h"
#include "runtime/model/synthetic_vocabulary.h"

namespace tierscope {
namespace {

constexpr std::array kPresets{
    SynthPreset{.name = "gemma4-e2b",
                .summary = "Gemma 4 E2B: 35 layers of 1,536",
                .layers = 35,
                .hidden = 1536,
                .heads = 8,
                .kv_heads = 1,
                .head_dim_sliding = 256,
                .head_dim_full = 512,
                .full_every = 5,
                .shared_layers = 20,
                .ffn_width = 6144,
                .ffn_width_shared = 12288,
                .vocab = 262144,
                .ple_dim = 256,
                .window = 512,
                .weights = DType::q4_0,
                .ple = DType::q8_0,
                .embedding = DType::q8_0},
    SynthPreset{.name = "gemma4-e4b",
                .summary = "Gemma 4 E4B: 42 layers of 2,560",
                .layers = 42,
                .hidden = 2560,
                .heads = 8,
                .kv_heads = 2,
                .head_dim_sliding = 256,
                .head_dim_full = 512,
                .full_every = 6,
                .shared_layers = 18,
                .ffn_width = 10240,
                .ffn_width_shared = 10240,
                .vocab = 262144,
                .ple_dim = 256,
                .window = 512,
                .weights = DType::q4_0,
                .ple = DType::q8_0,
                .embedding = DType::q8_0},
    SynthPreset{.name = "micro",
                .summary = "10 layers of 64, 300 entries: seconds in a debugger",
                .layers = 10,
                .hidden = 64,
                .heads = 3,
                .kv_heads = 1,
                .head_dim_sliding = 32,
                .head_dim_full = 64,
                .full_every = 5,
                .shared_layers = 5,
                .ffn_width = 96,
                .ffn_width_shared = 192,
                .vocab = 300,
                .ple_dim = 16,
                .window = 16,
                .weights = DType::f32,
                .ple = DType::f32,
                .embedding = DType::f32},
    SynthPreset{.name = "tiny",
                .summary = "4 layers of 256, 2,048 entries: rows fit the blocks of every type",
                .layers = 4,
                .hidden = 256,
                .heads = 4,
                .kv_heads = 1,
                .head_dim_sliding = 64,
                .head_dim_full = 128,
                .full_every = 2,
                .shared_layers = 2,
                .ffn_width = 256,
                .ffn_width_shared = 512,
                .vocab = 2048,
                .ple_dim = 64,
                .window = 16,
                .weights = DType::q4_0,
                .ple = DType::q8_0,
                .embedding = DType::q8_0},
    SynthPreset{.name = "wide",
                .summary = "4 layers of 64, Gemma's 262,144 entries: real traces over a small table",
                .layers = 4,
                .hidden = 64,
                .heads = 2,
                .kv_heads = 1,
                .head_dim_sliding = 32,
                .head_dim_full = 64,
                .full_every = 2,
                .shared_layers = 2,
                .ffn_width = 128,
                .ffn_width_shared = 128,
                .vocab = 262144,
                .ple_dim = 32,
                .window = 64,
                .weights = DType::q8_0,
                .ple = DType::q8_0,
                .embedding = DType::q4_0},
};

constexpr uint32_t kContext = 131072;
// Of a full layer's frequencies, the first quarter rotates; a divisor of 1e30 stands still.
constexpr float kStill = 1e30f;

class ModelBuilder {
 public:
  ModelBuilder(const SynthPreset& preset, const SynthOptions& options) : preset_(preset), options_(options) {}

  GgufWriter build() {
    add_keys();
    add_tables();
    for (uint32_t layer = 0; layer < preset_.layers; ++layer) add_block(layer);
    return std::move(writer_);
  }

 private:
  uint64_t next_seed() { return splitmix64(options_.seed + 0x100 * ++tensors_); }
  bool sliding(uint32_t layer) const { return (layer + 1) % preset_.full_every != 0; }
  bool shares(uint32_t layer) const { return layer >= preset_.layers - preset_.shared_layers; }
  uint32_t head_dim(uint32_t layer) const { return sliding(layer) ? preset_.head_dim_sliding : preset_.head_dim_full; }
  uint32_t ffn_width(uint32_t layer) const { return shares(layer) ? preset_.ffn_width_shared : preset_.ffn_width; }
  template <typename Of>
  GgufArray per_layer(GgufType type, Of of) const;

  void add_keys();
  void add_tables();
  void add_block(uint32_t layer);
  // Rows of `in` values of variance 1 / in, so that a product keeps its input's scale.
  void add_matrix(const std::string& name, uint64_t in, uint64_t out, DType type);
  void add_values(const std::string& name, std::vector<float> values);
  // About `mean`, each value off by a tenth of it.
  void add_norm(const std::string& name, uint64_t size, float mean);
  std::shared_ptr<const RandomBlocks> blocks(DType type, uint64_t row_values);
  DType fitting(DType type, uint64_t row_values) const;
  void expect_fit(DType type, uint64_t row_values, const char* option) const;
  // The small projections around the table, which published files leave unquantised.
  DType projection_type() const {
    return known_dtype(options_.weights).block_values == 1 ? options_.weights : DType::bf16;
  }

  const SynthPreset& preset_;
  const SynthOptions& options_;
  GgufWriter writer_;
  uint64_t tensors_ = 0;
  std::map<std::tuple<DType, uint64_t>, std::shared_ptr<const RandomBlocks>> pools_;
};

template <typename Of>
GgufArray ModelBuilder::per_layer(GgufType type, Of of) const {
  std::vector<decltype(of(0))> values;
  for (uint32_t layer = 0; layer < preset_.layers; ++layer) values.push_back(of(layer));
  return {type, std::move(values)};
}

void ModelBuilder::add_keys() {
  const auto key = [&](const char* name, GgufValue value) {
    writer_.add(fmt::format("gemma4.{}", name), std::move(value));
  };
  const auto whole = [](uint32_t value) { return GgufValue(uint64_t{value}); };
  writer_.add("general.architecture", "gemma4");
  writer_.add("general.name", fmt::format("synthetic {}, random weights, seed {}", preset_.name, options_.seed));
  writer_.add("general.quantization_version", uint64_t{2});
  key("block_count", whole(preset_.layers));
  key("context_length", whole(kContext));
  key("embedding_length", whole(preset_.hidden));
  key("feed_forward_length", per_layer(GgufType::i32, [&](uint32_t l) { return int64_t{ffn_width(l)}; }));
  key("attention.head_count", whole(preset_.heads));
  key("attention.head_count_kv", whole(preset_.kv_heads));
  for (const char* name : {"attention.key_length", "attention.value_length", "rope.dimension_count"}) {
    key(name, whole(preset_.head_dim_full));
    key(fmt::format("{}_swa", name).c_str(), whole(preset_.head_dim_sliding));
  }
  key("attention.layer_norm_rms_epsilon", 1e-6);
  key("attention.sliding_window", whole(preset_.window));
  key("attention.sliding_window_pattern", per_layer(GgufType::boolean, [&](uint32_t l) { return sliding(l); }));
  key("attention.shared_kv_layers", whole(preset_.shared_layers));
  key("embedding_length_per_layer_input", whole(preset_.ple_dim));
  key("rope.freq_base", 1e6);
  key("rope.freq_base_swa", 1e4);
  key("final_logit_softcapping", 30.0);
  key("vocab_size", whole(preset_.vocab));
  for (auto& [name, value] : options_.vocabulary_from ? copied_vocabulary(*options_.vocabulary_from, preset_.vocab)
                                                      : synthetic_vocabulary(preset_.vocab))
    writer_.add(name, std::move(value));
}

void ModelBuilder::add_tables() {
  const uint64_t row = uint64_t{preset_.layers} * preset_.ple_dim;
  expect_fit(options_.embedding, preset_.hidden, "--embd");
  expect_fit(options_.ple, row, "--ple");
  add_matrix("token_embd.weight", preset_.hidden, preset_.vocab, options_.embedding);
  add_matrix("per_layer_token_embd.weight", row, preset_.vocab, options_.ple);
  add_matrix("per_layer_model_proj.weight", preset_.hidden, row, projection_type());
  add_norm("per_layer_proj_norm.weight", preset_.ple_dim, 1);
  add_norm("output_norm.weight", preset_.hidden, 1);
  std::vector<float> divisors(preset_.head_dim_full / 2, kStill);
  std::fill_n(divisors.begin(), divisors.size() / 4, 1.0f);
  add_values("rope_freqs.weight", std::move(divisors));
}

void ModelBuilder::add_block(uint32_t layer) {
  const uint64_t hidden = preset_.hidden, dim = head_dim(layer), ffn = ffn_width(layer);
  const auto named = [layer](const char* name) { return fmt::format("blk.{}.{}.weight", layer, name); };
  const auto matrix = [&](const char* name, uint64_t in, uint64_t out) {
    add_matrix(named(name), in, out, fitting(options_.weights, in));
  };
  add_norm(named("attn_norm"), hidden, 1);
  matrix("attn_q", hidden, preset_.heads * dim);
  add_norm(named("attn_q_norm"), dim, 1);
  if (!shares(layer)) {
    matrix("attn_k", hidden, preset_.kv_heads * dim);
    matrix("attn_v", hidden, preset_.kv_heads * dim);
    // Attention has no scale of its own: this one keeps scores near 2, neither flat nor one-hot.
    add_norm(named("attn_k_norm"), dim, 2 / std::sqrt(float(dim)));
  }
  matrix("attn_output", preset_.heads * dim, hidden);
  // Each of the three branches adds half of what one embedding weighs, so the residual stream grows slowly.
  add_norm(named("post_attention_norm"), hidden, 0.5f);
  add_norm(named("ffn_norm"), hidden, 1);
  matrix("ffn_gate", hidden, ffn);
  matrix("ffn_up", hidden, ffn);
  matrix("ffn_down", ffn, hidden);
  add_norm(named("post_ffw_norm"), hidden, 0.5f);
  add_matrix(named("inp_gate"), hidden, preset_.ple_dim, projection_type());
  add_matrix(named("proj"), preset_.ple_dim, hidden, projection_type());
  add_norm(named("post_norm"), hidden, 0.5f);
  add_norm(named("layer_output_scale"), 1, 1);
}

void ModelBuilder::add_matrix(const std::string& name, uint64_t in, uint64_t out, DType type) {
  const auto rows = [pool = blocks(type, in), seed = next_seed()](uint64_t first, uint64_t count, std::byte* to) {
    pool->fill(seed, first, count, to);
  };
  writer_.add_tensor(name, {in, out}, type, rows);
}

void ModelBuilder::add_values(const std::string& name, std::vector<float> values) {
  const std::vector<uint64_t> shape{values.size()};
  const auto rows = [values = std::move(values)](uint64_t, uint64_t, std::byte* to) {
    std::memcpy(to, values.data(), values.size() * sizeof(float));
  };
  writer_.add_tensor(name, shape, DType::f32, rows);
}

void ModelBuilder::add_norm(const std::string& name, uint64_t size, float mean) {
  Random random(next_seed());
  std::vector<float> values(size);
  for (float& value : values) value = mean * (1 + 0.1f * random.normal());
  add_values(name, std::move(values));
}

std::shared_ptr<const RandomBlocks> ModelBuilder::blocks(DType type, uint64_t row_values) {
  auto& pool = pools_[{type, row_values}];
  if (!pool)
    pool = std::make_shared<RandomBlocks>(known_dtype(type), row_values, 1 / std::sqrt(float(row_values)),
                                          splitmix64(options_.seed + row_values));
  return pool;
}

DType ModelBuilder::fitting(DType type, uint64_t row_values) const {
  return row_values % known_dtype(type).block_values == 0 ? type : DType::bf16;
}

void ModelBuilder::expect_fit(DType type, uint64_t row_values, const char* option) const {
  const DTypeInfo& info = known_dtype(type);
  if (row_values % info.block_values != 0)
    throw UsageError(fmt::format("{} comes in blocks of {} values, which rows of {} do not fill", info.name,
                                 info.block_values, row_values),
                     option, "choose F16, BF16 or F32");
}

}  // namespace

std::span<const SynthPreset> synth_presets() {
  return kPresets;
}

const SynthPreset& synth_preset(std::string_view name) {
  const auto found = std::ranges::find(kPresets, name, &SynthPreset::name);
  if (found != kPresets.end()) return *found;
  std::vector<std::string> names;
  for (const SynthPreset& preset : kPresets) names.emplace_back(preset.name);
  throw UsageError(unknown_name("preset", name, names));
}

SynthOptions default_synth_options(const SynthPreset& preset) {
  SynthOptions options;
  options.weights = preset.weights;
  options.ple = preset.ple;
  options.embedding = preset.embedding;
  return options;
}

uint64_t write_synthetic_model(const SynthPreset& preset, const SynthOptions& options,
                               const std::filesystem::path& path) {
  const GgufWriter writer = ModelBuilder(preset, options).build();
  writer.write(path, options.threads);
  return writer.file_bytes();
}

}  // namespace tierscope
