#include "runtime/metrics/distribution.h"

#include <catch2/catch.hpp>
#include <numeric>

using namespace tierscope;

TEST_CASE("a percentile with too few samples is absent", "[distribution]") {
  CHECK_FALSE(summarize({}).mean);
  const auto ramp = [](size_t n) {
    std::vector<double> values(n);
    std::iota(values.begin(), values.end(), 1.0);
    return summarize(values);
  };
  CHECK_FALSE(ramp(9).p50);
  CHECK(ramp(10).p50 == 5.0);
  CHECK_FALSE(ramp(49).p90);
  CHECK(ramp(50).p90 == 45.0);
  CHECK_FALSE(ramp(499).p99);
  CHECK(ramp(500).p99 == 495.0);
  CHECK(ramp(4).mean == 2.5);
}

TEST_CASE("the histogram's percentiles are within a bucket of the exact ones", "[distribution]") {
  LatencyHistogram whole, left, right;
  std::vector<double> exact;
  for (uint64_t i = 1; i <= 2000; ++i) {
    const uint64_t ns = i * i * 37 % 9'000'000 + 1;
    exact.push_back(static_cast<double>(ns) / 1e3);
    whole.add(ns);
    (i % 2 ? left : right).add(ns);
  }
  left.merge(right);
  const Distribution want = summarize(exact);
  CHECK(whole.percentile_us(0.5).value() == Approx(*want.p50).epsilon(1.0 / 32));
  CHECK(whole.percentile_us(0.99).value() == Approx(*want.p99).epsilon(1.0 / 32));
  CHECK(whole.mean_us().value() == Approx(*want.mean));
  CHECK(left.percentile_us(0.9) == whole.percentile_us(0.9));
  CHECK_FALSE(LatencyHistogram().percentile_us(0.5));
}
