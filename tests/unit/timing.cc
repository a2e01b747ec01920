#include "sim/timing.h"

#include <catch2/catch.hpp>

#include "runtime/base/error.h"
#include "sim/count.h"
#include "traces/token_trace.h"

using namespace tierscope;

namespace {

// A device without chance: a read takes 100 us, four are served at once, computing a token takes 1,000 us of which the
// first half passes before the rows are used. The program itself costs nothing.
DeviceProfile clockwork() {
  DeviceProfile device;
  device.name = "clockwork";
  device.nvme.sequential_bytes_per_s.value = 1e12;
  const Quantiles us{100, 100, 100, 100};
  device.nvme.random_reads = {{4096, 1, 10000, us, ""}, {4096, 4, 40000, us, ""}};
  device.ram.capacity_bytes.value = 1e9;
  device.ram.threads = {{1, 1e10, 0, 1000, ""}};
  device.compute.flops_per_s.value = 1e12;
  device.compute.weight_bytes_per_s.value = 1e9;
  return device;
}

ModelShape one_block() {
  ModelShape model;
  model.blocks = {BlockShape{1'000'000, 0, 0, 0, 0}};
  model.weight_bytes = 1'000'000;
  model.first_use_in_block = 0.5;
  return model;
}

constexpr TableLayout kTable{100, 1000, 0, 4096, 4096};

AccessStream stream_of(const std::vector<std::pair<std::vector<TokenId>, std::vector<TokenId>>>& requests,
                       uint32_t chunk = 4) {
  TokenTrace trace;
  trace.header.vocab_size = 100;
  for (const auto& [prompt, output] : requests) {
    Request request;
    request.prompt = prompt;
    request.output = output;
    trace.requests.push_back(request);
  }
  return make_access_stream(trace, *parse_addressing("token"), chunk);
}

std::vector<StepTiming> steps_of(const std::string& placement, const AccessStream& stream,
                                 RunMetrics* metrics = nullptr, const TimingOptions& options = {},
                                 const DeviceProfile& device = clockwork()) {
  std::vector<StepTiming> steps;
  const TimedRun run = time_placement(device, one_block(), kTable, parse_placement(placement), stream, options,
                                      [&](const StepTiming& step) { steps.push_back(step); });
  if (metrics) *metrics = run.metrics;
  return steps;
}

// The fastest of a distribution is 0.8 of its median; at most that much below 100 us.
void check_near(double us, double expected) {
  CHECK(us <= expected + 0.1);  // the link
  CHECK(us >= 0.8 * expected - 1e-6);
}

}  // namespace

TEST_CASE("without prefetch a step waits for all its reads before it computes", "[timing]") {
  RunMetrics metrics;
  const auto steps = steps_of("nvme", stream_of({{{1, 2, 3, 4}, {5, 6, 7}}}), &metrics);
  REQUIRE(steps.size() == 4);
  for (const StepTiming& step : steps) check_near(step.stall_us, 100);  // four channels: four reads take as long as one
  CHECK(steps[0].reads == 4);
  CHECK(steps[1].needed_us == steps[1].begin_us);
  CHECK(steps[1].end_us - steps[1].begin_us == Approx(1000 + steps[1].stall_us));
  CHECK(*metrics.ttft_ms.mean == Approx(1 + steps[0].stall_us / 1e3));
  // Three tokens: the first comes from the prompt, the last step is outside.
  CHECK(metrics.itl_ms.samples == 2);
  CHECK(*metrics.tpot_ms.mean == Approx((steps[2].end_us - steps[0].end_us) / 2e3));
  CHECK(metrics.backing.reads == 7);
  CHECK(metrics.nvme->bytes == 7 * 4096);
}

TEST_CASE("overlap hides what the first half of the block covers", "[timing]") {
  for (const StepTiming& step : steps_of("nvme,prefetch=overlap", stream_of({{{1, 2, 3, 4}, {5}}}))) {
    CHECK(step.stall_us == 0);
    CHECK(step.needed_us - step.begin_us == Approx(500));
    CHECK(step.end_us - step.begin_us == Approx(1000));
  }
  // 24 rows on four channels take six rounds: 480 to 600 us, of which 500 are hidden.
  std::vector<TokenId> prompt(24);
  for (TokenId i = 0; i < 24; ++i) prompt[i] = i;
  const auto wide = steps_of("nvme,prefetch=overlap", stream_of({{prompt, {}}}, 24));
  const auto waiting = steps_of("nvme", stream_of({{prompt, {}}}, 24));
  CHECK(wide[0].stall_us == Approx(std::max(0.0, waiting[0].stall_us - 500)));
}

