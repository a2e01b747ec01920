// Accesses a second of the exact lru curve over all capacities: the bundled trace mgsm repeated to 4 M accesses, one
// thread. Run it from the project's root.
#include <benchmark/benchmark.h>

#include "runtime/placement/request_steps.h"
#include "sim/reuse_distance.h"

using namespace tierscope;

namespace {

void exact_lru_curve(benchmark::State& state) {
  const auto once = make_access_stream(read_trace("traces/data/mgsm.jsonl.zst"), *parse_addressing("token"), 512).rows;
  constexpr uint64_t kAccesses = 4'000'000, kTableRows = 262144;
  std::vector<RowId> rows;
  while (rows.size() < kAccesses) rows.insert(rows.end(), once.begin(), once.end());
  for (auto _ : state) {
    ReuseDistances distances(kTableRows);
    distances.add(rows);
    benchmark::DoNotOptimize(distances.hits_by_slots().back());
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()) * static_cast<int64_t>(rows.size()));
}
BENCHMARK(exact_lru_curve)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
