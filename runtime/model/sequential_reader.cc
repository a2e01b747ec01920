#include "runtime/model/sequential_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <semaphore>
#include <thread>

#include "runtime/base/error.h"

namespace tierscope {
namespace {

constexpr uint64_t kAlignment = 4096;
// Large enough that a read's set-up does not count, small enough that the buffers stay in the caches nearby.
constexpr uint64_t kSpanBytes = 1 << 20;
// Reads in flight while all consumers are busy. Eight were no faster than four (docs/measurements/compute.md, "Start").
constexpr unsigned kReadsAhead = 4;
// Reading over a hole this large is cheaper than a read of its own.
constexpr uint64_t kLargestHole = 128 << 10;

class SourceFile {
 public:
  explicit SourceFile(const std::filesystem::path& path) : path_(path) {
    cached_ = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (cached_ < 0) fail("cannot open", 0, errno);
    direct_ = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECT);
    struct stat status {};
    if (fstat(cached_, &status) != 0) fail("cannot read the size", 0, errno);
    bytes_ = static_cast<uint64_t>(status.st_size);
    // Of others' files the kernel says that all pages are there.
    if (bytes_ == 0 || (status.st_uid != geteuid() && access(path.c_str(), W_OK) != 0)) return;
    void* mapped = mmap(nullptr, bytes_, PROT_READ, MAP_SHARED, cached_, 0);
    if (mapped != MAP_FAILED) mapped_ = static_cast<std::byte*>(mapped);
  }
  ~SourceFile() {
    if (mapped_ != nullptr) munmap(mapped_, bytes_);
    if (direct_ >= 0) close(direct_);
    close(cached_);
  }
  SourceFile(const SourceFile&) = delete;
  SourceFile& operator=(const SourceFile&) = delete;

  // Error where the file ends before `end`.
  void require(uint64_t end) const {
    if (end > bytes_)
      throw Error(fmt::format("the file ends early, at {} of {} bytes", bytes_, end), path_.string(),
                  "copy or download it again");
  }

  // Fills `out` with [offset, offset + bytes), all aligned; what lies past the file's end is left as it is.
  void read(uint64_t offset, uint64_t bytes, bool direct, std::byte* out) const {
    for (uint64_t done = 0; done < bytes && offset + done < bytes_;) {
      const ssize_t got =
          pread(direct ? direct_ : cached_, out + done, bytes - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && direct && errno == EINVAL) {
        direct = false;
        continue;
      }
      if (got < 0) fail("cannot read", offset + done, errno);
      if (got == 0) throw Error("the file became shorter while it was read", path_.string());
      done += static_cast<uint64_t>(got);
      // A direct read that stops short leaves an unaligned rest.
      direct = direct && done % kAlignment == 0;
    }
  }

  // Whether [offset, offset + bytes) is to be read past the page cache: unless all of it is there already.
  bool reads_direct(uint64_t offset, uint64_t bytes) const { return direct_ >= 0 && !in_page_cache(offset, bytes); }

 private:
  [[noreturn]] void fail(const char* what, uint64_t offset, int code) const {
    throw Error(fmt::format("{}: {}", what, std::strerror(code)), fmt::format("{}, offset {}", path_.string(), offset));
  }

  bool in_page_cache(uint64_t offset, uint64_t bytes) const {
    if (mapped_ == nullptr) return false;
    const uint64_t length = std::min(bytes, bytes_ - offset);
    std::vector<unsigned char> resident((length + kAlignment - 1) / kAlignment);
    if (mincore(mapped_ + offset, length, resident.data()) != 0) return false;
    return std::ranges::all_of(resident, [](unsigned char page) { return (page & 1) != 0; });
  }

