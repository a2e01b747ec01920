// A table file in which each row carries its id, so that whoever consumes a row can tell whether it is the one asked
// for. Lies at an odd offset in its file, like a tensor between others; removed with the object.
#pragma once

#include <unistd.h>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "runtime/store/table_handle.h"

namespace tierscope::testing {

// Fills `row` with a pattern of which every byte depends on the id.
inline void write_id_row(uint64_t id, std::byte* row, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) row[i] = static_cast<std::byte>((id >> (8 * (i % 4))) ^ (0x5bu + i / 4 * 7));
}

inline bool is_id_row(uint64_t id, const std::byte* row, size_t bytes) {
  std::vector<std::byte> want(bytes);
  write_id_row(id, want.data(), bytes);
  return std::memcmp(want.data(), row, bytes) == 0;
}

class IdTable {
 public:
  IdTable(uint64_t rows, uint64_t row_bytes,
          const std::filesystem::path& folder = std::filesystem::temp_directory_path())
      : file_{folder / ("tierscope-ids-" + std::to_string(::getpid()) + "-" + std::to_string(next_++)),
              4096 + 32,
              rows,
              row_bytes,
              0,
              nullptr} {
    std::vector<std::byte> content(file_.end() + 100);
    for (uint64_t row = 0; row < rows; ++row) write_id_row(row, content.data() + file_.row_offset(row), row_bytes);
    std::ofstream(file_.path, std::ios::binary)
        .write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(content.size()));
  }
  ~IdTable() { std::filesystem::remove(file_.path); }
  IdTable(const IdTable&) = delete;
  IdTable& operator=(const IdTable&) = delete;

  const TableFile& file() const { return file_; }

 private:
  static inline int next_ = 0;
  TableFile file_;
};

}  // namespace tierscope::testing
