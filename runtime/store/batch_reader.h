// Reads batches of ranges through a ReadQueue: keeps the queue at its best depth, finishes short reads, retries what is
// worth retrying, counts and times what completed. One owner thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "runtime/metrics/distribution.h"
#include "runtime/metrics/spans.h"
#include "runtime/store/depth_controller.h"
#include "runtime/store/read_queue.h"

namespace tierscope {

// A contiguous range that covers one row or several.
struct ReadOp {
  uint64_t offset = 0;  // aligned as the table's handle asks
  uint32_t bytes = 0;   // likewise; may reach beyond the end of the file
  uint32_t needed = 0;  // of these, how many must arrive
  std::byte* to = nullptr;
  uint32_t rows = 0;
};

// Ranges that are started and awaited together. Its owner keeps it, and the memory it reads to, until it has finished.
struct ReadBatch {
  std::vector<ReadOp> ops;
  // Whether it is awaited at once, and its completions looked out for all the time; if not, their times say nothing
  // about the device.
  bool observed = true;
  size_t started = 0, finished = 0;
  std::string error;  // of the first op that failed, with file, offset and reason

  bool done() const { return finished == ops.size(); }
};

struct ReadCounts {
  uint64_t reads = 0;  // operations that completed, retries and failures included
  uint64_t bytes = 0;  // that they brought
  uint64_t rows = 0;   // in operations that succeeded
  uint64_t retries = 0;
  // Of observed batches alone.
  uint64_t observed_reads = 0, observed_bytes = 0;
  uint64_t busy_ns = 0;  // with at least one read in flight
  LatencyHistogram latency;

  void merge(const ReadCounts& other);
};

class BatchReader {
 public:
  // `name` tells its slots from another reader's in a timeline; `spans` may be null.
  BatchReader(std::string name, std::unique_ptr<ReadQueue> queue, const TableHandle& table, uint32_t max_depth,
              SpanRecorder* spans);
  ~BatchReader();

  // Starts the reads of a batch that is not observed; others start where they are awaited.
  void start(ReadBatch& batch);
  // One round: starts what the depth allows and takes what has completed, blocking for a completion where asked.
  void advance(bool block);
  // Returns once the batch is done. Its error is the caller's to look at.
  void finish(ReadBatch& batch);
  bool idle() const { return in_flight_ == 0 && pending_.empty() && retries_.empty(); }

  const ReadCounts& counts() const { return counts_; }
  void reset_counts() { counts_ = {}; }
  const ReadQueue& queue() const { return *queue_; }
  uint32_t depth() const { return depth_.depth(); }

 private:
  using Clock = std::chrono::steady_clock;
  struct Flight {
    ReadBatch* batch = nullptr;
    uint32_t op = 0;
    uint32_t got = 0;  // bytes that earlier attempts brought, a multiple of the alignment
    uint32_t attempts = 0;
    Clock::time_point started;
  };

  void collect_starts(Clock::time_point now);
  void launch(uint32_t tag, Clock::time_point now);
  void complete(const RawCompletion& completion, Clock::time_point now);
  void finish_op(uint32_t tag, const std::string& error);
  std::string failure(const Flight& flight, const std::string& reason) const;
  void account_busy(Clock::time_point now, size_t completed);
  void record_span(uint32_t tag, Clock::time_point now);

  const std::string name_;
  std::unique_ptr<ReadQueue> queue_;
  const TableHandle& table_;
  SpanRecorder* spans_;
  std::vector<uint32_t> span_tracks_;  // by tag
  DepthController depth_;
  std::deque<ReadBatch*> pending_;  // with ops that have not been started
  std::vector<uint32_t> retries_;   // flights to launch again
  std::vector<Flight> flights_;
  std::vector<uint32_t> free_tags_;
  size_t in_flight_ = 0;
  bool busy_observed_ = true;  // every batch of this busy stretch is observed
  bool saturated_ = false;     // the queue was full at the last round
  Clock::time_point busy_since_, last_round_;
  std::vector<RawRead> starting_;
  std::vector<RawCompletion> completed_;
  ReadCounts counts_;
};

}  // namespace tierscope
