#include "runtime/model/hyperparameters.h"

#include <catch2/catch.hpp>
#include <functional>

#include "runtime/base/error.h"
#include "runtime/model/accounting.h"
#include "runtime/model/ngram_table.h"
#include "runtime/model/synthetic.h"
#include "tests/support/temporary_folder.h"

using namespace tierscope;
using Catch::Contains;

namespace {

// Copies the keys and the tensors' descriptions of a small model; `change` may alter them.
struct Description {
  std::vector<std::pair<std::string, GgufValue>> keys;
  std::vector<GgufTensor> tensors;

  GgufValue& key(const std::string& name) {
    return std::ranges::find(keys, name, &std::pair<std::string, GgufValue>::first)->second;
  }
  void drop(const std::string& name) {
    std::erase_if(keys, [&](const auto& pair) { return pair.first == name; });
    std::erase_if(tensors, [&](const GgufTensor& tensor) { return tensor.name == name; });
  }
  std::vector<uint64_t>& shape(const std::string& name) {
    return std::ranges::find(tensors, name, &GgufTensor::name)->shape;
  }
};

class Changing {
 public:
  Changing() {
    const SynthPreset& preset = synth_preset("micro");
    write_synthetic_model(preset, default_synth_options(preset), folder_ / "whole");
    const GgufFile file = GgufFile::open(folder_ / "whole");
    whole_.keys.assign(file.values().begin(), file.values().end());
    whole_.tensors.assign(file.tensors().begin(), file.tensors().end());
  }
  GgufFile operator()(const std::function<void(Description&)>& change) const {
    Description description = whole_;
    change(description);
    GgufWriter writer;
    for (const auto& [key, value] : description.keys) writer.add(key, value);
    for (const GgufTensor& tensor : description.tensors)
      writer.add_tensor(tensor.name, tensor.shape, tensor.type, [](uint64_t, uint64_t, std::byte*) {});
    writer.write(folder_ / "changed");
    return GgufFile::open(folder_ / "changed");
  }

 private:
  TemporaryFolder folder_;
  Description whole_;
};

}  // namespace

TEST_CASE("each missing key is named", "[hyperparameters]") {
  const Changing changed;
  for (const char* key :
       {"gemma4.block_count", "gemma4.embedding_length", "gemma4.context_length", "gemma4.feed_forward_length",
        "gemma4.attention.head_count", "gemma4.attention.head_count_kv", "gemma4.attention.key_length",
        "gemma4.attention.key_length_swa", "gemma4.attention.sliding_window", "gemma4.attention.sliding_window_pattern",
        "gemma4.attention.layer_norm_rms_epsilon", "gemma4.rope.freq_base", "gemma4.rope.freq_base_swa",
        "general.architecture", "token_embd.weight"}) {
    const GgufFile file = changed([&](Description& d) { d.drop(key); });
    CHECK_THROWS_WITH(read_hyperparameters(file), Contains(key) && Contains("missing"));
  }
}

TEST_CASE("values that do not fit each other are refused and named", "[hyperparameters]") {
  const Changing changed;
  const auto refuse = [&](const char* key, GgufValue value) {
    const GgufFile file = changed([&](Description& d) { d.key(key) = value; });
    CHECK_THROWS_WITH(read_hyperparameters(file), Contains(key));
  };
  refuse("general.architecture", "llama");
  refuse("gemma4.block_count", uint64_t{0});
  refuse("gemma4.block_count", uint64_t{1} << 40);
  refuse("gemma4.embedding_length", uint64_t{1} << 33);
  refuse("gemma4.embedding_length", 64.0);
  refuse("gemma4.attention.head_count", uint64_t{0});
  refuse("gemma4.attention.head_count_kv", uint64_t{2});
  refuse("gemma4.attention.key_length", uint64_t{63});
  refuse("gemma4.attention.value_length", uint64_t{32});
  refuse("gemma4.rope.dimension_count", uint64_t{32});
  refuse("gemma4.attention.shared_kv_layers", uint64_t{10});
  refuse("gemma4.attention.shared_kv_layers", uint64_t{11});
  refuse("gemma4.attention.shared_kv_layers", uint64_t{6});  // layer 4 would be full, its source sliding
  refuse("gemma4.attention.layer_norm_rms_epsilon", -1.0);
  refuse("gemma4.rope.freq_base", 0.0);
  refuse("gemma4.attention.sliding_window", uint64_t{0});
  refuse("gemma4.attention.sliding_window_pattern", GgufArray{GgufType::boolean, std::vector<bool>(3, true)});
  const GgufFile experts = changed([](Description& d) { d.keys.emplace_back("gemma4.expert_count", uint64_t{8}); });
  CHECK_THROWS_WITH(read_hyperparameters(experts), Contains("mixtures of experts"));
}

TEST_CASE("a table of the wrong shape is refused and named", "[hyperparameters]") {
  const Changing changed;
  const char* const table = "per_layer_token_embd.weight";
  const auto refuse = [&](const std::function<void(Description&)>& change) {
    const GgufFile file = changed(change);
    CHECK_THROWS_WITH(find_ple_table(file), Contains(table));
  };
  refuse([&](Description& d) { d.shape(table) = {160, 299}; });
  refuse([&](Description& d) { d.shape(table) = {144, 300}; });
  refuse([&](Description& d) { d.shape(table) = {160, 30, 10}; });
  refuse([&](Description& d) { d.drop(table); });
  const GgufFile narrow = changed([](Description& d) { d.shape("token_embd.weight") = {32, 300}; });
  CHECK_THROWS_WITH(read_hyperparameters(narrow), Contains("token_embd.weight"));
  const GgufFile none = changed([](Description& d) { d.key("gemma4.embedding_length_per_layer_input") = uint64_t{0}; });
  CHECK_FALSE(find_ple_table(none));
}

