// How many accesses a second the timing model prices. The goal is 2 million with time, on one core.
#include <benchmark/benchmark.h>

#include "sim/timing.h"
#include "traces/token_trace.h"

namespace tierscope {
namespace {

constexpr TableLayout kTable{262144, 9520, 0, 9520, 512, 8192, 65536};

void price_chat(benchmark::State& state, const char* device, const char* placement) {
  const AccessStream stream =
      make_access_stream(read_trace("traces/data/mt_bench.jsonl.zst"), *parse_addressing("token"), 512);
  const DeviceProfile profile = find_profile(device);
  ModelShape model;
  model.blocks.assign(35, BlockShape{40'000'000, 70'000'000, 2048, 512, 512});
  model.first_use_in_block = 0.97;
  const Placement parsed = parse_placement(placement);
  for (auto _ : state)
    benchmark::DoNotOptimize(time_placement(profile, model, kTable, parsed, stream, {}).metrics.seconds);
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * stream.rows.size()));
}

BENCHMARK_CAPTURE(price_chat, nothing_cached, "phone-ufs4", "nvme");
BENCHMARK_CAPTURE(price_chat, cache, "phone-ufs4", "nvme+ram:4096rows:lru");
BENCHMARK_CAPTURE(price_chat, two_caches, "desktop-24gb",
                  "nvme+ram:16384rows:s3fifo+vram:1024rows:lru,prefetch=prompt+overlap");

}  // namespace
}  // namespace tierscope

BENCHMARK_MAIN();
