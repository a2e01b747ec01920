// Small-sample statistics of repeated measurements. Pure, thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace tierscope {

struct Interval {
  double low = 0, high = 0;
};

struct Summary {
  uint32_t samples = 0;
  double median = 0, mean = 0, minimum = 0, maximum = 0;
  double deviation = 0;  // of the sample (n - 1); 0 for one sample
  // 95 % confidence interval of the mean (Student's t); empty for one sample: nothing is known about its noise.
  std::optional<Interval> confidence;
};

Summary summarize_samples(std::vector<double> samples);  // at least one

struct Difference {
  double relative = 0;                 // (b - a) / a of the means
  std::optional<Interval> confidence;  // 95 % (Welch), as a share of a's mean; empty where either has one sample
};
// Empty where a's mean is 0.
std::optional<Difference> difference(const Summary& a, const Summary& b);

// Two-sided 95 % quantile of Student's t for `degrees` of freedom (> 0, may be fractional).
double student_t_95(double degrees);

}  // namespace tierscope
