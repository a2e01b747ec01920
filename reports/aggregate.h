// From results to what a report shows: each cell's repeats summarized, figure by figure. Thread-safe.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "reports/metric.h"
#include "reports/result.h"
#include "reports/statistics.h"

namespace tierscope {

struct CellSummary {
  CellAxes axes;
  uint32_t repeats = 0;  // that succeeded
  std::vector<std::string> caveats;
  std::string command;                          // of its first repeat
  std::string effective_access;                 // "" where the device was not read
  std::vector<std::optional<Summary>> figures;  // parallel to metrics()
};

struct Failure {
  CellAxes axes;
  uint32_t repeat = 0;
  std::string error, command;
};

struct ReportedCurvePoint {
  double capacity_rows = 0, miss_ratio = 0;
  std::optional<double> capacity_bytes, compulsory_miss_ratio;  // where `mrc` knew
};

struct Curve {
  std::string trace, table, policy;  // table: "" for one row a token
  std::vector<ReportedCurvePoint> points;
};

// One run, or several that were merged because they share no cell (shards).
struct RunSummary {
  std::string label;                   // the plan's name
  std::vector<std::string> manifests;  // JSON texts, one a folder
  std::vector<CellSummary> cells;      // in the order of first appearance
  std::vector<Failure> failures;
  std::vector<Curve> curves;
};

RunSummary summarize_run(const std::vector<std::filesystem::path>& folders);

// Whether the two have a cell in common: then they are compared rather than merged.
bool share_a_cell(const std::filesystem::path& a, const std::filesystem::path& b);

const Summary* figure(const CellSummary& cell, std::string_view metric_id);  // nullptr where the cell has none
std::optional<double> median_of(const CellSummary& cell, std::string_view metric_id);

// Seven significant digits, whole numbers as they are: the one form in which figures leave for CSV, JSON and the page.
nlohmann::ordered_json rounded(double value);

}  // namespace tierscope
