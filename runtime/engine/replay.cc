#include "runtime/engine/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>

#include "runtime/base/error.h"
#include "runtime/compute/device.h"
#include "runtime/metrics/process_stats.h"
#include "runtime/metrics/request_clock.h"
#include "runtime/placement/request_steps.h"
#include "runtime/store/rows_in_pages.h"

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
  // Without `batches` one sequence at a time, its steps known beforehand.
  Replayer(const TableFile& table, const Placement& placement, const TokenTrace& trace, const Addressing& addressing,
           StepCompute& compute, const ReplayOptions& options, const BatchOptions* batches)
      : table_(in_units(table, placement.unit)),
        placement_(placement),
        trace_(trace),
        addressing_(addressing),
        compute_(compute),
        options_(options),
        batches_(batches),
        builder_(trace, addressing),
        planner_(placement, planner_shape(), options.seed),
        position_(trace.requests.size()),
        sequence_(trace.requests.size()) {
    check_rows();
    if (!batches_) set_stream(make_access_stream(trace, addressing, options.chunk_tokens));
    if (planner_.offline()) prepare_future();
    StoreOptions store = options.store;
    store.max_step_rows = most_step_rows();
    reset_peak_rss();
    if (!evict_from_page_cache(table_)) metrics_.state = "cold (the table's file cannot leave the page cache)";
    planner_.prepare();
    store_ = make_tier_store(table_, placement, planner_, store);
  }

  RunMetrics run() {
    const double passes = options_.warm ? 2 : 1;
    if (options_.warm) {
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

  // Of the last pass.
  StepSchedule schedule() const {
    return {trace_.header.name, static_cast<uint32_t>(trace_.requests.size()), scheduled_};
  }

 private:
  TableShape planner_shape() const {
    TableShape shape = table_.shape();
    shape.rows_per_token = builder_.stream().rows_per_token;
    return shape;
  }

  // In the placement's unit; the rows themselves are kept for who consumes them.
  void set_stream(AccessStream rows) {
    if (!table_.pages) {
      stream_ = std::move(rows);
      return;
    }
    stream_ = in_pages(rows, *table_.pages);
    row_stream_ = std::move(rows);
  }

  void check_rows() {
    const uint64_t table_rows = table_.pages ? table_.pages->rows() : table_.rows;
    std::vector<bool> seen(table_.rows);
    const auto see = [&](RowId unit) {
      if (!seen[unit]) ++metrics_.compulsory_misses;
      seen[unit] = true;
    };
    std::vector<RowId> rows;
    for (const Request& request : trace_.requests) {
      rows.clear();
      append_rows(request, addressing_, rows);
      for (const RowId row : rows) {
        if (row >= table_rows)
          throw UsageError(fmt::format("the trace asks for row {} of a table of {}", row, table_rows), "--trace",
                           "use the model that the trace was made for");
        if (!table_.pages) {
          see(row);
          continue;
        }
        for (RowId page = table_.pages->first_page(row); page <= table_.pages->last_page(row); ++page) see(page);
      }
    }
  }

  void prepare_future() {
    const std::string text = to_text(placement_);
    if (batches_)
      throw UsageError("a policy that knows the future needs steps that are known beforehand", text,
                       "replay without arrivals and with --max-batch 1");
    if (options_.warm)
      throw UsageError("a policy that knows the future cannot be warmed up: its second pass has another future",
                       "--state warm", "use --state cold");
    next_uses_ = next_uses(stream_.rows, table_.rows);
  }

  uint32_t most_step_rows() const {
    uint64_t most =
        batches_ ? uint64_t{std::max(options_.chunk_tokens, batches_->sequences)} * builder_.stream().rows_per_token
                 : 1;
    if (table_.pages) most *= table_.pages->widest_row();
    for (const AccessStream::Step& step : stream_.steps) most = std::max(most, step.count);
    return static_cast<uint32_t>(most);
  }

  void pass(double progress_from, double progress_share) {
    std::ranges::fill(position_, 0);
    uint64_t all = 0;
    for (const Request& request : trace_.requests) all += request.token_count();
    auto report = [&, done = uint64_t{0}](const AccessStream::Step& step) mutable {
      done += stream_.tokens(step);
      if (!options_.on_progress) return;
      progress_.share = progress_from + progress_share * static_cast<double>(done) / static_cast<double>(all);
      progress_.accesses = planner_.totals().accesses;
      progress_.hits = 0;
      for (const LevelCounts& level : planner_.totals().levels) progress_.hits += level.hits;
      options_.on_progress(progress_);
    };
    pass_begin_ = Clock::now();
    clock_.begin_step(pass_begin_);
    if (batches_) return batched_pass(report);
    for (size_t i = 0; i < stream_.steps.size(); ++i) {
      run_step(i);
      report(stream_.steps[i]);
    }
  }

  template <class Report>
  void batched_pass(Report report) {
    BatchScheduler scheduler(batch_requests(trace_, *batches_),
                             {batches_->sequences, batches_->kv_bytes, options_.chunk_tokens});
    scheduled_.clear();
    while (!scheduler.done()) {
      const auto step = scheduler.next(std::chrono::duration<double>(Clock::now() - pass_begin_).count());
      if (!step) {
        if (scheduler.done()) return;
        std::this_thread::sleep_until(arrival(scheduler.next_arrival_s()));
        clock_.begin_step();
        continue;
      }
      builder_.begin_step(step->prefill);
      for (const StepPart& part : step->parts) {
        sequence_[part.request] = part.sequence;
        builder_.add(part.request, part.first, part.first + part.count);
      }
      set_stream(builder_.take());
      scheduled_.push_back(*step);
      run_step(0);
      report(stream_.steps[0]);
    }
  }

  Clock::time_point arrival(double arrival_s) const {
    return pass_begin_ + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(arrival_s));
  }

  std::span<const RowId> rows_of(size_t step) const {
    const AccessStream& rows = table_.pages ? row_stream_ : stream_;
    return std::span(rows.rows).subspan(rows.steps[step].first, rows.steps[step].count);
  }

  std::span<const AccessStream::Part> parts_of(size_t step) const {
    return std::span(stream_.parts).subspan(stream_.steps[step].first_part, stream_.steps[step].part_count);
  }

  std::unique_ptr<StepRows> begin(size_t i) {
    const uint32_t* uses = next_uses_.empty() ? nullptr : next_uses_.data();
    return store_->begin(planner_.plan(step_input(stream_, i, uses, parts_)));
  }

  // prefetch=prompt: while a chunk computes, the next chunk of its request is already being read. In batches the next
  // step is not known yet.
  void begin_next_chunk(size_t i) {
    const size_t next = i + 1;
    if (placement_.prefetch.prompt && next < stream_.steps.size() && stream_.steps[next].prefill &&
        stream_.steps[next].request == stream_.steps[i].request)
      begun_ahead_ = begin(next);
  }

  void run_step(size_t i) {
    const AccessStream::Step& step = stream_.steps[i];
    for (const AccessStream::Part& part : parts_of(i))
      if (position_[part.request] == 0) begin_request(part.request);
    std::unique_ptr<StepRows> rows = begun_ahead_ ? std::move(begun_ahead_) : begin(i);
    std::optional<RowsInPages> joined;
    if (table_.pages) joined.emplace(*rows, rows_of(i), table_);
    StepRows& served = joined ? static_cast<StepRows&>(*joined) : *rows;
    TimedRows timed(served, [&] { begin_next_chunk(i); });
    if (!placement_.prefetch.overlap) timed.await();
    compute_.run(tokens_of(i), timed);
    timed.await();
    clock_.end_step(step.prefill, shares_of(i), milliseconds(timed.waited()));
    ++progress_.steps;
    progress_.stall_ms += milliseconds(timed.waited());
    if (options_.on_rows) options_.on_rows(rows_of(i), served);
    store_->retire(std::move(rows));
    for (const AccessStream::Part& part : parts_of(i)) position_[part.request] += part.tokens;
  }

  void begin_request(uint32_t request) {
    compute_.begin_request(sequence_[request]);
    const auto& arrival_s = trace_.requests[request].arrival_s;
    clock_.begin_request(request, batches_ && arrival_s ? arrival(*arrival_s) : Clock::now());
  }

  // Logits come out after a prompt's last token and after each output token.
  bool has_logits(const AccessStream::Part& part) const {
    return position_[part.request] + part.tokens >= trace_.requests[part.request].prompt_count();
  }

  std::vector<StepShare> shares_of(size_t step) const {
    std::vector<StepShare> shares;
    for (const AccessStream::Part& part : parts_of(step)) {
      const uint64_t end = position_[part.request] + part.tokens;
      const bool ends = end == trace_.requests[part.request].token_count();
      // The last output token is fed too, but its logits emit nothing.
      const bool emits = has_logits(part) && (!ends || stream_.steps[step].prefill);
      shares.push_back({part.request, part.tokens, emits, ends});
    }
    return shares;
  }

  StepTokens tokens_of(size_t step) {
    batch_.clear();
    StepTokens result;
    uint64_t context = 0;
    for (const AccessStream::Part& part : parts_of(step)) {
      const Request& request = trace_.requests[part.request];
      const uint32_t first = position_[part.request];
      for (uint32_t i = first; i < first + part.tokens && request.rows.empty(); ++i) {
        const TokenId token = i < request.prompt.size() ? request.prompt[i] : request.output[i - request.prompt.size()];
        batch_.push_back({token, sequence_[part.request], i, false});
      }
      if (has_logits(part) && !batch_.empty()) batch_.back().wants_logits = true;
      result.work.tokens += part.tokens;
      result.work.logits += has_logits(part) ? 1 : 0;
      context += first;
    }
    result.tokens = batch_;
    result.work.context_tokens = static_cast<uint32_t>(context / parts_of(step).size());
    return result;
  }

  void summarize_run(const PlanCounts& before) {
    metrics_.trace = trace_.header.name;
    metrics_.placement = to_text(placement_);
    metrics_.compute = options_.compute;
    metrics_.chunk_tokens = options_.chunk_tokens;
    metrics_.threads = options_.store.threads;
    metrics_.steps = batches_ ? scheduled_.size() : stream_.steps.size();
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
      metrics_.vram = {device->info().name,    device->info().unified_memory, done.device_copies,
                       done.device_copy_bytes, done.device_copy_seconds,      done.device_copy_hidden_seconds};
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

  const TableFile table_;  // in the placement's unit
  const Placement& placement_;
  const TokenTrace& trace_;
  const Addressing& addressing_;
  StepCompute& compute_;
  const ReplayOptions& options_;
  const BatchOptions* batches_;
  StreamBuilder builder_;    // of batches
  AccessStream stream_;      // all steps; of batches the current one
  AccessStream row_stream_;  // unit=page: the same in rows
  std::vector<uint32_t> next_uses_;
  Planner planner_;
  std::vector<SequencePart> parts_;  // of the step that is being planned
  std::unique_ptr<TierStore> store_;
  std::unique_ptr<StepRows> begun_ahead_;
  std::vector<uint32_t> position_, sequence_;  // by request
  std::vector<BatchToken> batch_;
  std::vector<BatchStep> scheduled_;
  Clock::time_point pass_begin_;
  RequestClock clock_;
  ReplayProgress progress_;
  RunMetrics metrics_;
};

}  // namespace

RunMetrics replay(const TableFile& table, const Placement& placement, const TokenTrace& trace,
                  const Addressing& addressing, StepCompute& compute, const ReplayOptions& options) {
  return Replayer(table, placement, trace, addressing, compute, options, nullptr).run();
}

RunMetrics replay_batches(const TableFile& table, const Placement& placement, const TokenTrace& trace,
                          const Addressing& addressing, StepCompute& compute, const ReplayOptions& options,
                          const BatchOptions& batches, StepSchedule* schedule) {
  Replayer replayer(table, placement, trace, addressing, compute, options, &batches);
  RunMetrics metrics = replayer.run();
  if (schedule) *schedule = replayer.schedule();
  return metrics;
}

}  // namespace tierscope
