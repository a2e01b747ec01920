#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "experiments/backend.h"
#include "experiments/commands/commands.h"
#include "experiments/vocabulary_file.h"
#include "runtime/base/error.h"
#include "runtime/engine/generator.h"
#include "runtime/engine/model_table.h"
#include "runtime/model/hyperparameters.h"

namespace tierscope {
namespace {

using nlohmann::ordered_json;

// Every way a row can reach the decoder. The cache is small enough that rows are evicted.
constexpr std::array<const char*, 9> kPlacements{"ram",
                                                 "nvme",
                                                 "nvme,access=pread",
                                                 "nvme,access=mmap",
                                                 "nvme,prefetch=overlap",
                                                 "nvme+ram:8rows:lru",
                                                 "nvme+ram:8rows:fifo,prefetch=overlap",
                                                 "nvme+ram:8rows:sieve,prefetch=draft:2",
                                                 "nvme+ram:8rows:lru,unit=page"};
// The ways to a decoder on a device, whose memory may hold a tier too.
constexpr std::array<const char*, 5> kDevicePlacements{"vram", "ram+vram:8rows:lru", "nvme+vram:8rows:fifo",
                                                       "nvme+ram:16rows:lru+vram:8rows:sieve",
                                                       "nvme+vram:8rows:lru,prefetch=overlap"};
constexpr size_t kRowsSampled = 64;
constexpr const char* kText =
    "The quick brown fox jumps over the lazy dog. In 1969 two people walked on the Moon; 1 + 1 = 2, and "
    "def add(a, b): return a + b is Python. Die Würde des Menschen ist unantastbar.";

struct Check {
  std::string name, detail;
  bool passed = false;
};

double rms(std::span<const float> values) {
  double sum = 0;
  for (const float value : values) sum += double{value} * value;
  return std::sqrt(sum / static_cast<double>(values.size()));
}

// Rows spread over the tensor, as floats.
std::vector<std::vector<float>> sample_rows(const GgufFile& model, const GgufTensor& tensor) {
  const DTypeInfo& type = model.dtype(tensor);
  const uint64_t values = tensor.shape[0], bytes = row_bytes(type, values);
  std::ifstream in(model.paths()[tensor.file], std::ios::binary);
  std::vector<std::vector<float>> rows;
  std::vector<std::byte> raw(bytes);
  const uint64_t count = std::min<uint64_t>(kRowsSampled, tensor.rows());
  for (uint64_t i = 0; i < count; ++i) {
    in.seekg(static_cast<std::streamoff>(tensor.offset + i * (tensor.rows() / count) * bytes));
    if (!in.read(reinterpret_cast<char*>(raw.data()), static_cast<std::streamsize>(bytes)))
      throw model.error("tensor", tensor.name, "cannot be read", "the file is truncated; copy it again");
    type.dequantize(raw.data(), rows.emplace_back(values).data(), values);
  }
  return rows;
}

// Sane: all finite, and neither all zero nor so large that the first norm would meet infinities.
Check check_scale(const GgufFile& model, const GgufTensor& tensor) {
  double least = INFINITY, most = 0;
  for (const std::vector<float>& row : sample_rows(model, tensor)) {
    const double size = rms(row);
    if (!std::isfinite(size)) return {"scale of " + tensor.name, "holds values that are not finite", false};
    least = std::min(least, size);
    most = std::max(most, size);
  }
  return {"scale of " + tensor.name, fmt::format("rms of rows {:.3g} to {:.3g}", least, most),
          most > 1e-6 && most < 1e4};
}

std::vector<TokenId> tokens_for(const GgufFile& model, uint32_t vocab) {
  std::vector<TokenId> tokens;
  if (model.value("tokenizer.ggml.tokens")) {
    const Tokenizer tokenizer(read_vocabulary(model));
    if (tokenizer.vocabulary().bos) tokens.push_back(*tokenizer.vocabulary().bos);
    Encoder(tokenizer).encode(kText, tokens);
  } else {
    for (uint64_t i = 0; i < kRowsSampled; ++i) tokens.push_back(static_cast<TokenId>((i * i * 7919 + 2) % vocab));
  }
  std::erase_if(tokens, [&](TokenId token) { return token >= vocab; });
  return tokens;
}

// The logits of every other token: prefill first, then token by token.
std::vector<float> logits_under(const GgufFile& model, Decoder& decoder, Device* device, const Placement& placement,
                                std::span<const TokenId> tokens) {
  decoder.reset(0);
  GeneratorOptions options;
  options.store.device = device;
  Generator generator(decoder, find_placed_table(model, placement), placement, options);
  std::vector<float> all;
  const size_t prompt = tokens.size() / 2;
  const auto keep = [&](std::span<const float> logits) { all.insert(all.end(), logits.begin(), logits.end()); };
  keep(generator.feed(tokens.first(prompt)));
  for (size_t i = prompt; i < tokens.size(); ++i) keep(generator.feed(tokens.subspan(i, 1)));
  return all;
}

void check_placements(const GgufFile& model, const std::string& backend_text, unsigned threads,
                      std::vector<Check>& checks) {
  const Backend backend(backend_text, {});
  std::vector<Placement> placements;
  for (const char* text : kPlacements) placements.push_back(parse_placement(text));
  if (backend.device())
    for (const char* text : kDevicePlacements) placements.push_back(parse_placement(text));
  const DecoderOptions options{threads, 512, 1, 512};
  for (const Placement& placement : placements)
    backend.check_room(backend.decoder_memory(model, options), model_table(model), placement, {});
  const auto decoder = backend.make_decoder(model, options);
  const std::vector<TokenId> tokens = tokens_for(model, decoder->hyperparameters().vocab);
  const std::vector<float> expected = logits_under(model, *decoder, backend.device(), placements.front(), tokens);
  const bool finite = std::ranges::all_of(expected, [](float value) { return std::isfinite(value); });
  const auto [least, most] = std::ranges::minmax(expected);
  checks.push_back(
      {"logits", fmt::format("{:.3g} to {:.3g} over {} tokens", least, most, tokens.size()), finite && least < most});
  for (const Placement& placement : placements) {
    const std::vector<float> logits = logits_under(model, *decoder, backend.device(), placement, tokens);
    const bool equal = std::memcmp(logits.data(), expected.data(), expected.size() * sizeof(float)) == 0;
    checks.push_back({fmt::format("bits under {}", to_text(placement)),
                      equal ? fmt::format("{} logits equal", expected.size()) : "differ from 'ram'", equal});
  }
}

std::string comparison(const std::string& model) {
  return fmt::format(
      "Compare with llama.cpp on this file (greedy; the texts must agree until two logits are nearly equal):\n"
      "  llama-cli -m '{0}' -no-cnv --temp 0 -n 32 -p 'The capital of France is'\n"
      "  tierscope generate '{0}' --raw --temperature 0 --max-tokens 32 --prompt 'The capital of France is'\n",
      model);
}

int run(const Arguments& arguments) {
  const std::string path = arguments.text("MODEL");
  const GgufFile model = GgufFile::open(path);
  std::vector<Check> checks;
  for (const char* name : {"token_embd.weight", "per_layer_token_embd.weight", "output_norm.weight"})
    if (const GgufTensor* tensor = model.find(name)) checks.push_back(check_scale(model, *tensor));
  model_table(model);
  check_placements(
      model, arguments.text("backend"),
      static_cast<unsigned>(arguments.number_if("threads").value_or(std::max(1u, std::thread::hardware_concurrency()))),
      checks);
  const bool passed = std::ranges::all_of(checks, &Check::passed);
  if (arguments.flag("json")) {
    ordered_json json{{"model", path}, {"passed", passed}, {"checks", ordered_json::array()}};
    for (const Check& check : checks)
      json["checks"].push_back({{"name", check.name}, {"detail", check.detail}, {"passed", check.passed}});
    fmt::print("{}\n", json.dump(1));
  } else {
    for (const Check& check : checks)
      fmt::print("{:<6} {:<48} {}\n", check.passed ? "ok" : "FAILED", check.name, check.detail);
    fmt::print("\n{}", comparison(path));
  }
  if (!passed) throw Error("a check failed", path, "the lines above say which");
  return 0;
}

}  // namespace

Command verify_command() {
  return {"verify",
          "on your own file: placements change no bit, scales are sane, how to compare with llama.cpp",
          "Runs the same tokens under every way a row can reach the decoder and compares all logits bit by bit.",
          {{"MODEL", "GGUF file of a model with a table", true}},
          {options::backend(), options::threads(), options::json()},
          {{"tierscope verify gemma-4-e2b.gguf", "takes a minute and the memory of the model and its table"}},
          run};
}

}  // namespace tierscope
