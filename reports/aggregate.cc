#include "reports/aggregate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include "runtime/base/atomic_file.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace tierscope {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

struct Samples {
  CellSummary cell;
  std::vector<std::vector<double>> values;  // parallel to metrics()
};

void add_result(Samples& to, const Result& result, const json& output) {
  if (to.cell.repeats++ == 0) {
    to.cell.axes = result.axes;
    to.cell.command = result.command;
    to.cell.caveats = caveats(result.axes, output);
    const json::json_pointer access("/nvme/effective_access");
    if (output.contains(access)) to.cell.effective_access = output.at(access).get<std::string>();
    to.values.resize(metrics().size());
  }
  for (size_t i = 0; i < metrics().size(); ++i)
    if (const auto value = extract(metrics()[i], result, output)) to.values[i].push_back(*value);
}

// `mrc --json`: [{"policy","capacity_rows","miss_ratio"},...]. The unit of caching is part of the policy's name here.
void add_curves(std::vector<Curve>& curves, const Result& result, const json& output) {
  std::map<std::string, size_t> by_policy;
  const size_t unit = std::min(result.axes.placement.find(",unit="), result.axes.placement.size());
  const auto figure = [](const json& point, const char* key) {
    return point.contains(key) ? std::optional(point.at(key).get<double>()) : std::nullopt;
  };
  for (const json& point : output) {
    const auto [at, is_new] = by_policy.emplace(point.at("policy").get<std::string>(), curves.size());
    if (is_new)
      curves.push_back({result.axes.trace, result.axes.model, at->first + result.axes.placement.substr(unit), {}});
    curves[at->second].points.push_back({point.at("capacity_rows").get<double>(), point.at("miss_ratio").get<double>(),
                                         figure(point, "capacity_bytes"), figure(point, "compulsory_miss_ratio")});
  }
}

// The manifest's text, checked to be JSON, and the name of the plan in it.
std::pair<std::string, std::string> read_manifest(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "manifest.json";
  std::string text = read_text_file(path);
  try {
    std::string plan = json::parse(text).at("name").get<std::string>();
    return {std::move(text), std::move(plan)};
  } catch (const json::exception& error) {
    throw Error(std::string("not a manifest: ") + error.what(), path.string());
  }
}

// Cells run in shuffled order; a reader wants comparable ones together, what runs the decoder first, and the placements
// of a group by the memory they take.
void sort_for_reading(std::vector<CellSummary>& cells) {
  const auto key = [](const CellSummary& cell) {
    const CellAxes& axes = cell.axes;
    return std::tuple(axes.source, axes.model, axes.compute == "none", axes.compute, axes.trace, axes.state,
                      axes.device, axes.backend, axes.requests, axes.threads, axes.chunk,
                      median_of(cell, "fast_bytes").value_or(0), axes.placement);
  };
  std::ranges::sort(cells, [&](const CellSummary& a, const CellSummary& b) { return key(a) < key(b); });
}

}  // namespace

RunSummary summarize_run(const std::vector<std::filesystem::path>& folders) {
  RunSummary run;
  std::vector<Samples> samples;
  std::unordered_map<std::string, size_t> by_cell;
  for (const std::filesystem::path& folder : folders) {
    auto [manifest, plan] = read_manifest(folder);
    run.manifests.push_back(std::move(manifest));
    run.label = std::move(plan);
    for (const Result& result : read_results(folder)) {
      if (!result.ok) {
        run.failures.push_back({result.axes, result.repeat, result.error, result.command});
        continue;
      }
      const json output = json::parse(result.output);
      if (result.axes.source == ResultSource::curve) {
        if (result.repeat == 0) add_curves(run.curves, result, output);
        continue;
      }
      const auto [at, is_new] = by_cell.emplace(result.axes.id(), samples.size());
      if (is_new) samples.emplace_back();
      add_result(samples[at->second], result, output);
    }
  }
  for (Samples& sample : samples) {
    for (std::vector<double>& values : sample.values)
      sample.cell.figures.push_back(values.empty() ? std::nullopt
                                                   : std::optional(summarize_samples(std::move(values))));
    run.cells.push_back(std::move(sample.cell));
  }
  sort_for_reading(run.cells);
  return run;
}

bool share_a_cell(const std::filesystem::path& a, const std::filesystem::path& b) {
  std::unordered_set<std::string> cells;
  for (const Result& result : read_results(a)) cells.insert(result.axes.id());
  return std::ranges::any_of(read_results(b), [&](const Result& result) { return cells.contains(result.axes.id()); });
}

const Summary* figure(const CellSummary& cell, std::string_view metric_id) {
  const auto& found = cell.figures[metric_index(metric_id)];
  return found ? &*found : nullptr;
}

std::optional<double> median_of(const CellSummary& cell, std::string_view metric_id) {
  const Summary* found = figure(cell, metric_id);
  return found ? std::optional(found->median) : std::nullopt;
}

ordered_json rounded(double value) {
  const auto is_whole = [](double number) { return std::abs(number) < 0x1p53 && number == std::floor(number); };
  if (!is_whole(value)) value = *parse_double(fmt::format("{:.7g}", value));
  return is_whole(value) ? ordered_json(static_cast<int64_t>(value)) : ordered_json(value);
}

}  // namespace tierscope
