#include "runtime/placement/batch_scheduler.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <random>

#include "runtime/base/error.h"
#include "runtime/placement/step_schedule.h"

using namespace tierscope;

namespace {

// Runs to the end, each step taking a second; checks what must always hold.
std::vector<BatchStep> run(const std::vector<BatchRequest>& requests, const BatchLimits& limits) {
  BatchScheduler scheduler(requests, limits);
  std::vector<BatchStep> steps;
  std::vector<uint32_t> position(requests.size());
  double now_s = 0;
  while (!scheduler.done()) {
    const auto step = scheduler.next(now_s);
    if (!step) {
      REQUIRE(scheduler.next_arrival_s() > now_s);
      now_s = scheduler.next_arrival_s();
      continue;
    }
    REQUIRE(step->parts.size() <= limits.sequences);
    for (const StepPart& part : step->parts) {
      REQUIRE(requests[part.request].arrival_s <= now_s);
      REQUIRE(part.first == position[part.request]);
      REQUIRE(part.sequence < limits.sequences);
      position[part.request] += part.count;
    }
    uint64_t kv_bytes = 0;
    for (size_t r = 0; r < requests.size(); ++r)
      if (position[r] > 0 && position[r] < requests[r].prompt_tokens + requests[r].output_tokens)
        kv_bytes += requests[r].kv_bytes;
    REQUIRE(kv_bytes <= limits.kv_bytes);
    steps.push_back(*step);
    now_s += 1;
  }
  for (size_t r = 0; r < requests.size(); ++r)
    REQUIRE(position[r] == requests[r].prompt_tokens + requests[r].output_tokens);
  return steps;
}

BatchRequest request(double arrival_s, uint32_t prompt, uint32_t output, uint64_t kv_bytes = 1) {
  return {arrival_s, prompt, output, kv_bytes};
}

TokenTrace small_trace() {
  TokenTrace trace;
  trace.header.name = "small";
  trace.header.vocab_size = 100;
  for (TokenId r = 0; r < 3; ++r) {
    Request& added = trace.requests.emplace_back();
    added.prompt = {r, r + 10, r + 20};
    added.output = {r + 30, r + 40};
  }
  return trace;
}

}  // namespace

TEST_CASE("one sequence: prompts in chunks, then token by token, one request after another", "[batch_scheduler]") {
  const auto steps = run({request(0, 3, 1), request(0, 1, 1)}, {1, 1, 2});
  CHECK(steps == std::vector<BatchStep>{{true, {{0, 0, 0, 2}}},
                                        {true, {{0, 0, 2, 1}}},
                                        {false, {{0, 0, 3, 1}}},
                                        {true, {{1, 0, 0, 1}}},
                                        {false, {{1, 0, 1, 1}}}});
}

TEST_CASE("a new prompt's chunks alternate with the decode steps of those that run", "[batch_scheduler]") {
  const auto steps = run({request(0, 1, 4), request(1.5, 4, 2)}, {2, 10, 2});
  CHECK(steps == std::vector<BatchStep>{{true, {{0, 0, 0, 1}}},
                                        {false, {{0, 0, 1, 1}}},
                                        {true, {{1, 1, 0, 2}}},
                                        {false, {{0, 0, 2, 1}}},
                                        {true, {{1, 1, 2, 2}}},
                                        {false, {{0, 0, 3, 1}, {1, 1, 4, 1}}},
                                        {false, {{0, 0, 4, 1}, {1, 1, 5, 1}}}});
}

TEST_CASE("a request waits until its prompt and output fit the KV budget", "[batch_scheduler]") {
  const auto steps = run({request(0, 1, 2, 6), request(0, 1, 1, 5), request(0, 1, 1, 4)}, {3, 10, 8});
  // The second does not fit beside the first, and nobody overtakes it.
  CHECK(steps[1].parts == std::vector<StepPart>{{0, 0, 1, 1}});
  CHECK(steps[3].parts[0].request == 1);
}

TEST_CASE("random loads keep every promise", "[batch_scheduler]") {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    std::vector<BatchRequest> requests;
    double arrival_s = 0;
    for (int r = 0; r < 20; ++r) {
      arrival_s += random() % 8;
      requests.push_back(request(arrival_s, 1 + random() % 30, random() % 12, 1 + random() % 10));
    }
    run(requests,
        {1 + static_cast<uint32_t>(random() % 5), 10 + random() % 20, 1 + static_cast<uint32_t>(random() % 9)});
  }
}

TEST_CASE("impossible loads are refused", "[batch_scheduler]") {
  CHECK_THROWS_WITH(BatchScheduler({request(0, 1, 1, 11)}, {1, 10, 1}), Catch::Contains("--kv-budget"));
  CHECK_THROWS_WITH(BatchScheduler({request(2, 1, 1), request(1, 1, 1)}, {1, 10, 1}),
                    Catch::Contains("arrives before"));
  CHECK_THROWS_AS(BatchScheduler({}, {0, 10, 1}), UsageError);
}

TEST_CASE("a schedule survives its file and orders the access stream", "[batch_scheduler]") {
  const TokenTrace trace = small_trace();
  std::vector<BatchRequest> requests(3, request(0, 3, 2));
  StepSchedule schedule{"small", 3, run(requests, {3, 10, 2})};
  const auto path = std::filesystem::temp_directory_path() / "tierscope-batch-scheduler.jsonl";
  write_schedule(path, schedule);
  StepSchedule back = read_schedule(path);
  for (BatchStep& step : schedule.steps)
    for (StepPart& part : step.parts) part.sequence = 0;
  CHECK(back.steps == schedule.steps);
  const auto addressing = parse_addressing("token");
  const AccessStream stream = make_access_stream(trace, *addressing, back.steps, "schedule");
  CHECK(stream.rows.size() == 15);
  const AccessStream::Step& last = stream.steps.back();
  CHECK(std::vector<RowId>(stream.rows.end() - std::ptrdiff_t(last.count), stream.rows.end()) ==
        std::vector<RowId>{42});
  std::swap(back.steps[0], back.steps[1]);
  CHECK_THROWS_WITH(make_access_stream(trace, *addressing, back.steps, "schedule"), Catch::Contains("not next"));
  back = read_schedule(path);
  back.steps.pop_back();
  CHECK_THROWS_WITH(make_access_stream(trace, *addressing, back.steps, "schedule"), Catch::Contains("end before"));
  std::ofstream(path, std::ios::app) << "[\"idle\",[0,0,1]]\n";
  CHECK_THROWS_WITH(read_schedule(path), Catch::Contains("prefill"));
  std::filesystem::remove(path);
}

TEST_CASE("one sequence gives the steps of the plain stream", "[batch_scheduler]") {
  const TokenTrace trace = small_trace();
  const auto addressing = parse_addressing("token");
  const auto steps = run(std::vector<BatchRequest>(3, request(0, 3, 2)), {1, 10, 2});
  const AccessStream plain = make_access_stream(trace, *addressing, 2);
  const AccessStream batched = make_access_stream(trace, *addressing, steps, "");
  CHECK(batched.rows == plain.rows);
  REQUIRE(batched.steps.size() == plain.steps.size());
  for (size_t i = 0; i < plain.steps.size(); ++i) {
    CHECK(batched.steps[i].first == plain.steps[i].first);
    CHECK(batched.steps[i].count == plain.steps[i].count);
    CHECK(batched.steps[i].prefill == plain.steps[i].prefill);
  }
}
