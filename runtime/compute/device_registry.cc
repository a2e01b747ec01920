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

std::unique_ptr<Device> open_device(std::string_view text) {
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
  return backend->open(static_cast<uint32_t>(*index));
}

}  // namespace tierscope
