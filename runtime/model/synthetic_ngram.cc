#include <fmt/format.h>

#include <cmath>
#include <memory>

#include "runtime/model/random_blocks.h"
#include "runtime/model/synthetic.h"

namespace tierscope {
namespace {

template <typename Field>
GgufArray concatenated(const NgramGeometry& geometry, Field field) {
  std::vector<uint64_t> values;
  for (const NgramLayer& layer : geometry.layers)
    values.insert(values.end(), (layer.*field).begin(), (layer.*field).end());
  return {GgufType::u64, std::move(values)};
}

}  // namespace

uint64_t write_synthetic_ngram(const NgramGeometry& geometry, uint64_t row_values, DType type, uint64_t seed,
                               unsigned threads, const std::filesystem::path& path) {
  GgufWriter writer;
  const auto key = [&](const char* name, GgufValue value) {
    writer.add(fmt::format("qwen4exp.{}", name), std::move(value));
  };
  std::vector<uint64_t> blocks;
  for (const NgramLayer& layer : geometry.layers) blocks.push_back(layer.block);
  writer.add("general.architecture", "qwen4exp");
  writer.add("general.name", fmt::format("synthetic n-gram table, {}, random rows{}{}", geometry.text,
                                         geometry.caveat.empty() ? "" : ", ", geometry.caveat));
  key("vocab_size", uint64_t{geometry.vocab});
  key("ple.ngram_size", uint64_t{geometry.max_order});
  key("ple.heads_per_ngram", uint64_t{geometry.heads_per_order});
  key("ple.eos_token_id", uint64_t{geometry.boundary});
  key("ple.layers", GgufArray{GgufType::u32, std::move(blocks)});
  key("ple.head_vocab_sizes", concatenated(geometry, &NgramLayer::head_sizes));
  key("ple.head_offsets", concatenated(geometry, &NgramLayer::head_offsets));
  key("ple.layer_multipliers", concatenated(geometry, &NgramLayer::multipliers));
  const auto pool =
      std::make_shared<RandomBlocks>(known_dtype(type), row_values, 1 / std::sqrt(float(row_values)), seed);
  writer.add_tensor(
      "per_layer_token_embd.weight", {row_values, geometry.table_rows}, type,
      [pool, seed](uint64_t first, uint64_t count, std::byte* to) { pool->fill(seed, first, count, to); });
  writer.write(path, threads);
  return writer.file_bytes();
}

}  // namespace tierscope
