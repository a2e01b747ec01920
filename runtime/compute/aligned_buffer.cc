#include "runtime/compute/aligned_buffer.h"

#include <sys/mman.h>

#include <cstdlib>
#include <new>

namespace tierscope {
namespace {
constexpr size_t kVectorAlignment = 64, kHugePage = size_t{2} << 20;
}

AlignedBuffer::AlignedBuffer(size_t bytes) : size_(bytes) {
  const bool huge = bytes >= kHugePage;
  const size_t alignment = huge ? kHugePage : kVectorAlignment;
  const size_t rounded = (bytes + kVectorAlignment - 1) / kVectorAlignment * kVectorAlignment;
  data_.reset(static_cast<std::byte*>(
      std::aligned_alloc(alignment, huge ? (bytes + kHugePage - 1) / kHugePage * kHugePage : rounded)));
  if (!data_ && bytes > 0) throw std::bad_alloc();
  if (huge) madvise(data_.get(), bytes, MADV_HUGEPAGE);  // a hint: small pages do too
}

void AlignedBuffer::Free::operator()(std::byte* data) const {
  std::free(data);
}

}  // namespace tierscope
