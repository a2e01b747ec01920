// One way of reading ranges of a file: reads go in, completions come out, in any order. Retries, depth and accounting
// are BatchReader's; a queue only carries reads. The seam of the store: tests put a queue here that fails, shortens,
// delays and reorders, and emulated devices one that delays. One owner thread each, from construction to destruction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "runtime/store/table_handle.h"

namespace tierscope {

struct RawRead {
  uint64_t offset = 0;
  uint32_t bytes = 0;
  std::byte* to = nullptr;
  uint32_t tag = 0;  // comes back with the completion
};

struct RawCompletion {
  uint32_t tag = 0;
  int32_t result = 0;  // bytes read, from the range's start, or -errno
};

class ReadQueue {
 public:
  virtual ~ReadQueue() = default;  // waits for reads in flight: their memory is theirs until then
  // Starts `reads` and appends what has completed; `at_least` > 0 blocks until that many have (no more than are then in
  // flight). One call does both because the kernel can. The caller keeps at most max_depth() in flight. Error where the
  // queue itself broke; a read that failed is a completion.
  virtual void exchange(std::span<const RawRead> reads, std::vector<RawCompletion>& completed, size_t at_least) = 0;
  virtual uint32_t max_depth() const = 0;
  // Whether reads make progress only while their owner calls exchange.
  virtual bool needs_pumping() const = 0;
  // How reads really happen, with what was refused: "io_uring+o_direct", "pread (O_DIRECT refused)".
  virtual std::string effective_access() const = 0;
};

// Memory that reads go to; a queue may register it. Empty: none known.
using ReadMemory = std::span<std::byte>;

// io_uring over `table`'s descriptor. Null where the kernel refuses a ring, with the reason in `refusal`.
std::unique_ptr<ReadQueue> make_uring_queue(const TableHandle& table, ReadMemory memory, uint32_t depth,
                                            std::string& refusal);
// `threads` threads that pread, or that copy out of a mapping with random advice.
std::unique_ptr<ReadQueue> make_pread_queue(const TableHandle& table, unsigned threads);
std::unique_ptr<ReadQueue> make_mmap_queue(const TableHandle& table, unsigned threads);

using QueueDecorator = std::function<std::unique_ptr<ReadQueue>(std::unique_ptr<ReadQueue>)>;

}  // namespace tierscope
