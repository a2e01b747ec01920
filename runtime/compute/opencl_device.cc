// OpenCL 1.2 devices. Source: the OpenCL 1.2 specification (Khronos), through its C++ bindings.
#define CL_HPP_ENABLE_EXCEPTIONS
#define CL_HPP_TARGET_OPENCL_VERSION 120
#define CL_HPP_MINIMUM_OPENCL_VERSION 120
#include <fmt/format.h>

#include <CL/opencl.hpp>
#include <algorithm>
#include <deque>
#include <map>
#include <optional>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/compute/device_backends.h"
#include "runtime/compute/kernel_sources.h"

namespace tierscope {
namespace {

std::vector<cl::Device> find_devices() {
  std::vector<cl::Device> all;
  std::vector<cl::Platform> platforms;
  try {
    cl::Platform::get(&platforms);
  } catch (const cl::Error&) {
    return all;  // the loader reports "no platform" as an error
  }
  for (const cl::Platform& platform : platforms) {
    std::vector<cl::Device> devices;
    try {
      platform.getDevices(CL_DEVICE_TYPE_ALL, &devices);
    } catch (const cl::Error&) {
      continue;  // a platform without devices
    }
    all.insert(all.end(), devices.begin(), devices.end());
  }
  return all;
}

DeviceInfo describe(const cl::Device& device) {
  DeviceInfo info;
  info.backend = "opencl";
  info.name = std::string(trim(device.getInfo<CL_DEVICE_NAME>()));
  // Its CPU devices are named after the processor; what computes there must not pass for another driver's device.
  if (cl::Platform(device.getInfo<CL_DEVICE_PLATFORM>()).getInfo<CL_PLATFORM_NAME>() == "Portable Computing Language")
    info.name = "PoCL " + info.name;
  info.vendor = device.getInfo<CL_DEVICE_VENDOR>();
  info.driver = device.getInfo<CL_DRIVER_VERSION>();
  info.memory_bytes = device.getInfo<CL_DEVICE_GLOBAL_MEM_SIZE>();
  info.largest_allocation_bytes = device.getInfo<CL_DEVICE_MAX_MEM_ALLOC_SIZE>();
  info.compute_units = device.getInfo<CL_DEVICE_MAX_COMPUTE_UNITS>();
  info.largest_group_items = static_cast<uint32_t>(device.getInfo<CL_DEVICE_MAX_WORK_GROUP_SIZE>());
  info.unified_memory = device.getInfo<CL_DEVICE_HOST_UNIFIED_MEMORY>() != 0;
  info.host_visible_buffers = true;  // OpenCL maps any buffer
  info.async_copy = !info.unified_memory;
  info.fp16 = device.getInfo<CL_DEVICE_EXTENSIONS>().find("cl_khr_fp16") != std::string::npos;
  return info;
}

struct OpenClBuffer final : DeviceBuffer {
  cl::Buffer buffer;
  uint64_t size = 0;
  uint64_t* allocated = nullptr;
  ~OpenClBuffer() override { *allocated -= size; }
  uint64_t bytes() const override { return size; }
};

struct OpenClEvent final : DeviceEvent::Backend {
  cl::Event event;
  std::string device;
  explicit OpenClEvent(std::string name) : device(std::move(name)) {}
  void wait() override {
    guard([&] { event.wait(); });
  }
  DeviceInterval interval() override {
    wait();
    DeviceInterval ran;
    guard([&] {
      ran = {1e-9 * static_cast<double>(event.getProfilingInfo<CL_PROFILING_COMMAND_START>()),
             1e-9 * static_cast<double>(event.getProfilingInfo<CL_PROFILING_COMMAND_END>())};
    });
    return ran;
  }
  template <class Work>
  void guard(Work work) const {
    try {
      work();
    } catch (const cl::Error& error) {
      throw Error(fmt::format("{} failed with OpenCL error {}", error.what(), error.err()), device,
                  "the device may be lost; see its driver's log, or use --backend host");
    }
  }
};

// The parts of `intervals` that overlap become one; sorted by their begin.
std::vector<DeviceInterval> joined(std::vector<DeviceInterval> intervals) {
  std::ranges::sort(intervals, {}, &DeviceInterval::begin_s);
  std::vector<DeviceInterval> joined;
  for (const DeviceInterval& next : intervals)
    if (joined.empty() || next.begin_s > joined.back().end_s)
      joined.push_back(next);
    else
      joined.back().end_s = std::max(joined.back().end_s, next.end_s);
  return joined;
}

constexpr size_t kKernelsRemembered = 8192;  // by those who never ask for seconds_beside_kernels

class OpenClDevice final : public Device {
 public:
  OpenClDevice(const cl::Device& device, const DeviceLimits& limits)
      : device_(device), info_(describe(device)), kernel_options_("-cl-std=CL1.2 " + limits.kernel_options) {
    if (limits.memory_bytes > 0) info_.memory_bytes = std::min(info_.memory_bytes, limits.memory_bytes);
    if (limits.largest_allocation_bytes > 0)
      info_.largest_allocation_bytes = std::min(info_.largest_allocation_bytes, limits.largest_allocation_bytes);
    guard("opening the device", [&] {
      context_ = cl::Context(device_);
      compute_ = cl::CommandQueue(context_, device_, CL_QUEUE_PROFILING_ENABLE);
      copies_ = cl::CommandQueue(context_, device_, CL_QUEUE_PROFILING_ENABLE);
    });
  }
  ~OpenClDevice() override {
    try {
      for (const auto& [buffer, address] : pinned_) copies_.enqueueUnmapMemObject(buffer, address);
      compute_.finish();
      copies_.finish();
    } catch (const cl::Error&) {
      // A lost device has nothing left to wait for.
    }
  }

