// Memory of the tiers: page-aligned, zeroed, backed before use, on huge pages where the kernel has them (a row then
// costs one address translation, a direct read one segment). Error where there is not enough.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace tierscope {

class TierMemory {
 public:
  TierMemory() = default;
  explicit TierMemory(uint64_t bytes);
  ~TierMemory();
  TierMemory(TierMemory&& other) noexcept;
  TierMemory& operator=(TierMemory&& other) noexcept;

  std::byte* data() const { return data_; }
  uint64_t bytes() const { return bytes_; }
  std::span<std::byte> span() const { return {data_, bytes_}; }

 private:
  void* mapping_ = nullptr;
  uint64_t mapped_bytes_ = 0;
  std::byte* data_ = nullptr;
  uint64_t bytes_ = 0;
};

}  // namespace tierscope