  std::filesystem::path path_;
  int cached_ = -1, direct_ = -1;
  uint64_t bytes_ = 0;
  std::byte* mapped_ = nullptr;  // asked about residence only, never read
};

// Extents that one read covers.
struct Span {
  size_t first_extent = 0, end_extent = 0;
  uint64_t offset = 0, bytes = 0;  // aligned
};

std::vector<Span> plan_spans(const std::vector<ReadExtent>& extents) {
  std::vector<Span> spans;
  for (size_t i = 0; i < extents.size(); ++i) {
    const ReadExtent& extent = extents[i];
    const uint64_t end = (extent.offset + extent.bytes + kAlignment - 1) / kAlignment * kAlignment;
    if (!spans.empty() && extents[i - 1].file == extent.file) {
      Span& last = spans.back();
      const bool near = extent.offset <= last.offset + last.bytes + kLargestHole;
      if (near && end - last.offset <= kSpanBytes) {
        last.end_extent = i + 1;
        last.bytes = std::max(last.bytes, end - last.offset);
        continue;
      }
    }
    const uint64_t offset = extent.offset / kAlignment * kAlignment;
    spans.push_back({i, i + 1, offset, end - offset});
  }
  return spans;
}

// Threads take spans in file order, so the device sees a sequential stream. More of them than may consume: those wait
// for the device, so that reads run ahead of what is made of them. What the page cache holds is copied by a consumer,
// since that is work of the CPU, and then lies in its own cache.
class Pass {
 public:
  Pass(std::span<const std::filesystem::path> paths, std::vector<ReadExtent> extents, unsigned consumers)
      : extents_(std::move(extents)), consumers_(consumers), idle_consumers_(consumers) {
    for (const auto& path : paths) files_.push_back(std::make_unique<SourceFile>(path));
    std::ranges::sort(extents_, [](const ReadExtent& a, const ReadExtent& b) {
      return a.file != b.file ? a.file < b.file : a.offset < b.offset;
    });
    for (const ReadExtent& extent : extents_) files_[extent.file]->require(extent.offset + extent.bytes);
    spans_ = plan_spans(extents_);
    for (const Span& span : spans_) largest_ = std::max(largest_, span.bytes);
  }

  void run() {
    {
      std::vector<std::jthread> team;
      const size_t threads = std::min<size_t>(consumers_ + kReadsAhead, spans_.size());
      for (size_t t = 0; t < threads; ++t) team.emplace_back([this] { work(); });
    }
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  using Consumers = std::counting_semaphore<>;
  // One of the consumers, for as long as this lives.
  class Consumer {
   public:
    explicit Consumer(Consumers& idle) : idle_(idle) { idle_.acquire(); }
    ~Consumer() { idle_.release(); }
    Consumer(const Consumer&) = delete;
    Consumer& operator=(const Consumer&) = delete;

   private:
    Consumers& idle_;
  };

  void work() {
    try {
      const std::unique_ptr<std::byte, void (*)(void*)> buffer(
          static_cast<std::byte*>(std::aligned_alloc(kAlignment, std::max(largest_, kAlignment))), std::free);
      if (!buffer) throw std::bad_alloc();
      for (size_t i = next_++; i < spans_.size(); i = next_++) read_span(spans_[i], buffer.get());
    } catch (...) {
      const std::lock_guard lock(failure_mutex_);
      if (!failure_) failure_ = std::current_exception();
      next_ = spans_.size();
    }
  }

  void read_span(const Span& span, std::byte* buffer) {
    const SourceFile& file = *files_[extents_[span.first_extent].file];
    const bool direct = file.reads_direct(span.offset, span.bytes);
    if (direct) file.read(span.offset, span.bytes, true, buffer);
    const Consumer consumer(idle_consumers_);
    if (!direct) file.read(span.offset, span.bytes, false, buffer);
    for (size_t i = span.first_extent; i < span.end_extent; ++i)
      extents_[i].take(buffer + (extents_[i].offset - span.offset));
  }

  std::vector<std::unique_ptr<SourceFile>> files_;
  std::vector<ReadExtent> extents_;
  std::vector<Span> spans_;
  uint64_t largest_ = 0;
  const unsigned consumers_;
  Consumers idle_consumers_;
  std::atomic<size_t> next_ = 0;
  std::mutex failure_mutex_;
  std::exception_ptr failure_;
};

}  // namespace

void read_sequentially(std::span<const std::filesystem::path> paths, std::vector<ReadExtent> extents,
                       unsigned consumers) {
  Pass(paths, std::move(extents), consumers).run();
}

}  // namespace tierscope
