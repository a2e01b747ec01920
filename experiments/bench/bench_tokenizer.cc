// Bytes a second of the tokenizer, one core: prose, source code and text without spaces. The vocabulary and the texts
// come from the environment: TIERSCOPE_VOCABULARY, TIERSCOPE_TEXT (colon-separated files).
#include <benchmark/benchmark.h>

#include <cstdlib>

#include "experiments/vocabulary_file.h"
#include "runtime/base/atomic_file.h"
#include "runtime/base/text.h"

namespace tierscope {
namespace {

std::string environment(const char* name, const char* fallback) {
  const char* value = std::getenv(name);
  return value ? value : fallback;
}

const Tokenizer& tokenizer() {
  static const Tokenizer loaded(
      read_vocabulary(environment("TIERSCOPE_VOCABULARY", "tests/golden/data/tokenizer/small-gemma4.gguf")));
  return loaded;
}

void encode_text(benchmark::State& state, const std::string& text) {
  std::vector<TokenId> ids;
  Encoder encoder(tokenizer());
  for (auto _ : state) {
    ids.clear();
    encoder.encode(text, ids);
    benchmark::DoNotOptimize(ids.data());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(text.size()));
  state.counters["bytes_per_token"] = static_cast<double>(text.size()) / static_cast<double>(ids.size());
}

void decode_text(benchmark::State& state, const std::string& text) {
  const std::vector<TokenId> ids = encode(tokenizer(), text);
  for (auto _ : state) benchmark::DoNotOptimize(decode(tokenizer(), ids));
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(text.size()));
}

}  // namespace
}  // namespace tierscope

int main(int argc, char** argv) {
  using namespace tierscope;
  benchmark::Initialize(&argc, argv);
  for (const std::string& file : split(environment("TIERSCOPE_TEXT", "README.md:runtime/placement/planner.cc"), ':')) {
    const std::string text = read_text_file(file);
    benchmark::RegisterBenchmark(("encode/" + file).c_str(), [text](auto& state) { encode_text(state, text); });
    benchmark::RegisterBenchmark(("decode/" + file).c_str(), [text](auto& state) { decode_text(state, text); });
  }
  benchmark::RunSpecifiedBenchmarks();
}
