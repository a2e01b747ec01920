// A new file, written atomically and zstd-compressed where its name ends in ".zst". Errors: Error with the file.
// Not thread-safe.
#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

namespace tierscope {

class CompressedFile {
 public:
  explicit CompressedFile(const std::filesystem::path& path);
  ~CompressedFile();
  void write(std::string_view bytes);
  void commit();  // the file appears under its name

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tierscope
