#include "reports/statistics.h"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cassert>
#include <cmath>
#include <numeric>

namespace tierscope {

double student_t_95(double degrees) {
  return boost::math::quantile(boost::math::students_t_distribution<double>(degrees), 0.975);
}

Summary summarize_samples(std::vector<double> samples) {
  assert(!samples.empty());
  std::ranges::sort(samples);
  const size_t n = samples.size();
  Summary summary;
  summary.samples = static_cast<uint32_t>(n);
  summary.median = (samples[(n - 1) / 2] + samples[n / 2]) / 2;
  summary.minimum = samples.front();
  summary.maximum = samples.back();
  summary.mean = std::accumulate(samples.begin(), samples.end(), 0.0) / static_cast<double>(n);
  if (n == 1) return summary;
  double squares = 0;
  for (const double sample : samples) squares += (sample - summary.mean) * (sample - summary.mean);
  summary.deviation = std::sqrt(squares / static_cast<double>(n - 1));
  const double half = student_t_95(static_cast<double>(n - 1)) * summary.deviation / std::sqrt(static_cast<double>(n));
  summary.confidence = Interval{summary.mean - half, summary.mean + half};
  return summary;
}

std::optional<Difference> difference(const Summary& a, const Summary& b) {
  if (a.mean == 0) return std::nullopt;
  Difference result;
  result.relative = (b.mean - a.mean) / std::abs(a.mean);
  if (a.samples < 2 || b.samples < 2) return result;
  const double error_a = a.deviation * a.deviation / a.samples, error_b = b.deviation * b.deviation / b.samples;
  const double error = error_a + error_b;
  double half = 0;
  if (error > 0) {
    // Welch-Satterthwaite.
    const double degrees = error * error / (error_a * error_a / (a.samples - 1) + error_b * error_b / (b.samples - 1));
    half = student_t_95(degrees) * std::sqrt(error) / std::abs(a.mean);
  }
  result.confidence = Interval{result.relative - half, result.relative + half};
  return result;
}

}  // namespace tierscope
