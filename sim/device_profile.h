// What a device can do, tier by tier, in figures that each carry their source. Read from TOML; every key is explained
// in sim/devices/template.toml. A source begins with one of: "datasheet:", "published:", "measured:", "estimate:".
// Errors: Error with file, line and key for a key that is missing, unknown, without source or impossible.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace tierscope {

struct Figure {
  double value = 0;
  std::string source;
};

// A distribution as its quantiles, in microseconds.
struct Quantiles {
  double p50 = 0, p90 = 0, p99 = 0, p999 = 0;
};

struct RandomRead {  // closed loop: `depth` reads of `block_bytes` always in flight
  uint32_t block_bytes = 0, depth = 0;
  double iops = 0;
  Quantiles latency_us;
  std::string source;
};

// Reads sent together, as a step sends its own; the time from the first submission to the last completion.
struct Burst {
  uint32_t block_bytes = 0, reads = 0;
  double mean_us = 0;  // awaited at once
  Quantiles us;
  // Sent behind compute: the mean to the last completion, and of it what handing them over keeps the sender busy.
  double background_us = 0, submit_us = 0;
  std::string source;
};

// A read that follows `pause_us` without any takes `extra_us` longer than one that follows at once; of it, so much in
// handing it over.
struct IdleRead {
  double pause_us = 0, extra_us = 0, extra_submit_us = 0;
  std::string source;
};

struct StorageProfile {
  Figure sequential_bytes_per_s;
  Figure cpu_us_per_read;  // submitting and reaping one read
  std::vector<RandomRead> random_reads;
  std::vector<Burst> bursts;         // measured devices only
  std::vector<IdleRead> idle_reads;  // likewise; by pause
};

struct RamThreads {
  uint32_t threads = 0;
  double copy_bytes_per_s = 0;
  double random_row_us = 0;  // one row of `row_bytes` copied from a random place, threads working together
  uint32_t row_bytes = 0;
  std::string source;
};

struct RamProfile {
  Figure capacity_bytes;
  uint32_t numa_nodes = 1;
  std::vector<RamThreads> threads;
};

// The program's own work on a step whose rows are all of one kind, on the thread that computes.
struct HostStep {
  enum class Kind : uint8_t {
    cached,  // in RAM slots
    read,    // read from the backing tier and not kept
    kept,    // read, and copied into RAM slots when the step retires
  };
  Kind kind = Kind::cached;
  uint32_t rows = 0;
  double begin_us = 0;    // planning it and handing its reads over
  double collect_us = 0;  // awaiting rows that are there already
  double retire_us = 0;
  std::string source;
};
std::string_view name(HostStep::Kind kind);

struct HostProfile {            // the program's own work on the thread that computes
  Figure step_us;               // planning, starting and retiring a step
  Figure access_us;             // and for each access in it
  std::vector<HostStep> steps;  // measured devices only: they answer instead; by kind, then rows
};

struct VramProfile {
  Figure capacity_bytes;
  bool unified = false;  // one memory for both: nothing is uploaded, `ram` and `vram` share the capacity
  Figure upload_latency_us, upload_bytes_per_s;
  Figure gather_latency_us, gather_bytes_per_s;
};

// One forward pass as measured: `tokens` new positions after `context` earlier ones.
struct MeasuredPass {
  uint32_t tokens = 0, context = 0;
  double before_rows_us = 0;     // from its start to the first use of the table's rows
  std::vector<double> block_us;  // each block's duration, the first from the pass's start
  double head_us = 0;            // logits of one position
  std::string source;
};

struct MeasuredModel {
  std::string name;
  uint64_t weight_bytes = 0;
  uint32_t threads = 0;
  std::vector<MeasuredPass> passes;
};

struct ComputeProfile {
  bool on_device = false;  // the decoder runs where `vram` is; else on the CPU
  Figure flops_per_s, weight_bytes_per_s, block_overhead_us;
  std::vector<MeasuredModel> models;
};

struct DeviceProfile {
  std::string name, title;
  StorageProfile nvme;
  RamProfile ram;
  HostProfile host;
  std::optional<VramProfile> vram;
  ComputeProfile compute;
  // Relative difference between repeats of the probe: nothing finer than this can be predicted. 0: not measured.
  double noise = 0;
};

DeviceProfile parse_profile(std::string_view toml, const std::string& name);
DeviceProfile read_profile(const std::filesystem::path& file);
// A profile that the program carries ("phone-ufs4") or a file ("./mine.toml"). UsageError naming the nearest.
DeviceProfile find_profile(const std::string& name_or_file);
std::vector<std::string> profile_names();
// The text of a carried profile; empty where there is none of that name.
std::string_view profile_text(std::string_view name);
std::string to_toml(const DeviceProfile& profile);

}  // namespace tierscope
