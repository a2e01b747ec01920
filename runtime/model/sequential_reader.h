// Reads many extents of files in one sequential pass per file, at the device's limit: large aligned reads past the page
// cache, some of them ahead of the consumers, each into a buffer of its own, so that no second copy of the data builds
// up. A stretch that is in the page cache already, or of a file system that refuses O_DIRECT, is read through the
// cache. Errors: Error with file, offset and the system's reason.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <vector>

namespace tierscope {

struct ReadExtent {
  uint32_t file = 0;  // index into the paths
  uint64_t offset = 0, bytes = 0;
  // Called once, from a thread of the reader, with the extent's bytes; they are gone when it returns. May throw.
  std::function<void(const std::byte*)> take;
};

// `consumers`: the most calls of `take` at a time; with one, each sees what those before it wrote.
void read_sequentially(std::span<const std::filesystem::path> paths, std::vector<ReadExtent> extents,
                       unsigned consumers);

}  // namespace tierscope
