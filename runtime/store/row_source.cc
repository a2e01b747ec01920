#include "runtime/store/row_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <mutex>
#include <set>

#include "runtime/base/error.h"

namespace tierscope {
namespace {

void note_once(const std::string& access) {
  static std::mutex mutex;
  static std::set<std::string> noted;
  const std::lock_guard lock(mutex);
  if (noted.insert(access).second) fmt::print(stderr, "tierscope: rows are read by {}\n", access);
}

}  // namespace

RowSource::RowSource(const TableFile& table, AccessMethod access, uint64_t memory_bytes, const StoreOptions& options)
    : access_(access), options_(options), handle_(table, access != AccessMethod::mmap), memory_(memory_bytes) {
  reader_ = make_reader("reads", refusal_);
  if (effective_access().find('(') != std::string::npos) note_once(effective_access());
}

RowSource::~RowSource() {
  // Reads in flight end here, before the memory that they land in goes.
  thread_.reset();
  reader_.reset();
}

std::unique_ptr<ReadQueue> RowSource::make_queue(std::string& refusal) const {
  switch (access_) {
    case AccessMethod::mmap:
      return make_mmap_queue(handle_, options_.threads);
    case AccessMethod::io_uring:
      if (auto queue = make_uring_queue(handle_, memory_.span(), options_.max_depth, refusal)) return queue;
      break;
    case AccessMethod::pread:
      break;
  }
  return make_pread_queue(handle_, options_.pread_threads);
}

std::unique_ptr<BatchReader> RowSource::make_reader(const std::string& name, std::string& refusal) const {
  auto queue = make_queue(refusal);
  if (options_.decorate) queue = options_.decorate(std::move(queue));
  return std::make_unique<BatchReader>(name, std::move(queue), handle_, options_.max_depth, options_.spans);
}

void RowSource::start(ReadBatch& batch, bool background) {
  const bool more_than_fits = batch.ops.size() > reader_->depth();
  if (!background || !more_than_fits || !reader_->queue().needs_pumping()) {
    batch.observed = !background;
    reader_->start(batch);
    return;
  }
  if (!thread_)
    thread_ = std::make_unique<ReaderThread>([this] {
      std::string same_refusal;
      return make_reader("background reads", same_refusal);
    });
  on_thread_.push_back(&batch);
  thread_->start(batch);
}

void RowSource::settle(ReadBatch& batch) {
  const auto at = std::ranges::find(on_thread_, &batch);
  if (at == on_thread_.end()) {
    reader_->finish(batch);
    return;
  }
  on_thread_.erase(at);
  thread_->finish(batch);
}

void RowSource::finish(ReadBatch& batch) {
  settle(batch);
  if (!batch.error.empty())
    throw Error(batch.error, handle_.table().path.string(), "check the file and the disk, then run again");
}

void RowSource::abandon(ReadBatch& batch) noexcept {
  try {
    settle(batch);
  } catch (const Error&) {
    // The queue itself broke, and said so where rows were awaited.
  }
}

void RowSource::read_now(std::vector<ReadOp> ops) {
  ReadBatch batch;
  batch.ops = std::move(ops);
  reader_->start(batch);
  finish(batch);
}

void RowSource::reset_counts() {
  reader_->reset_counts();
  if (thread_) thread_->reset_counts();
}

ReadCounts RowSource::counts() const {
  ReadCounts counts = reader_->counts();
  if (thread_) counts.merge(thread_->counts());
  return counts;
}

std::string RowSource::effective_access() const {
  const std::string access = reader_->queue().effective_access();
  return refusal_.empty() ? access : fmt::format("{} ({})", access, refusal_);
}

}  // namespace tierscope
