#include "runtime/metrics/request_clock.h"

#include <catch2/catch.hpp>

using namespace tierscope;

namespace {

RequestClock::Clock::time_point at_ms(int ms) {
  return RequestClock::Clock::time_point(std::chrono::milliseconds(ms));
}

void step(RequestClock& clock, bool prefill, const std::vector<StepShare>& shares, double stall_ms, int end_ms) {
  clock.end_step(prefill, shares, stall_ms, at_ms(end_ms));
}

}  // namespace

TEST_CASE("TTFT ends with the last prompt chunk; the last output token's step is outside TPOT", "[request_clock]") {
  RequestClock clock;
  clock.begin_request(0, at_ms(100));
  clock.begin_step(at_ms(100));
  step(clock, true, {{0, 512, false, false}}, 3, 150);
  step(clock, true, {{0, 88, true, false}}, 1, 170);
  step(clock, false, {{0, 1, true, false}}, 0.5, 180);
  step(clock, false, {{0, 1, true, false}}, 0.5, 200);
  step(clock, false, {{0, 1, false, true}}, 0.5, 1000);
  RunMetrics metrics;
  clock.summarize(metrics);
  CHECK(metrics.ttft_ms.mean == 70.0);
  CHECK(metrics.tpot_ms.mean == 15.0);
  CHECK(metrics.itl_ms.samples == 2);
  CHECK(metrics.itl_ms.max == 20.0);
  CHECK(metrics.stall_prefill_ms.sum == 4.0);
  CHECK(metrics.stall_decode_ms.samples == 3);
  CHECK(metrics.prompt_tokens == 600);
  CHECK(metrics.output_tokens == 3);
  CHECK(metrics.prefill_tokens_per_s.value() == Approx(600 / 0.070));
}

TEST_CASE("a request with one output token has no TPOT", "[request_clock]") {
  RequestClock clock;
  for (int i = 0; i < 2; ++i) {
    clock.begin_request(0, at_ms(100 * i));
    clock.begin_step(at_ms(100 * i));
    step(clock, true, {{0, 10, true, false}}, 0, 100 * i + 10);
    step(clock, false, {{0, 1, false, true}}, 0, 100 * i + 20);
  }
  RunMetrics metrics;
  clock.summarize(metrics);
  CHECK(metrics.ttft_ms.samples == 2);
  CHECK(metrics.tpot_ms.samples == 0);
  CHECK_FALSE(metrics.tpot_ms.mean);
}

TEST_CASE("TTFT counts the time in the queue, rates leave idle time out", "[request_clock]") {
  RequestClock clock;
  clock.begin_request(0, at_ms(0));
  clock.begin_step(at_ms(0));
  step(clock, true, {{0, 100, true, false}}, 0, 100);
  clock.begin_request(1, at_ms(20));  // arrived while the first was in its prompt
  step(clock, true, {{1, 100, true, false}}, 0, 200);
  step(clock, false, {{0, 1, true, false}, {1, 1, false, true}}, 0, 230);
  step(clock, false, {{0, 1, false, true}}, 0, 240);
  clock.begin_request(2, at_ms(5000));
  clock.begin_step(at_ms(5000));
  step(clock, true, {{2, 100, true, true}}, 0, 5100);
  RunMetrics metrics;
  clock.summarize(metrics);
  CHECK(metrics.ttft_ms.mean == Approx((100 + 180 + 100) / 3.0));
  CHECK(metrics.tpot_ms.samples == 1);
  CHECK(metrics.tpot_ms.mean == 130.0);
  CHECK(metrics.prefill_tokens_per_s.value() == Approx(1000));
  CHECK(metrics.decode_tokens_per_s.value() == Approx(3 / 0.040));
}
