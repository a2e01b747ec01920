#include "runtime/compute/aligned_buffer.h"

#include <sys/mman.h>

#include <cstdlib>
#include <mutex>
#include <new>
#include <utility>

namespace tierscope {
namespace {

constexpr size_t kVectorAlignment = 64, kHugePage = size_t{2} << 20;
// Buffers from kSmallest to kLargest lie in shared chunks. A matrix smaller than a huge page would else get small
// pages, and a token's product would wait for their translation; one a little larger would waste most of its last page.
constexpr size_t kChunk = size_t{64} << 20, kSmallest = size_t{64} << 10, kLargest = kChunk / 2;

constexpr size_t round_up(size_t value, size_t to) {
  return (value + to - 1) / to * to;
}

std::shared_ptr<std::byte> allocate(size_t bytes, size_t alignment) {
  auto* data = static_cast<std::byte*>(std::aligned_alloc(alignment, round_up(bytes, alignment)));
  if (data == nullptr && bytes > 0) throw std::bad_alloc();
  if (alignment == kHugePage) madvise(data, round_up(bytes, alignment), MADV_HUGEPAGE);  // a hint: small pages do too
  return {data, std::free};
}

// The chunk that is being filled. It lives as long as a buffer lies in it; what is not yet used of it has no pages.
class Chunk {
 public:
  std::shared_ptr<std::byte> carve(size_t bytes) {
    const std::lock_guard lock(mutex_);
    std::shared_ptr<std::byte> chunk = chunk_.lock();
    if (!chunk || used_ + bytes > kChunk) {
      chunk = allocate(kChunk, kHugePage);
      chunk_ = chunk;
      used_ = 0;
    }
    std::byte* at = chunk.get() + used_;
    used_ = round_up(used_ + bytes, kVectorAlignment);
    return {std::move(chunk), at};
  }

 private:
  std::mutex mutex_;
  std::weak_ptr<std::byte> chunk_;
  size_t used_ = 0;
};

}  // namespace

AlignedBuffer::AlignedBuffer(size_t bytes) : size_(bytes) {
  static Chunk chunk;
  if (bytes < kSmallest)
    data_ = allocate(bytes, kVectorAlignment);
  else if (bytes > kLargest)
    data_ = allocate(bytes, kHugePage);
  else
    data_ = chunk.carve(bytes);
}

}  // namespace tierscope