TEST_CASE("parameters are accounted for, each once", "[hyperparameters]") {
  const TemporaryFolder folder;
  const SynthPreset& preset = synth_preset("tiny");
  write_synthetic_model(preset, default_synth_options(preset), folder / "model");
  const GgufFile file = GgufFile::open(folder / "model");
  const ModelAccount account = account_parameters(file, 1);
  uint64_t grouped = 0;
  for (const ParameterGroup& group : account.groups) {
    CHECK(group.name != "other");
    grouped += group.parameters;
  }
  CHECK(grouped == account.total);
  CHECK(account.embedding == 2048 * 256 + 2048 * 256);
  CHECK(account.effective == account.total - account.embedding);
  CHECK(account.active_per_token == account.effective + 2048 * 256 + 256);
  CHECK_FALSE(account.published);
}

TEST_CASE("the pages that rows touch are counted exactly", "[hyperparameters]") {
  PleTable table;
  table.rows = 262144;
  table.row_bytes = 9520;
  const RowPages pages = row_pages(table);
  CHECK(pages.fewest == 3);
  CHECK(pages.most == 4);
  uint64_t sum = 0;
  for (uint64_t row = 0; row < table.rows; ++row)
    sum += ((row + 1) * table.row_bytes - 1) / 4096 - row * table.row_bytes / 4096 + 1;
  CHECK(pages.mean == Approx(double(sum) / double(table.rows)));
  table.row_bytes = 4096;
  CHECK(row_pages(table).mean == 1);
  table.offset = 32;
  CHECK(row_pages(table).mean == 2);
}

TEST_CASE("an n-gram table's keys give its addressing, wrong ones are named", "[hyperparameters]") {
  const TemporaryFolder folder;
  NgramChanges changes;
  changes.vocab = 1000;
  changes.boundary = 7;
  changes.head_rows = 50;
  const NgramGeometry scaled = ngram_preset("qwen4-exp", changes);
  const auto array = [](const std::vector<uint64_t>& values) { return GgufArray{GgufType::u64, values}; };
  const auto write = [&](const std::function<void(Description&)>& change) {
    const NgramLayer& layer = scaled.layers[0];
    Description d;
    d.keys = {{"general.architecture", "qwen4exp"},
              {"qwen4exp.vocab_size", uint64_t{1000}},
              {"qwen4exp.ple.ngram_size", uint64_t{3}},
              {"qwen4exp.ple.heads_per_ngram", uint64_t{8}},
              {"qwen4exp.ple.eos_token_id", uint64_t{7}},
              {"qwen4exp.ple.layers", array({1})},
              {"qwen4exp.ple.head_vocab_sizes", array(layer.head_sizes)},
              {"qwen4exp.ple.head_offsets", array(layer.head_offsets)},
              {"qwen4exp.ple.layer_multipliers", array(layer.multipliers)}};
    change(d);
    GgufWriter writer;
    for (const auto& [key, value] : d.keys) writer.add(key, value);
    writer.add_tensor("per_layer_token_embd.weight", {160, scaled.table_rows}, DType::q8_0,
                      [](uint64_t, uint64_t, std::byte*) {});
    writer.write(folder / "model");
    return GgufFile::open(folder / "model");
  };
  const GgufFile file = write([](Description&) {});
  CHECK(find_ple_table(file)->row_bytes == 170);
  const std::vector<TokenId> tokens{1, 2, 3, 7, 4, 999, 4};
  std::vector<RowId> from_file, from_preset;
  file_addressing(file)->rows({}, tokens, from_file);
  make_ngram_addressing(scaled)->rows({}, tokens, from_preset);
  CHECK(from_file == from_preset);
  CHECK_THROWS_WITH(read_ngram_geometry(write([](Description& d) { d.drop("qwen4exp.ple.head_offsets"); })),
                    Contains("head_offsets"));
  CHECK_THROWS_AS(read_ngram_geometry(write([&](Description& d) {
                    d.key("qwen4exp.ple.head_offsets") = array({1, 2, 3});
                  })),
                  Error);
  const auto refused = [&](const char* key, std::vector<uint64_t> values, size_t at, uint64_t value) {
    values[at] = value;
    return read_ngram_geometry(write([&](Description& d) { d.key(key) = array(values); }));
  };
  const NgramLayer& layer = scaled.layers[0];
  const char *multipliers = "qwen4exp.ple.layer_multipliers", *offsets = "qwen4exp.ple.head_offsets",
             *sizes = "qwen4exp.ple.head_vocab_sizes";
  CHECK_THROWS_WITH(refused(multipliers, layer.multipliers, 0, UINT64_MAX), Contains("overflows") && Contains("model"));
  CHECK_THROWS_WITH(refused(offsets, layer.head_offsets, 3, layer.head_offsets[3] - 1), Contains("overlap"));
  CHECK_THROWS_WITH(refused(offsets, layer.head_offsets, 15, UINT64_MAX), Contains("outside the table"));
  CHECK_THROWS_WITH(refused(sizes, layer.head_sizes, 15, 100'000), Contains("outside the table"));
  CHECK_THROWS_WITH(refused(sizes, layer.head_sizes, 0, 0), Contains("outside the table"));
  CHECK_THROWS_WITH(read_ngram_geometry(write([](Description& d) { d.key("qwen4exp.vocab_size") = uint64_t{5}; })),
                    Contains("EOS 7"));
  CHECK_THROWS_WITH(
      read_ngram_geometry(write([](Description& d) { d.key("qwen4exp.vocab_size") = uint64_t{1} << 40; })),
      Contains("vocab_size"));
}
