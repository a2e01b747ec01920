#include "runtime/store/reader_thread.h"

#include <algorithm>
#include <utility>

namespace tierscope {

ReaderThread::ReaderThread(std::function<std::unique_ptr<BatchReader>()> make)
    : thread_([this, make = std::move(make)] { run(make); }) {}

ReaderThread::~ReaderThread() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_thread_.notify_one();
  thread_.join();
}

void ReaderThread::start(ReadBatch& batch) {
  {
    const std::lock_guard lock(mutex_);
    inbox_.push_back(&batch);
  }
  wake_thread_.notify_one();
}

void ReaderThread::finish(ReadBatch& batch) {
  std::unique_lock lock(mutex_);
  wake_owner_.wait(lock, [&] { return broken_ || std::ranges::find(done_, &batch) != done_.end(); });
  if (broken_) std::rethrow_exception(broken_);
  std::erase(done_, &batch);
}

ReadCounts ReaderThread::counts() {
  const std::lock_guard lock(mutex_);
  return counts_;
}

void ReaderThread::reset_counts() {
  const std::lock_guard lock(mutex_);
  counts_ = {};
  reset_ = true;
}

void ReaderThread::run(const std::function<std::unique_ptr<BatchReader>()>& make) try {
  const auto reader = make();
  serve(*reader);
} catch (...) {
  const std::lock_guard lock(mutex_);
  broken_ = std::current_exception();
  wake_owner_.notify_all();
}

void ReaderThread::serve(BatchReader& reader) {
  std::vector<ReadBatch*> running, arrived;
  while (true) {
    {
      std::unique_lock lock(mutex_);
      wake_thread_.wait(lock, [&] { return stopping_ || !inbox_.empty() || !running.empty(); });
      if (inbox_.empty() && running.empty()) return;
      arrived.swap(inbox_);
      if (std::exchange(reset_, false)) reader.reset_counts();
    }
    for (ReadBatch* batch : arrived) reader.start(*batch);
    running.insert(running.end(), arrived.begin(), arrived.end());
    arrived.clear();
    if (!reader.idle()) reader.advance(true);
    if (std::ranges::none_of(running, &ReadBatch::done)) continue;
    const std::lock_guard lock(mutex_);
    for (ReadBatch* batch : running)
      if (batch->done()) done_.push_back(batch);
    std::erase_if(running, [](const ReadBatch* batch) { return batch->done(); });
    counts_ = reader.counts();
    wake_owner_.notify_all();
  }
}

}  // namespace tierscope
