// Writes a file so that readers see the old content or the whole new content, never a part: data goes to a file without
// a name (where the file system has that; else to a temporary beside the target), which `commit` syncs and names.
// Without `commit` nothing stays, even where the process is killed before (a temporary with a name would).
// Errors: Error naming the file and the system's reason (disk full, no permission). Not thread-safe but for write_at.
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
  // Writes at a place of its own; any number of threads, but not beside write().
  void write_at(uint64_t offset, std::span<const std::byte> data);
  // Reserves `bytes` on the disk so that a full disk is known before the work, not after it. The file has that length
  // from then on.
  void reserve(uint64_t bytes);
  int fd() const { return fd_; }
  void commit();

 private:
  void flush();
  bool link_as(const std::filesystem::path& name);

  std::filesystem::path target_;
  std::filesystem::path temporary_;
  std::string buffer_;
  bool has_name_ = false;  // whether temporary_ exists yet
  int fd_ = -1;
};

// Free bytes on the file system that would hold `path`.
uint64_t free_disk_bytes(const std::filesystem::path& path);
std::string read_text_file(const std::filesystem::path& path);

}  // namespace tierscope
