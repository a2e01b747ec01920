// Rows a second of the n-gram addressings, one core: prefill-sized chunks and single decode tokens.
#include <benchmark/benchmark.h>

#include <random>

#include "traces/addressing.h"

namespace tierscope {
namespace {

void ngram_rows(benchmark::State& state, const char* text) {
  const auto addressing = parse_addressing(text);
  std::mt19937 random(1);
  std::vector<TokenId> tokens(static_cast<size_t>(state.range(0)));
  for (TokenId& token : tokens) token = random() % 129280;
  const std::vector<TokenId> history(addressing->history_tokens(), 7);
  std::vector<RowId> rows;
  for (auto _ : state) {
    rows.clear();
    addressing->rows(history, tokens, rows);
    benchmark::DoNotOptimize(rows.data());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(rows.size()));
}

BENCHMARK_CAPTURE(ngram_rows, qwen4_exp, "ngram:qwen4-exp")->Arg(1)->Arg(512)->Arg(2048);
BENCHMARK_CAPTURE(ngram_rows, deepseek_engram, "ngram:deepseek-engram")->Arg(1)->Arg(512)->Arg(2048);

}  // namespace
}  // namespace tierscope

BENCHMARK_MAIN();
