#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "reports/report.h"

namespace tierscope {
namespace {

std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"') result += '"';
    result += c;
  }
  return result + '"';
}

}  // namespace

std::string render_csv(const Report& report) {
  const std::vector<CellSummary>& cells = report.run.cells;
  const auto has_any = [&](size_t metric) {
    return std::ranges::any_of(cells, [metric](const CellSummary& cell) { return cell.figures[metric].has_value(); });
  };
  std::vector<size_t> shown;
  for (size_t i = 0; i < metrics().size(); ++i)
    if (has_any(i)) shown.push_back(i);

  std::string csv = "cell";
  for (const auto& [axis, value] : CellAxes().texts()) csv += "," + axis;
  csv += ",caveats,effective_access,repeats";
  for (const size_t i : shown) csv += fmt::format(",{0},{0}_low,{0}_high", metrics()[i].id);
  csv += '\n';
  for (const CellSummary& cell : cells) {
    csv += cell.axes.id();
    for (const auto& [axis, value] : cell.axes.texts()) csv += "," + quoted(value);
    csv += fmt::format(",{},{},{}", quoted(fmt::format("{}", fmt::join(cell.caveats, "; "))),
                       quoted(cell.effective_access), cell.repeats);
    for (const size_t i : shown) {
      const auto& summary = cell.figures[i];
      csv += summary ? "," + rounded(summary->median).dump() : ",";
      if (summary && summary->confidence)
        csv += "," + rounded(summary->confidence->low).dump() + "," + rounded(summary->confidence->high).dump();
      else
        csv += ",,";
    }
    csv += '\n';
  }
  return csv;
}

}  // namespace tierscope
