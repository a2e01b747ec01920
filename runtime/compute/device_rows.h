// A step's rows that lie in device memory: what a store with a VRAM tier hands to a decoder on the same device.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/compute/device.h"

namespace tierscope {

// Rows of one buffer: `indices` holds, for each access of the step, the row's slot there, or kNotHere.
struct DeviceRowPart {
  static constexpr uint32_t kNotHere = UINT32_MAX;
  const DeviceBuffer* slots = nullptr;
  std::vector<uint32_t> indices;
  std::vector<DeviceEvent> ready;  // what fills the slots
};

class DeviceStepRows {
 public:
  virtual ~DeviceStepRows() = default;
  // After await(): every access of the step is in exactly one part. Valid until retirement, which must come after the
  // kernels that read the slots have finished.
  virtual std::vector<DeviceRowPart> device_parts() const = 0;
};

}  // namespace tierscope
