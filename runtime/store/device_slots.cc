#include "runtime/store/device_slots.h"

#include <algorithm>

namespace tierscope {

DeviceSlots::DeviceSlots(Device& device, uint64_t slots, uint64_t row_bytes, std::string_view purpose)
    : device_(device), row_bytes_(row_bytes) {
  const uint64_t fit = std::max<uint64_t>(1, device.info().largest_allocation_bytes / row_bytes);
  slots_each_ = std::max<uint64_t>(1, std::min({slots, fit, uint64_t{UINT32_MAX}}));
  for (uint64_t done = 0; done < slots; done += slots_each_)
    buffers_.push_back(device.allocate(std::min(slots_each_, slots - done) * row_bytes, purpose));
}

uint64_t DeviceSlots::bytes() const {
  uint64_t bytes = 0;
  for (const auto& buffer : buffers_) bytes += buffer->bytes();
  return bytes;
}

std::vector<DeviceEvent> DeviceSlots::write(uint64_t first, std::span<const std::byte> host,
                                            const std::vector<DeviceEvent>& after) {
  std::vector<DeviceEvent> events;
  while (!host.empty()) {
    const Place to = place(first);
    const uint64_t rows = std::min(host.size() / row_bytes_, slots_each_ - to.index);
    events.push_back(device_.write(*buffers_[to.buffer], to.index * row_bytes_, host.first(rows * row_bytes_), after));
    host = host.subspan(rows * row_bytes_);
    first += rows;
  }
  return events;
}

void DeviceSlots::read(uint64_t slot, std::byte* host) const {
  const Place from = place(slot);
  device_.finish();
  device_.read(*buffers_[from.buffer], from.index * row_bytes_, {host, row_bytes_}).wait();
}

DeviceEvent DeviceSlots::copy_from(const DeviceSlots& source, uint64_t source_slot, uint64_t slot,
                                   const std::vector<DeviceEvent>& after) {
  const Place from = source.place(source_slot), to = place(slot);
  return device_.copy(*source.buffers_[from.buffer], from.index * row_bytes_, *buffers_[to.buffer],
                      to.index * row_bytes_, row_bytes_, after);
}

}  // namespace tierscope
