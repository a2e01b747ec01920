#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <sstream>

#include "runtime/base/atomic_file.h"
#include "runtime/base/error.h"
#include "runtime/base/random.h"
#include "runtime/base/text.h"
#include "traces/ngram.h"

namespace tierscope {
namespace {

struct Preset {
  std::string_view name, title;
  uint32_t vocab;
  TokenId boundary;
  bool reset_at_boundary;
  uint32_t max_order, heads_per_order;
  uint64_t head_rows, seed;
  std::span<const uint32_t> blocks;
  std::span<const uint32_t> layer_seeds;  // i of the multipliers' formula
  uint64_t row_padding;                   // files round the table up to a multiple of this
};

constexpr std::array<uint32_t, 1> kQwenBlocks{1}, kQwenSeeds{0};
// Engram seeds each layer by its block.
constexpr std::array<uint32_t, 2> kEngramBlocks{1, 14};
constexpr std::array kPresets{
    Preset{"qwen4-exp", "Qwen4-Exp", 248320, 248044, true, 3, 8, 20'000'000, 1234, kQwenBlocks, kQwenSeeds, 128},
    Preset{"deepseek-engram", "DeepSeek Engram", 129280, 2, false, 4, 8, 16'000'000, 0, kEngramBlocks, kEngramBlocks,
           1},
};

std::vector<uint64_t> make_multipliers(uint64_t seed, uint64_t layer, uint64_t ids, uint32_t count) {
  const uint64_t half_bound = std::max<uint64_t>(1, INT64_MAX / ids / 2);
  std::vector<uint64_t> multipliers;
  for (uint64_t j = 1; j <= count; ++j)
    multipliers.push_back(2 * (splitmix64(seed + 10007 * layer + 0x9E3779B97F4A7C15 * j) % half_bound) + 1);
  return multipliers;
}

bool is_prime(uint64_t n) {
  if (n < 4) return n > 1;
  if (n % 2 == 0) return false;
  for (uint64_t d = 3; d * d <= n; d += 2)
    if (n % d == 0) return false;
  return true;
}

std::vector<TokenId> read_id_map(const std::string& path) {
  std::istringstream text(read_text_file(path));
  std::vector<TokenId> ids;
  for (std::string word; text >> word;) {
    const auto id = parse_unsigned(word);
    if (!id || *id > INT32_MAX)
      throw Error(fmt::format("'{}' is not an id", word), path, "an id map holds one id for each token");
    ids.push_back(static_cast<TokenId>(*id));
  }
  if (ids.empty()) throw Error("the id map is empty", path, "it holds one id for each token");
  return ids;
}

std::string written(const Preset& preset, const NgramGeometry& geometry, const NgramChanges& changes) {
  std::string text = fmt::format("ngram:{}", preset.name);
  if (geometry.vocab != preset.vocab) text += fmt::format(":vocab={}", geometry.vocab);
  if (geometry.boundary != preset.boundary) text += fmt::format(":eos={}", geometry.boundary);
  if (changes.head_rows && changes.head_rows != preset.head_rows)
    text += fmt::format(":head-rows={}", changes.head_rows);
  if (!changes.id_map_file.empty()) text += fmt::format(":ids={}", changes.id_map_file);
  return text;
}

}  // namespace

NgramGeometry ngram_preset(std::string_view name, const NgramChanges& changes) {
  const auto preset = std::ranges::find(kPresets, name, &Preset::name);
  if (preset == kPresets.end()) {
    std::vector<std::string> known;
    for (const Preset& each : kPresets) known.emplace_back(each.name);
    throw UsageError(unknown_name("n-gram preset", name, known), "--addressing");
  }
  NgramGeometry geometry;
  geometry.vocab = changes.vocab ? changes.vocab : preset->vocab;
  geometry.boundary = changes.boundary >= 0 ? static_cast<TokenId>(changes.boundary) : preset->boundary;
  geometry.reset_at_boundary = preset->reset_at_boundary;
  geometry.max_order = preset->max_order;
  geometry.heads_per_order = preset->heads_per_order;
  if (!changes.id_map_file.empty()) geometry.id_map = read_id_map(changes.id_map_file);
  const uint64_t ids =
      geometry.id_map.empty() ? geometry.vocab : uint64_t{*std::ranges::max_element(geometry.id_map)} + 1;
  const uint64_t head_rows = changes.head_rows ? changes.head_rows : preset->head_rows;
  const uint32_t heads = (geometry.max_order - 1) * geometry.heads_per_order;
  if (head_rows > UINT32_MAX / (heads * preset->blocks.size()))
    throw UsageError(fmt::format("heads of {} rows do not fit 32-bit row ids", head_rows), "--addressing",
                     "use a smaller head-rows");
  uint64_t candidate = head_rows, offset = 0;
  for (size_t i = 0; i < preset->blocks.size(); ++i) {
    NgramLayer& layer = geometry.layers.emplace_back();
    layer.block = preset->blocks[i];
    layer.multipliers = make_multipliers(preset->seed, preset->layer_seeds[i], ids, geometry.max_order);
    for (uint32_t h = 0; h < heads; ++h) {
      while (!is_prime(candidate)) ++candidate;
      layer.head_sizes.push_back(candidate);
      layer.head_offsets.push_back(offset);
      offset += candidate++;
    }
  }
  geometry.table_rows = (offset + preset->row_padding - 1) / preset->row_padding * preset->row_padding;
  geometry.text = written(*preset, geometry, changes);
  const bool scaled = head_rows != preset->head_rows;
  if (geometry.vocab != preset->vocab || scaled)
    geometry.caveat =
        fmt::format("{} geometry{}", preset->title, scaled ? fmt::format(" scaled to {} rows", offset) : "");
  check_geometry(geometry, geometry.text);
  return geometry;
}

NgramGeometry ngram_geometry(const NgramKeys& keys) {
  NgramGeometry geometry;
  geometry.text = "ngram of " + keys.origin;
  geometry.vocab = keys.vocab;
  geometry.table_rows = keys.table_rows;
  if (keys.eos_token_id >= keys.vocab)
    throw Error(fmt::format("EOS {} is outside the vocabulary of {}", keys.eos_token_id, keys.vocab),
                keys.origin + ": eos_token_id");
  geometry.boundary = static_cast<TokenId>(keys.eos_token_id);
  geometry.max_order = static_cast<uint32_t>(std::min<uint64_t>(keys.ngram_size, UINT32_MAX));
  geometry.heads_per_order = static_cast<uint32_t>(std::min<uint64_t>(keys.heads_per_ngram, UINT32_MAX));
  const size_t layers = keys.layers.size();
  if (layers == 0) throw Error("no layer is named", keys.origin + ": layers");
  for (const auto* values : {&keys.head_vocab_sizes, &keys.head_offsets, &keys.layer_multipliers})
    if (values->empty() || values->size() % layers != 0)
      throw Error(fmt::format("{} values do not divide among {} layers", values->size(), layers), keys.origin,
                  "check head_vocab_sizes, head_offsets and layer_multipliers");
  const auto part = [&](const std::vector<uint64_t>& values, size_t layer) {
    const auto count = static_cast<std::ptrdiff_t>(values.size() / layers);
    const auto first = values.begin() + static_cast<std::ptrdiff_t>(layer) * count;
    return std::vector<uint64_t>(first, first + count);
  };
  for (size_t i = 0; i < layers; ++i)
    geometry.layers.push_back({static_cast<uint32_t>(keys.layers[i]), part(keys.layer_multipliers, i),
                               part(keys.head_vocab_sizes, i), part(keys.head_offsets, i)});
  check_geometry(geometry, keys.origin);
  return geometry;
}

}  // namespace tierscope
