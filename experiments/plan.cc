#include "experiments/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>
#include <unordered_map>

#include "experiments/compute_pace.h"
#include "runtime/base/atomic_file.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/base/toml_table.h"
#include "runtime/placement/placement.h"

namespace tierscope {
namespace {

std::vector<std::string> texts_or(const TomlTable& table, std::string_view key, std::vector<std::string> fallback) {
  return table.has(key) ? table.texts(key) : std::move(fallback);
}

std::string text_or(const TomlTable& table, std::string_view key, std::string fallback) {
  return table.has(key) ? table.text(key) : std::move(fallback);
}

uint32_t small_or(const TomlTable& table, std::string_view key, uint32_t fallback) {
  if (!table.has(key)) return fallback;
  const uint64_t value = table.whole(key);
  if (value > std::numeric_limits<uint32_t>::max()) throw Error("the number is too large", table.where(key));
  return static_cast<uint32_t>(value);
}

// Every value of `key` is one of `known`.
void check_known(const TomlTable& table, std::string_view key, const std::vector<std::string>& values,
                 const std::vector<std::string>& known) {
  for (const std::string& value : values)
    if (std::ranges::find(known, value) == known.end())
      throw Error(unknown_name("value", value, known), table.where(key));
}

void check_not_empty(const TomlTable& table, std::string_view key, const std::vector<std::string>& values) {
  if (values.empty()) throw Error("the list is empty, so there is no cell", table.where(key), "name at least one");
}

std::vector<std::string> canonical_placements(const TomlTable& table) {
  std::vector<std::string> placements = table.texts("placements");
  for (std::string& placement : placements) try {
      placement = to_text(parse_placement(placement));
    } catch (const UsageError& error) {
      throw Error(error.what(), table.where("placements"));
    }
  return placements;
}

// A table is a model's, or none but its addressing and the bytes of a row are known.
void check_table(const TomlTable& table, const PlanMatrix& matrix) {
  if (matrix.addressing.empty()) {
    if (matrix.row_bytes > 0)
      throw Error("the models say it", table.where("row_bytes"), "name an addressing or drop it");
    return check_not_empty(table, "models", matrix.models);
  }
  if (!matrix.models.empty()) throw Error("the models say it", table.where("addressing"), "drop it or the models");
  if (matrix.sources != std::vector<std::string>{"simulated"})
    throw Error("without a model there is nothing to measure", table.where("sources"), "write [\"simulated\"]");
  if (matrix.row_bytes == 0) throw Error("missing", table.where("row_bytes"), "say how large a row is, e.g. 170");
}

PlanMatrix read_matrix(const TomlTable& table) {
  PlanMatrix matrix;
  matrix.sources = texts_or(table, "sources", {"measured"});
  matrix.models = texts_or(table, "models", {});
  matrix.addressing = text_or(table, "addressing", "");
  matrix.row_bytes = table.has("row_bytes") ? table.whole("row_bytes") : 0;
  matrix.traces = table.texts("traces");
  matrix.placements = canonical_placements(table);
  matrix.states = texts_or(table, "states", {"cold"});
  matrix.compute = texts_or(table, "compute", {"none"});
  matrix.devices = texts_or(table, "devices", {});
  matrix.emulate = text_or(table, "emulate", "");
  matrix.backend = text_or(table, "backend", "host");
  matrix.requests = table.has("requests") ? table.whole("requests") : 0;
  matrix.repeats = small_or(table, "repeats", 3);
  matrix.threads = small_or(table, "threads", 0);
  matrix.chunk = small_or(table, "chunk", 0);
  matrix.context = small_or(table, "ctx", 0);
  check_known(table, "sources", matrix.sources, {"measured", "simulated"});
  check_known(table, "states", matrix.states, {"cold", "warm"});
  for (const auto& [key, values] : {std::pair("sources", &matrix.sources), std::pair("traces", &matrix.traces),
                                    std::pair("placements", &matrix.placements), std::pair("states", &matrix.states),
                                    std::pair("compute", &matrix.compute)})
    check_not_empty(table, key, *values);
  for (const std::string& compute : matrix.compute)
    if (compute != "none" && compute != "real" && pace_of(compute).empty())
      throw Error(fmt::format("'{}' is not none, real, paced:DEVICE or paced:10ms", compute), table.where("compute"));
  check_table(table, matrix);
  if (matrix.repeats == 0) throw Error("no repeat is no result", table.where("repeats"), "write 1 or more");
  table.finish();
  return matrix;
}

PlanCurves read_curves(const TomlTable& table) {
  PlanCurves curves;
  curves.traces = table.texts("traces");
  curves.policies = table.texts("policies");
  curves.addressing = text_or(table, "addressing", "token");
  curves.units = texts_or(table, "units", {"row"});
  check_known(table, "units", curves.units, {"row", "page"});
  curves.row_bytes = table.has("row_bytes") ? table.whole("row_bytes") : 0;
  curves.capacities = texts_or(table, "capacities", {});
  curves.sampled = table.has("sampled") ? table.number("sampled") : 0;
  check_not_empty(table, "traces", curves.traces);
  check_not_empty(table, "policies", curves.policies);
  table.finish();
  return curves;
}

Plan read_plan(const TomlTable& table) {
  Plan plan;
  plan.name = table.text("name");
  plan.description = text_or(table, "description", "");
  plan.seed = table.has("seed") ? table.whole("seed") : 1;
  plan.profile = text_or(table, "profile", "");
  for (const TomlTable& matrix : table.tables("matrix")) plan.matrices.push_back(read_matrix(matrix));
  for (const TomlTable& curves : table.tables("curves")) plan.curves.push_back(read_curves(curves));
  table.finish();
  if (plan.matrices.empty() && plan.curves.empty())
    throw Error("the plan has neither [[matrix]] nor [[curves]]", table.where(), "see experiments/plans/default.toml");
  return plan;
}

std::string file_name(const std::string& path) {
  return std::filesystem::path(path).filename().string();
}

void add_option(std::vector<std::string>& words, const char* option, const std::string& value) {
  if (value.empty() || value == "0") return;
  words.insert(words.end(), {option, value});
}

PlannedCell measured_cell(const PlanMatrix& matrix, CellAxes axes, const std::string& model, const std::string& trace) {
  axes.source = ResultSource::measured;
  axes.backend = matrix.backend;
  axes.device = matrix.emulate;
  std::vector<std::string> words{"replay",       model,     "--trace",  trace,       "--placement",
                                 axes.placement, "--state", axes.state, "--compute", axes.compute};
  add_option(words, "--emulate", matrix.emulate);
  if (matrix.backend != "host") add_option(words, "--backend", matrix.backend);
  add_option(words, "--requests", std::to_string(matrix.requests));
  add_option(words, "--threads", std::to_string(matrix.threads));
  add_option(words, "--chunk", std::to_string(matrix.chunk));
  add_option(words, "--ctx", std::to_string(matrix.context));
  words.push_back("--json");
  return {std::move(axes), std::move(words), matrix.repeats};
}

// A profile prices the decoder ("profile"), the rows alone ("none") or another device's pace; without one there is
// nothing to price.
std::string simulated_compute(const std::string& compute, const std::string& device) {
  if (device.empty()) return "";
  return compute == "real" ? "profile" : compute;
}

PlannedCell simulated_cell(const PlanMatrix& matrix, CellAxes axes, const std::string& model, const std::string& trace,
                           const std::string& device) {
  axes.source = ResultSource::simulated;
  const std::string compute = device.empty() ? "" : axes.compute;
  axes.compute = simulated_compute(axes.compute, device);
  axes.device = device;
  axes.threads = 0;
  std::vector<std::string> words{"simulate", "--trace", trace, "--placement", axes.placement, "--state", axes.state};
  if (matrix.addressing.empty()) {
    words.insert(words.begin() + 1, {"--model", model});
  } else {
    words.insert(words.begin() + 1,
                 {"--addressing", matrix.addressing, "--row-bytes", std::to_string(matrix.row_bytes)});
  }
  add_option(words, "--device", device);
  add_option(words, "--compute", compute);
  add_option(words, "--requests", std::to_string(matrix.requests));
  add_option(words, "--chunk", std::to_string(matrix.chunk));
  words.push_back("--json");
  return {std::move(axes), std::move(words), 1};
}

// What stands for a table that no file holds.
std::string table_text(const std::string& addressing, uint64_t row_bytes) {
  return row_bytes > 0 ? fmt::format("{}, rows of {} B", addressing, row_bytes) : addressing;
}

void expand_matrix(const PlanMatrix& matrix, std::vector<PlannedCell>& cells) {
  const auto has = [&](const char* source) {
    return std::ranges::find(matrix.sources, source) != matrix.sources.end();
  };
  const std::vector<std::string> devices = matrix.devices.empty() ? std::vector<std::string>{""} : matrix.devices;
  const std::vector<std::string> models =
      matrix.addressing.empty() ? matrix.models
                                : std::vector<std::string>{table_text(matrix.addressing, matrix.row_bytes)};
  for (const std::string& model : models)
    for (const std::string& trace : matrix.traces)
      for (const std::string& state : matrix.states)
        for (const std::string& placement : matrix.placements) {
          CellAxes axes;
          axes.model = matrix.addressing.empty() ? file_name(model) : model;
          axes.trace = file_name(trace);
          axes.placement = placement;
          axes.state = state;
          axes.requests = matrix.requests;
          axes.threads = matrix.threads;
          axes.chunk = matrix.chunk;
          for (const std::string& compute : matrix.compute) {
            axes.compute = compute;
            if (has("measured")) cells.push_back(measured_cell(matrix, axes, model, trace));
            if (!has("simulated")) continue;
            for (const std::string& device : devices)
              cells.push_back(simulated_cell(matrix, axes, model, trace, device));
          }
        }
}

std::vector<std::pair<std::string, std::string>> product(const std::vector<std::string>& a,
                                                         const std::vector<std::string>& b) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const std::string& first : a)
    for (const std::string& second : b) pairs.emplace_back(first, second);
  return pairs;
}

