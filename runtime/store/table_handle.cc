#include "runtime/store/table_handle.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "runtime/base/error.h"

namespace tierscope {
namespace {

constexpr uint32_t kSafeAlignmentBytes = 4096;

// The alignment that direct reads of `fd` need; 0 where the file system says that it has none.
uint32_t direct_alignment(int fd) {
#ifdef STATX_DIOALIGN
  struct statx info {};
  if (::statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &info) == 0 && (info.stx_mask & STATX_DIOALIGN))
    return std::max(info.stx_dio_offset_align, info.stx_dio_mem_align);
#endif
  return kSafeAlignmentBytes;
}

// Some file systems accept the flag and refuse the reads: one page tells.
bool direct_reads_work(int fd, uint32_t alignment) {
  void* page = nullptr;
  if (::posix_memalign(&page, std::max<size_t>(alignment, kSafeAlignmentBytes), kSafeAlignmentBytes) != 0) return false;
  const bool works = ::pread(fd, page, kSafeAlignmentBytes, 0) >= 0;
  ::free(page);
  return works;
}

int open_or_throw(const std::filesystem::path& path, int flags) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | flags);
  if (fd < 0) throw Error(fmt::format("cannot open: {}", std::strerror(errno)), path.string(), "check the path");
  return fd;
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { ::close(fd_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

TableHandle::Identity TableHandle::identity_of(int fd, const std::filesystem::path& path) {
  struct stat info {};
  const int failed = fd >= 0 ? ::fstat(fd, &info) : ::stat(path.c_str(), &info);
  if (failed) throw Error(fmt::format("cannot stat: {}", std::strerror(errno)), path.string(), "check the path");
  return {info.st_dev, info.st_ino, static_cast<uint64_t>(info.st_size),
          info.st_mtim.tv_sec * 1'000'000'000LL + info.st_mtim.tv_nsec};
}

TableHandle::TableHandle(const TableFile& table, bool direct) : table_(table) {
  if (direct) {
    fd_ = ::open(table.path.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECT);
    const uint32_t alignment = fd_ >= 0 ? direct_alignment(fd_) : 0;
    direct_ = alignment > 0 && direct_reads_work(fd_, alignment);
    if (direct_) alignment_bytes_ = alignment;
    if (!direct_) refusal_ = "O_DIRECT refused";
    if (!direct_ && fd_ >= 0) ::close(fd_);
  }
  if (!direct_) {
    fd_ = open_or_throw(table.path, 0);
    // Rows lie scattered: readahead would only read what nobody asked for.
    ::posix_fadvise(fd_, 0, 0, POSIX_FADV_RANDOM);
  }
  try {
    identity_ = identity_of(fd_, table.path);
    if (identity_.bytes < table.end())
      throw Error(fmt::format("the file ends at byte {}, its table at byte {}", identity_.bytes, table.end()),
                  table.path.string(), "the file is truncated; fetch or make it again");
  } catch (...) {
    ::close(fd_);
    throw;
  }
}

TableHandle::~TableHandle() {
  ::close(fd_);
}

void TableHandle::check_unchanged() const {
  if (identity_of(fd_, table_.path) != identity_ || identity_of(-1, table_.path) != identity_)
    throw Error("the file was changed or replaced while it was being read", table_.path.string(),
                "results would mix two tables; run again");
}

TableFile in_units(const TableFile& table, CachingUnit unit) {
  if (unit == CachingUnit::row || table.pages) return table;
  TableFile pages = table;
  pages.pages.emplace(table.rows, table.row_bytes, table.offset, table.stride());
  pages.offset = pages.pages->offset();
  pages.rows = pages.pages->pages();
  pages.row_bytes = kPageBytes;
  pages.row_stride = 0;
  return pages;
}

void check_row_hash(const TableFile& table, RowId row, const std::byte* bytes) {
  if (!table.row_hashes) return;
  const uint64_t row_bytes = table.pages ? table.pages->row_bytes() : table.row_bytes;
  if (XXH3_64bits(bytes, row_bytes) == (*table.row_hashes)[row]) return;
  const uint64_t offset = table.pages ? table.pages->row_offset(row) : table.row_offset(row);
  throw Error(fmt::format("row {} at offset {} does not match its checksum", row, offset), table.path.string(),
              "the file is damaged; make it again with: tierscope pack");
}

bool evict_from_page_cache(const TableFile& table) {
  const Descriptor file(open_or_throw(table.path, 0));
  // Dirty pages cannot be dropped.
  ::fdatasync(file.get());
  ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
  const auto page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  const uint64_t first = table.offset / page * page;
  const uint64_t bytes = table.end() - first;
  void* const mapping = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, file.get(), static_cast<off_t>(first));
  if (mapping == MAP_FAILED)
    throw Error(fmt::format("cannot map the table: {}", std::strerror(errno)), table.path.string());
  std::vector<unsigned char> resident((bytes + page - 1) / page);
  const int failed = ::mincore(mapping, bytes, resident.data());
  const int reason = errno;
  ::munmap(mapping, bytes);
  if (failed) throw Error(fmt::format("mincore failed: {}", std::strerror(reason)), table.path.string());
  return std::ranges::none_of(resident, [](unsigned char state) { return (state & 1) != 0; });
}

}  // namespace tierscope
