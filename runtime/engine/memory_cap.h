// A memory cgroup around this process, so that what is read through the page cache competes for a stated amount of
// memory. Works with cgroup v1 and v2 where the process may write there. Not thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace tierscope {

class MemoryCap {
 public:
  // Moves the process into a group of its own with `bytes` of memory. Error where the kernel refuses.
  explicit MemoryCap(uint64_t bytes);
  // Moves it back and removes the group.
  ~MemoryCap();
  MemoryCap(const MemoryCap&) = delete;
  MemoryCap& operator=(const MemoryCap&) = delete;

 private:
  std::filesystem::path parent_, group_;
};

// The memory limit of the process's group; absent where there is none.
std::optional<uint64_t> memory_limit_bytes();

}  // namespace tierscope
