// Uninitialised memory for weights: aligned for vector loads, and in huge pages, since a token reads all of it: large
// buffers have their own, smaller ones share. Thread-safe.
#pragma once

#include <cstddef>
#include <memory>

namespace tierscope {

class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(size_t bytes);  // std::bad_alloc
  AlignedBuffer(AlignedBuffer&&) = default;
  AlignedBuffer& operator=(AlignedBuffer&&) = default;

  std::byte* data() { return data_.get(); }
  const std::byte* data() const { return data_.get(); }
  size_t size() const { return size_; }

 private:
  std::shared_ptr<std::byte> data_;  // owns the pages, whole or with others
  size_t size_ = 0;
};

}  // namespace tierscope
