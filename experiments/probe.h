// Measures this machine's tiers and compute into the parts of a device profile. Each function loads what it measures to
// the full: nothing else should run. Figures carry "measured: tierscope probe ..." as their source.
// Errors: Error with the file where a read fails or room is missing.
#pragma once

#include <filesystem>
#include <functional>

#include "experiments/backend.h"
#include "runtime/compute/device.h"
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

// Copies to a device and the gather of rows there. Error where a row is shorter than a block of Q8_0.
VramProfile probe_device(Device& device, uint32_t row_bytes, const ProbeOptions& options);

// The decoder's passes where `backend` computes: prefill by chunk, decode by context. Loads the model's weights.
MeasuredModel probe_model(const GgufFile& file, const ModelShape& shape, const Backend& backend,
                          const ProbeOptions& options);
struct ComputeRates {
  double read_bytes_per_s = 0, flops_per_s = 0;
};
// Bytes per second at which `threads` threads of the CPU read memory, and their multiply-adds (x 2) in registers.
ComputeRates probe_compute(const ProbeOptions& options);
// What measured passes come to: weights read by a pass of one token, multiply-adds (x 2) of the longest one.
ComputeRates rates_of(const MeasuredModel& measured, const ModelShape& shape);

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
