// What each device backend's file offers to the registry.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/compute/device.h"

namespace tierscope {

struct DeviceBackend {
  std::string name;
  std::function<std::vector<DeviceInfo>()> list;
  std::function<std::unique_ptr<Device>(uint32_t index, const DeviceLimits&)> open;  // index into list()
};

DeviceBackend opencl_backend();

}  // namespace tierscope
