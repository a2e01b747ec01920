#include "runtime/engine/request_clock.h"

#include <catch2/catch.hpp>

using namespace tierscope;

namespace {

RequestClock::Clock::time_point at_ms(int ms) {
  return RequestClock::Clock::time_point(std::chrono::milliseconds(ms));
}

}  // namespace

TEST_CASE("TTFT ends with the last prompt chunk; the last output token's step is outside TPOT", "[request_clock]") {
  RequestClock clock;
  clock.begin_request(at_ms(100));
  clock.end_step(true, 512, 3, at_ms(150));
  clock.end_step(true, 88, 1, at_ms(170));
  clock.end_step(false, 1, 0.5, at_ms(180));
  clock.end_step(false, 1, 0.5, at_ms(200));
  clock.end_step(false, 1, 0.5, at_ms(1000));
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
    clock.begin_request(at_ms(100 * i));
    clock.end_step(true, 10, 0, at_ms(100 * i + 10));
    clock.end_step(false, 1, 0, at_ms(100 * i + 20));
  }
  RunMetrics metrics;
  clock.summarize(metrics);
  CHECK(metrics.ttft_ms.samples == 2);
  CHECK(metrics.tpot_ms.samples == 0);
  CHECK_FALSE(metrics.tpot_ms.mean);
}
