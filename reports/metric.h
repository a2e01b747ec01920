// What a report knows how to show: every figure of a result that is compared, averaged and plotted. One line in
// metric.cc adds one. Thread-safe.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string_view>

#include "reports/result.h"

namespace tierscope {

enum class Better { lower, higher, neither };
std::string_view name(Better better);

struct Metric {
  const char* id;     // column name in CSV and JSON; units in the name
  const char* title;  // for people
  const char* unit;   // "" for a ratio or a count
  Better better;
  const char* pointer;  // JSON pointer into the command's output; nullptr where `compute` gives it
  std::optional<double> (*compute)(const Result& result, const nlohmann::json& output);
};

std::span<const Metric> metrics();
size_t metric_index(std::string_view id);  // std::out_of_range for an unknown id: a bug
// Empty where the result does not have the figure (null, absent, not applicable).
std::optional<double> extract(const Metric& metric, const Result& result, const nlohmann::json& output);

}  // namespace tierscope
