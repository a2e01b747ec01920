#include "experiments/plan_config.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "experiments/plan.h"
#include "runtime/base/toml_table.h"

namespace tierscope {
namespace {

// Strings, numbers and lists of them are written alike in JSON and TOML.
template <typename Value>
std::string line(const TomlTable& table, std::string_view key, const Value& value) {
  const std::string written = fmt::format("{} = {}", key, nlohmann::json(value).dump());
  return fmt::format("{:<50} # {}\n", written, table.has(key) ? "file" : "default");
}

std::string matrix_lines(const TomlTable& table, const PlanMatrix& matrix) {
  return "\n[[matrix]]\n" + line(table, "sources", matrix.sources) + line(table, "models", matrix.models) +
         line(table, "traces", matrix.traces) + line(table, "placements", matrix.placements) +
         line(table, "states", matrix.states) + line(table, "compute", matrix.compute) +
         line(table, "devices", matrix.devices) + line(table, "emulate", matrix.emulate) +
         line(table, "backend", matrix.backend) + line(table, "requests", matrix.requests) +
         line(table, "repeats", matrix.repeats) + line(table, "threads", matrix.threads) +
         line(table, "chunk", matrix.chunk) + line(table, "ctx", matrix.context);
}

std::string curves_lines(const TomlTable& table, const PlanCurves& curves) {
  return "\n[[curves]]\n" + line(table, "traces", curves.traces) + line(table, "policies", curves.policies) +
         line(table, "addressing", curves.addressing) + line(table, "sampled", curves.sampled);
}

}  // namespace

std::string plan_config(const std::filesystem::path& file) {
  const Plan plan = Plan::read(file);
  const TomlTable table = TomlTable::read(file);
  std::string text =
      line(table, "name", plan.name) + line(table, "description", plan.description) + line(table, "seed", plan.seed);
  const auto matrices = table.tables("matrix"), curves = table.tables("curves");
  for (size_t i = 0; i < plan.matrices.size(); ++i) text += matrix_lines(matrices[i], plan.matrices[i]);
  for (size_t i = 0; i < plan.curves.size(); ++i) text += curves_lines(curves[i], plan.curves[i]);
  return text;
}

}  // namespace tierscope
