// The decoder's weights in a device's memory: matrices quantised as in the file, vectors as float32 (the host keeps its
// copy of those: some are kernel arguments).
#pragma once

#include <memory>
#include <vector>

#include "runtime/compute/device.h"
#include "runtime/model/weights.h"

namespace tierscope {

class DeviceMatrix {
 public:
  DeviceMatrix() = default;
  DeviceMatrix(Device& device, const GgufTensor& tensor);

  uint32_t rows() const { return rows_; }
  uint32_t cols() const { return cols_; }
  DType type() const { return type_; }
  uint64_t row_bytes() const { return row_bytes_; }
  DeviceBuffer& buffer() const { return *buffer_; }

 private:
  std::unique_ptr<DeviceBuffer> buffer_;
  DType type_ = DType::f32;
  uint32_t rows_ = 0, cols_ = 0;
  uint64_t row_bytes_ = 0;
};

struct DeviceVector {
  std::unique_ptr<DeviceBuffer> buffer;
  std::vector<float> host;
};

using DeviceWeights = DecoderWeightsIn<DeviceMatrix, DeviceVector>;

// Errors: those of load_weights, and Error where the device has no room.
DeviceWeights load_device_weights(const GgufFile& file, const Hyperparameters& model, Device& device);

}  // namespace tierscope
