#include "runtime/store/memory.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace tierscope {
namespace {

constexpr uint64_t kHugePageBytes = uint64_t{2} << 20;
// Below this, a row or two: the rest of a huge page would be wasted.
constexpr uint64_t kWorthHugePagesBytes = uint64_t{64} << 10;

}  // namespace

TierMemory::TierMemory(uint64_t bytes) {
  if (bytes == 0) return;
  // A huge page needs a place of its own size and alignment within the mapping.
  const bool huge = bytes >= kWorthHugePagesBytes;
  const uint64_t used_bytes = huge ? (bytes + kHugePageBytes - 1) / kHugePageBytes * kHugePageBytes : bytes;
  mapped_bytes_ = huge ? used_bytes + kHugePageBytes : bytes;
  mapping_ = ::mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping_ == MAP_FAILED) {
    mapping_ = nullptr;
    throw Error(fmt::format("cannot allocate {}: {}", format_bytes(bytes), std::strerror(errno)), "memory",
                "use a smaller cache or another backing tier");
  }
  data_ = static_cast<std::byte*>(mapping_);
  bytes_ = bytes;
  if (huge) {
    data_ += (kHugePageBytes - reinterpret_cast<uintptr_t>(mapping_) % kHugePageBytes) % kHugePageBytes;
    ::madvise(data_, used_bytes, MADV_HUGEPAGE);
  }
  // First touches belong to the set-up, not to the first steps. Older kernels lack the advice: then they do happen
  // there.
  ::madvise(data_, bytes, MADV_POPULATE_WRITE);
}

TierMemory::~TierMemory() {
  if (mapping_) ::munmap(mapping_, mapped_bytes_);
}

TierMemory::TierMemory(TierMemory&& other) noexcept
    : mapping_(std::exchange(other.mapping_, nullptr)),
      mapped_bytes_(std::exchange(other.mapped_bytes_, 0)),
      data_(std::exchange(other.data_, nullptr)),
      bytes_(std::exchange(other.bytes_, 0)) {}

TierMemory& TierMemory::operator=(TierMemory&& other) noexcept {
  std::swap(mapping_, other.mapping_);
  std::swap(mapped_bytes_, other.mapped_bytes_);
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

}  // namespace tierscope
