// `--backend`: the host or a device, and the decoder there. Errors: UsageError for unknown words; Error where a device
// is not there, does not work or has too little memory, which is said before anything is loaded.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "runtime/compute/device.h"
#include "runtime/gguf/gguf.h"
#include "runtime/metrics/run_metrics.h"
#include "runtime/model/decoder.h"
#include "runtime/placement/placement.h"
#include "runtime/store/tier_store.h"

namespace tierscope {

class Backend {
 public:
  // "host", "opencl[:N]". A backend named without a number gives way to the host, with a note, where it has no device
  // at all and none of `placements` needs one.
  Backend(const std::string& text, std::span<const Placement> placements);

  Device* device() const { return device_.get(); }   // null on the host
  const std::string& text() const { return text_; }  // as results carry it
  std::optional<ComputeDevice> describe() const;

  DecoderMemory decoder_memory(const GgufFile& model, const DecoderOptions& options) const;
  std::unique_ptr<Decoder> make_decoder(const GgufFile& model, const DecoderOptions& options) const;
  // Error where decoder and VRAM tier together exceed the device's memory. On the host: nothing.
  void check_room(const DecoderMemory& decoder, const std::optional<TableFile>& table, const Placement& placement,
                  const StoreOptions& store) const;

 private:
  std::string text_;
  std::unique_ptr<Device> device_;
};

}  // namespace tierscope
