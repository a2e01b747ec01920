#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "reports/report.h"

namespace tierscope {
namespace {

using nlohmann::ordered_json;

// A column of texts, each distinct one written once: ten thousand cells repeat a few names.
ordered_json text_column(const std::vector<std::string>& values) {
  ordered_json names = ordered_json::array(), index = ordered_json::array();
  std::unordered_map<std::string, size_t> known;
  for (const std::string& value : values) {
    const auto [at, is_new] = known.emplace(value, names.size());
    if (is_new) names.push_back(value);
    index.push_back(at->second);
  }
  return {{"names", names}, {"index", index}};
}

template <class Get>
ordered_json number_column(const std::vector<CellSummary>& cells, size_t metric, Get get) {
  ordered_json column = ordered_json::array();
  bool any = false;
  for (const CellSummary& cell : cells) {
    const std::optional<double> value = cell.figures[metric] ? get(*cell.figures[metric]) : std::nullopt;
    column.push_back(value ? rounded(*value) : ordered_json(nullptr));
    any |= value.has_value();
  }
  return any ? column : ordered_json(nullptr);
}

ordered_json axes_columns(const std::vector<CellSummary>& cells) {
  ordered_json axes = ordered_json::object();
  const auto names = CellAxes().texts();
  std::vector<std::vector<std::string>> columns(names.size());
  for (const CellSummary& cell : cells) {
    const auto texts = cell.axes.texts();
    for (size_t i = 0; i < texts.size(); ++i) columns[i].push_back(texts[i].second);
  }
  for (size_t i = 0; i < names.size(); ++i) axes[names[i].first] = text_column(columns[i]);
  return axes;
}

ordered_json figure_columns(const std::vector<CellSummary>& cells) {
  ordered_json figures = ordered_json::object();
  for (size_t m = 0; m < metrics().size(); ++m) {
    const ordered_json median = number_column(cells, m, [](const Summary& s) { return std::optional(s.median); });
    if (median.is_null()) continue;
    ordered_json figure{{"median", median}};
    const auto low = [](const Summary& s) { return s.confidence ? std::optional(s.confidence->low) : std::nullopt; };
    const auto high = [](const Summary& s) { return s.confidence ? std::optional(s.confidence->high) : std::nullopt; };
    if (ordered_json column = number_column(cells, m, low); !column.is_null()) {
      figure["low"] = std::move(column);
      figure["high"] = number_column(cells, m, high);
    }
    figures[metrics()[m].id] = std::move(figure);
  }
  return figures;
}

ordered_json cells_json(const std::vector<CellSummary>& cells) {
  std::vector<std::string> caveats, access;
  ordered_json ids = ordered_json::array(), repeats = ordered_json::array(), commands = ordered_json::array();
  for (const CellSummary& cell : cells) {
    std::string joined;
    for (const std::string& caveat : cell.caveats) joined += (joined.empty() ? "" : "; ") + caveat;
    caveats.push_back(joined);
    access.push_back(cell.effective_access);
    ids.push_back(cell.axes.id());
    repeats.push_back(cell.repeats);
    commands.push_back(cell.command);
  }
  return {{"count", cells.size()},
          {"id", ids},
          {"axes", axes_columns(cells)},
          {"caveats", text_column(caveats)},
          {"effective_access", text_column(access)},
          {"repeats", repeats},
          {"command", commands},
          {"figures", figure_columns(cells)}};
}

ordered_json metrics_json() {
  ordered_json list = ordered_json::array();
  for (const Metric& metric : metrics())
    list.push_back(
        {{"id", metric.id}, {"title", metric.title}, {"unit", metric.unit}, {"better", name(metric.better)}});
  return list;
}

ordered_json axes_json(const CellAxes& axes) {
  ordered_json json = ordered_json::object();
  for (const auto& [axis, value] : axes.texts()) json[axis] = value;
  return json;
}

ordered_json answers_json(const Report& report) {
  ordered_json list = ordered_json::array();
  for (const Answer& answer : report.answers) {
    ordered_json advice = ordered_json::array();
    for (const Advice& one : answer.advice)
      advice.push_back({{"need", one.need},
                        {"cell", one.cell},
                        {"placement", report.run.cells[one.cell].axes.placement},
                        {"costs", one.costs}});
    list.push_back({{"group", axes_json(answer.group)},
                    {"caveats", answer.caveats},
                    {"latency_metric", answer.latency_metric},
                    {"advice", advice}});
  }
  return list;
}

ordered_json optional_figure(const std::optional<double>& value) {
  return value ? ordered_json(rounded(*value)) : ordered_json(nullptr);
}

ordered_json curves_json(const std::vector<Curve>& curves) {
  ordered_json list = ordered_json::array();
  for (const Curve& curve : curves)
    for (const ReportedCurvePoint& point : curve.points)
      list.push_back({{"trace", curve.trace},
                      {"table", curve.table},
                      {"policy", curve.policy},
                      {"capacity_rows", rounded(point.capacity_rows)},
                      {"capacity_bytes", optional_figure(point.capacity_bytes)},
                      {"miss_ratio", rounded(point.miss_ratio)},
                      {"compulsory_miss_ratio", optional_figure(point.compulsory_miss_ratio)}});
  return list;
}

ordered_json failures_json(const std::vector<Failure>& failures) {
  ordered_json list = ordered_json::array();
  for (const Failure& failure : failures)
    list.push_back({{"axes", axes_json(failure.axes)},
                    {"repeat", failure.repeat},
                    {"error", failure.error},
                    {"command", failure.command}});
  return list;
}

ordered_json manifests_json(const RunSummary& run) {
  ordered_json list = ordered_json::array();
  for (const std::string& manifest : run.manifests) list.push_back(ordered_json::parse(manifest));
  return list;
}

ordered_json comparison_json(const Report& report) {
  if (!report.comparison) return nullptr;
  ordered_json changes = ordered_json::array();
  for (const Change& change : report.comparison->changes) {
    const auto& interval = change.difference.confidence;
    changes.push_back({{"cell", change.cell_b},
                       {"metric", metrics()[change.metric].id},
                       {"before", rounded(report.baseline->cells[change.cell_a].figures[change.metric]->median)},
                       {"after", rounded(report.run.cells[change.cell_b].figures[change.metric]->median)},
                       {"relative", rounded(change.difference.relative)},
                       {"low", interval ? rounded(interval->low) : ordered_json(nullptr)},
                       {"high", interval ? rounded(interval->high) : ordered_json(nullptr)},
                       {"verdict", name(change.verdict)}});
  }
  return {{"baseline", report.baseline->label},
          {"baseline_manifests", manifests_json(*report.baseline)},
          {"only_before", report.comparison->only_a.size()},
          {"only_after", report.comparison->only_b.size()},
          {"changes", changes}};
}

}  // namespace

std::string render_json(const Report& report) {
  const ordered_json json{{"tierscope_report", 1},
                          {"title", report.run.label},
                          {"metrics", metrics_json()},
                          {"cells", cells_json(report.run.cells)},
                          {"answers", answers_json(report)},
                          {"curves", curves_json(report.run.curves)},
                          {"failures", failures_json(report.run.failures)},
                          {"manifests", manifests_json(report.run)},
                          {"comparison", comparison_json(report)}};
  return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace tierscope
