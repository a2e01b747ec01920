// The result schema (schema/result.schema.json): what one finished repeat of a cell left behind, one JSON object a line
// of results.jsonl. A cell is one point of an experiment's matrix; its repeats differ in nothing but time.
// Errors: Error naming file, line and field. Functions are thread-safe; ResultLog has one owner.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tierscope {

enum class ResultSource {
  measured,   // `replay` on real tiers
  simulated,  // `simulate`: counts, and times where a device profile prices them
  curve       // `mrc`: a miss-ratio curve of a trace
};
std::string_view name(ResultSource source);

// The point of the matrix. Every field is part of the cell's identity.
struct CellAxes {
  ResultSource source = ResultSource::measured;
  std::string model;      // file name without its folder; "" for a curve
  std::string trace;      // likewise
  std::string placement;  // canonical text; for a curve its policy
  std::string state;      // "cold", "warm"; "" where it does not apply
  std::string compute;    // "none", "real", "paced:D"; "" where it does not apply
  std::string device;     // profile that prices or paces it; "" for this machine
  std::string backend;    // what computes: "host", "opencl:0"
  uint64_t requests = 0;  // first requests of the trace; 0: all
  uint32_t threads = 0;   // 0: the program's default
  uint32_t chunk = 0;     // 0: the program's default
  bool operator==(const CellAxes&) const = default;

  // Name and value of each axis as text, in the order of reports ("" where it does not apply).
  std::vector<std::pair<std::string, std::string>> texts() const;
  std::string id() const;  // 16 hex digits, equal for equal axes on every machine
};

struct Result {
  CellAxes axes;
  uint32_t repeat = 0;
  bool ok = false;
  std::string error;  // one line, where !ok
  std::string command;
  std::string started_at;  // UTC, ISO 8601
  double wall_s = 0;
  uint64_t peak_rss_bytes = 0;  // of the process that ran the cell
  uint64_t table_bytes = 0;     // of the model's PLE table; 0: not known
  std::string output;           // the command's --json value for this cell, as text; "" where !ok
};

// Why figures of this result are not plain measurements of this machine: "counted", "modelled", "paced", "emulated",
// "PoCL, which says nothing about a GPU", "unbounded page cache". Empty: measured.
std::vector<std::string> caveats(const CellAxes& axes, const nlohmann::json& output);

std::string to_line(const Result& result);  // without the newline
Result parse_result(std::string_view line, const std::string& where);

// All results of a run's folder. A last line that a crash tore is left out; of several results for one repeat of a cell
// the last counts.
std::vector<Result> read_results(const std::filesystem::path& folder);

// Appends to FOLDER/results.jsonl so that a finished result survives kill -9 and power loss, and holds a lock on it.
class ResultLog {
 public:
  // Cuts off a torn last line. Error where another process appends to the same folder.
  explicit ResultLog(const std::filesystem::path& folder);
  ~ResultLog();
  ResultLog(const ResultLog&) = delete;
  ResultLog& operator=(const ResultLog&) = delete;
  void append(const Result& result);

 private:
  std::filesystem::path path_;
  int fd_ = -1;
};

}  // namespace tierscope
