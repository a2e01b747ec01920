#include "sim/tuner.h"

#include <catch2/catch.hpp>

#include "runtime/base/error.h"
#include "traces/token_trace.h"

using namespace tierscope;

namespace {

// A tenth of E2B's compute over its real table: fast enough for tests, and rows as large as the real ones.
ModelShape small_model() {
  ModelShape model;
  model.blocks.assign(4, BlockShape{20'000'000, 40'000'000, 2048, 512, 512});
  model.head = {40'000'000, 80'000'000, 0, 0, 0};
  model.weight_bytes = 120'000'000;
  model.first_use_in_block = 0.97;
  return model;
}

constexpr TableLayout kTable{262144, 9520, 0, 9520, 512, 8192, 65536};

AccessStream stream_of(const char* trace, uint64_t requests) {
  return make_access_stream(read_trace(std::string("traces/data/") + trace + ".jsonl.zst", requests),
                            *parse_addressing("token"), 512);
}

TuneOptions quick() {
  TuneOptions options;
  options.policies = {"lru", "s3fifo"};
  return options;
}

Tuning tuned(const char* device, const char* objective, const AccessStream& stream, const TuneOptions& options) {
  return tune(find_profile(device), small_model(), kTable, stream, parse_objective(objective), options);
}

}  // namespace

TEST_CASE("objectives parse, print back and refuse what they are not", "[tuner]") {
  for (const char* text : {"memory:tpot=5%", "memory:ttft=0.5%", "memory:p99=80ms", "latency:memory=64MiB"})
    CHECK(to_text(parse_objective(text)) == text);
  CHECK_THROWS_WITH(parse_objective("memory:tpto=5%"), Catch::Contains("'memory:tpot'"));
  CHECK_THROWS_WITH(parse_objective("memory:tpot=5"), Catch::Contains("lacks its unit, %"));
  CHECK_THROWS_WITH(parse_objective("memory"), Catch::Contains("KIND:KEY=VALUE"));
  CHECK_THROWS_AS(parse_objective("latency:memory=much"), UsageError);
}

TEST_CASE("thinning by misses loses nothing against exhaustive simulation", "[tuner]") {
  const AccessStream stream = stream_of("mt_bench", 12);
  TuneOptions exhaustive = quick();
  exhaustive.exhaustive = true;
  for (const char* objective : {"latency:memory=24MiB", "latency:memory=6MiB"})
    for (const char* device : {"raspberry-pi5-sd", "laptop-gen4-8gb"}) {
      INFO(device << ' ' << objective);
      const Tuning thin = tuned(device, objective, stream, quick()),
                   full = tuned(device, objective, stream, exhaustive);
      CHECK(thin.priced < full.priced);
      CHECK(thin.chosen.tpot_ms <= full.chosen.tpot_ms * 1.02);
    }
}

TEST_CASE("what is tuned on one trace holds on another: at most 2 % above that trace's own best", "[tuner]") {
  const AccessStream chat = stream_of("mt_bench", 20), code = stream_of("humaneval", 12),
                     maths = stream_of("gsm8k_test", 20);
  const Objective objective = parse_objective("latency:memory=24MiB");
  TuneOptions exhaustive = quick();
  exhaustive.exhaustive = true;
  for (const char* device : {"phone-ufs4", "raspberry-pi5-sd", "desktop-24gb"}) {
    const DeviceProfile profile = find_profile(device);
    const Placement chosen = tune(profile, small_model(), kTable, chat, objective, quick()).chosen.placement;
    for (const AccessStream* other : {&code, &maths}) {
      INFO(device << ' ' << to_text(chosen));
      const PricedPlacement there = price(profile, small_model(), kTable, *other, chosen, {});
      const Tuning own = tune(profile, small_model(), kTable, *other, objective, exhaustive);
      CHECK(there.tpot_ms <= own.chosen.tpot_ms * 1.02);
    }
  }
}

TEST_CASE("the choice meets its objective with the least memory, and the front holds only trade-offs", "[tuner]") {
  const AccessStream stream = stream_of("mt_bench", 12);
  const Tuning tuning = tuned("raspberry-pi5-sd", "memory:tpot=10%", stream, quick());
  CHECK(tuning.chosen.tpot_ms <= tuning.fast.tpot_ms * 1.1);
  CHECK(tuning.chosen.memory_bytes < tuning.fast.memory_bytes);
  CHECK(tuning.nothing.tpot_ms > tuning.fast.tpot_ms);
  for (size_t i = 1; i < tuning.front.size(); ++i) {
    CHECK(tuning.front[i].memory_bytes > tuning.front[i - 1].memory_bytes);
    CHECK(tuning.front[i].tpot_ms < tuning.front[i - 1].tpot_ms);
  }
  CHECK(tuning.sensitivity.size() >= 3);
}

TEST_CASE("what cannot be met names the nearest; a model too large is said to be so", "[tuner]") {
  const AccessStream stream = stream_of("mt_bench", 4);
  CHECK_THROWS_WITH(tuned("raspberry-pi5-sd", "memory:p99=0.001ms", stream, quick()),
                    Catch::Contains("the nearest is '") && Catch::Contains("ms"));
  CHECK_THROWS_WITH(tuned("raspberry-pi5-sd", "latency:memory=1KiB", stream, quick()),
                    Catch::Contains("the nearest is"));
  ModelShape huge = small_model();
  huge.weight_bytes = 40'000'000'000;
  CHECK_THROWS_WITH(tune(find_profile("phone-ufs4"), huge, kTable, stream, {}, quick()),
                    Catch::Contains("does not fit the device at all"));
}
