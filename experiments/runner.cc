#include "experiments/runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <unordered_set>

#include "experiments/child_process.h"
#include "experiments/machine.h"
#include "experiments/progress.h"
#include "reports/answer.h"
#include "reports/metric.h"
#include "runtime/base/atomic_file.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/model/hyperparameters.h"
#include "sim/device_profile.h"

namespace tierscope {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr const char* kCellProgressS = "0.5";

struct Job {
  const PlannedCell* cell = nullptr;
  uint32_t repeat = 0;
  std::string key() const { return fmt::format("{}/{}", cell->axes.id(), repeat); }
};

// Mean time of the finished jobs of a kind, to tell the time left.
class Estimate {
 public:
  void add(const Job& job, double seconds) {
    auto& [sum, count] = by_kind_[kind(job)];
    sum += seconds;
    ++count;
    total_ += seconds;
    ++jobs_;
  }
  double left(const std::vector<Job>& jobs, size_t from) const {
    double seconds = 0;
    for (size_t i = from; i < jobs.size(); ++i) {
      const auto known = by_kind_.find(kind(jobs[i]));
      seconds += known != by_kind_.end() ? known->second.first / known->second.second : jobs_ ? total_ / jobs_ : 0;
    }
    return seconds;
  }

 private:
  static std::string kind(const Job& job) {
    CellAxes axes = job.cell->axes;
    axes.placement.clear();
    return axes.id();
  }
  std::map<std::string, std::pair<double, double>> by_kind_;
  double total_ = 0, jobs_ = 0;
};

std::vector<Job> shuffled_jobs(const std::vector<PlannedCell>& cells, uint64_t seed) {
  uint32_t most_repeats = 0;
  for (const PlannedCell& cell : cells) most_repeats = std::max(most_repeats, cell.repeats);
  std::mt19937_64 random(seed);
  std::vector<Job> jobs;
  for (uint32_t repeat = 0; repeat < most_repeats; ++repeat) {
    const auto round = static_cast<std::ptrdiff_t>(jobs.size());
    for (const PlannedCell& cell : cells)
      if (repeat < cell.repeats) jobs.push_back({&cell, repeat});
    std::shuffle(jobs.begin() + round, jobs.end(), random);
  }
  return jobs;
}

ordered_json read_manifest_if(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) return nullptr;
  try {
    return ordered_json::parse(read_text_file(path));
  } catch (const json::exception& error) {
    throw Error(std::string("not a manifest: ") + error.what(), path.string(), "choose another folder");
  }
}

ordered_json files_json(const std::vector<std::string>& paths, const ordered_json& manifest, const char* kind,
                        Progress& progress) {
  ordered_json files = ordered_json::array();
  for (const std::string& path : paths) {
    ordered_json known;
    if (manifest.is_object())
      for (const ordered_json& file : manifest.at(kind))
        if (file.at("path") == path) known = file;
    progress.status("hashing " + path);
    ordered_json now = file_json(path, known);
    if (known.is_object() && known.at("xxh3_128") != now.at("xxh3_128"))
      throw Error("the file changed since the run began", path, "choose another folder for the changed file's results");
    files.push_back(std::move(now));
  }
  return files;
}

// What the device of this machine does at its best, as its profile says.
ordered_json limits_json(const std::string& profile_name) {
  const StorageProfile storage = find_profile(profile_name).nvme;
  double iops = 0;
  for (const RandomRead& point : storage.random_reads) iops = std::max(iops, point.iops);
  return {{"profile", profile_name}, {"iops", iops}, {"bandwidth_bytes_per_s", storage.sequential_bytes_per_s.value}};
}

void write_manifest(const Plan& plan, const RunOptions& options, size_t cell_count, Progress& progress) {
  const std::filesystem::path path = options.folder / "manifest.json";
  const ordered_json earlier = read_manifest_if(path);
  ordered_json manifest{{"tierscope_manifest", 1},
                        {"name", plan.name},
                        {"description", plan.description},
                        {"command", options.command},
                        {"started_at", earlier.is_object() ? earlier.at("started_at").get<std::string>() : utc_now()},
                        {"seed", plan.seed},
                        {"shard", fmt::format("{}/{}", options.shard.index, options.shard.count)},
                        {"cells", cell_count},
                        {"program", program_json()},
                        {"machine", machine_json()},
                        {"models", files_json(model_files(plan), earlier, "models", progress)},
                        {"traces", files_json(trace_files(plan), earlier, "traces", progress)},
                        {"plan", plan.text}};
  if (!plan.profile.empty()) manifest["limits"] = limits_json(plan.profile);
  AtomicFile file(path);
  file.write(manifest.dump(1) + "\n");
  file.commit();
}

// Bytes of each model's PLE table, by path; 0 where the file has none.
std::map<std::string, uint64_t> table_bytes(const Plan& plan) {
  std::map<std::string, uint64_t> bytes;
  for (const std::string& model : model_files(plan)) {
    const auto table = find_ple_table(GgufFile::open(model));
    bytes[std::filesystem::path(model).filename()] = table ? table->rows * table->row_bytes : 0;
  }
  return bytes;
}

