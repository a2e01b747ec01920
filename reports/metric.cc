#include "reports/metric.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace tierscope {
namespace {

using nlohmann::json;
using Value = std::optional<double>;

Value at(const json& output, const char* pointer) {
  const json::json_pointer path(pointer);
  if (!output.contains(path) || !output.at(path).is_number()) return std::nullopt;
  return output.at(path).get<double>();
}

Value ratio(Value part, Value whole) {
  if (!part || !whole || *whole == 0) return std::nullopt;
  return *part / *whole;
}

// `key` summed over the cache levels of `tier`; empty where the placement has none there.
Value sum_of_tier(const json& output, std::string_view tier, const char* key) {
  Value sum;
  for (const json& level : output.value("levels", json::array()))
    if (level.value("tier", "") == tier && level.contains(key)) sum = sum.value_or(0) + level[key].get<double>();
  return sum;
}

Value hit_ratio_of_tier(const json& output, std::string_view tier) {
  const Value hits = sum_of_tier(output, tier, "hits"), misses = sum_of_tier(output, tier, "misses");
  if (!hits || !misses) return std::nullopt;
  return ratio(hits, *hits + *misses);
}

Value hit_ratio_ram(const Result&, const json& output) {
  return hit_ratio_of_tier(output, "ram");
}

Value hit_ratio_vram(const Result&, const json& output) {
  return hit_ratio_of_tier(output, "vram");
}

// Accesses that no cache above the backing tier answered, turned around.
Value hit_ratio(const Result&, const json& output) {
  const json levels = output.value("levels", json::array());
  if (levels.empty()) return std::nullopt;
  const Value missed = at(levels.back(), "/misses"), accesses = at(output, "/accesses");
  const Value miss_ratio = ratio(missed, accesses);
  return miss_ratio ? Value(1 - *miss_ratio) : std::nullopt;
}

Value bytes_in_tier(const Result& result, const json& output, std::string_view tier) {
  const Value cached = sum_of_tier(output, tier, "actual_bytes");
  const bool holds_table = output.value(json::json_pointer("/backing/tier"), "") == tier;
  if (holds_table && result.table_bytes == 0) return std::nullopt;
  return cached.value_or(0) + (holds_table ? static_cast<double>(result.table_bytes) : 0);
}

Value ram_bytes(const Result& result, const json& output) {
  return result.axes.source == ResultSource::curve ? std::nullopt : bytes_in_tier(result, output, "ram");
}

Value vram_bytes(const Result& result, const json& output) {
  return result.axes.source == ResultSource::curve ? std::nullopt : bytes_in_tier(result, output, "vram");
}

Value fast_bytes(const Result& result, const json& output) {
  const Value ram = ram_bytes(result, output), vram = vram_bytes(result, output);
  return ram && vram ? Value(*ram + *vram) : std::nullopt;
}

Value device_bytes_per_access(const Result&, const json& output) {
  return ratio(at(output, "/nvme/bytes"), at(output, "/accesses"));
}

// Of a request's TTFT, what its prefill steps waited for rows.
Value ttft_stall(const Result&, const json& output) {
  return ratio(at(output, "/stall_prefill_ms/sum"), at(output, "/requests"));
}

Value whole_stall(const Result&, const json& output) {
  const Value prefill = at(output, "/stall_prefill_ms/sum"), decode = at(output, "/stall_decode_ms/sum");
  return prefill || decode ? Value(prefill.value_or(0) + decode.value_or(0)) : std::nullopt;
}

Value peak_rss(const Result& result, const json& output) {
  if (result.axes.source != ResultSource::measured) return std::nullopt;
  const Value own = at(output, "/peak_rss_bytes");
  return own ? own : Value(static_cast<double>(result.peak_rss_bytes));
}

Value wall_seconds(const Result& result, const json&) {
  return result.wall_s;
}

// Without the decoder a token's time is the time of its rows alone, and would be taken for more.
bool needs_compute(const Metric& metric) {
  const std::string_view id = metric.id;
  return id.starts_with("ttft_ms") || id.starts_with("tpot_ms") || id.starts_with("itl_ms") ||
         id.ends_with("tokens_per_s");
}

constexpr Better kLower = Better::lower, kHigher = Better::higher, kNeither = Better::neither;
constexpr std::array kMetrics{
    Metric{"ttft_ms_mean", "TTFT, mean", "ms", kLower, "/ttft_ms/mean", nullptr},
    Metric{"ttft_ms_p50", "TTFT, p50", "ms", kLower, "/ttft_ms/p50", nullptr},
    Metric{"ttft_ms_p90", "TTFT, p90", "ms", kLower, "/ttft_ms/p90", nullptr},
    Metric{"ttft_ms_p99", "TTFT, p99", "ms", kLower, "/ttft_ms/p99", nullptr},
    Metric{"tpot_ms_mean", "TPOT, mean", "ms", kLower, "/tpot_ms/mean", nullptr},
    Metric{"tpot_ms_p50", "TPOT, p50", "ms", kLower, "/tpot_ms/p50", nullptr},
    Metric{"tpot_ms_p90", "TPOT, p90", "ms", kLower, "/tpot_ms/p90", nullptr},
    Metric{"tpot_ms_p99", "TPOT, p99", "ms", kLower, "/tpot_ms/p99", nullptr},
    Metric{"itl_ms_mean", "Inter-token latency, mean", "ms", kLower, "/itl_ms/mean", nullptr},
    Metric{"itl_ms_p50", "Inter-token latency, p50", "ms", kLower, "/itl_ms/p50", nullptr},
    Metric{"itl_ms_p90", "Inter-token latency, p90", "ms", kLower, "/itl_ms/p90", nullptr},
    Metric{"itl_ms_p99", "Inter-token latency, p99", "ms", kLower, "/itl_ms/p99", nullptr},
    Metric{"stall_prefill_ms_mean", "Stall of a prefill step, mean", "ms", kLower, "/stall_prefill_ms/mean", nullptr},
    Metric{"stall_prefill_ms_p50", "Stall of a prefill step, p50", "ms", kLower, "/stall_prefill_ms/p50", nullptr},
    Metric{"stall_prefill_ms_p99", "Stall of a prefill step, p99", "ms", kLower, "/stall_prefill_ms/p99", nullptr},
    Metric{"stall_decode_ms_mean", "Stall of a decode step, mean", "ms", kLower, "/stall_decode_ms/mean", nullptr},
    Metric{"stall_decode_ms_p50", "Stall of a decode step, p50", "ms", kLower, "/stall_decode_ms/p50", nullptr},
    Metric{"stall_decode_ms_p99", "Stall of a decode step, p99", "ms", kLower, "/stall_decode_ms/p99", nullptr},
    Metric{"ttft_stall_ms_mean", "Stall within TTFT, mean", "ms", kLower, nullptr, ttft_stall},
    Metric{"stall_ms", "Stall over the whole trace", "ms", kLower, nullptr, whole_stall},
    Metric{"prefill_tokens_per_s", "Prefill", "tokens/s", kHigher, "/prefill_tokens_per_s", nullptr},
    Metric{"decode_tokens_per_s", "Decode", "tokens/s", kHigher, "/decode_tokens_per_s", nullptr},
    Metric{"hit_ratio", "Hit ratio above the backing tier", "", kHigher, nullptr, hit_ratio},
    Metric{"hit_ratio_ram", "Hit ratio of the RAM cache", "", kHigher, nullptr, hit_ratio_ram},
    Metric{"hit_ratio_vram", "Hit ratio of the VRAM cache", "", kHigher, nullptr, hit_ratio_vram},
    Metric{"accesses", "Accesses", "", kNeither, "/accesses", nullptr},
    Metric{"reads", "Rows read from the backing tier", "", kLower, "/backing/reads", nullptr},
    Metric{"compulsory_misses", "Compulsory misses", "", kNeither, "/compulsory_misses", nullptr},
    Metric{"prefetch_reads", "Rows prefetched", "", kNeither, "/prefetch_reads", nullptr},
    Metric{"prefetch_used", "Prefetched rows used", "", kHigher, "/prefetch_used", nullptr},
    Metric{"prefetch_wasted", "Prefetched rows wasted", "", kLower, "/prefetch_wasted", nullptr},
    Metric{"device_bytes", "Bytes read from the device", "B", kLower, "/nvme/bytes", nullptr},
    Metric{"device_bytes_per_access", "Device bytes an access", "B", kLower, nullptr, device_bytes_per_access},
    Metric{"read_amplification", "Read amplification", "", kLower, "/nvme/read_amplification", nullptr},
    Metric{"device_iops", "Device reads", "1/s", kNeither, "/nvme/iops", nullptr},
    Metric{"device_bandwidth_bytes_per_s", "Device bandwidth", "B/s", kNeither, "/nvme/bandwidth_bytes_per_s", nullptr},
    Metric{"read_latency_us_p50", "Read latency, p50", "us", kLower, "/nvme/latency_us/p50", nullptr},
    Metric{"read_latency_us_p90", "Read latency, p90", "us", kLower, "/nvme/latency_us/p90", nullptr},
    Metric{"read_latency_us_p99", "Read latency, p99", "us", kLower, "/nvme/latency_us/p99", nullptr},
    Metric{"ram_bytes", "Table bytes in RAM", "B", kLower, nullptr, ram_bytes},
    Metric{"vram_bytes", "Table bytes in VRAM", "B", kLower, nullptr, vram_bytes},
    Metric{"fast_bytes", "Table bytes in RAM and VRAM", "B", kLower, nullptr, fast_bytes},
    Metric{"memory_bytes", "Memory as the budget counts it", "B", kLower, "/memory_bytes", nullptr},
    Metric{"preload_bytes", "Bytes preloaded", "B", kNeither, "/preload/bytes", nullptr},
    Metric{"preload_s", "Time of the preload", "s", kLower, "/preload/seconds", nullptr},
    Metric{"seconds", "Time of the whole trace", "s", kLower, "/seconds", nullptr},
    Metric{"peak_rss_bytes", "Peak memory of the process", "B", kLower, nullptr, peak_rss},
    Metric{"wall_s", "Wall time of the cell", "s", kNeither, nullptr, wall_seconds},
};

}  // namespace

std::string_view name(Better better) {
  switch (better) {
    case Better::lower:
      return "lower";
    case Better::higher:
      return "higher";
    case Better::neither:
      return "neither";
  }
  return "";
}

std::span<const Metric> metrics() {
  return kMetrics;
}

size_t metric_index(std::string_view id) {
  const auto found = std::ranges::find_if(kMetrics, [id](const Metric& metric) { return metric.id == id; });
  if (found == kMetrics.end()) throw std::out_of_range("no metric " + std::string(id));
  return static_cast<size_t>(found - kMetrics.begin());
}

Value extract(const Metric& metric, const Result& result, const json& output) {
  if (!output.is_object()) return std::nullopt;  // a curve is a list of points
  if (result.axes.compute == "none" && needs_compute(metric)) return std::nullopt;
  return metric.pointer ? at(output, metric.pointer) : metric.compute(result, output);
}

}  // namespace tierscope
