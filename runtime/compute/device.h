// A device that computes with its own memory: buffers, copies, kernels, events. One backend a file; the list of them is
// in device_registry.cc. A Device and what it made belong to one thread at a time.
// Errors: Error naming the device, what failed and, for a kernel that does not build, the compiler's log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "runtime/gguf/dtype.h"

namespace tierscope {

struct DeviceInfo {
  std::string backend;  // "opencl"
  std::string name, vendor, driver;
  uint64_t memory_bytes = 0, largest_allocation_bytes = 0;
  uint32_t compute_units = 0, largest_group_items = 0;
  bool unified_memory = false;  // its memory is the host's: timings say nothing about a discrete device
  bool host_visible_buffers = false;
  bool async_copy = false;  // copies and kernels can run at the same time
  bool fp16 = false;
};

class DeviceBuffer {
 public:
  virtual ~DeviceBuffer() = default;
  virtual uint64_t bytes() const = 0;
};

// Something enqueued. Empty events are complete.
class DeviceEvent {
 public:
  struct Backend {
    virtual ~Backend() = default;
    virtual void wait() = 0;
    virtual double seconds() = 0;
  };
  DeviceEvent() = default;
  explicit DeviceEvent(std::shared_ptr<Backend> backend) : backend_(std::move(backend)) {}
  void wait() const {
    if (backend_) backend_->wait();
  }
  // How long it ran on the device, by the device's clock; waits for it.
  double seconds() const { return backend_ ? backend_->seconds() : 0; }
  Backend* backend() const { return backend_.get(); }

 private:
  std::shared_ptr<Backend> backend_;
};

using KernelArgument = std::variant<const DeviceBuffer*, uint32_t, uint64_t, float>;

struct KernelGrid {
  uint32_t groups_x = 1, groups_y = 1;
  uint32_t items = 1;  // of a group
};

// Two queues, each in order: kernels in one, copies between host and device in the other. What must wait for the other
// queue says so with `after`.
class Device {
 public:
  virtual ~Device() = default;
  virtual const DeviceInfo& info() const = 0;

  // `purpose` names it in errors. Refused where it exceeds the largest allocation or what is left of the memory.
  virtual std::unique_ptr<DeviceBuffer> allocate(uint64_t bytes, std::string_view purpose) = 0;
  virtual uint64_t allocated_bytes() const = 0;
  // Host memory that copies to the device fastest (pinned); lives as long as the device.
  virtual std::span<std::byte> allocate_pinned(uint64_t bytes) = 0;

  // Asynchronous: `host` stays untouched until the event is complete.
  virtual DeviceEvent write(DeviceBuffer& to, uint64_t offset, std::span<const std::byte> host,
                            const std::vector<DeviceEvent>& after = {}) = 0;
  virtual DeviceEvent read(const DeviceBuffer& from, uint64_t offset, std::span<std::byte> host,
                           const std::vector<DeviceEvent>& after = {}) = 0;
  virtual DeviceEvent copy(const DeviceBuffer& from, uint64_t from_offset, DeviceBuffer& to, uint64_t to_offset,
                           uint64_t bytes, const std::vector<DeviceEvent>& after = {}) = 0;

  // `kernel` is a name in kernels/decoder.cl, or in kernels/typed.cl with the type of the rows it reads.
  virtual DeviceEvent launch(std::string_view kernel, std::optional<DType> type, const KernelGrid& grid,
                             std::initializer_list<KernelArgument> arguments,
                             const std::vector<DeviceEvent>& after = {}) = 0;
  // Everything enqueued so far, in both queues. Error where the device failed at any of it.
  virtual void finish() = 0;
};

// The devices of all backends; empty where there is none.
std::vector<DeviceInfo> list_devices();

// "opencl", "opencl:1": the first or the N-th device of a backend. Error saying what there is, where it is not there.
std::unique_ptr<Device> open_device(std::string_view text);

}  // namespace tierscope
