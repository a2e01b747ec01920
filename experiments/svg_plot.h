// A line plot as a self-contained SVG image: logarithmic axes with decades, one series. Pure, thread-safe.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace tierscope {

struct Plot {
  std::string title, x_label, y_label;
  std::vector<std::pair<double, double>> points;  // positive, by x; others are left out
  bool bars = false;                              // a bar down to the axis at each point instead of a line
};

std::string to_svg(const Plot& plot);

}  // namespace tierscope
