#include "runtime/model/rope.h"

#include <cmath>

namespace tierscope {

RopeAngles::RopeAngles(uint32_t head_dim, float base, std::span<const float> divisors) : frequencies_(head_dim / 2) {
  for (size_t i = 0; i < frequencies_.size(); ++i) {
    const double frequency = std::pow(double{base}, -2.0 * static_cast<double>(i) / head_dim);
    frequencies_[i] = divisors.empty() ? frequency : frequency / double{divisors[i]};
  }
}

void RopeAngles::at(uint32_t position, float* cosines, float* sines) const {
  for (size_t i = 0; i < frequencies_.size(); ++i) {
    const double angle = position * frequencies_[i];
    cosines[i] = static_cast<float>(std::cos(angle));
    sines[i] = static_cast<float>(std::sin(angle));
  }
}

}  // namespace tierscope
