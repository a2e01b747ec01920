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

}  // namespace

TierMemory::TierMemory(uint64_t bytes) {
  if (bytes == 0) return;
  void* const memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    throw Error(fmt::format("cannot allocate {}: {}", format_bytes(bytes), std::strerror(errno)), "memory",
                "use a smaller cache or another backing tier");
  data_ = static_cast<std::byte*>(memory);
  bytes_ = bytes;
  if (bytes >= kHugePageBytes) ::madvise(memory, bytes, MADV_HUGEPAGE);
  // First touches belong to the set-up, not to the first steps. Older kernels lack the advice: then they do happen
  // there.
  ::madvise(memory, bytes, MADV_POPULATE_WRITE);
}

TierMemory::~TierMemory() {
  if (data_) ::munmap(data_, bytes_);
}

TierMemory::TierMemory(TierMemory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

TierMemory& TierMemory::operator=(TierMemory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

}  // namespace tierscope