void expand_curves(const PlanCurves& curves, std::vector<PlannedCell>& cells) {
  for (const std::string& trace : curves.traces)
    for (const auto& [policy, unit] : product(curves.policies, curves.units)) {
      CellAxes axes;
      axes.source = ResultSource::curve;
      axes.trace = file_name(trace);
      axes.placement = unit == "row" ? policy : policy + ",unit=" + unit;
      const std::string table = table_text(curves.addressing, curves.row_bytes);
      if (table != "token") axes.model = table;
      std::vector<std::string> words{"mrc", "--trace", trace, "--addressing", curves.addressing, "--policy", policy};
      if (unit != "row") add_option(words, "--unit", unit);
      add_option(words, "--row-bytes", std::to_string(curves.row_bytes));
      add_option(words, "--capacities", fmt::format("{}", fmt::join(curves.capacities, ",")));
      if (curves.sampled > 0) add_option(words, "--sampled", fmt::format("{}", curves.sampled));
      words.push_back("--json");
      cells.push_back({std::move(axes), std::move(words), 1});
    }
}

void add_once(std::vector<std::string>& to, const std::vector<std::string>& values) {
  for (const std::string& value : values)
    if (std::ranges::find(to, value) == to.end()) to.push_back(value);
}

}  // namespace

Plan Plan::parse(const std::string& text, const std::string& name) {
  Plan plan = read_plan(TomlTable::parse(text, name));
  plan.text = text;
  return plan;
}

