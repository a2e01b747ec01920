// A table's file, open for reading its rows: with O_DIRECT where the file system grants it, else through the page
// cache. Immutable after opening; may be shared between threads. Errors: Error with the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/placement/placement.h"
#include "runtime/placement/planner.h"

namespace tierscope {

// Where a table's rows lie on disk.
struct TableFile {
  std::filesystem::path path;
  uint64_t offset = 0;  // of row 0
  uint64_t rows = 0;
  uint64_t row_bytes = 0;
  uint64_t row_stride = 0;  // bytes from row to row; 0: row_bytes
  // Packed files: what each row must hash to, checked at each read. Null elsewhere.
  std::shared_ptr<const std::vector<uint64_t>> row_hashes;
  // unit=page: how the real rows lie in what are rows here, the pages. row_hashes are those of the real rows.
  std::optional<PageMap> pages = std::nullopt;

  TableShape shape() const { return pages ? in_pages(*pages, 1) : TableShape{rows, row_bytes}; }
  uint64_t stride() const { return row_stride == 0 ? row_bytes : row_stride; }
  uint64_t row_offset(uint64_t row) const { return offset + row * stride(); }
  // The last page may end after the last row, and after the file.
  uint64_t end() const { return pages ? pages->end() : rows == 0 ? offset : row_offset(rows - 1) + row_bytes; }
};

// The table as a placement of this unit sees it: the same, or its pages. Idempotent.
TableFile in_units(const TableFile& table, CachingUnit unit);

// Error where the table has checksums and the real row's is not that of `bytes`.
void check_row_hash(const TableFile& table, RowId row, const std::byte* bytes);

class TableHandle {
 public:
  // Error where the file cannot be opened or ends before the table does.
  TableHandle(const TableFile& table, bool direct);
  ~TableHandle();
  TableHandle(const TableHandle&) = delete;
  TableHandle& operator=(const TableHandle&) = delete;

  const TableFile& table() const { return table_; }
  int fd() const { return fd_; }
  bool direct() const { return direct_; }
  // Offsets, sizes and addresses of reads are multiples of this (1 where reads are not direct).
  uint32_t alignment_bytes() const { return alignment_bytes_; }
  // Why reads are not direct although that was asked for; empty otherwise.
  const std::string& refusal() const { return refusal_; }
  // Error where the path no longer names the very file that was opened, unchanged.
  void check_unchanged() const;

 private:
  struct Identity {
    uint64_t device = 0, inode = 0, bytes = 0;
    int64_t modified_ns = 0;
    bool operator==(const Identity&) const = default;
  };
  static Identity identity_of(int fd, const std::filesystem::path& path);

  TableFile table_;
  int fd_ = -1;
  bool direct_ = false;
  uint32_t alignment_bytes_ = 1;
  std::string refusal_;
  Identity identity_;
};

// Drops the file's pages from the page cache and verifies with mincore that none of the table's are left. False where
// some stay: the file system keeps files in memory (tmpfs), or another process holds them mapped.
bool evict_from_page_cache(const TableFile& table);

}  // namespace tierscope
