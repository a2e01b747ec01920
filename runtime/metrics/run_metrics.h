// What a run of one placement over one trace yields, measured or modelled: the object that `replay --json` prints and
// that the simulator fills with its predictions (DESIGN.md, "Semantics" and "Command line"). Values only.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "runtime/metrics/distribution.h"

namespace tierscope {

// A cache of the placement, as the planner decided and the store carried out.
struct LevelMetrics {
  std::string tier, policy;
  uint64_t capacity_rows = 0;
  uint64_t actual_bytes = 0;  // memory its slots really take
  uint64_t hits = 0, misses = 0, evictions = 0;
  uint64_t fills = 0;    // rows copied into its slots
  uint64_t demotes = 0;  // of these, rows that came down from the level above
};

struct BackingMetrics {
  std::string tier;
  uint64_t reads = 0;  // rows, prefetched ones apart
  uint64_t bytes = 0;  // reads x row bytes
};

// The NVMe device below the placement; present where a tier is `nvme`.
struct NvmeMetrics {
  uint64_t reads = 0;  // operations sent, not rows
  uint64_t bytes = 0;  // that the device moved for them
  // bytes / ((rows read + rows prefetched) x row bytes); absent where nothing was read.
  std::optional<double> read_amplification;
  double busy_s = 0;  // time with at least one read in flight
  std::optional<double> iops, bandwidth_bytes_per_s;
  std::optional<double> latency_mean_us, latency_p50_us, latency_p90_us, latency_p99_us;
  std::string effective_access;
};

// The device that holds the VRAM tier; present where a tier is `vram`.
struct VramMetrics {
  std::string device;
  bool unified_memory = false;       // its memory is the host's: times say nothing about a discrete device
  uint64_t host_to_device_rows = 0;  // rows that crossed to it
  uint64_t host_to_device_bytes = 0;
  double host_to_device_seconds = 0;         // by the device's clock
  double host_to_device_hidden_seconds = 0;  // of these, while kernels ran
};

// What computed, where that was not the host.
struct ComputeDevice {
  std::string name;
  bool unified_memory = false;
};

// What was put into its place before the first step; no part of any other figure.
struct PreloadMetrics {
  uint64_t rows = 0, bytes = 0;
  double seconds = 0;
};

struct RunMetrics {
  std::string trace, placement;
  std::string state = "cold";    // "cold", "warm"
  std::string compute = "none";  // "real", "none", "paced:D"
  std::string backend = "host";  // what computed, and what stood in for a missing device
  std::optional<ComputeDevice> compute_device;
  std::string page_cache;       // access=mmap only: "memory cap 512 MiB" or "unbounded page cache"
  std::string emulated_device;  // --emulate; empty: the machine's own
  uint32_t chunk_tokens = 0, threads = 0;

  uint64_t requests = 0, prompt_tokens = 0, output_tokens = 0, steps = 0, accesses = 0;
  Distribution ttft_ms;           // one sample a request
  Distribution tpot_ms;           // one sample a request with at least two output tokens
  Distribution itl_ms;            // one sample an output token after a request's first
  Distribution stall_prefill_ms;  // one sample a prefill step
  Distribution stall_decode_ms;   // one sample a decode step
  std::optional<double> prefill_tokens_per_s, decode_tokens_per_s;

  std::vector<LevelMetrics> levels;  // top first
  BackingMetrics backing;
  std::optional<NvmeMetrics> nvme;
  std::optional<VramMetrics> vram;
  uint64_t prefetch_reads = 0, prefetch_used = 0, prefetch_wasted = 0;
  uint64_t compulsory_misses = 0;  // distinct rows of the trace
  PreloadMetrics preload;

  double seconds = 0;                      // first step's start to last step's end
  std::optional<uint64_t> peak_rss_bytes;  // absent in predictions
  std::optional<uint64_t> memory_bytes;    // weights, KV, caches, buffers as the memory budget counts them
};

nlohmann::ordered_json to_json(const Distribution& distribution);
nlohmann::ordered_json to_json(const RunMetrics& metrics);

}  // namespace tierscope