// `simulate` and `mrc` print an array; for one placement its one element is the cell's output.
std::string cell_output(const Job& job, const std::string& printed) {
  const json value = json::parse(printed);
  const bool single = job.cell->axes.source != ResultSource::curve && value.is_array() && value.size() == 1;
  return (single ? value.front() : value).dump();
}

std::string last_line(const std::string& text) {
  const std::string_view trimmed = trim(text);
  const size_t newline = trimmed.rfind('\n');
  return std::string(newline == std::string_view::npos ? trimmed : trimmed.substr(newline + 1));
}

Result to_result(const Job& job, const ChildResult& child, std::string started_at) {
  Result result;
  result.axes = job.cell->axes;
  result.repeat = job.repeat;
  result.command = command_text(job.cell->words);
  result.started_at = std::move(started_at);
  result.wall_s = child.wall_s;
  result.peak_rss_bytes = child.peak_rss_bytes;
  result.ok = child.exit_code == 0;
  try {
    if (result.ok) result.output = cell_output(job, child.out);
  } catch (const json::exception& error) {
    result.ok = false;
    result.error = std::string("the command did not print JSON: ") + error.what();
    return result;
  }
  if (result.ok) return result;
  result.error = last_line(child.err);
  if (result.error.empty() || child.exit_code > 128)
    result.error += fmt::format("{}ended with code {}", result.error.empty() ? "" : "; ", child.exit_code);
  return result;
}

// What the live line says of a finished cell beside its time.
std::string key_figures(const Result& result) {
  if (!result.ok) return "  FAILED: " + result.error;
  const json output = json::parse(result.output);
  std::string text;
  for (const char* id : {"hit_ratio", "stall_decode_ms_mean", "tpot_ms_mean"}) {
    const Metric& metric = metrics()[metric_index(id)];
    if (const auto value = extract(metric, result, output))
      text += fmt::format("  {} {}", metric.title, format_value(*value, metric.unit));
  }
  return text;
}

std::string describe(const Job& job) {
  const CellAxes& axes = job.cell->axes;
  return fmt::format("{} {} {} {}", name(axes.source), axes.trace, axes.placement, axes.compute);
}

}  // namespace

RunOutcome run_plan(const Plan& plan, const RunOptions& options, const std::atomic<bool>& stop) {
  Progress progress(options.quiet);
  // Cells tell how far they are; the line that shows it decides how often.
  ::setenv(kProgressVariable, kCellProgressS, 1);
  const std::vector<PlannedCell> cells = cells_of(expand(plan), options.shard);
  std::filesystem::create_directories(options.folder);
  ResultLog log(options.folder);
  std::unordered_set<std::string> finished;
  for (const Result& result : read_results(options.folder))
    if (result.ok) finished.insert(fmt::format("{}/{}", result.axes.id(), result.repeat));
  if (!finished.empty() && !options.resume)
    throw Error("the folder already holds results", options.folder.string(),
                "--resume continues them; or choose another folder");
  write_manifest(plan, options, cells.size(), progress);
  std::map<std::string, uint64_t> bytes_of_table = table_bytes(plan);

  std::vector<Job> jobs = shuffled_jobs(cells, plan.seed);
  RunOutcome outcome;
  outcome.earlier = std::erase_if(jobs, [&](const Job& job) { return finished.contains(job.key()); });
  if (outcome.earlier > 0) progress.line(fmt::format("{} finished earlier, {} to do", outcome.earlier, jobs.size()));
  Estimate estimate;
  for (size_t i = 0; i < jobs.size() && !stop; ++i) {
    const std::string left = i == 0 ? "" : ", " + format_duration(estimate.left(jobs, i)) + " left";
    const std::string what = fmt::format("[{}/{}{}] {}", i + 1, jobs.size(), left, describe(jobs[i]));
    progress.status(what);
    std::string started_at = utc_now();
    const ChildResult child = run_child(jobs[i].cell->words, stop, [&](const std::string& message) {
      // A replay's message begins with its placement, which is on the line already.
      const std::string& placement = jobs[i].cell->axes.placement;
      progress.status(what +
                      (message.starts_with(placement + ":") ? message.substr(placement.size()) : ": " + message));
    });
    if (child.stopped) break;
    Result result = to_result(jobs[i], child, std::move(started_at));
    result.table_bytes = bytes_of_table[result.axes.model];
    log.append(result);
    estimate.add(jobs[i], child.wall_s);
    ++outcome.done;
    outcome.failed += result.ok ? 0 : 1;
    progress.line(fmt::format("[{}/{}, {} left] {} #{}: {}{}", i + 1, jobs.size(),
                              format_duration(estimate.left(jobs, i + 1)), describe(jobs[i]), jobs[i].repeat + 1,
                              format_duration(child.wall_s), key_figures(result)));
  }
  outcome.stopped = stop;
  return outcome;
}

}  // namespace tierscope