Plan Plan::read(const std::filesystem::path& file) {
  return parse(read_text_file(file), file.string());
}

std::vector<PlannedCell> expand(const Plan& plan) {
  std::vector<PlannedCell> all, cells;
  for (const PlanMatrix& matrix : plan.matrices) expand_matrix(matrix, all);
  for (const PlanCurves& curves : plan.curves) expand_curves(curves, all);
  std::unordered_map<std::string, size_t> by_id;
  for (PlannedCell& cell : all) {
    const auto [at, is_new] = by_id.emplace(cell.axes.id(), cells.size());
    if (is_new)
      cells.push_back(std::move(cell));
    else if (cells[at->second].words != cell.words)
      throw Error(fmt::format("two different cells look alike in results: '{}' and '{}'",
                              fmt::join(cells[at->second].words, " "), fmt::join(cell.words, " ")),
                  plan.name, "give the files different names");
  }
  return cells;
}

std::vector<std::string> model_files(const Plan& plan) {
  std::vector<std::string> files;
  for (const PlanMatrix& matrix : plan.matrices) add_once(files, matrix.models);
  return files;
}

std::vector<std::string> trace_files(const Plan& plan) {
  std::vector<std::string> files;
  for (const PlanMatrix& matrix : plan.matrices) add_once(files, matrix.traces);
  for (const PlanCurves& curves : plan.curves) add_once(files, curves.traces);
  return files;
}

Shard parse_shard(std::string_view text) {
  const auto parts = split(text, '/');
  if (parts.size() == 2) {
    const auto index = parse_unsigned(parts[0]), count = parse_unsigned(parts[1]);
    if (index && count && *index >= 1 && *index <= *count && *count <= std::numeric_limits<uint32_t>::max())
      return {static_cast<uint32_t>(*index), static_cast<uint32_t>(*count)};
  }
  throw UsageError(fmt::format("'{}' is not a shard", text), "--shard", "write K/N with 1 <= K <= N, e.g. 2/8");
}

std::vector<PlannedCell> cells_of(const std::vector<PlannedCell>& cells, const Shard& shard) {
  std::vector<PlannedCell> kept;
  for (size_t i = shard.index - 1; i < cells.size(); i += shard.count) kept.push_back(cells[i]);
  return kept;
}

}  // namespace tierscope
