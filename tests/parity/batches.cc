// Batches of several sequences do what was planned, and their recorded schedule gives the simulation equal counts.
#include <catch2/catch.hpp>

#include "runtime/base/error.h"
#include "runtime/engine/replay.h"
#include "sim/count.h"
#include "tests/support/id_table.h"
#include "traces/arrivals.h"

using namespace tierscope;
using namespace tierscope::testing;

namespace {

constexpr uint64_t kRowBytes = 44;

const IdTable& gemma_table() {
  static const IdTable table(262144, kRowBytes);
  return table;
}

// Twelve short requests that arrive within a few milliseconds.
TokenTrace arriving() {
  std::vector<Arrival> arrivals;
  for (uint32_t i = 0; i < 12; ++i) arrivals.push_back({0.0005 * i * i, 20 + 13 * i, 40 + i % 7});
  return compose(read_trace("traces/data/mt_bench.jsonl.zst"), arrivals, {});
}

struct BatchedRun {
  RunMetrics metrics;
  StepSchedule schedule;
  uint64_t wrong = 0;
};

BatchedRun run(const TokenTrace& trace, const Addressing& addressing, const std::string& placement,
               const BatchOptions& batches, uint32_t chunk = 16) {
  BatchedRun result;
  ReplayOptions options;
  options.chunk_tokens = chunk;
  options.on_rows = [&](std::span<const RowId> ids, const StepRows& rows) {
    for (size_t i = 0; i < ids.size(); ++i) result.wrong += !is_id_row(ids[i], rows.row(i), kRowBytes);
  };
  const auto compute = make_no_compute();
  result.metrics = replay_batches(gemma_table().file(), parse_placement(placement), trace, addressing, *compute,
                                  options, batches, &result.schedule);
  return result;
}

}  // namespace

TEST_CASE("a batched run's schedule gives the simulation equal counts", "[batches]") {
  const TokenTrace trace = arriving();
  const auto addressing = parse_addressing("token");
  for (const char* placement : {"nvme", "nvme+ram:64rows:lru", "nvme+ram:300rows:s3fifo,prefetch=overlap",
                                "nvme+ram:64rows:lru,prefetch=draft:2"}) {
    CAPTURE(placement);
    const BatchedRun batched = run(trace, *addressing, placement, {4, UINT64_MAX, nullptr});
    CHECK(batched.wrong == 0);
    Planner planner(parse_placement(placement), gemma_table().file().shape());
    const CountResult simulated =
        count_stream(make_access_stream(trace, *addressing, batched.schedule.steps, "schedule"), planner,
                     gemma_table().file().shape());
    CHECK(batched.metrics.accesses == simulated.counts.accesses);
    CHECK(batched.metrics.accesses == trace.token_count());
    CHECK(batched.metrics.backing.reads == simulated.counts.reads);
    CHECK(batched.metrics.prefetch_reads == simulated.counts.prefetch_reads);
    CHECK(batched.metrics.prefetch_used == simulated.counts.prefetch_used);
    for (size_t i = 0; i < batched.metrics.levels.size(); ++i) {
      CHECK(batched.metrics.levels[i].hits == simulated.counts.levels[i].hits);
      CHECK(batched.metrics.levels[i].evictions == simulated.counts.levels[i].evictions);
    }
    CHECK(batched.metrics.ttft_ms.samples == trace.requests.size());
    CHECK(batched.metrics.tpot_ms.samples == trace.requests.size());
  }
}

TEST_CASE("batches really hold several sequences, within --max-batch and the KV budget", "[batches]") {
  TokenTrace trace = arriving();
  for (Request& request : trace.requests) request.arrival_s.reset();
  const auto addressing = parse_addressing("token");
  const auto widest = [&](const BatchOptions& batches) {
    size_t most = 0;
    for (const BatchStep& step : run(trace, *addressing, "ram", batches, 64).schedule.steps)
      most = std::max(most, step.parts.size());
    return most;
  };
  CHECK(widest({5, UINT64_MAX, nullptr}) == 5);
  CHECK(widest({1, UINT64_MAX, nullptr}) == 1);
  CHECK(widest({5, 250, [](uint32_t tokens) { return uint64_t{tokens}; }}) < 5);
  CHECK_THROWS_WITH(run(trace, *addressing, "ram", {5, 50, [](uint32_t tokens) { return uint64_t{tokens}; }}),
                    Catch::Contains("--kv-budget"));
  CHECK_THROWS_WITH(run(trace, *addressing, "nvme+ram:64rows:belady", {5, UINT64_MAX, nullptr}),
                    Catch::Contains("knows the future"));
}

TEST_CASE("one sequence without arrivals runs the plain steps", "[batches]") {
  TokenTrace trace = read_trace("traces/data/humaneval.jsonl.zst", 3);
  const auto addressing = parse_addressing("token");
  const BatchedRun batched = run(trace, *addressing, "nvme+ram:64rows:lru", {});
  Planner planner(parse_placement("nvme+ram:64rows:lru"), gemma_table().file().shape());
  const CountResult plain =
      count_stream(make_access_stream(trace, *addressing, 16), planner, gemma_table().file().shape());
  CHECK(batched.metrics.backing.reads == plain.counts.reads);
  CHECK(batched.metrics.levels[0].hits == plain.counts.levels[0].hits);
}

TEST_CASE("TTFT includes the time in the queue", "[batches]") {
  // Two requests at once, one sequence: the second waits for all of the first, whose steps each take two milliseconds.
  TokenTrace trace = read_trace("traces/data/humaneval.jsonl.zst", 2);
  for (Request& request : trace.requests) {
    request.arrival_s = 0;
    request.output.resize(10);
  }
  const auto addressing = parse_addressing("token");
  const auto compute = make_paced_compute([](const StepWork&) { return StepPace{0, {}, 2000}; }, nullptr);
  ReplayOptions options;
  const RunMetrics metrics =
      replay_batches(gemma_table().file(), parse_placement("ram"), trace, *addressing, *compute, options, {}, nullptr);
  CHECK(metrics.ttft_ms.max.value() >= 2 + 2 * 11);
}

TEST_CASE("an access trace runs as its tokens would", "[batches]") {
  const auto addressing = parse_addressing("token");
  const TokenTrace tokens = read_trace("traces/data/humaneval.jsonl.zst", 3);
  TokenTrace rows{tokens.header, {}};
  for (const Request& request : tokens.requests) {
    Request& recorded = rows.requests.emplace_back();
    recorded.id = request.id;
    std::vector<RowId> flat;
    append_rows(request, *addressing, flat);
    for (const RowId row : flat) recorded.rows.push_back({row});
    recorded.prompt_rows = request.prompt.size();
  }
  const auto by_tokens = run(tokens, *addressing, "nvme+ram:64rows:lru", {3, UINT64_MAX, nullptr}),
             by_rows = run(rows, *addressing, "nvme+ram:64rows:lru", {3, UINT64_MAX, nullptr});
  CHECK(by_rows.wrong == 0);
  CHECK(by_rows.schedule.steps == by_tokens.schedule.steps);
  CHECK(by_rows.metrics.backing.reads == by_tokens.metrics.backing.reads);
  CHECK(by_rows.metrics.levels[0].hits == by_tokens.metrics.levels[0].hits);
  rows.requests[1].rows[2].push_back(7);
  CHECK_THROWS_WITH(run(rows, *addressing, "ram", {}), Catch::Contains("equally many rows"));
}
