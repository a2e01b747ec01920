#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/compute/device.h"
#include "runtime/compute/device_backends.h"

namespace tierscope {
namespace {

const std::vector<DeviceBackend>& backends() {
  static const std::vector<DeviceBackend> all{
      opencl_backend(),
  };
  return all;
}

}  // namespace

std::vector<DeviceInfo> list_devices() {
  std::vector<DeviceInfo> devices;
  for (const DeviceBackend& backend : backends()) {
    const auto some = backend.list();
    devices.insert(devices.end(), some.begin(), some.end());
  }
  return devices;
}

bool lacks_any_device(std::string_view text) {
  const auto backend = std::ranges::find(backends(), text, &DeviceBackend::name);
  return backend != backends().end() && backend->list().empty();
}

std::unique_ptr<Device> open_device(std::string_view text, const DeviceLimits& limits) {
  const auto parts = split(text, ':');
  const auto backend = std::ranges::find(backends(), parts[0], &DeviceBackend::name);
  if (backend == backends().end()) {
    std::vector<std::string> names{"host"};
    for (const DeviceBackend& known : backends()) names.push_back(known.name);
    throw UsageError(unknown_name("backend", parts[0], names), "--backend");
  }
  const auto index = parts.size() == 1 ? std::optional<uint64_t>(0) : parse_unsigned(parts[1]);
  if (!index || parts.size() > 2) throw UsageError(fmt::format("'{}' is not BACKEND[:N]", text), "--backend");
  const size_t count = backend->list().size();
  if (*index >= count)
    throw Error(count == 0 ? fmt::format("no {} device is here", parts[0])
                           : fmt::format("{} has {} device(s), numbered from 0", parts[0], count),
                fmt::format("--backend {}", text), "see 'tierscope devices', or use --backend host");
  return backend->open(static_cast<uint32_t>(*index), limits);
}

void require_room(const Device& device, std::initializer_list<DeviceNeed> needs) {
  uint64_t bytes = 0;
  std::string list;
  for (const DeviceNeed& need : needs) {
    bytes += need.bytes;
    list += fmt::format("{}{} {}", list.empty() ? "" : ", ", need.purpose, format_bytes(need.bytes));
  }
  const uint64_t free_bytes =
      device.info().memory_bytes - std::min(device.info().memory_bytes, device.allocated_bytes());
  if (bytes > free_bytes)
    throw Error(fmt::format("{} of device memory are needed ({}), {} are free", format_bytes(bytes), list,
                            format_bytes(free_bytes)),
                device.info().name, "choose a smaller VRAM tier, context or model, or --backend host");
}

}  // namespace tierscope
