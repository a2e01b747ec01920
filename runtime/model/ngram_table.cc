#include "runtime/model/ngram_table.h"

#include <fmt/format.h>

#include "runtime/model/hyperparameters.h"

namespace tierscope {
namespace {

// An array of whole numbers of any length; one number counts as an array of one.
std::vector<uint64_t> numbers(const GgufFile& file, const std::string& key) {
  const GgufValue* value = file.value(key);
  const auto* array = value ? std::get_if<GgufArray>(value) : nullptr;
  return file.unsigned_per_layer(key, array ? array->size() : 1);
}

uint64_t vocabulary_size(const GgufFile& file, const std::string& prefix) {
  const GgufValue* tokens = file.value("tokenizer.ggml.tokens");
  if (const auto* array = tokens ? std::get_if<GgufArray>(tokens) : nullptr) return array->size();
  return file.unsigned_value(prefix + ".vocab_size");
}

}  // namespace

std::optional<NgramGeometry> read_ngram_geometry(const GgufFile& file) {
  const std::string prefix = file.string_value("general.architecture", "");
  const auto key = [&](const char* name) { return fmt::format("{}.ple.{}", prefix, name); };
  if (!file.value(key("ngram_size"))) return std::nullopt;
  const auto table = find_ple_table(file);
  if (!table) throw file.error("key", key("ngram_size"), "describes a table that the file does not have");
  const uint64_t vocab = vocabulary_size(file, prefix);
  if (vocab > UINT32_MAX) throw file.error("key", prefix + ".vocab_size", fmt::format("{} is too large", vocab));
  NgramKeys keys;
  keys.origin = file.paths().front().string();
  keys.vocab = static_cast<uint32_t>(vocab);
  keys.table_rows = table->rows;
  keys.ngram_size = file.unsigned_value(key("ngram_size"));
  keys.heads_per_ngram = file.unsigned_value(key("heads_per_ngram"));
  keys.eos_token_id = file.unsigned_value(key("eos_token_id"));
  keys.layers = numbers(file, key("layers"));
  keys.head_vocab_sizes = numbers(file, key("head_vocab_sizes"));
  keys.head_offsets = numbers(file, key("head_offsets"));
  keys.layer_multipliers = numbers(file, key("layer_multipliers"));
  return ngram_geometry(keys);
}

std::unique_ptr<Addressing> file_addressing(const GgufFile& file) {
  if (auto geometry = read_ngram_geometry(file)) return make_ngram_addressing(std::move(*geometry));
  return parse_addressing("token");
}

}  // namespace tierscope
