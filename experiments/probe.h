// Measures this machine's tiers and compute into the parts of a device profile. Each function loads what it measures to
// the full: nothing else should run. Figures carry "measured: tierscope probe ..." as their source.
// Errors: Error with the file where a read fails or room is missing.
#pragma once

#include <filesystem>
#include <functional>

#include "runtime/gguf/gguf.h"
#include "runtime/store/table_handle.h"
#include "sim/device_profile.h"
#include "sim/model_shape.h"

namespace tierscope {

struct ProbeOptions {
  double seconds_per_point = 0.1;  // of measuring, for each block size, depth and burst
  uint32_t rounds = 3;             // the whole is measured so often; the rounds' difference is the noise
  unsigned threads = 2;            // that compute
  uint64_t seed = 1;
  std::function<void(const std::string& what)> on_progress;
};

struct StorageProbe {
  StorageProfile profile;
  double noise = 0;  // median relative difference of a burst's mean between the rounds
  std::string access;
};
// Random and sequential reads of `file`, its whole length, past the page cache.
StorageProbe probe_storage(const std::filesystem::path& file, const ProbeOptions& options);

RamProfile probe_ram(uint32_t row_bytes, const ProbeOptions& options);
// Planner and store at work on whole steps over `table`, their rows all of one kind.
HostProfile probe_host(const TableFile& table, const ProbeOptions& options);

// The decoder's passes: prefill by chunk, decode by context. Loads the model's weights.
MeasuredModel probe_model(const GgufFile& file, const ModelShape& shape, const ProbeOptions& options);
// Bytes per second at which `threads` threads read memory, and multiply-adds (x 2) of a large matrix product.
struct ComputeRates {
  double read_bytes_per_s = 0, flops_per_s = 0;
};
ComputeRates probe_compute(const ProbeOptions& options);

// Share of the processors' time that others used over the last moment, 0 to 1.
double machine_load();
// A file of random bytes that is removed when this goes.
class ScratchFile {
 public:
  ScratchFile(const std::filesystem::path& folder, uint64_t bytes, uint64_t seed);
  ~ScratchFile();
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace tierscope
