#include "experiments/backend.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/model/device_decoder.h"

namespace tierscope {

Backend::Backend(const std::string& text, std::span<const Placement> placements) : text_(text) {
  if (text == "host") return;
  const bool needed =
      std::ranges::any_of(placements, [](const Placement& placement) { return top_tier(placement) == Tier::vram; });
  if (!needed && lacks_any_device(text)) {
    text_ = fmt::format("host (no {} device)", text);
    fmt::print(stderr, "note: no {} device is here: the CPU computes\n", text);
    return;
  }
  device_ = open_device(text);
  text_ += fmt::format(" ({})", device_->info().name);
}

std::optional<ComputeDevice> Backend::describe() const {
  if (!device_) return std::nullopt;
  return ComputeDevice{device_->info().name, device_->info().unified_memory};
}

DecoderMemory Backend::decoder_memory(const GgufFile& model, const DecoderOptions& options) const {
  return device_ ? device_decoder_memory(model, options) : cpu_decoder_memory(model, options);
}

std::unique_ptr<Decoder> Backend::make_decoder(const GgufFile& model, const DecoderOptions& options) const {
  return device_ ? make_device_decoder(model, options, *device_) : make_cpu_decoder(model, options);
}

void Backend::check_room(const DecoderMemory& decoder, const std::optional<TableFile>& table,
                         const Placement& placement, const StoreOptions& store) const {
  if (!device_) return;
  uint64_t tier_bytes = 0;
  if (table) {
    const TableFile units = in_units(*table, placement.unit);
    tier_bytes = store_device_bytes(units, placement, Planner(placement, units.shape()), store);
  }
  require_room(*device_, {{"weights", decoder.weight_bytes},
                          {"KV cache", decoder.kv_bytes},
                          {"activations", decoder.scratch_bytes},
                          {"VRAM tier", tier_bytes}});
}

}  // namespace tierscope