TEST_CASE("handing reads over delays the compute that hides them, once; a wait hands over its own", "[timing]") {
  DeviceProfile device = clockwork();
  const auto burst = [](uint32_t reads, double us) { return Burst{4096, reads, us, {us, us, us, us}, us, us / 8, ""}; };
  device.nvme.bursts = {burst(1, 100), burst(10, 1000)};
  std::vector<TokenId> prompt(8);
  for (TokenId i = 0; i < 8; ++i) prompt[i] = 2 * i + 1;
  const AccessStream stream = stream_of({{prompt, {}}}, 8);
  const auto first = [&](const char* placement) { return steps_of(placement, stream, nullptr, {}, device)[0]; };
  const StepTiming waits = first("nvme"), behind = first("nvme,prefetch=overlap");
  CHECK(waits.needed_us == waits.begin_us);
  CHECK(behind.requested_us == behind.begin_us);
  CHECK(behind.needed_us - behind.begin_us == Approx(100 + 500));
  CHECK(behind.stall_us == Approx(waits.stall_us - 600));

  // What a described program takes for it is not added to what the bursts say.
  device.nvme.cpu_us_per_read.value = 5;
  const StepTiming described = first("nvme,prefetch=overlap");
  CHECK(described.needed_us == Approx(behind.needed_us));
  CHECK(described.stall_us == Approx(behind.stall_us));

  // A measured one begins its step first; the reads are as far ahead of their use as before.
  for (const auto kind : {HostStep::Kind::cached, HostStep::Kind::read, HostStep::Kind::kept})
    for (const uint32_t rows : {1u, 100u}) device.host.steps.push_back({kind, rows, 30, 0, 0, ""});
  const StepTiming measured = first("nvme,prefetch=overlap"), measured_waits = first("nvme");
  CHECK(measured.requested_us - measured.begin_us == Approx(30));
  CHECK(measured.needed_us - measured.requested_us == Approx(100 + 500));
  CHECK(measured.stall_us == Approx(waits.stall_us - 600));
  CHECK(measured_waits.end_us - measured.end_us == Approx(600 - 100));
}

TEST_CASE("prompt prefetch reads a later chunk while an earlier one computes", "[timing]") {
  const AccessStream stream = stream_of({{{1, 2, 3, 4, 5, 6, 7, 8}, {9}}, {{11}, {}}});
  const auto steps = steps_of("nvme,prefetch=prompt", stream);
  REQUIRE(steps.size() == 4);
  CHECK(steps[0].stall_us > 0);
  CHECK(steps[1].stall_us == 0);
  CHECK(steps[1].requested_us < steps[1].begin_us);
  CHECK(steps[2].stall_us > 0);  // an output token is not known before
  CHECK(steps[3].stall_us > 0);  // nor is another request
}

TEST_CASE("counts are those of the counting simulation, whatever the prefetch, and chance obeys the seed", "[timing]") {
  std::vector<TokenId> prompt, output;
  for (TokenId i = 0; i < 400; ++i) (i % 3 ? prompt : output).push_back(i * 7 % 31);
  const AccessStream stream = stream_of({{prompt, output}, {output, prompt}});
  for (const char* cache : {"nvme+ram:8rows:lru", "nvme+ram:16rows:lru+vram:4rows:fifo"})
    for (const char* prefetch : {"none", "overlap", "prompt", "prompt+overlap"}) {
      DeviceProfile device = find_profile("laptop-gen4-8gb");
      const std::string text = std::string(cache) + ",prefetch=" + prefetch;
      RunMetrics metrics, again;
      steps_of(text, stream, &metrics, {}, device);
      steps_of(text, stream, &again, {}, device);
      CHECK(metrics.seconds == again.seconds);
      Planner planner(parse_placement(text), kTable.shape());
      const CountResult counted = count_stream(stream, planner, kTable.shape());
      CHECK(metrics.backing.reads == counted.counts.reads);
      CHECK(metrics.compulsory_misses == counted.compulsory_misses);
      for (size_t i = 0; i < metrics.levels.size(); ++i) CHECK(metrics.levels[i].hits == counted.counts.levels[i].hits);
    }
}

TEST_CASE("warm runs measure the second pass only", "[timing]") {
  TimingOptions warm;
  warm.warm = true;
  RunMetrics metrics;
  for (const StepTiming& step : steps_of("nvme+ram:10rows:lru", stream_of({{{1, 2, 3}, {4, 5}}}), &metrics, warm))
    CHECK(step.stall_us == 0);
  CHECK(metrics.backing.reads == 0);
  CHECK(metrics.levels[0].hits == 5);
  CHECK(metrics.requests == 1);
}

TEST_CASE("placements that the device cannot hold are refused", "[timing]") {
  const AccessStream stream = stream_of({{{1}, {}}});
  CHECK_THROWS_WITH(steps_of("nvme+vram:4rows:lru", stream), Catch::Contains("has no VRAM"));
  DeviceProfile small = clockwork();
  small.ram.capacity_bytes.value = 1'050'000;
  CHECK_THROWS_WITH(steps_of("ram", stream, nullptr, {}, small), Catch::Contains("of RAM are needed"));
  CHECK_NOTHROW(steps_of("nvme", stream, nullptr, {}, small));
}

