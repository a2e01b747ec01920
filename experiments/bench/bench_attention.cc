// Attention over a filled cache, in the shapes of Gemma 4 E2B: 8 query heads on one key-value head. One thread.
#include <benchmark/benchmark.h>

#include <random>

#include "runtime/model/attention.h"

namespace {

using namespace tierscope;

constexpr uint32_t kHeads = 8;

// `tokens` queries at the end of `context` positions.
void run(benchmark::State& state, uint32_t head_dim, uint32_t window) {
  const auto context = static_cast<uint32_t>(state.range(0)), tokens = static_cast<uint32_t>(state.range(1));
  Hyperparameters model;
  model.layers = 1;
  model.layer = {{window != 0, true, 0, kHeads, 1, head_dim, 0}};
  model.sliding_window = window;
  KvCache cache(model, KvType::f16, {context, 1, tokens});
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> key(head_dim), value(head_dim);
  for (uint32_t p = 0; p < context; ++p) {
    for (float& x : key) x = normal(random) / 16;
    for (float& x : value) x = normal(random);
    cache.store(0, 0, p, key.data(), value.data());
  }
  std::vector<float> queries(size_t{tokens} * kHeads * head_dim), out(queries.size());
  for (float& x : queries) x = normal(random);
  std::vector<float> scratch(attention_scratch_floats(head_dim));
  std::vector<uint32_t> positions;
  double products = 0;
  for (uint32_t t = 0; t < tokens; ++t) {
    positions.push_back(context - tokens + t);
    const uint32_t seen = positions.back() + 1;
    products += 2.0 * kHeads * head_dim * (window == 0 ? seen : std::min(seen, window));
  }
  const size_t stride = size_t{kHeads} * head_dim;
  for (auto _ : state)
    for (uint32_t t = 0; t < tokens; t += kMaxAttentionRows / kHeads) {
      const size_t count = std::min<size_t>(tokens - t, kMaxAttentionRows / kHeads);
      attend({cache.head(0, 0, 0), window, std::span(positions).subspan(t, count), kHeads, stride,
              queries.data() + t * stride, out.data() + t * stride},
             scratch.data());
    }
  state.counters["flop/s"] =
      benchmark::Counter(2 * products, benchmark::Counter::kIsIterationInvariantRate, benchmark::Counter::kIs1000);
}

void BM_sliding(benchmark::State& state) {
  run(state, 256, 512);
}
void BM_full(benchmark::State& state) {
  run(state, 512, 0);
}

BENCHMARK(BM_sliding)
    ->Args({64, 1})
    ->Args({2048, 1})
    ->Args({512, 512})
    ->Args({2048, 512})
    ->Unit(benchmark::kMillisecond);
BENCHMARK(BM_full)->Args({64, 1})->Args({2048, 1})->Args({512, 512})->Args({2048, 512})->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
