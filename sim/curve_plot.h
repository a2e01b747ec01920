// Miss-ratio curves as a picture: an SVG text on its own, capacity in logarithmic steps. Pure, thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "sim/miss_ratio_curve.h"

namespace tierscope {

// `minimum` names the policy that is drawn as MIN, dashed; the compulsory bound is drawn dotted.
std::string plot_curves(const Curves& curves, const std::string& title, std::string_view minimum);

}  // namespace tierscope
