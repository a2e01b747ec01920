#include "runtime/metrics/run_metrics.h"

#include <nlohmann/json.hpp>

namespace tierscope {
namespace {

using nlohmann::ordered_json;

template <class T>
ordered_json or_null(const std::optional<T>& value) {
  return value ? ordered_json(*value) : ordered_json(nullptr);
}

ordered_json to_json(const LevelMetrics& level) {
  return {{"tier", level.tier},
          {"policy", level.policy},
          {"capacity_rows", level.capacity_rows},
          {"actual_bytes", level.actual_bytes},
          {"hits", level.hits},
          {"misses", level.misses},
          {"evictions", level.evictions},
          {"fills", level.fills},
          {"demotes", level.demotes}};
}

ordered_json to_json(const NvmeMetrics& nvme) {
  return {{"reads", nvme.reads},
          {"bytes", nvme.bytes},
          {"read_amplification", or_null(nvme.read_amplification)},
          {"busy_s", nvme.busy_s},
          {"iops", or_null(nvme.iops)},
          {"bandwidth_bytes_per_s", or_null(nvme.bandwidth_bytes_per_s)},
          {"latency_us",
           {{"mean", or_null(nvme.latency_mean_us)},
            {"p50", or_null(nvme.latency_p50_us)},
            {"p90", or_null(nvme.latency_p90_us)},
            {"p99", or_null(nvme.latency_p99_us)}}},
          {"effective_access", nvme.effective_access}};
}

ordered_json to_json(const VramMetrics& vram) {
  return {{"device", vram.device},
          {"unified_memory", vram.unified_memory},
          {"host_to_device_rows", vram.host_to_device_rows},
          {"host_to_device_bytes", vram.host_to_device_bytes},
          {"host_to_device_seconds", vram.host_to_device_seconds},
          {"host_to_device_hidden_seconds", vram.host_to_device_hidden_seconds}};
}

}  // namespace

ordered_json to_json(const Distribution& distribution) {
  return {{"samples", distribution.samples},  {"mean", or_null(distribution.mean)}, {"p50", or_null(distribution.p50)},
          {"p90", or_null(distribution.p90)}, {"p99", or_null(distribution.p99)},   {"max", or_null(distribution.max)},
          {"sum", distribution.sum}};
}

ordered_json to_json(const RunMetrics& metrics) {
  ordered_json levels = ordered_json::array();
  for (const LevelMetrics& level : metrics.levels) levels.push_back(to_json(level));
  ordered_json json{
      {"trace", metrics.trace},
      {"placement", metrics.placement},
      {"state", metrics.state},
      {"compute", metrics.compute},
      {"backend", metrics.backend},
      {"chunk_tokens", metrics.chunk_tokens},
      {"threads", metrics.threads},
      {"requests", metrics.requests},
      {"prompt_tokens", metrics.prompt_tokens},
      {"output_tokens", metrics.output_tokens},
      {"steps", metrics.steps},
      {"accesses", metrics.accesses},
      {"ttft_ms", to_json(metrics.ttft_ms)},
      {"tpot_ms", to_json(metrics.tpot_ms)},
      {"itl_ms", to_json(metrics.itl_ms)},
      {"stall_prefill_ms", to_json(metrics.stall_prefill_ms)},
      {"stall_decode_ms", to_json(metrics.stall_decode_ms)},
      {"prefill_tokens_per_s", or_null(metrics.prefill_tokens_per_s)},
      {"decode_tokens_per_s", or_null(metrics.decode_tokens_per_s)},
      {"levels", levels},
      {"backing", {{"tier", metrics.backing.tier}, {"reads", metrics.backing.reads}, {"bytes", metrics.backing.bytes}}},
      {"nvme", metrics.nvme ? to_json(*metrics.nvme) : ordered_json(nullptr)},
      {"vram", metrics.vram ? to_json(*metrics.vram) : ordered_json(nullptr)},
      {"prefetch_reads", metrics.prefetch_reads},
      {"prefetch_used", metrics.prefetch_used},
      {"prefetch_wasted", metrics.prefetch_wasted},
      {"compulsory_misses", metrics.compulsory_misses},
      {"preload",
       {{"rows", metrics.preload.rows}, {"bytes", metrics.preload.bytes}, {"seconds", metrics.preload.seconds}}},
      {"seconds", metrics.seconds},
      {"peak_rss_bytes", or_null(metrics.peak_rss_bytes)},
      {"memory_bytes", or_null(metrics.memory_bytes)}};
  if (const auto& device = metrics.compute_device)
    json["compute_device"] = {{"name", device->name}, {"unified_memory", device->unified_memory}};
  if (!metrics.page_cache.empty()) json["page_cache"] = metrics.page_cache;
  if (!metrics.emulated_device.empty()) json["emulated_device"] = metrics.emulated_device;
  return json;
}

}  // namespace tierscope
