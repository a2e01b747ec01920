#include "reports/answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <unordered_map>

#include "runtime/base/text.h"

namespace tierscope {
namespace {

// "About as fast" in the answer: what the user of a model does not feel, be it a share or, of a stall alone, a time.
constexpr double kNearlyAsFast = 1.05;
constexpr double kUnfeltMs = 0.1;
// What "fast" means, best first: what a user waits for, else what the tiers alone make a step wait.
constexpr const char* kDecodeStall = "stall_decode_ms_mean";
constexpr std::array kLatencyMetrics{"tpot_ms_mean", "itl_ms_mean", kDecodeStall, "stall_prefill_ms_mean"};

struct Candidate {
  size_t cell = 0;
  double latency = 0, memory = 0;
};

// Repeats differ by more than the two cells do. Without repeats nothing is known about the noise, so nothing is in it.
bool within_noise(const CellSummary& fastest, const CellSummary& other, const char* metric) {
  const auto apart = difference(*figure(fastest, metric), *figure(other, metric));
  return apart && apart->confidence && apart->confidence->low <= 0;
}

// What the placement itself made a decode step wait, which is far less noisy than the whole step's time.
bool stalls_unfelt(const CellSummary& fastest, const CellSummary& other, double latency) {
  const auto least = median_of(fastest, kDecodeStall), stall = median_of(other, kDecodeStall);
  return !least || !stall || *stall - *least <= std::max((kNearlyAsFast - 1) * latency, kUnfeltMs);
}

bool nearly_as_fast(const CellSummary& fastest, const CellSummary& other, const char* metric) {
  const double least = *median_of(fastest, metric);
  if (*median_of(other, metric) <= std::max(kNearlyAsFast * least, least + kUnfeltMs)) return true;
  return within_noise(fastest, other, metric) && stalls_unfelt(fastest, other, least);
}

std::string costs(const CellSummary& cell, const CellSummary& fastest, const char* latency_metric) {
  const Metric& metric = metrics()[metric_index(latency_metric)];
  const double latency = *median_of(cell, latency_metric), least = *median_of(fastest, latency_metric);
  std::string text = format_value(latency, metric.unit);
  if (latency - least > kUnfeltMs && least > kUnfeltMs)
    text += fmt::format(" (+{:.3g} %{})", 100 * (latency / least - 1),
                        within_noise(fastest, cell, latency_metric) ? ", within the noise of the repeats" : "");
  if (const auto stall = median_of(cell, kDecodeStall); stall && latency_metric != kDecodeStall)
    text += fmt::format(", a decode step stalls {}", format_value(*stall, "ms"));
  text += fmt::format(", {} of fast memory", format_value(*median_of(cell, "fast_bytes"), "B"));
  if (const auto read = median_of(cell, "device_bytes"); read && *read > 0)
    text += fmt::format(", {} read from the device", format_value(*read, "B"));
  return text;
}

std::vector<Candidate> candidates(const RunSummary& run, const std::vector<size_t>& group, const char* latency_metric) {
  std::vector<Candidate> found;
  for (const size_t index : group) {
    const auto latency = median_of(run.cells[index], latency_metric),
               memory = median_of(run.cells[index], "fast_bytes");
    if (latency && memory) found.push_back({index, *latency, *memory});
  }
  return found;
}

Answer answer_group(const RunSummary& run, const std::vector<Candidate>& among, const char* latency_metric) {
  Answer result;
  result.group = run.cells[among.front().cell].axes;
  result.group.placement.clear();
  result.latency_metric = latency_metric;
  for (const Candidate& candidate : among)
    for (const std::string& caveat : run.cells[candidate.cell].caveats)
      if (std::ranges::find(result.caveats, caveat) == result.caveats.end()) result.caveats.push_back(caveat);

  const auto less_memory = [](const Candidate& a, const Candidate& b) {
    return a.memory != b.memory ? a.memory < b.memory : a.latency < b.latency;
  };
  const auto faster = [](const Candidate& a, const Candidate& b) {
    return a.latency != b.latency ? a.latency < b.latency : a.memory < b.memory;
  };
  const Candidate fastest = *std::ranges::min_element(among, faster);
  const Candidate smallest = *std::ranges::min_element(among, less_memory);
  Candidate balanced = fastest;
  for (const Candidate& candidate : among)
    if (nearly_as_fast(run.cells[fastest.cell], run.cells[candidate.cell], latency_metric) &&
        less_memory(candidate, balanced))
      balanced = candidate;

  const Metric& metric = metrics()[metric_index(latency_metric)];
  const auto advise = [&](std::string need, const Candidate& candidate) {
    result.advice.push_back(
        {std::move(need), candidate.cell, costs(run.cells[candidate.cell], run.cells[fastest.cell], latency_metric)});
  };
  advise(fmt::format("lowest latency ({})", metric.title), fastest);
  advise(fmt::format("least memory within {:.0f} %, {} ms or the noise of it", 100 * (kNearlyAsFast - 1), kUnfeltMs),
         balanced);
  advise("least memory of all", smallest);
  return result;
}

}  // namespace

std::vector<std::vector<size_t>> comparable_groups(const RunSummary& run) {
  std::vector<std::vector<size_t>> groups;
  std::unordered_map<std::string, size_t> by_axes;
  for (size_t i = 0; i < run.cells.size(); ++i) {
    CellAxes axes = run.cells[i].axes;
    axes.placement.clear();
    const auto [at, is_new] = by_axes.emplace(axes.id(), groups.size());
    if (is_new) groups.emplace_back();
    groups[at->second].push_back(i);
  }
  return groups;
}

std::vector<Answer> answer(const RunSummary& run) {
  std::vector<Answer> answers;
  for (const std::vector<size_t>& group : comparable_groups(run)) {
    for (const char* metric : kLatencyMetrics) {
      const auto among = candidates(run, group, metric);
      if (among.size() < 2) continue;
      answers.push_back(answer_group(run, among, metric));
      break;
    }
  }
  return answers;
}

std::string format_value(double value, std::string_view unit) {
  if (unit == "B") return format_bytes(static_cast<uint64_t>(std::max(0.0, value)));
  if (unit == "B/s") return format_bytes(static_cast<uint64_t>(std::max(0.0, value))) + "/s";
  if (unit == "ms" && value != 0 && std::abs(value) < 0.1) return format_value(1000 * value, "us");
  std::string text = std::abs(value) >= 999.5 ? fmt::format("{:.0f}", value) : fmt::format("{:.3g}", value);
  if (!unit.empty()) text += fmt::format(" {}", unit);
  return text;
}

}  // namespace tierscope
