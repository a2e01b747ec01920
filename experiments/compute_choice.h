// `--compute` and `--backend` of a real run: which StepCompute they name, with the decoder or profile behind it.
// Errors: UsageError for unknown words, Error where the model cannot be loaded or the device is not there.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "runtime/compute/device.h"
#include "runtime/engine/step_compute.h"
#include "runtime/gguf/gguf.h"
#include "runtime/model/decoder.h"

namespace tierscope {

class ComputeChoice {
 public:
  // "real", "none", "paced:PROFILE" or "paced:10ms" (each pass takes that long); backend "host" or "opencl[:N]".
  ComputeChoice(std::string compute, std::string backend);

  // What load would hold in host memory, known before it.
  DecoderMemory memory(const GgufFile& model, const DecoderOptions& options) const;
  // Loads weights or profile. `spans` may be null.
  void load(const GgufFile& model, const DecoderOptions& options, SpanRecorder* spans);
  StepCompute& steps() { return *steps_; }
  Device* device() const { return device_.get(); }  // null on the host
  const std::string& text() const { return compute_; }
  const std::string& backend() const { return backend_; }

 private:
  const std::string compute_, backend_;
  std::unique_ptr<Device> device_;
  std::unique_ptr<Decoder> decoder_;
  std::unique_ptr<StepCompute> steps_;
};

}  // namespace tierscope
