// Builds the bytes of a GGUF file field by field, wrong ones too.
#pragma once

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "runtime/gguf/gguf.h"

namespace tierscope {

class RawGguf {
 public:
  uint32_t magic = 0x46554747, version = 3;
  int64_t extra_keys = 0, extra_tensors = 0;  // what the header promises beyond what follows
  std::string data;                           // the data section

  template <typename T>
  static std::string field(T value) {
    std::string bytes(sizeof(T), '\0');
    std::memcpy(bytes.data(), &value, sizeof(T));
    return bytes;
  }
  static std::string string(const std::string& text) { return field(uint64_t{text.size()}) + text; }

  // A key whose type and value are given as they shall stand in the file.
  RawGguf& key(const std::string& name, GgufType type, const std::string& value) {
    keys_.push_back(string(name) + field(uint32_t(type)) + value);
    return *this;
  }
  RawGguf& text(const std::string& name, const std::string& value) {
    return key(name, GgufType::string, string(value));
  }
  RawGguf& number(const std::string& name, uint32_t value) { return key(name, GgufType::u32, field(value)); }
  RawGguf& tensor(const std::string& name, const std::vector<uint64_t>& shape, uint32_t type, uint64_t offset) {
    std::string bytes = string(name) + field(uint32_t(shape.size()));
    for (const uint64_t extent : shape) bytes += field(extent);
    tensors_.push_back(bytes + field(type) + field(offset));
    return *this;
  }

  std::string bytes() const {
    std::string out = field(magic) + field(version) + field(uint64_t{tensors_.size()} + uint64_t(extra_tensors)) +
                      field(uint64_t{keys_.size()} + uint64_t(extra_keys));
    for (const std::string& key : keys_) out += key;
    for (const std::string& tensor : tensors_) out += tensor;
    out.resize((out.size() + 31) / 32 * 32, '\0');
    return out + data;
  }
  void write(const std::filesystem::path& path) const { write_bytes(path, bytes()); }
  static void write_bytes(const std::filesystem::path& path, const std::string& bytes) {
    std::filesystem::remove(path);  // ext4 would sync a file that is truncated and written again
    std::ofstream(path, std::ios::binary) << bytes;
  }

 private:
  std::vector<std::string> keys_, tensors_;
};

}  // namespace tierscope