  const DeviceInfo& info() const override { return info_; }

  std::unique_ptr<DeviceBuffer> allocate(uint64_t bytes, std::string_view purpose) override {
    check_room(bytes, purpose);
    auto buffer = std::make_unique<OpenClBuffer>();
    buffer->allocated = &allocated_bytes_;
    guard(fmt::format("allocating {} for {}", format_bytes(bytes), purpose),
          [&] { buffer->buffer = cl::Buffer(context_, CL_MEM_READ_WRITE, bytes); });
    buffer->size = bytes;
    allocated_bytes_ += bytes;
    return buffer;
  }
  uint64_t allocated_bytes() const override { return allocated_bytes_; }

  std::span<std::byte> allocate_pinned(uint64_t bytes) override {
    void* address = nullptr;
    guard("allocating pinned memory", [&] {
      const cl::Buffer buffer(context_, CL_MEM_READ_WRITE | CL_MEM_ALLOC_HOST_PTR, bytes);
      address = copies_.enqueueMapBuffer(buffer, CL_TRUE, CL_MAP_READ | CL_MAP_WRITE, 0, bytes);
      pinned_.emplace_back(buffer, address);
    });
    return {static_cast<std::byte*>(address), bytes};
  }

  DeviceEvent write(DeviceBuffer& to, uint64_t offset, std::span<const std::byte> host,
                    const std::vector<DeviceEvent>& after) override {
    return enqueue("a copy to the device", after, [&](const std::vector<cl::Event>* events, cl::Event* done) {
      copies_.enqueueWriteBuffer(raw(to), CL_FALSE, offset, host.size(), host.data(), events, done);
      copies_.flush();
    });
  }
  DeviceEvent read(const DeviceBuffer& from, uint64_t offset, std::span<std::byte> host,
                   const std::vector<DeviceEvent>& after) override {
    return enqueue("a copy from the device", after, [&](const std::vector<cl::Event>* events, cl::Event* done) {
      copies_.enqueueReadBuffer(raw(from), CL_FALSE, offset, host.size(), host.data(), events, done);
      copies_.flush();
    });
  }
  DeviceEvent write_in_order(DeviceBuffer& to, uint64_t offset, std::span<const std::byte> host) override {
    return enqueue("a copy to the device", {}, [&](const std::vector<cl::Event>*, cl::Event* done) {
      compute_.enqueueWriteBuffer(raw(to), CL_FALSE, offset, host.size(), host.data(), nullptr, done);
    });
  }
  DeviceEvent copy(const DeviceBuffer& from, uint64_t from_offset, DeviceBuffer& to, uint64_t to_offset, uint64_t bytes,
                   const std::vector<DeviceEvent>& after) override {
    return enqueue("a copy within the device", after, [&](const std::vector<cl::Event>* events, cl::Event* done) {
      compute_.enqueueCopyBuffer(raw(from), raw(to), from_offset, to_offset, bytes, events, done);
    });
  }

  DeviceEvent launch(std::string_view kernel, std::optional<DType> type, const KernelGrid& grid,
                     std::initializer_list<KernelArgument> arguments, const std::vector<DeviceEvent>& after) override {
    const DeviceEvent event = enqueue(kernel, after, [&](const std::vector<cl::Event>* events, cl::Event* done) {
      cl::Kernel& compiled = find_kernel(kernel, type);
      cl_uint index = 0;
      for (const KernelArgument& argument : arguments) set_argument(compiled, index++, argument);
      compute_.enqueueNDRangeKernel(compiled, cl::NullRange,
                                    cl::NDRange(grid.groups_x * size_t{grid.items}, grid.groups_y),
                                    cl::NDRange(grid.items, 1), events, done);
    });
    unread_kernels_.push_back(event);
    if (unread_kernels_.size() > kKernelsRemembered) unread_kernels_.pop_front();
    return event;
  }

  void flush() override {
    guard("starting the work on the device", [&] { compute_.flush(); });
  }
  void finish() override {
    guard("the work on the device", [&] {
      copies_.finish();
      compute_.finish();
    });
  }

