// Lines of a text file, or records of a binary one, plain or zstd (told by its magic). Errors: Error with the file. Not
// thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace tierscope {

class LineReader {
 public:
  static constexpr size_t kMaxLineBytes = size_t{256} << 20;

  explicit LineReader(const std::filesystem::path& path);
  ~LineReader();
  // False at the end. `line` comes without its newline.
  bool next(std::string& line);
  // For binary files: the next `bytes` bytes. False at the end; Error where the file ends within a record.
  bool next_record(size_t bytes, std::string& record);
  uint64_t line_number() const { return line_number_; }

 private:
  bool fill();

  struct Zstd;
  std::filesystem::path path_;
  int fd_ = -1;
  std::unique_ptr<Zstd> zstd_;
  std::string buffer_;
  size_t at_ = 0;
  bool ended_ = false;
  uint64_t line_number_ = 0;
};

}  // namespace tierscope
