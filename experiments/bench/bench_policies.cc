// Accesses a second of each policy, through the Planner: capacity 4,096 rows, the bundled trace mgsm repeated to 4 M
// accesses with its prefill chunks of 512 tokens and its decode steps, one thread. Run it from the project's root.
#include <benchmark/benchmark.h>

#include "runtime/placement/planner.h"

using namespace tierscope;

namespace {

constexpr uint64_t kAccesses = 4'000'000;
constexpr TableShape kTable{262144, 9520};

const AccessStream& repeated_trace() {
  static const AccessStream stream = [] {
    TokenTrace trace = read_trace("traces/data/mgsm.jsonl.zst");
    const std::vector<Request> once = trace.requests;
    const uint64_t tokens = trace.token_count();
    for (uint64_t have = tokens; have < kAccesses; have += tokens)
      trace.requests.insert(trace.requests.end(), once.begin(), once.end());
    return make_access_stream(trace, *parse_addressing("token"), 512);
  }();
  return stream;
}

void count_accesses(benchmark::State& state, const std::string& policy) {
  const AccessStream& stream = repeated_trace();
  const Placement placement = parse_placement("nvme+ram:4096rows:" + policy);
  std::vector<uint32_t> uses;
  if (Planner(placement, kTable).offline()) uses = next_uses(stream.rows, kTable.rows);
  for (auto _ : state) {
    state.PauseTiming();
    Planner planner(placement, kTable);
    state.ResumeTiming();
    planner.count_all(stream, uses.empty() ? nullptr : uses.data());
    benchmark::DoNotOptimize(planner.totals().reads);
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()) * static_cast<int64_t>(stream.rows.size()));
}

}  // namespace

int main(int argc, char** argv) {
  for (const PolicyInfo& policy : policies())
    if (policy.name != "pin-frequency")
      benchmark::RegisterBenchmark(policy.name.c_str(), count_accesses, policy.name)->Unit(benchmark::kMillisecond);
  for (const char* variant : {"lru:admit=second-access", "lru:admit=tinylfu", "lru:pin=rank"})
    benchmark::RegisterBenchmark(variant, count_accesses, variant)->Unit(benchmark::kMillisecond);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
}
