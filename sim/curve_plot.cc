#include "sim/curve_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace tierscope {
namespace {

constexpr double kLeft = 60, kTop = 40, kWidth = 620, kHeight = 400, kLegend = 190;
constexpr std::array kColours{"#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b",
                              "#e377c2", "#7f7f7f", "#bcbd22", "#17becf", "#003f5c", "#ffa600"};

struct Axes {
  double least_rows = 1, most_rows = 1, most_ratio = 1;

  double x(double rows) const {
    const double share = most_rows > least_rows ? std::log(rows / least_rows) / std::log(most_rows / least_rows) : 0.5;
    return kLeft + share * kWidth;
  }
  double y(double ratio) const { return kTop + (1 - ratio / most_ratio) * kHeight; }
};

std::string escape(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : std::string(1, c);
  return out;
}

std::string grid_lines(const Axes& axes) {
  std::string svg;
  for (int i = 0; i <= 10; ++i) {
    const double ratio = axes.most_ratio * i / 10, y = axes.y(ratio);
    svg += fmt::format("<line x1='{}' x2='{}' y1='{:.1f}' y2='{:.1f}' stroke='#ddd'/>\n", kLeft, kLeft + kWidth, y, y);
    svg += fmt::format("<text x='{}' y='{:.1f}' text-anchor='end'>{:.2f}</text>\n", kLeft - 6, y + 4, ratio);
  }
  for (double rows = 1; rows <= axes.most_rows; rows *= 4) {
    if (rows < axes.least_rows) continue;
    const double x = axes.x(rows);
    svg += fmt::format("<line x1='{:.1f}' x2='{:.1f}' y1='{}' y2='{}' stroke='#ddd'/>\n", x, x, kTop, kTop + kHeight);
    svg += fmt::format("<text x='{:.1f}' y='{}' text-anchor='middle'>{:.0f}</text>\n", x, kTop + kHeight + 16, rows);
  }
  return svg;
}

// A line through `points` and its entry in the legend.
std::string curve(const std::string& points, const std::string& label, std::string_view style, size_t place) {
  const double x = kLeft + kWidth + 14, y = kTop + 10 + 18 * static_cast<double>(place);
  return fmt::format(
      "<polyline fill='none' {} points='{}'/>\n"
      "<line x1='{}' x2='{}' y1='{}' y2='{}' {}/>\n<text x='{}' y='{}'>{}</text>\n",
      style, points, x, x + 24, y, y, style, x + 30, y + 4, escape(label));
}

}  // namespace

std::string plot_curves(const Curves& curves, const std::string& title, std::string_view minimum) {
  Axes axes;
  axes.least_rows = 1e300;
  axes.most_ratio = 0;
  for (const CurvePoint& point : curves.points) {
    axes.least_rows = std::min(axes.least_rows, static_cast<double>(point.capacity_rows));
    axes.most_rows = std::max(axes.most_rows, static_cast<double>(point.capacity_rows));
    axes.most_ratio = std::max(axes.most_ratio, point.miss_ratio);
  }
  axes.most_ratio = std::min(1.0, std::ceil(axes.most_ratio * 10) / 10);
  std::string svg = fmt::format(
      "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {} {}' font-family='sans-serif' font-size='12'>\n"
      "<rect width='100%' height='100%' fill='white'/>\n<text x='{}' y='22' font-size='15'>{}</text>\n"
      "<text x='{}' y='{}' text-anchor='middle'>capacity, rows</text>\n<text x='{}' y='{}'>miss ratio</text>\n",
      kLeft + kWidth + kLegend, kTop + kHeight + 50, kLeft, escape(title), kLeft + kWidth / 2, kTop + kHeight + 38, 4,
      kTop - 10);
  svg += grid_lines(axes);
  size_t place = 0;
  for (size_t i = 0; i < curves.points.size();) {
    const std::string& policy = curves.points[i].policy;
    std::string points;
    for (; i < curves.points.size() && curves.points[i].policy == policy; ++i)
      points += fmt::format("{:.1f},{:.1f} ", axes.x(static_cast<double>(curves.points[i].capacity_rows)),
                            axes.y(curves.points[i].miss_ratio));
    const bool is_minimum = policy == minimum;
    const std::string style = is_minimum
                                  ? "stroke='black' stroke-width='2' stroke-dasharray='6 3'"
                                  : fmt::format("stroke='{}' stroke-width='1.6'", kColours[place % kColours.size()]);
    svg += curve(points, is_minimum ? fmt::format("MIN ({})", policy) : policy, style, place++);
  }
  const double bound = axes.y(curves.compulsory_miss_ratio());
  svg += curve(fmt::format("{},{:.1f} {},{:.1f}", kLeft, bound, kLeft + kWidth, bound),
               fmt::format("compulsory {:.4f}", curves.compulsory_miss_ratio()),
               "stroke='#555' stroke-width='1.5' stroke-dasharray='2 3'", place);
  return svg + "</svg>\n";
}

}  // namespace tierscope
