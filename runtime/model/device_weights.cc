#include "runtime/model/device_weights.h"

#include <algorithm>
#include <utility>

#include "runtime/model/sequential_reader.h"
#include "runtime/model/weight_list.h"

namespace tierscope {
namespace {

constexpr uint64_t kPieceBytes = 1 << 20;

// The reader has one thread, since a device belongs to one at a time; `take` returns when the piece has arrived.
class Loader {
 public:
  explicit Loader(Device& device) : device_(device) {}

  void operator()(const GgufTensor& tensor, DeviceMatrix& matrix) {
    matrix = DeviceMatrix(device_, tensor);
    for (uint64_t at = 0; at < tensor.bytes; at += kPieceBytes) {
      const uint64_t bytes = std::min(kPieceBytes, tensor.bytes - at);
      extents.push_back({tensor.file, tensor.offset + at, bytes, [this, &matrix, at, bytes](const std::byte* data) {
                           device_.write(matrix.buffer(), at, {data, bytes}).wait();
                         }});
    }
  }

  void operator()(const GgufTensor& tensor, DeviceVector& vector) {
    vector.host.resize(tensor.values());
    vector.buffer = device_.allocate(vector.host.size() * sizeof(float), tensor.name);
    extents.push_back({tensor.file, tensor.offset, tensor.bytes, [this, &vector, &tensor](const std::byte* data) {
                         known_dtype(tensor.type).dequantize(data, vector.host.data(), vector.host.size());
                         device_.write(*vector.buffer, 0, std::as_bytes(std::span(vector.host))).wait();
                       }});
  }

  std::vector<ReadExtent> extents;

 private:
  Device& device_;
};

}  // namespace

DeviceMatrix::DeviceMatrix(Device& device, const GgufTensor& tensor)
    : buffer_(device.allocate(tensor.bytes, tensor.name)),
      type_(tensor.type),
      rows_(static_cast<uint32_t>(tensor.shape[1])),
      cols_(static_cast<uint32_t>(tensor.shape[0])),
      row_bytes_(tensor.bytes / tensor.shape[1]) {}

DeviceWeights load_device_weights(const GgufFile& file, const Hyperparameters& model, Device& device) {
  DeviceWeights weights;
  Loader loader(device);
  list_weights(file, model, weights, [&](const GgufTensor& tensor, auto& into) { loader(tensor, into); });
  read_sequentially(file.paths(), std::move(loader.extents), 1);
  return weights;
}

}  // namespace tierscope
