// A BatchReader on a thread of its own, so that batches larger than the queue's depth make progress while their owner
// computes. All functions may be called from the owner's thread; one owner.
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime/store/batch_reader.h"

namespace tierscope {

class ReaderThread {
 public:
  // `make` runs on the new thread: a ring belongs to the thread that made it.
  explicit ReaderThread(std::function<std::unique_ptr<BatchReader>()> make);
  // Waits for the reads in flight.
  ~ReaderThread();
  ReaderThread(const ReaderThread&) = delete;
  ReaderThread& operator=(const ReaderThread&) = delete;

  void start(ReadBatch& batch);
  // Blocks until the batch is done; after that it is the caller's again.
  void finish(ReadBatch& batch);
  ReadCounts counts();
  void reset_counts();  // nothing may be in flight

 private:
  void run(const std::function<std::unique_ptr<BatchReader>()>& make);
  void serve(BatchReader& reader);

  std::mutex mutex_;
  std::condition_variable wake_thread_, wake_owner_;
  std::vector<ReadBatch*> inbox_;
  std::vector<ReadBatch*> done_;  // not yet collected by their owner
  ReadCounts counts_;             // as of the last batch that was done
  bool reset_ = false;
  std::exception_ptr broken_;  // what ended the thread early
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace tierscope
