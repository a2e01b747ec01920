// An experiment's plan: which cells to run, how often, in which order. TOML, strict; every key is explained in
// plans/default.toml. Errors: Error with file, line and key. Values only.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "reports/result.h"

namespace tierscope {

// One product: every combination of its lists is a cell.
struct PlanMatrix {
  std::vector<std::string> sources;  // "measured", "simulated"
  std::vector<std::string> models, traces, placements, states, compute, devices;
  std::string addressing;  // of simulated cells without a model; "" with models
  uint64_t row_bytes = 0;  // likewise
  std::string emulate, backend;
  uint64_t requests = 0;  // 0: the whole trace
  uint32_t repeats = 1, threads = 0, chunk = 0, context = 0;
};

struct PlanCurves {
  std::vector<std::string> traces, policies, units, capacities;
  std::string addressing;
  uint64_t row_bytes = 0;  // 0: not said
  double sampled = 0;      // share of rows; 0: exact
};

struct Plan {
  std::string name, description;
  uint64_t seed = 1;
  std::string profile;  // of the machine that measures; "" for none
  std::vector<PlanMatrix> matrices;
  std::vector<PlanCurves> curves;
  std::string text;  // of the file, for the manifest

  static Plan read(const std::filesystem::path& file);
  static Plan parse(const std::string& text, const std::string& name);
};

// A cell with the command that runs it: the words after "tierscope".
struct PlannedCell {
  CellAxes axes;
  std::vector<std::string> words;
  uint32_t repeats = 1;
};

// Cells in the order of the plan, each once. Error where two cells cannot be told apart (files of one name).
std::vector<PlannedCell> expand(const Plan& plan);
// Files that the plan reads, each once: models, then traces.
std::vector<std::string> model_files(const Plan& plan);
std::vector<std::string> trace_files(const Plan& plan);

// The shard K of N (1 <= K <= N) keeps every N-th cell, with all its repeats: noise is compared on one machine.
struct Shard {
  uint32_t index = 1, count = 1;
};
Shard parse_shard(std::string_view text);  // "2/8"; UsageError
std::vector<PlannedCell> cells_of(const std::vector<PlannedCell>& cells, const Shard& shard);

}  // namespace tierscope
