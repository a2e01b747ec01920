#include "runtime/model/synthetic.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <set>

#include "runtime/base/atomic_file.h"
#include "runtime/base/error.h"
#include "runtime/model/hyperparameters.h"
#include "runtime/model/synthetic_vocabulary.h"
#include "tests/support/temporary_folder.h"

using namespace tierscope;

namespace {

std::vector<float> read_tensor(const GgufFile& file, const GgufTensor& tensor) {
  std::ifstream in(file.paths()[tensor.file], std::ios::binary);
  std::vector<std::byte> bytes(tensor.bytes);
  in.seekg(static_cast<std::streamoff>(tensor.offset));
  in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  REQUIRE(in);
  std::vector<float> values(tensor.values());
  file.dtype(tensor).dequantize(bytes.data(), values.data(), values.size());
  return values;
}

double rms(const std::vector<float>& values) {
  double power = 0;
  for (const float value : values) power += double(value) * double(value);
  return std::sqrt(power / double(values.size()));
}

const std::vector<std::string>& strings(const GgufFile& file, const char* key) {
  return std::get<std::vector<std::string>>(std::get<GgufArray>(*file.value(key)).values);
}

}  // namespace

TEST_CASE("a synthetic model has its preset's shape and weights of the promised scale", "[synthetic]") {
  const TemporaryFolder folder;
  for (const char* name : {"micro", "tiny"}) {
    const SynthPreset& preset = synth_preset(name);
    const auto path = folder / name;
    const uint64_t bytes = write_synthetic_model(preset, default_synth_options(preset), path);
    CHECK(bytes == std::filesystem::file_size(path));
    const GgufFile file = GgufFile::open(path);
    const Hyperparameters model = read_hyperparameters(file);
    CHECK(model.layers == preset.layers);
    CHECK(model.vocab == preset.vocab);
    CHECK(model.layer.back().kv_from < preset.layers - preset.shared_layers);
    const auto table = find_ple_table(file);
    REQUIRE(table);
    CHECK(table->rows == preset.vocab);
    CHECK(table->row_values == preset.layers * preset.ple_dim);
    for (const GgufTensor& tensor : file.tensors()) {
      if (tensor.shape.size() < 2) continue;
      INFO(tensor.name);
      CHECK(rms(read_tensor(file, tensor)) == Approx(1 / std::sqrt(double(tensor.shape[0]))).epsilon(0.05));
    }
  }
}

TEST_CASE("equal seeds give equal bytes whatever the number of threads, other seeds others", "[synthetic]") {
  const TemporaryFolder folder;
  const SynthPreset& preset = synth_preset("tiny");
  SynthOptions options = default_synth_options(preset);
  const auto write = [&](const char* name, uint64_t seed, unsigned threads) {
    options.seed = seed;
    options.threads = threads;
    write_synthetic_model(preset, options, folder / name);
    return read_text_file(folder / name);
  };
  const std::string first = write("a", 1, 1);
  CHECK(write("b", 1, 3) == first);
  CHECK(write("c", 2, 1) != first);
}

TEST_CASE("every type can be written, rows that do not fill a block are refused", "[synthetic]") {
  const TemporaryFolder folder;
  const SynthPreset& preset = synth_preset("tiny");
  SynthOptions options = default_synth_options(preset);
  for (const DTypeInfo& info : dtypes()) {
    options.weights = options.ple = options.embedding = info.type;
    write_synthetic_model(preset, options, folder / "model");
    const GgufFile file = GgufFile::open(folder / "model");
    CHECK(file.tensor("blk.0.ffn_down.weight").type == info.type);
    CHECK(find_ple_table(file)->type == info.type);
  }
  options.ple = DType::q4_k;
  CHECK_THROWS_WITH(write_synthetic_model(synth_preset("micro"), options, folder / "model"), Catch::Contains("blocks"));
  CHECK_THROWS_WITH(synth_preset("gemma4-e3b"), Catch::Contains("did you mean 'gemma4-e"));
}

TEST_CASE("no file is left where a model cannot be written", "[synthetic]") {
  const TemporaryFolder folder;
  const SynthPreset& preset = synth_preset("micro");
  CHECK_THROWS_AS(write_synthetic_model(preset, default_synth_options(preset), folder / "no" / "x"), Error);
  GgufWriter writer;
  writer.add_tensor("huge", {1 << 20, uint64_t{1} << 36}, DType::f32, [](uint64_t, uint64_t, std::byte*) {});
  CHECK_THROWS_WITH(writer.write(folder / "huge"), Catch::Contains("are free"));
  GgufWriter failing;
  failing.add_tensor("t", {64, 64}, DType::f32, [](uint64_t, uint64_t, std::byte*) { throw Error("no weights"); });
  CHECK_THROWS_WITH(failing.write(folder / "failing", 2), "no weights");
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("the synthetic vocabulary keeps Gemma's ids for what has a fixed place", "[synthetic]") {
  const TemporaryFolder folder;
  GgufWriter writer;
  for (const auto& [key, value] : synthetic_vocabulary(262144)) writer.add(key, value);
  writer.write(folder / "vocabulary");
  const GgufFile file = GgufFile::open(folder / "vocabulary");
  const auto& tokens = strings(file, "tokenizer.ggml.tokens");
  REQUIRE(tokens.size() == 262144);
  CHECK(tokens[2] == "<bos>");
  CHECK(tokens[105] == "<|turn>");
  CHECK(tokens[107] == "\n");
  CHECK(tokens[108] == "\n\n");
  CHECK(tokens[238] == "<0x00>");
  CHECK(tokens[493] == "<0xFF>");
  const std::set<std::string> distinct(tokens.begin(), tokens.end());
  CHECK(distinct.size() == tokens.size());
  for (const std::string& merge : strings(file, "tokenizer.ggml.merges")) {
    const size_t gap = merge.find(' ');
    if (!distinct.contains(merge.substr(0, gap)) || !distinct.contains(merge.substr(gap + 1)) ||
        !distinct.contains(merge.substr(0, gap) + merge.substr(gap + 1)))
      FAIL("merge of unknown tokens: " << merge);
  }

  // A copy of it fills up a larger vocabulary and is refused by a smaller one.
  const GgufKeys grown = copied_vocabulary(file, 262150);
  CHECK(grown.size() == file.values().size());
  CHECK(std::get<GgufArray>(grown[1].second).size() == 262150);
  CHECK_THROWS_WITH(copied_vocabulary(file, 300), Catch::Contains("262144 entries"));
}
