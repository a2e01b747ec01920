// Writes a file so that readers see the old content or the whole new content, never a part: data goes to a temporary
// file beside the target, which `commit` syncs and renames. Without `commit` the destructor removes the temporary.
// Errors: Error naming the file and the system's reason (disk full, no permission). Not thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace tierscope {

class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path target);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::span<const std::byte> data);
  void write(std::string_view text) { write(std::as_bytes(std::span(text.data(), text.size()))); }
  // Reserves `bytes` on the disk so that a full disk is known before the work, not after it.
  void reserve(uint64_t bytes);
  int fd() const { return fd_; }
  void commit();

 private:
  void flush();

  std::filesystem::path target_;
  std::filesystem::path temporary_;
  std::string buffer_;
  int fd_ = -1;
};

// Free bytes on the file system that would hold `path`.
uint64_t free_disk_bytes(const std::filesystem::path& path);
std::string read_text_file(const std::filesystem::path& path);

}  // namespace tierscope