  double seconds_beside_kernels(std::span<const DeviceEvent> copies) override {
    if (copies.empty()) return 0;
    for (const DeviceEvent& kernel : unread_kernels_) kernels_ran_.push_back(kernel.interval());
    unread_kernels_.clear();
    std::vector<DeviceInterval> copied;
    for (const DeviceEvent& copy : copies) copied.push_back(copy.interval());
    copied = joined(std::move(copied));
    std::erase_if(kernels_ran_, [&](const DeviceInterval& ran) { return ran.end_s < copied.front().begin_s; });
    double seconds = 0;
    for (const DeviceInterval& kernels : joined(kernels_ran_))
      for (const DeviceInterval& copy : copied)
        seconds += std::max(0.0, std::min(kernels.end_s, copy.end_s) - std::max(kernels.begin_s, copy.begin_s));
    return seconds;
  }

 private:
  static const cl::Buffer& raw(const DeviceBuffer& buffer) { return static_cast<const OpenClBuffer&>(buffer).buffer; }

  template <class Work>
  void guard(std::string_view what, Work work) const {
    try {
      work();
    } catch (const cl::Error& error) {
      const bool memory = error.err() == CL_MEM_OBJECT_ALLOCATION_FAILURE || error.err() == CL_OUT_OF_RESOURCES;
      throw Error(fmt::format("{} failed: {} gave OpenCL error {}", what, error.what(), error.err()), info_.name,
                  memory ? "the device is out of memory; choose a smaller cache, context or model"
                         : "the device or its driver may be lost; try --backend host");
    }
  }

  template <class Work>
  DeviceEvent enqueue(std::string_view what, const std::vector<DeviceEvent>& after, Work work) {
    std::vector<cl::Event> events;
    for (const DeviceEvent& event : after)
      if (event.backend()) events.push_back(static_cast<const OpenClEvent*>(event.backend())->event);
    auto done = std::make_shared<OpenClEvent>(info_.name);
    guard(what, [&] { work(events.empty() ? nullptr : &events, &done->event); });
    return DeviceEvent(done);
  }

  void check_room(uint64_t bytes, std::string_view purpose) const {
    if (bytes > info_.largest_allocation_bytes)
      throw Error(fmt::format("{} for {} exceeds the largest allocation of {}", format_bytes(bytes), purpose,
                              format_bytes(info_.largest_allocation_bytes)),
                  info_.name, "choose a smaller cache, context or model");
    if (allocated_bytes_ + bytes > info_.memory_bytes)
      throw Error(fmt::format("{} for {} do not fit: {} of {} are taken", format_bytes(bytes), purpose,
                              format_bytes(allocated_bytes_), format_bytes(info_.memory_bytes)),
                  info_.name, "choose a smaller cache, context or model");
  }

  cl::Program& find_program(std::optional<DType> type) {
    const auto found = programs_.find(type);
    if (found != programs_.end()) return found->second;
    cl::Program program(context_, kernel_source(KernelDialect::opencl, type));
    try {
      program.build({device_}, kernel_options_.c_str());
    } catch (const cl::BuildError& error) {
      std::string log;
      for (const auto& [device, text] : error.getBuildLog()) log += text;
      std::ranges::replace(log, '\n', ' ');
      throw Error(
          fmt::format("the kernels do not build (OpenCL error {}); the compiler says: {}", error.err(), trim(log)),
          info_.name, "try --backend host");
    }
    return programs_.emplace(type, program).first->second;
  }

  cl::Kernel& find_kernel(std::string_view name, std::optional<DType> type) {
    const std::pair key(std::string(name), type);
    const auto found = kernels_.find(key);
    if (found != kernels_.end()) return found->second;
    return kernels_.emplace(key, cl::Kernel(find_program(type), key.first.c_str())).first->second;
  }

  static void set_argument(cl::Kernel& kernel, cl_uint index, const KernelArgument& argument) {
    if (const auto* buffer = std::get_if<const DeviceBuffer*>(&argument))
      kernel.setArg(index, raw(**buffer));
    else if (const auto* narrow = std::get_if<uint32_t>(&argument))
      kernel.setArg(index, cl_uint{*narrow});
    else if (const auto* wide = std::get_if<uint64_t>(&argument))
      kernel.setArg(index, cl_ulong{*wide});
    else
      kernel.setArg(index, cl_float{std::get<float>(argument)});
  }

  cl::Device device_;
  DeviceInfo info_;
  const std::string kernel_options_;
  cl::Context context_;
  cl::CommandQueue compute_, copies_;
  uint64_t allocated_bytes_ = 0;
  std::vector<std::pair<cl::Buffer, void*>> pinned_;
  std::map<std::optional<DType>, cl::Program> programs_;
  std::map<std::pair<std::string, std::optional<DType>>, cl::Kernel> kernels_;
  std::deque<DeviceEvent> unread_kernels_;
  std::vector<DeviceInterval> kernels_ran_;
};

}  // namespace

DeviceBackend opencl_backend() {
  return {"opencl",
          [] {
            std::vector<DeviceInfo> infos;
            for (const cl::Device& device : find_devices()) infos.push_back(describe(device));
            return infos;
          },
          [](uint32_t index, const DeviceLimits& limits) -> std::unique_ptr<Device> {
            const auto devices = find_devices();
            if (index >= devices.size())
              throw Error("the device is gone", fmt::format("opencl:{}", index), "see 'tierscope devices'");
            return std::make_unique<OpenClDevice>(devices[index], limits);
          }};
}

}  // namespace tierscope
