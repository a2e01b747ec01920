#include "runtime/engine/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>

#include "runtime/base/error.h"
#include "runtime/compute/device.h"
#include "runtime/engine/request_clock.h"
#include "runtime/metrics/process_stats.h"
#include "runtime/placement/request_steps.h"

namespace tierscope {
namespace {

using Clock = std::chrono::steady_clock;

double milliseconds(Clock::duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

// A step's rows as the compute sees them: measures how long it had to wait, and says when they are there.
class TimedRows final : public StepRows {
 public:
  TimedRows(StepRows& rows, std::function<void()> on_ready) : rows_(rows), on_ready_(std::move(on_ready)) {}

  void await() override {
    if (ready_) return;
    const Clock::time_point begin = Clock::now();
    rows_.await();
    waited_ = Clock::now() - begin;
    ready_ = true;
    on_ready_();
  }
  const std::byte* row(size_t i) const override { return rows_.row(i); }
  const DeviceStepRows* on_device() const override { return rows_.on_device(); }
  Clock::duration waited() const { return waited_; }

 private:
  StepRows& rows_;
  std::function<void()> on_ready_;
  Clock::duration waited_{};
  bool ready_ = false;
};

class Replayer {
 public:
  Replayer(const TableFile& table, const Placement& placement, const TokenTrace& trace, const Addressing& addressing,
           StepCompute& compute, const ReplayOptions& options)
      : table_(table),
        placement_(placement),
        trace_(trace),
        compute_(compute),
        options_(options),
        stream_(make_access_stream(trace, addressing, options.chunk_tokens)),
        planner_(placement, {table.rows, table.row_bytes, stream_.rows_per_token}, options.seed) {
    check_rows();
    if (planner_.offline()) next_uses_ = next_uses(stream_.rows, table.rows);
    StoreOptions store = options.store;
    store.max_step_rows = 1;
    for (const AccessStream::Step& step : stream_.steps)
      store.max_step_rows = std::max(store.max_step_rows, static_cast<uint32_t>(step.count));
    reset_peak_rss();
    if (!evict_from_page_cache(table)) metrics_.state = "cold (the table's file cannot leave the page cache)";
    store_ = make_tier_store(table, placement, planner_, store);
  }

  RunMetrics run() {
    const double passes = options_.warm ? 2 : 1;
    if (options_.warm) {
      if (planner_.offline())
        throw UsageError("a policy that knows the future cannot be warmed up: its second pass has another future",
                         "--state warm", "use --state cold");
      pass(0, 1 / passes);
      metrics_.state = "warm";
    }
    const PlanCounts before = planner_.totals();
    store_->reset_counts();
    clock_ = RequestClock();
    const Clock::time_point begin = Clock::now();
    pass(1 - 1 / passes, 1 / passes);
    metrics_.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    store_->drain();
    store_->check_unchanged();
    planner_.check();
    summarize_run(before);
    return std::move(metrics_);
  }

 private:
  void check_rows() {
    std::vector<bool> seen(table_.rows);
    for (const RowId row : stream_.rows) {
      if (row >= table_.rows)
        throw UsageError(fmt::format("the trace asks for row {} of a table of {}", row, table_.rows), "--trace",
                         "use the model that the trace was made for");
      if (!seen[row]) ++metrics_.compulsory_misses;
      seen[row] = true;
    }
  }

  void pass(double progress_from, double progress_share) {
    for (size_t i = 0; i < stream_.steps.size(); ++i) {
      run_step(i);
      if (options_.on_progress)
        options_.on_progress(progress_from +
                             progress_share * static_cast<double>(i + 1) / static_cast<double>(stream_.steps.size()));
    }
  }

  std::span<const RowId> rows_of(size_t step) const {
    return std::span(stream_.rows).subspan(stream_.steps[step].first, stream_.steps[step].count);
  }

  bool begins_request(size_t step) const {
    return step == 0 || stream_.steps[step].request != stream_.steps[step - 1].request;
  }

  std::unique_ptr<StepRows> begin(size_t i) {
    const uint32_t* uses = next_uses_.empty() ? nullptr : next_uses_.data();
    return store_->begin(planner_.plan(step_input(stream_, i, uses, parts_)));
  }

  // prefetch=prompt: while a chunk computes, the next chunk of its request is already being read.
  void begin_next_chunk(size_t i) {
    const size_t next = i + 1;
    if (placement_.prefetch.prompt && next < stream_.steps.size() && stream_.steps[next].prefill &&
        !begins_request(next))
      begun_ahead_ = begin(next);
  }

  void run_step(size_t i) {
    const AccessStream::Step& step = stream_.steps[i];
    if (begins_request(i)) {
      compute_.begin_request();
      clock_.begin_request();
      context_tokens_ = 0;
    }
    std::unique_ptr<StepRows> rows = begun_ahead_ ? std::move(begun_ahead_) : begin(i);
    TimedRows timed(*rows, [&] { begin_next_chunk(i); });
    if (!placement_.prefetch.overlap) timed.await();
    compute_.run(tokens_of(step), timed);
    timed.await();
    clock_.end_step(step.prefill, tokens_in(step), milliseconds(timed.waited()));
    if (options_.on_rows) options_.on_rows(rows_of(i), *rows);
    store_->retire(std::move(rows));
    context_tokens_ += tokens_in(step);
  }

  uint32_t tokens_in(const AccessStream::Step& step) const {
    return static_cast<uint32_t>(step.count / stream_.rows_per_token);
  }

  StepTokens tokens_of(const AccessStream::Step& step) const {
    const Request& request = trace_.requests[step.request];
    const uint32_t count = tokens_in(step);
    StepTokens result;
    result.work = {count, context_tokens_, 1};
    if (step.prefill && !request.prompt.empty()) {
      result.tokens = std::span(request.prompt).subspan(context_tokens_, count);
      // Only the last prompt token's logits are asked for.
      result.work.logits = context_tokens_ + count == request.prompt.size() ? 1 : 0;
    } else if (!request.output.empty()) {
      result.tokens = std::span(request.output).subspan(context_tokens_ - request.prompt.size(), count);
    }
    return result;
  }

  void summarize_run(const PlanCounts& before) {
    metrics_.trace = trace_.header.name;
    metrics_.placement = to_text(placement_);
    metrics_.compute = options_.compute;
    metrics_.chunk_tokens = options_.chunk_tokens;
    metrics_.threads = options_.store.threads;
    metrics_.steps = stream_.steps.size();
    metrics_.requests = trace_.requests.size();
    clock_.summarize(metrics_);
    const PlanCounts planned = difference(planner_.totals(), before);
    const StoreCounts done = store_->counts();
    check_completed(planned, done);
    metrics_.accesses = planned.accesses;
    for (size_t i = 0; i < planner_.level_count(); ++i) {
      const LevelCounts& level = planned.levels[i];
      metrics_.levels.push_back({std::string(name(planner_.level(i).tier)), planner_.level(i).policy.name,
                                 planner_.slots(i), store_->level_bytes(i), level.hits, level.misses, level.evictions,
                                 done.fills[i], level.demotes});
    }
    metrics_.backing = {std::string(name(placement_.backing)), done.rows_read, done.rows_read * table_.row_bytes};
    metrics_.prefetch_reads = done.prefetch_rows_read;
    metrics_.prefetch_used = planned.prefetch_used;
    metrics_.prefetch_wasted = planned.prefetch_wasted;
    if (placement_.backing == Tier::nvme) metrics_.nvme = nvme_metrics(done);
    if (const Device* device = options_.store.device; device && top_tier(placement_) == Tier::vram)
      metrics_.vram = {device->info().name, device->info().unified_memory, done.device_copies, done.device_copy_bytes,
                       done.device_copy_seconds};
    metrics_.preload = store_->preloaded();
    metrics_.peak_rss_bytes = peak_rss_bytes();
    metrics_.memory_bytes = store_->memory_bytes();
  }

  // The store counts what completed without looking at the plans' sums; a difference is a bug in one of the two.
  static void check_completed(const PlanCounts& planned, const StoreCounts& done) {
    const auto same = [](const char* what, uint64_t plan, uint64_t run) {
      if (plan != run) throw std::logic_error(fmt::format("{} planned were {}, completed {}", what, plan, run));
    };
    same("rows read", planned.reads, done.rows_read);
    same("rows prefetched", planned.prefetch_reads, done.prefetch_rows_read);
    for (size_t i = 0; i < planned.levels.size(); ++i) same("fills", planned.levels[i].fills, done.fills[i]);
  }

  static PlanCounts difference(PlanCounts now, const PlanCounts& then) {
    now.accesses -= then.accesses;
    now.reads -= then.reads;
    now.prefetch_reads -= then.prefetch_reads;
    now.prefetch_used -= then.prefetch_used;
    now.prefetch_wasted -= then.prefetch_wasted;
    for (size_t i = 0; i < now.levels.size(); ++i) {
      now.levels[i].hits -= then.levels[i].hits;
      now.levels[i].misses -= then.levels[i].misses;
      now.levels[i].evictions -= then.levels[i].evictions;
      now.levels[i].fills -= then.levels[i].fills;
      now.levels[i].demotes -= then.levels[i].demotes;
    }
    return now;
  }

  NvmeMetrics nvme_metrics(const StoreCounts& done) const {
    NvmeMetrics nvme;
    nvme.reads = done.device_reads;
    nvme.bytes = done.device_bytes;
    const uint64_t rows = done.rows_read + done.prefetch_rows_read;
    if (rows > 0)
      nvme.read_amplification = static_cast<double>(done.device_bytes) / static_cast<double>(rows * table_.row_bytes);
    nvme.busy_s = static_cast<double>(done.busy_ns) / 1e9;
    if (done.busy_ns > 0) {
      nvme.iops = static_cast<double>(done.observed_reads) / nvme.busy_s;
      nvme.bandwidth_bytes_per_s = static_cast<double>(done.observed_bytes) / nvme.busy_s;
    }
    nvme.latency_mean_us = done.latency.mean_us();
    nvme.latency_p50_us = done.latency.percentile_us(0.5);
    nvme.latency_p90_us = done.latency.percentile_us(0.9);
    nvme.latency_p99_us = done.latency.percentile_us(0.99);
    nvme.effective_access = store_->effective_access();
    return nvme;
  }

  const TableFile& table_;
  const Placement& placement_;
  const TokenTrace& trace_;
  StepCompute& compute_;
  const ReplayOptions& options_;
  AccessStream stream_;
  std::vector<uint32_t> next_uses_;
  Planner planner_;
  std::vector<SequencePart> parts_;  // of the step that is being planned
  std::unique_ptr<TierStore> store_;
  std::unique_ptr<StepRows> begun_ahead_;
  RequestClock clock_;
  RunMetrics metrics_;
  uint32_t context_tokens_ = 0;
};

}  // namespace

RunMetrics replay(const TableFile& table, const Placement& placement, const TokenTrace& trace,
                  const Addressing& addressing, StepCompute& compute, const ReplayOptions& options) {
  return Replayer(table, placement, trace, addressing, compute, options).run();
}

}  // namespace tierscope
