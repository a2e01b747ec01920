// A device that stands before a real one: passes everything on, unless a test says that it fails from some operation
// on, as a device that falls off its bus does.
#pragma once

#include <limits>

#include "runtime/base/error.h"
#include "runtime/compute/device.h"

namespace tierscope::testing {

class DeviceProxy final : public Device {
 public:
  explicit DeviceProxy(Device& real) : real_(real) {}

  uint64_t operations = 0;
  uint64_t lost_after = std::numeric_limits<uint64_t>::max();  // operations that still work

  const DeviceInfo& info() const override { return real_.info(); }
  std::unique_ptr<DeviceBuffer> allocate(uint64_t bytes, std::string_view purpose) override {
    return real_.allocate(bytes, purpose);
  }
  uint64_t allocated_bytes() const override { return real_.allocated_bytes(); }
  std::span<std::byte> allocate_pinned(uint64_t bytes) override { return real_.allocate_pinned(bytes); }
  DeviceEvent write(DeviceBuffer& to, uint64_t offset, std::span<const std::byte> host,
                    const std::vector<DeviceEvent>& after) override {
    count();
    return real_.write(to, offset, host, after);
  }
  DeviceEvent read(const DeviceBuffer& from, uint64_t offset, std::span<std::byte> host,
                   const std::vector<DeviceEvent>& after) override {
    count();
    return real_.read(from, offset, host, after);
  }
  DeviceEvent write_in_order(DeviceBuffer& to, uint64_t offset, std::span<const std::byte> host) override {
    count();
    return real_.write_in_order(to, offset, host);
  }
  DeviceEvent copy(const DeviceBuffer& from, uint64_t from_offset, DeviceBuffer& to, uint64_t to_offset, uint64_t bytes,
                   const std::vector<DeviceEvent>& after) override {
    count();
    return real_.copy(from, from_offset, to, to_offset, bytes, after);
  }
  DeviceEvent launch(std::string_view kernel, std::optional<DType> type, const KernelGrid& grid,
                     std::initializer_list<KernelArgument> arguments, const std::vector<DeviceEvent>& after) override {
    count();
    return real_.launch(kernel, type, grid, arguments, after);
  }
  void flush() override { real_.flush(); }
  void finish() override {
    real_.finish();  // a device that is lost runs nothing any more
    count();
  }
  double seconds_beside_kernels(std::span<const DeviceEvent> copies) override {
    return real_.seconds_beside_kernels(copies);
  }

 private:
  void count() {
    if (++operations > lost_after) throw Error("the device is lost", info().name, "use --backend host");
  }

  Device& real_;
};

}  // namespace tierscope::testing
