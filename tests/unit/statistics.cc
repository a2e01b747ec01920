#include "reports/statistics.h"

#include <catch2/catch.hpp>

using namespace tierscope;

TEST_CASE("a summary of samples", "[statistics]") {
  const Summary summary = summarize_samples({3, 1, 2, 10});
  CHECK(summary.samples == 4);
  CHECK(summary.median == 2.5);
  CHECK(summary.mean == 4);
  CHECK(summary.minimum == 1);
  CHECK(summary.maximum == 10);
  CHECK(summary.deviation == Approx(4.08248));
  // t(0.975, 3) = 3.18245; half = t * s / 2.
  CHECK(summary.confidence->low == Approx(4 - 3.18245 * 4.08248 / 2));
  CHECK(summary.confidence->high == Approx(4 + 3.18245 * 4.08248 / 2));
}

TEST_CASE("one sample tells nothing of its noise", "[statistics]") {
  CHECK_FALSE(summarize_samples({7}).confidence);
  CHECK_FALSE(difference(summarize_samples({7}), summarize_samples({8, 9}))->confidence);
  CHECK(difference(summarize_samples({8}), summarize_samples({9}))->relative == Approx(0.125));
}

TEST_CASE("Student's t against its table", "[statistics]") {
  CHECK(student_t_95(1) == Approx(12.7062).epsilon(1e-4));
  CHECK(student_t_95(10) == Approx(2.22814).epsilon(1e-4));
  CHECK(student_t_95(1000) == Approx(1.96234).epsilon(1e-4));
}

TEST_CASE("a difference has Welch's interval", "[statistics]") {
  // Means 10 and 12, variances 1 and 4, three samples each: error 5/3, degrees (5/3)^2 / (1/18 + 16/18) = 2.941.
  const Summary a = summarize_samples({9, 10, 11}), b = summarize_samples({10, 12, 14});
  const Difference found = *difference(a, b);
  const double half = student_t_95(50.0 / 17) * std::sqrt(5.0 / 3) / 10;
  CHECK(found.relative == Approx(0.2));
  CHECK(found.confidence->low == Approx(0.2 - half));
  CHECK(found.confidence->high == Approx(0.2 + half));
  CHECK_FALSE(difference(summarize_samples({0, 0}), b));
}

TEST_CASE("figures without noise have an interval without width", "[statistics]") {
  const Difference found = *difference(summarize_samples({4, 4}), summarize_samples({5, 5}));
  CHECK(found.confidence->low == 0.25);
  CHECK(found.confidence->high == 0.25);
}
