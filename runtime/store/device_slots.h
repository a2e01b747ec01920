// Slots in a device's memory, one row each: a row cache of the VRAM tier, or a whole table. Split over several buffers
// where the device's largest allocation asks for it. One owner thread, the device's.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "runtime/compute/device.h"

namespace tierscope {

class DeviceSlots {
 public:
  // Where a slot lies: its place within one of the buffers.
  struct Place {
    uint32_t buffer = 0;
    uint32_t index = 0;
  };

  // Error where the device has no room; `purpose` names the slots there.
  DeviceSlots(Device& device, uint64_t slots, uint64_t row_bytes, std::string_view purpose);

  Place place(uint64_t slot) const {
    return {static_cast<uint32_t>(slot / slots_each_), static_cast<uint32_t>(slot % slots_each_)};
  }
  const DeviceBuffer& buffer(uint32_t index) const { return *buffers_[index]; }
  size_t buffer_count() const { return buffers_.size(); }
  uint64_t bytes() const;

  // Rows for consecutive slots from `first` on, dense. `host` stays untouched until the events are complete.
  std::vector<DeviceEvent> write(uint64_t first, std::span<const std::byte> host,
                                 const std::vector<DeviceEvent>& after = {});
  // One row back to the host; blocks.
  void read(uint64_t slot, std::byte* host) const;
  // One row within the device, after what was enqueued there before.
  DeviceEvent copy_from(const DeviceSlots& source, uint64_t source_slot, uint64_t slot,
                        const std::vector<DeviceEvent>& after = {});

 private:
  Device& device_;
  uint64_t row_bytes_ = 0;
  uint64_t slots_each_ = 0;  // of a buffer, but for the last
  std::vector<std::unique_ptr<DeviceBuffer>> buffers_;
};

}  // namespace tierscope
