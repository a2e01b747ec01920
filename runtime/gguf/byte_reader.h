// Reads a file's little-endian fields in order, never past its end, through a buffer. Errors: Error with file and byte
// offset. Not thread-safe.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace tierscope {

static_assert(std::endian::native == std::endian::little, "files are read as they are stored");

class ByteReader {
 public:
  explicit ByteReader(const std::filesystem::path& path);
  ~ByteReader();
  ByteReader(const ByteReader&) = delete;
  ByteReader& operator=(const ByteReader&) = delete;

  template <typename T>
  T read(std::string_view what) {
    T value;
    read_bytes(&value, sizeof(T), what);
    return value;
  }
  void read_bytes(void* out, size_t size, std::string_view what);
  // A 64-bit length, then that many bytes.
  std::string read_string(std::string_view what);
  void skip(uint64_t bytes, std::string_view what);
  // Error unless `count` items of at least `item_bytes` can still follow.
  void expect(uint64_t count, uint64_t item_bytes, std::string_view what) const;

  uint64_t position() const { return position_; }
  uint64_t size() const { return size_; }
  uint64_t remaining() const { return size_ - position_; }
  const std::filesystem::path& path() const { return path_; }
  [[noreturn]] void fail(const std::string& what, const std::string& mend = "") const;

 private:
  void refill();

  std::filesystem::path path_;
  int fd_ = -1;
  uint64_t size_ = 0, position_ = 0;
  std::vector<char> buffer_;
  size_t buffer_used_ = 0, buffer_filled_ = 0;
};

}  // namespace tierscope
