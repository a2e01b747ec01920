#include "experiments/svg_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace tierscope {
namespace {

constexpr double kWidth = 720, kHeight = 440, kLeft = 80, kRight = 40, kTop = 40, kBottom = 56;

// A logarithmic axis over whole decades.
struct Axis {
  double first_decade, last_decade, from, to;  // from, to: image coordinates

  Axis(double least, double most, double from_at, double to_at)
      : first_decade(std::floor(std::log10(least))),
        last_decade(std::ceil(std::log10(most))),
        from(from_at),
        to(to_at) {
    if (last_decade <= first_decade) last_decade = first_decade + 1;
  }
  double at(double value) const {
    return from + (std::log10(value) - first_decade) / (last_decade - first_decade) * (to - from);
  }
};

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '<' ? "&lt;" : c == '&' ? "&amp;" : c == '>' ? "&gt;" : std::string(1, c);
  return out;
}

std::string grid(const Axis& x, const Axis& y) {
  std::string svg;
  for (double decade = x.first_decade; decade <= x.last_decade; ++decade) {
    const double at = x.at(std::pow(10, decade));
    svg +=
        fmt::format("<path class='grid' d='M{:.1f} {}V{}'/><text x='{:.1f}' y='{}' text-anchor='middle'>{:g}</text>\n",
                    at, kTop, kHeight - kBottom, at, kHeight - kBottom + 18, std::pow(10, decade));
  }
  for (double decade = y.first_decade; decade <= y.last_decade; ++decade) {
    const double at = y.at(std::pow(10, decade));
    svg += fmt::format("<path class='grid' d='M{} {:.1f}H{}'/><text x='{}' y='{:.1f}' text-anchor='end'>{:g}</text>\n",
                       kLeft, at, kWidth - kRight, kLeft - 8, at + 4, std::pow(10, decade));
  }
  return svg;
}

}  // namespace

std::string to_svg(const Plot& plot) {
  std::vector<std::pair<double, double>> points = plot.points;
  std::erase_if(points, [](const auto& point) { return point.first <= 0 || point.second <= 0; });
  std::string svg = fmt::format(
      "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {0} {1}' width='{0}' height='{1}'>\n"
      "<style>text{{font:13px sans-serif;fill:#222}}.grid{{stroke:#ddd;fill:none}}"
      ".line{{stroke:#1f6fb4;stroke-width:2;fill:none}}.bar{{stroke:#1f6fb4;stroke-width:8}}</style>\n"
      "<rect width='{0}' height='{1}' fill='#fff'/>\n"
      "<text x='{2}' y='24' style='font-weight:bold'>{3}</text>\n",
      kWidth, kHeight, kLeft, escaped(plot.title));
  if (!points.empty()) {
    const auto [least, most] = std::ranges::minmax(points, {}, &std::pair<double, double>::second);
    const Axis x(points.front().first, points.back().first, kLeft, kWidth - kRight);
    const Axis y(least.second, most.second, kHeight - kBottom, kTop);
    svg += grid(x, y);
    if (!plot.bars) svg += "<path class='line' d='";
    for (size_t i = 0; i < points.size(); ++i) {
      const double px = x.at(points[i].first), py = y.at(points[i].second);
      svg += plot.bars ? fmt::format("<path class='bar' d='M{:.1f} {:.1f}V{}'/>\n", px, py, kHeight - kBottom)
                       : fmt::format("{}{:.1f} {:.1f}", i == 0 ? 'M' : 'L', px, py);
    }
    if (!plot.bars) svg += "'/>\n";
  }
  svg += fmt::format("<text x='{}' y='{}' text-anchor='middle'>{}</text>\n", (kLeft + kWidth - kRight) / 2,
                     kHeight - 12, escaped(plot.x_label));
  svg += fmt::format("<text transform='translate(18 {}) rotate(-90)' text-anchor='middle'>{}</text>\n</svg>\n",
                     (kTop + kHeight - kBottom) / 2, escaped(plot.y_label));
  return svg;
}

}  // namespace tierscope