namespace {

// Prompts of 4 and outputs of 3 tokens, arriving as told (seconds).
TokenTrace arriving(const std::vector<double>& arrivals_s) {
  TokenTrace trace;
  trace.header = {};
  trace.header.name = "arriving";
  trace.header.vocab_size = 100;
  for (TokenId r = 0; r < arrivals_s.size(); ++r) {
    Request& request = trace.requests.emplace_back();
    request.arrival_s = arrivals_s[r];
    request.prompt = {r, r + 10u, r + 20u, r + 30u};
    request.output = {r + 40u, r + 50u, r + 60u};
  }
  return trace;
}

struct Arrived {
  RunMetrics metrics;
  StepSchedule schedule;
};

Arrived arrive(const TokenTrace& trace, uint32_t sequences, const std::string& placement = "ram",
               const std::vector<BatchStep>* steps = nullptr) {
  Arrived result;
  const auto addressing = parse_addressing("token");
  const ArrivingRequests requests{trace, *addressing, {sequences, UINT64_MAX, nullptr}, 4, steps};
  result.metrics =
      time_arrivals(clockwork(), one_block(), kTable, parse_placement(placement), requests, {}, {}, &result.schedule)
          .metrics;
  return result;
}

}  // namespace

TEST_CASE("predicted TTFT includes the queue; idle time belongs to no step", "[timing]") {
  // Each step takes a millisecond: a prompt one, an output three, the last of which emits nothing.
  const RunMetrics queued = arrive(arriving({0, 0}), 1).metrics;
  REQUIRE(queued.ttft_ms.samples == 2);
  CHECK(queued.ttft_ms.mean.value() == Approx((1 + 5) / 2.0));
  CHECK(queued.ttft_ms.max.value() == Approx(4 + 1));
  CHECK(queued.tpot_ms.mean.value() == Approx(1));
  CHECK(queued.seconds == Approx(0.008));

  const RunMetrics apart = arrive(arriving({0, 1}), 1).metrics;
  CHECK(apart.ttft_ms.max.value() == Approx(1));
  CHECK(apart.seconds == Approx(1.004));
  CHECK(apart.decode_tokens_per_s.value() == Approx(queued.decode_tokens_per_s.value()));
}

TEST_CASE("sequences that share steps share the time to read the weights", "[timing]") {
  const TokenTrace trace = arriving({0, 0, 0, 0});
  const RunMetrics one = arrive(trace, 1).metrics, four = arrive(trace, 4).metrics;
  CHECK(one.seconds == Approx(0.016));
  // Four prompts, beside which those that are past theirs decode, and what is left of the outputs.
  CHECK(four.seconds < 0.011);
  CHECK(four.decode_tokens_per_s.value() > 1.5 * one.decode_tokens_per_s.value());
  CHECK(four.ttft_ms.max.value() < one.ttft_ms.max.value());
  CHECK(four.output_tokens == 12);
}

TEST_CASE("predictions under arrivals are the same every time, and their schedule reproduces their counts",
          "[timing]") {
  const TokenTrace trace = arriving({0, 0.0011, 0.0012, 0.004, 0.0041});
  const auto addressing = parse_addressing("token");
  for (const char* placement : {"nvme", "nvme+ram:6rows:lru", "nvme+ram:6rows:lru,prefetch=overlap"}) {
    CAPTURE(placement);
    const Arrived first = arrive(trace, 3, placement), again = arrive(trace, 3, placement);
    CHECK(first.schedule.steps == again.schedule.steps);
    CHECK(first.metrics.seconds == again.metrics.seconds);
    CHECK(first.metrics.steps == first.schedule.steps.size());
    Planner planner(parse_placement(placement), kTable.shape());
    const AccessStream stream = make_access_stream(trace, *addressing, first.schedule.steps, "");
    const PlanCounts counts = count_stream(stream, planner, kTable.shape()).counts;
    CHECK(first.metrics.backing.reads == counts.reads);
    for (size_t i = 0; i < counts.levels.size(); ++i) CHECK(first.metrics.levels[i].hits == counts.levels[i].hits);
    // Given its own steps, the model takes the same time.
    const Arrived given = arrive(trace, 3, placement, &first.schedule.steps);
    CHECK(given.metrics.seconds == Approx(first.metrics.seconds));
    CHECK(given.metrics.ttft_ms.mean.value() == Approx(first.metrics.ttft_ms.mean.value()));
  }
  CHECK_THROWS_WITH(arrive(trace, 2, "nvme+ram:6rows:belady"), Catch::Contains("knows the future"));
}

TEST_CASE("one sequence without arrivals takes the time of the plain steps", "[timing]") {
  TokenTrace trace = arriving({0, 0, 0});
  const auto addressing = parse_addressing("token");
  const AccessStream stream = make_access_stream(trace, *addressing, 4);
  RunMetrics plain;
  steps_of("nvme+ram:6rows:lru,prefetch=overlap", stream, &plain);
  const RunMetrics batched = arrive(trace, 1, "nvme+ram:6rows:lru,prefetch=overlap").metrics;
  CHECK(batched.seconds == Approx(plain.seconds));
  CHECK(batched.tpot_ms.mean.value() == Approx(plain.tpot_ms.mean.value()));
  CHECK(batched.stall_decode_ms.mean.value() == Approx(plain.stall_decode_ms.mean.value()));
  CHECK(batched.backing.reads == plain.backing.reads);
}
