// The median of measurements; of an even number, the upper of the two in the middle.
#pragma once

#include <algorithm>
#include <vector>

namespace tierscope {

// `samples` must not be empty.
inline double median(std::vector<double> samples) {
  const auto middle = samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 2);
  std::ranges::nth_element(samples, middle);
  return *middle;
}

}  // namespace tierscope
