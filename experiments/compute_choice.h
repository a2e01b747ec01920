// `--compute` and `--backend` of a real run: which StepCompute they name, with the decoder or profile behind it.
// Errors: UsageError for unknown words, Error where the model cannot be loaded or the device is not there.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "experiments/backend.h"
#include "runtime/engine/step_compute.h"
#include "runtime/gguf/gguf.h"
#include "runtime/model/decoder.h"

namespace tierscope {

class ComputeChoice {
 public:
  // "real", "none", "paced:PROFILE" or "paced:10ms" (each pass takes that long).
  ComputeChoice(std::string compute, Backend backend);

  // What load would hold, on the host and on the device, known before it.
  DecoderMemory host_memory(const GgufFile& model, const DecoderOptions& options) const;
  DecoderMemory device_memory(const GgufFile& model, const DecoderOptions& options) const;
  // Loads weights or profile. `spans` may be null.
  void load(const GgufFile& model, const DecoderOptions& options, SpanRecorder* spans);
  StepCompute& steps() { return *steps_; }
  const std::string& text() const { return compute_; }
  const Backend& backend() const { return backend_; }

 private:
  const std::string compute_;
  const Backend backend_;
  std::unique_ptr<Decoder> decoder_;
  std::unique_ptr<StepCompute> steps_;
};

}  // namespace tierscope
