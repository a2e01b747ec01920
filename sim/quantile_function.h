// A distribution given by some of its quantiles, as a function: straight lines between them. Pure.
#pragma once

#include "sim/device_profile.h"

namespace tierscope {

// The value below which a share `u` (0 <= u <= 1) of the samples lies.
double value_at(const Quantiles& quantiles, double u);
// The mean of value_at over u.
double mean_of(const Quantiles& quantiles);
// Quantile by quantile, `share` of the way from `low` to `high`.
Quantiles between(const Quantiles& low, const Quantiles& high, double share);

}  // namespace tierscope
