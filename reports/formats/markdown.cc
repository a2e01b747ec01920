#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "reports/report.h"

namespace tierscope {
namespace {

using Row = std::vector<std::string>;

struct Column {
  const char* metric;
  const char* head;
};

// In order; one that no cell of the group fills is left out.
constexpr std::array kColumns{
    Column{"ttft_ms_mean", "TTFT"},
    Column{"tpot_ms_mean", "TPOT"},
    Column{"stall_prefill_ms_mean", "stall/prefill step"},
    Column{"stall_decode_ms_mean", "stall/decode step"},
    Column{"hit_ratio", "hit ratio"},
    Column{"reads", "rows read"},
    Column{"device_bytes", "bytes read"},
    Column{"read_latency_us_p50", "read p50"},
    Column{"read_latency_us_p99", "read p99"},
    Column{"fast_bytes", "fast memory"},
    Column{"peak_rss_bytes", "peak memory"},
};

// Padded so that it reads as a table without a Markdown viewer. The first column is left-aligned.
std::string table(const std::vector<Row>& rows) {
  Row::size_type columns = rows.front().size();
  std::vector<size_t> width(columns, 3);
  for (const Row& row : rows)
    for (size_t i = 0; i < columns; ++i) width[i] = std::max(width[i], row[i].size());
  std::string text;
  for (size_t r = 0; r < rows.size(); ++r) {
    for (size_t i = 0; i < columns; ++i)
      text += i == 0 ? fmt::format("| {:<{}} |", rows[r][i], width[i]) : fmt::format(" {:>{}} |", rows[r][i], width[i]);
    text += '\n';
    if (r > 0) continue;
    for (size_t i = 0; i < columns; ++i)
      text += i == 0 ? fmt::format("| {:-<{}} |", "", width[i]) : fmt::format(" {:->{}}: |", "", width[i] - 1);
    text += '\n';
  }
  return text;
}

std::string heading(const CellAxes& axes, const std::vector<std::string>& caveats) {
  std::string text;
  for (const auto& [axis, value] : axes.texts())
    if (!value.empty() && axis != "placement") text += (text.empty() ? "" : ", ") + fmt::format("{} {}", axis, value);
  if (!caveats.empty()) text += fmt::format(" [NOT MEASURED: {}]", fmt::join(caveats, ", "));
  return text;
}

std::string value_text(const CellSummary& cell, const char* metric_id) {
  const Summary* summary = figure(cell, metric_id);
  if (!summary) return "";
  const Metric& metric = metrics()[metric_index(metric_id)];
  std::string text = format_value(summary->median, metric.unit);
  // A hundredth is below what the three digits shown can tell.
  const double half = summary->confidence ? (summary->confidence->high - summary->confidence->low) / 2 : 0;
  if (summary->median != 0 && half > 0.01 * std::abs(summary->median))
    text += fmt::format(" ±{:.0f} %", 100 * half / summary->median);
  return text;
}

std::string group_table(const RunSummary& run, const std::vector<size_t>& group) {
  std::vector<Row> rows{{"placement"}};
  std::vector<const char*> shown;
  for (const auto& [metric, head] : kColumns) {
    const auto has_it = [&, id = metric](size_t cell) { return figure(run.cells[cell], id) != nullptr; };
    if (!std::ranges::any_of(group, has_it)) continue;
    shown.push_back(metric);
    rows[0].emplace_back(head);
  }
  for (const size_t index : group) {
    Row row{"`" + run.cells[index].axes.placement + "`"};
    for (const char* id : shown) row.push_back(value_text(run.cells[index], id));
    rows.push_back(std::move(row));
  }
  return table(rows);
}

std::string answers_text(const Report& report) {
  std::string text;
  for (const Answer& answer : report.answers) {
    text += fmt::format("For {}:\n\n", heading(answer.group, answer.caveats));
    for (const Advice& advice : answer.advice)
      text += fmt::format("- {}: `{}`: {}\n", advice.need, report.run.cells[advice.cell].axes.placement, advice.costs);
    text += '\n';
  }
  return text;
}

std::string comparison_text(const Report& report) {
  if (!report.comparison) return "";
  std::vector<Row> rows{{"cell", "figure", "before", "after", "change", "95 % interval", "verdict"}};
  size_t same = 0;
  for (const Change& change : report.comparison->changes) {
    if (change.verdict == Verdict::same) {
      ++same;
      continue;
    }
    const CellSummary& cell = report.run.cells[change.cell_b];
    const Metric& metric = metrics()[change.metric];
    const auto& interval = change.difference.confidence;
    rows.push_back({fmt::format("`{}` {}", cell.axes.placement, cell.axes.trace), metric.title,
                    format_value(report.baseline->cells[change.cell_a].figures[change.metric]->median, metric.unit),
                    format_value(cell.figures[change.metric]->median, metric.unit),
                    fmt::format("{:+.1f} %", 100 * change.difference.relative),
                    interval ? fmt::format("{:+.1f} .. {:+.1f} %", 100 * interval->low, 100 * interval->high) : "",
                    std::string(name(change.verdict))});
  }
  std::string text =
      fmt::format("## Compared with {}\n\n{} figures are the same within their noise.", report.baseline->label, same);
  text += rows.size() > 1 ? "\n\n" + table(rows) + "\n" : " None differs.\n\n";
  return text;
}

}  // namespace

std::string render_markdown(const Report& report) {
  std::string text = fmt::format("# {}\n\n", report.run.label) + answers_text(report) + comparison_text(report);
  for (const auto& group : comparable_groups(report.run)) {
    const CellSummary& first = report.run.cells[group.front()];
    text += fmt::format("## {}\n\n{}\n", heading(first.axes, first.caveats), group_table(report.run, group));
  }
  for (const Failure& failure : report.run.failures)
    text += fmt::format("FAILED: {}: {}\n", failure.command, failure.error);
  return text;
}

}  // namespace tierscope
