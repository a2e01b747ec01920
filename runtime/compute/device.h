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

// From when to when something ran, by a clock of the device.
struct DeviceInterval {
  double begin_s = 0, end_s = 0;
};

// Something enqueued. Empty events are complete.
class DeviceEvent {
 public:
  struct Backend {
    virtual ~Backend() = default;
    virtual void wait() = 0;
    virtual DeviceInterval interval() = 0;
  };
  DeviceEvent() = default;
  explicit DeviceEvent(std::shared_ptr<Backend> backend) : backend_(std::move(backend)) {}
  void wait() const {
    if (backend_) backend_->wait();
  }
  // Waits for it.
  DeviceInterval interval() const { return backend_ ? backend_->interval() : DeviceInterval{}; }
  double seconds() const {
    const DeviceInterval ran = interval();
    return ran.end_s - ran.begin_s;
  }
  Backend* backend() const { return backend_.get(); }

 private:
  std::shared_ptr<Backend> backend_;
};

using KernelArgument = std::variant<const DeviceBuffer*, uint32_t, uint64_t, float>;

struct KernelGrid {
  uint32_t groups_x = 1, groups_y = 1;
  uint32_t items = 1;  // of a group
};

// What of a device may be used, and how its kernels are built; 0: all that it says it has.
struct DeviceLimits {
  uint64_t memory_bytes = 0, largest_allocation_bytes = 0;
  std::string kernel_options;  // for the kernels' compiler, beside the backend's own
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
  // As write, but in the kernels' queue: kernels launched before it see the old bytes, those after it the new ones.
  virtual DeviceEvent write_in_order(DeviceBuffer& to, uint64_t offset, std::span<const std::byte> host) = 0;
  virtual DeviceEvent copy(const DeviceBuffer& from, uint64_t from_offset, DeviceBuffer& to, uint64_t to_offset,
                           uint64_t bytes, const std::vector<DeviceEvent>& after = {}) = 0;

  // `kernel` is a name in kernels/decoder.cl, or in kernels/typed.cl with the type of the rows it reads.
  virtual DeviceEvent launch(std::string_view kernel, std::optional<DType> type, const KernelGrid& grid,
                             std::initializer_list<KernelArgument> arguments,
                             const std::vector<DeviceEvent>& after = {}) = 0;
  // Starts what was enqueued, for a host that is about to wait for something else.
  virtual void flush() = 0;
  // Everything enqueued so far, in both queues. Error where the device failed at any of it.
  virtual void finish() = 0;
  // How much of the time that these (complete) copies took kernels ran as well, by the device's clock. Kernels that
  // ended before the first of them began are forgotten.
  virtual double seconds_beside_kernels(std::span<const DeviceEvent> copies) = 0;
};

// The devices of all backends; empty where there is none.
std::vector<DeviceInfo> list_devices();

// Whether `text` names a backend, and no particular device of it, and there is none here.
bool lacks_any_device(std::string_view text);

// "opencl", "opencl:1": the first or the N-th device of a backend. Error saying what there is, where it is not there.
std::unique_ptr<Device> open_device(std::string_view text, const DeviceLimits& limits = {});

// Before anything is loaded: what a run will allocate, by purpose. Error with the sums where it exceeds what is free.
struct DeviceNeed {
  std::string_view purpose;
  uint64_t bytes = 0;
};
void require_room(const Device& device, std::initializer_list<DeviceNeed> needs);

}  // namespace tierscope
