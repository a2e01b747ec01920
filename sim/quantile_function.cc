#include "sim/quantile_function.h"

#include <cmath>
#include <iterator>

namespace tierscope {
namespace {

// Nothing is known below the median: a read is taken to be at most a fifth faster than it.
constexpr double kFastest = 0.8;

}  // namespace

double value_at(const Quantiles& q, double u) {
  struct Point {
    double u, us;
  };
  const Point points[] = {{0, kFastest * q.p50}, {0.5, q.p50},    {0.9, q.p90},
                          {0.99, q.p99},         {0.999, q.p999}, {1, q.p999}};
  for (size_t i = 1; i < std::size(points); ++i)
    if (u <= points[i].u) {
      const double share = (u - points[i - 1].u) / (points[i].u - points[i - 1].u);
      // Tails are heavy: equal ratios, not equal differences, from the 90th percentile on.
      if (points[i - 1].u >= 0.9) return points[i - 1].us * std::pow(points[i].us / points[i - 1].us, share);
      return points[i - 1].us + share * (points[i].us - points[i - 1].us);
    }
  return q.p999;
}

double mean_of(const Quantiles& q) {
  const auto between_ratios = [](double a, double b) { return b > a ? (b - a) / std::log(b / a) : a; };
  return 0.5 * 0.5 * (kFastest + 1) * q.p50 + 0.4 * 0.5 * (q.p50 + q.p90) + 0.09 * between_ratios(q.p90, q.p99) +
         0.009 * between_ratios(q.p99, q.p999) + 0.001 * q.p999;
}

Quantiles between(const Quantiles& low, const Quantiles& high, double share) {
  const auto mix = [share](double a, double b) { return a + share * (b - a); };
  return {mix(low.p50, high.p50), mix(low.p90, high.p90), mix(low.p99, high.p99), mix(low.p999, high.p999)};
}

}  // namespace tierscope
