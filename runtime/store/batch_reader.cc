#include "runtime/store/batch_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

#include "runtime/base/error.h"

namespace tierscope {
namespace {

// A read that fails for a passing reason so often fails for good.
constexpr uint32_t kMaxAttempts = 16;
// Completions are taken several at a time where many are in flight: each round costs a system call.
constexpr size_t kRoundReads = 8;

bool worth_retrying(int32_t result) {
  return result == -EAGAIN || result == -EINTR || result == -ECANCELED || result == -EBUSY;
}

uint64_t nanoseconds(std::chrono::steady_clock::duration duration) {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count());
}

}  // namespace

void ReadCounts::merge(const ReadCounts& other) {
  reads += other.reads;
  bytes += other.bytes;
  rows += other.rows;
  retries += other.retries;
  observed_reads += other.observed_reads;
  observed_bytes += other.observed_bytes;
  busy_ns += other.busy_ns;
  latency.merge(other.latency);
}

BatchReader::BatchReader(std::string name, std::unique_ptr<ReadQueue> queue, const TableHandle& table,
                         uint32_t max_depth, SpanRecorder* spans)
    : name_(std::move(name)),
      queue_(std::move(queue)),
      table_(table),
      spans_(spans),
      depth_(std::min(max_depth, queue_->max_depth())) {}

BatchReader::~BatchReader() = default;

void BatchReader::start(ReadBatch& batch) {
  if (batch.ops.empty()) return;
  pending_.push_back(&batch);
  // Reads that are awaited at once start there: submission and waiting are then one system call.
  if (!batch.observed) advance(false);
}

void BatchReader::finish(ReadBatch& batch) {
  while (!batch.done() && !idle()) advance(true);
}

void BatchReader::launch(uint32_t tag, Clock::time_point now) {
  Flight& flight = flights_[tag];
  const ReadOp& op = flight.batch->ops[flight.op];
  ++flight.attempts;
  if (flight.got == 0) flight.started = now;
  starting_.push_back({op.offset + flight.got, op.bytes - flight.got, op.to + flight.got, tag});
}

void BatchReader::collect_starts(Clock::time_point now) {
  starting_.clear();
  for (const uint32_t tag : retries_) launch(tag, now);
  retries_.clear();
  const size_t depth = queue_->needs_pumping() ? depth_.depth() : SIZE_MAX;
  while (!pending_.empty() && in_flight_ + starting_.size() < depth) {
    ReadBatch& batch = *pending_.front();
    uint32_t tag = 0;
    if (free_tags_.empty()) {
      tag = static_cast<uint32_t>(flights_.size());
      flights_.emplace_back();
    } else {
      tag = free_tags_.back();
      free_tags_.pop_back();
    }
    flights_[tag] = {&batch, static_cast<uint32_t>(batch.started++), 0, 0, now};
    busy_observed_ = busy_observed_ && batch.observed;
    launch(tag, now);
    if (batch.started == batch.ops.size()) pending_.pop_front();
  }
  saturated_ = !pending_.empty();
}

void BatchReader::advance(bool block) {
  const Clock::time_point before = Clock::now();
  if (in_flight_ == 0) busy_since_ = last_round_ = before;
  const bool was_saturated = saturated_;
  collect_starts(before);
  in_flight_ += starting_.size();
  if (in_flight_ == 0) return;
  completed_.clear();
  const size_t at_least = !block ? 0 : saturated_ ? std::min(kRoundReads, in_flight_) : 1;
  queue_->exchange(starting_, completed_, at_least);
  const Clock::time_point now = Clock::now();
  in_flight_ -= completed_.size();
  for (const RawCompletion& completion : completed_) complete(completion, now);
  account_busy(now, completed_.size());
  if (was_saturated && busy_observed_) depth_.add(completed_.size(), nanoseconds(now - last_round_));
  last_round_ = now;
}

void BatchReader::account_busy(Clock::time_point now, size_t completed) {
  if (completed == 0 || in_flight_ > 0) return;
  if (busy_observed_) counts_.busy_ns += nanoseconds(now - busy_since_);
  busy_observed_ = true;
}

void BatchReader::complete(const RawCompletion& completion, Clock::time_point now) {
  Flight& flight = flights_[completion.tag];
  const ReadOp& op = flight.batch->ops[flight.op];
  ++counts_.reads;
  if (completion.result < 0) {
    if (!worth_retrying(completion.result) || flight.attempts >= kMaxAttempts)
      return finish_op(completion.tag, failure(flight, std::strerror(-completion.result)));
    // A device or kernel without room needs a moment.
    if (completion.result == -EAGAIN && flight.attempts > 1)
      std::this_thread::sleep_for(std::chrono::microseconds(10u << std::min(flight.attempts, 7u)));
    ++counts_.retries;
    retries_.push_back(completion.tag);
    return;
  }
  const auto bytes = static_cast<uint32_t>(completion.result);
  counts_.bytes += bytes;
  if (flight.batch->observed) {
    ++counts_.observed_reads;
    counts_.observed_bytes += bytes;
  }
  if (flight.got + bytes >= op.needed) {
    if (flight.batch->observed) counts_.latency.add(nanoseconds(now - flight.started));
    if (spans_) record_span(completion.tag, now);
    counts_.rows += op.rows;
    return finish_op(completion.tag, "");
  }
  if (bytes == 0)
    return finish_op(completion.tag, failure(flight, "the file ends here, before the table does; it was truncated"));
  // Direct reads can only go on from an aligned place.
  const uint32_t kept = bytes / table_.alignment_bytes() * table_.alignment_bytes();
  if (kept == 0 && flight.attempts >= kMaxAttempts)
    return finish_op(completion.tag, failure(flight, "reads keep coming short"));
  flight.got += kept;
  ++counts_.retries;
  retries_.push_back(completion.tag);
}

void BatchReader::record_span(uint32_t tag, Clock::time_point now) {
  while (span_tracks_.size() <= tag)
    span_tracks_.push_back(spans_->track(fmt::format("{} slot {}", name_, span_tracks_.size())));
  const Flight& flight = flights_[tag];
  spans_->add(span_tracks_[tag], "read", flight.started, now, "bytes", flight.batch->ops[flight.op].bytes);
}

std::string BatchReader::failure(const Flight& flight, const std::string& reason) const {
  const ReadOp& op = flight.batch->ops[flight.op];
  return fmt::format("cannot read {} bytes at offset {}: {}", op.bytes - flight.got, op.offset + flight.got, reason);
}

void BatchReader::finish_op(uint32_t tag, const std::string& error) {
  ReadBatch& batch = *flights_[tag].batch;
  free_tags_.push_back(tag);
  ++batch.finished;
  if (error.empty() || !batch.error.empty()) return;
  batch.error = error;
  // The rest of a failed batch is of no use; what is in flight still has to come home.
  batch.finished += batch.ops.size() - batch.started;
  batch.started = batch.ops.size();
  std::erase(pending_, &batch);
}

}  // namespace tierscope
