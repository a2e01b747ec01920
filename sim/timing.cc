#include "sim/timing.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/metrics/request_clock.h"
#include "sim/host_model.h"
#include "sim/storage_model.h"

namespace tierscope {
namespace {

// A planned step, reduced to what costs time.
struct Demand {
  uint32_t accesses = 0;
  uint32_t rows_read = 0;
  uint32_t reads = 0;  // operations: neighbouring rows share one
  uint64_t read_bytes = 0;
  uint32_t rows_from_ram = 0, rows_from_vram = 0;
  uint32_t rows_staged = 0;
  uint32_t fills_ram = 0, fills_vram = 0;
  uint32_t prefetch_reads = 0;
  uint64_t prefetch_bytes = 0;
};

// Turns row ids into the ranges that one read each covers.
class RangeCounter {
 public:
  explicit RangeCounter(const TableLayout& table) : table_(table) {}

  void add(RowId row) { rows_.push_back(row); }
  // Reads and bytes of what was added; empties itself.
  void count(uint32_t& reads, uint64_t& bytes) {
    std::ranges::sort(rows_);
    uint64_t begin = 0, end = 0;
    for (const RowId row : rows_) {
      const uint64_t first = table_.offset + row * table_.stride_bytes;
      const uint64_t from = first / table_.alignment_bytes * table_.alignment_bytes;
      const uint64_t to =
          (first + table_.row_bytes + table_.alignment_bytes - 1) / table_.alignment_bytes * table_.alignment_bytes;
      if (reads > 0 && from <= end + table_.gap_bytes && to - begin <= table_.max_read_bytes) {
        bytes += to - end;
      } else {
        ++reads;
        bytes += to - from;
        begin = from;
      }
      end = to;
    }
    rows_.clear();
  }

 private:
  const TableLayout& table_;
  std::vector<RowId> rows_;
};

TableShape planner_shape(const TableLayout& table, const AccessStream& stream) {
  TableShape shape = table.shape();
  shape.rows_per_token = stream.rows_per_token;
  return shape;
}

class Timeline {
 public:
  Timeline(const DeviceProfile& device, const ModelShape& model, const TableLayout& table, const Placement& placement,
           const AccessStream& stream, std::vector<uint64_t> request_tokens, const TimingOptions& options)
      : device_(device),
        model_(model),
        table_(table),
        placement_(placement),
        stream_(stream),
        request_tokens_(std::move(request_tokens)),
        options_(options),
        position_(request_tokens_.size()),
        planner_(placement, planner_shape(table, stream), options.seed),
        clock_(device.compute, model),
        storage_(device.nvme, options.depth, options.round_reads, options.seed),
        host_(device, table.row_bytes, options.depth),
        ranges_(table) {
    if (planner_.offline()) uses_ = next_uses(stream.rows, table.rows);
  }

  void pass() {
    begin_pass();
    for (size_t i = 0; i < stream_.steps.size(); ++i) run_step(i);
  }

  // `builder` builds the stream that this was made for.
  void pass(const ArrivingRequests& requests, StreamBuilder& builder, std::vector<BatchStep>& formed) {
    arrivals_ = &requests.trace;
    begin_pass();
    formed.clear();
    if (requests.steps) {
      for (const BatchStep& step : *requests.steps) {
        double arrived_us = now_us_;
        for (const StepPart& part : step.parts) arrived_us = std::max(arrived_us, arrival_us(part.request));
        idle_until(arrived_us);
        run_batch(step, builder, formed);
      }
      return;
    }
    BatchScheduler scheduler(batch_requests(requests.trace, requests.batches),
                             {requests.batches.sequences, requests.batches.kv_bytes, requests.chunk_tokens});
    double arrived_s = 0;  // what microseconds from the start might round away
    while (!scheduler.done()) {
      const auto step = scheduler.next(std::max(arrived_s, (now_us_ - pass_begin_us_) / 1e6));
      if (step) {
        run_batch(*step, builder, formed);
      } else if (!scheduler.done()) {
        arrived_s = scheduler.next_arrival_s();
        idle_until(pass_begin_us_ + arrived_s * 1e6);
      }
    }
  }

  // Measures from here on: caches and the planner stay as they are.
  void start_measuring() {
    base_ = planner_.totals();
    measuring_ = true;
    now_us_ = 0;
    storage_ = StorageModel(device_.nvme, options_.depth, options_.round_reads, options_.seed);
    staged_served_us_ = busy_us_ = 0;
    nvme_reads_ = nvme_bytes_ = observed_reads_ = observed_bytes_ = 0;
    latencies_ = {};
    request_clock_ = RequestClock();
  }

  void on_step(const std::function<void(const StepTiming&)>& call) { on_step_ = call; }
  RunMetrics metrics() const;
  void check() const { planner_.check(); }
  void refuse_future() const {
    if (planner_.offline())
      throw UsageError("a policy that knows the future needs steps that are known beforehand", to_text(placement_),
                       "leave arrivals and --max-batch out");
  }

 private:
  struct Prepared {
    size_t step = 0;
    Demand demand;
    double requested_us = 0, served_us = 0;
  };

  // Whether reads are sent before compute that hides them; nobody then looks out for their completion.
  bool in_background() const { return placement_.prefetch.overlap || placement_.prefetch.prompt; }
  Demand plan(size_t index);
  Prepared prepare(size_t index);
  void run_step(size_t index);
  void record(const StepTiming& timing, const AccessStream::Step& step);
  double upload_us(uint32_t rows) const;
  double retire_us(const Demand& demand) const;
  void begin_pass() {
    std::ranges::fill(position_, 0);
    pass_begin_us_ = now_us_;
    request_clock_.begin_step(at(now_us_));
  }
  // Nothing runs before it; that time belongs to no step.
  void idle_until(double us) {
    if (us <= now_us_) return;
    now_us_ = us;
    request_clock_.begin_step(at(us));
  }
  double arrival_us(uint32_t request) const {
    return pass_begin_us_ + arrivals_->requests[request].arrival_s.value_or(0) * 1e6;
  }
  void run_batch(const BatchStep& step, StreamBuilder& builder, std::vector<BatchStep>& formed) {
    builder.begin_step(step.prefill);
    for (const StepPart& part : step.parts) builder.add(part.request, part.first, part.first + part.count);
    formed.push_back(step);
    run_step(stream_.steps.size() - 1);
  }
  static RequestClock::Clock::time_point at(double us) {
    return RequestClock::Clock::time_point(
        std::chrono::duration_cast<RequestClock::Clock::duration>(std::chrono::duration<double, std::micro>(us)));
  }
  std::span<const AccessStream::Part> parts_of(const AccessStream::Step& step) const {
    return std::span(stream_.parts).subspan(step.first_part, step.part_count);
  }
  PassShape pass_shape(const AccessStream::Step& step) const;
  std::vector<StepShare> shares_of(const AccessStream::Step& step) const;
  void begin_requests(const AccessStream::Step& step);
  // Whether the same request's next chunk follows, so that its rows can be read during this one.
  bool next_chunk_follows(size_t index) const;

  const DeviceProfile& device_;
  const ModelShape& model_;
  const TableLayout& table_;
  const Placement& placement_;
  const AccessStream& stream_;  // of arriving requests: grows step by step
  const std::vector<uint64_t> request_tokens_;
  const TimingOptions& options_;
  const TokenTrace* arrivals_ = nullptr;  // null: a request starts when its first step does
  std::vector<uint64_t> position_;        // by request: tokens that were computed
  Planner planner_;
  std::vector<SequencePart> parts_;  // of the step that is being planned
  BlockClock clock_;
  StorageModel storage_;
  HostModel host_;
  RangeCounter ranges_;
  std::vector<uint32_t> uses_;
  std::optional<Prepared> ahead_;  // prefetch=prompt: the next chunk, whose reads are under way
  double now_us_ = 0;
  double staged_served_us_ = 0;  // when the last draft's reads are in

  bool measuring_ = false;
  std::function<void(const StepTiming&)> on_step_;
  PlanCounts base_;
  RequestClock request_clock_;
  double pass_begin_us_ = 0;
  uint64_t requests_ = 0, steps_ = 0;
  uint64_t nvme_reads_ = 0, nvme_bytes_ = 0;
  // Of reads that somebody waited for from the start.
  uint64_t observed_reads_ = 0, observed_bytes_ = 0;
  double busy_us_ = 0;
  LatencyHistogram latencies_, unobserved_;
};

Demand Timeline::plan(size_t index) {
  const AccessStream::Step& step = stream_.steps[index];
  const StepPlan plan = planner_.plan(step_input(stream_, index, uses_.empty() ? nullptr : uses_.data(), parts_));
  Demand demand;
  demand.accesses = static_cast<uint32_t>(step.count);
  const auto tier_of = [&](uint8_t level) { return planner_.level(level).tier; };
  for (const PlannedRow& row : plan.rows) {
    if (row.from.level == RowLocation::kBacking) {
      if (placement_.backing == Tier::nvme) {
        ++demand.rows_read;
        ranges_.add(row.row);
      } else {
        ++(placement_.backing == Tier::vram ? demand.rows_from_vram : demand.rows_from_ram);
      }
    } else if (row.from.level == RowLocation::kStaging) {
      ++demand.rows_staged;
    } else {
      ++(tier_of(row.from.level) == Tier::vram ? demand.rows_from_vram : demand.rows_from_ram);
    }
  }
  ranges_.count(demand.reads, demand.read_bytes);
  for (const SlotFill& fill : plan.fills) ++(tier_of(fill.level) == Tier::vram ? demand.fills_vram : demand.fills_ram);
  if (placement_.backing == Tier::nvme) {
    for (const StagingRead& read : plan.prefetch) ranges_.add(read.row);
    ranges_.count(demand.prefetch_reads, demand.prefetch_bytes);
  }
  return demand;
}

HostWork host_work(const Demand& demand) {
  return {demand.accesses, demand.rows_read, demand.reads, demand.fills_ram};
}

Timeline::Prepared Timeline::prepare(size_t index) {
  Prepared prepared{index, plan(index), now_us_, now_us_};
  const Demand& demand = prepared.demand;
  // Planning and handing reads over is the computing thread's work; the device starts with the first one handed over.
  now_us_ += host_.begin_us(host_work(demand));
  prepared.requested_us = std::max(prepared.requested_us, now_us_ - host_.submit_us(host_work(demand)));
  // Reads that are awaited at once are handed over by the wait; others before the compute, which they delay.
  if (in_background())
    now_us_ = prepared.requested_us + storage_.submit_us(prepared.requested_us, demand.reads, demand.read_bytes)
                                          .value_or(host_.prefetch_us(demand.reads));
  LatencyHistogram& latencies = in_background() ? unobserved_ : latencies_;
  prepared.served_us =
      storage_.read_together(prepared.requested_us, demand.reads, demand.read_bytes, in_background(), latencies);
  nvme_reads_ += demand.reads + demand.prefetch_reads;
  nvme_bytes_ += demand.read_bytes + demand.prefetch_bytes;
  if (!in_background()) {
    observed_reads_ += demand.reads;
    observed_bytes_ += demand.read_bytes;
    if (demand.reads > 0) busy_us_ += prepared.served_us - prepared.requested_us;
  }
  now_us_ += host_.prefetch_us(demand.prefetch_reads);
  if (demand.rows_staged > 0) prepared.served_us = std::max(prepared.served_us, staged_served_us_);
  if (demand.prefetch_reads > 0)
    staged_served_us_ =
        storage_.read_together(prepared.served_us, demand.prefetch_reads, demand.prefetch_bytes, true, unobserved_);
  return prepared;
}

double Timeline::upload_us(uint32_t rows) const {
  if (!device_.compute.on_device || rows == 0) return 0;
  const VramProfile& vram = *device_.vram;
  // Rows are collected into one buffer and cross in one copy; where memory is shared, nothing crosses. Of a page only
  // the row that is asked for is collected.
  const uint64_t row_bytes = table_.pages ? table_.pages->row_bytes() : table_.row_bytes;
  const double crossing =
      vram.unified ? 0 : static_cast<double>(rows * row_bytes) / vram.upload_bytes_per_s.value * 1e6;
  return rows * host_.copy_us(row_bytes) + vram.upload_latency_us.value + crossing;
}

double Timeline::retire_us(const Demand& demand) const {
  double us = host_.retire_us(host_work(demand));
  if (demand.fills_vram > 0)
    us += device_.vram->gather_latency_us.value +
          static_cast<double>(demand.fills_vram * table_.row_bytes) / device_.vram->gather_bytes_per_s.value * 1e6;
  return us;
}

bool Timeline::next_chunk_follows(size_t index) const {
  const auto& steps = stream_.steps;
  return steps[index].prefill && index + 1 < steps.size() && steps[index + 1].prefill &&
         steps[index + 1].request == steps[index].request;
}

PassShape Timeline::pass_shape(const AccessStream::Step& step) const {
  PassShape pass{0, 0, 0};
  uint64_t context = 0;
  for (const AccessStream::Part& part : parts_of(step)) {
    pass.tokens += part.tokens;
    pass.logits += step.prefill && part.next_known ? 0 : 1;
    context += position_[part.request];
  }
  pass.context_tokens = static_cast<uint32_t>(context / step.part_count);
  return pass;
}

std::vector<StepShare> Timeline::shares_of(const AccessStream::Step& step) const {
  std::vector<StepShare> shares;
  for (const AccessStream::Part& part : parts_of(step)) {
    const bool ends = position_[part.request] + part.tokens == request_tokens_[part.request];
    // The last output token is fed too, but its logits emit nothing.
    shares.push_back({part.request, part.tokens, step.prefill ? !part.next_known : !ends, ends});
  }
  return shares;
}

void Timeline::begin_requests(const AccessStream::Step& step) {
  for (const AccessStream::Part& part : parts_of(step)) {
    if (position_[part.request] > 0) continue;
    request_clock_.begin_request(part.request, at(arrivals_ ? arrival_us(part.request) : now_us_));
    if (measuring_) ++requests_;
  }
}

void Timeline::run_step(size_t index) {
  const AccessStream::Step& step = stream_.steps[index];
  begin_requests(step);
  StepTiming timing{step.request, step.prefill, static_cast<uint32_t>(step.count), 0, 0, now_us_};
  Prepared prepared = ahead_ && ahead_->step == index ? *ahead_ : prepare(index);
  ahead_.reset();
  const Demand& demand = prepared.demand;
  const PassShape pass = pass_shape(step);
  const double before_us = options_.computes ? clock_.before_rows_us(pass) : 0;
  const double after_us = options_.computes ? clock_.after_rows_us(pass) : 0;
  timing.requested_us = prepared.requested_us;
  timing.served_us = std::max(prepared.served_us, now_us_);
  // What is in RAM already crosses while the reads are under way.
  timing.uploaded_us = std::max(timing.served_us, now_us_ + upload_us(demand.rows_from_ram)) +
                       upload_us(demand.rows_read + demand.rows_staged);
  timing.needed_us = placement_.prefetch.overlap ? now_us_ + before_us : now_us_;
  const HostWork work = host_work(demand);
  timing.stall_us =
      std::max({0.0, host_.collect_us(work), timing.uploaded_us - timing.needed_us + host_.deliver_us(work)});
  double rows_at_us = timing.needed_us + timing.stall_us;
  // The next chunk's reads go out when this one's rows are in.
  if (placement_.prefetch.prompt && next_chunk_follows(index)) {
    now_us_ = rows_at_us;
    ahead_ = prepare(index + 1);
    rows_at_us = now_us_;
  }
  const double used_us = rows_at_us + (placement_.prefetch.overlap ? 0 : before_us) +
                         (demand.rows_from_vram && options_.computes ? device_.vram->gather_latency_us.value : 0);
  const double computed_us = used_us + after_us;
  now_us_ = timing.end_us = computed_us + retire_us(demand);
  timing.reads = demand.rows_read;
  timing.read_bytes = demand.read_bytes;
  request_clock_.end_step(step.prefill, shares_of(step), timing.stall_us / 1e3, at(computed_us));
  for (const AccessStream::Part& part : parts_of(step)) position_[part.request] += part.tokens;
  if (!measuring_) return;
  ++steps_;
  if (on_step_) on_step_(timing);
}

RunMetrics Timeline::metrics() const {
  RunMetrics metrics;
  metrics.placement = to_text(placement_);
  metrics.state = options_.warm ? "warm" : "cold";
  metrics.compute = options_.computes ? "profile:" + device_.name : "none";
  metrics.backend = device_.compute.on_device ? "profile device" : "profile cpu";
  metrics.requests = requests_;
  metrics.steps = steps_;
  request_clock_.summarize(metrics);

  const PlanCounts& now = planner_.totals();
  const auto since = [](uint64_t after, uint64_t before) { return after - before; };
  metrics.accesses = since(now.accesses, base_.accesses);
  for (size_t i = 0; i < planner_.level_count(); ++i) {
    const LevelCounts &a = now.levels[i], b = base_.levels.empty() ? LevelCounts{} : base_.levels[i];
    metrics.levels.push_back({std::string(name(planner_.level(i).tier)), planner_.level(i).policy.name,
                              planner_.slots(i), planner_.slots(i) * table_.row_bytes, a.hits - b.hits,
                              a.misses - b.misses, a.evictions - b.evictions, a.fills - b.fills,
                              a.demotes - b.demotes});
    const uint64_t preloaded = planner_.preload(i).size();
    metrics.preload.rows += preloaded;
    metrics.preload.bytes += preloaded * table_.row_bytes;
  }
  metrics.backing = {std::string(name(placement_.backing)), since(now.reads, base_.reads),
                     since(now.reads, base_.reads) * table_.row_bytes};
  metrics.prefetch_reads = since(now.prefetch_reads, base_.prefetch_reads);
  metrics.prefetch_used = since(now.prefetch_used, base_.prefetch_used);
  metrics.prefetch_wasted = since(now.prefetch_wasted, base_.prefetch_wasted);
  metrics.seconds = now_us_ / 1e6;
  if (placement_.backing != Tier::nvme) return metrics;

  NvmeMetrics nvme;
  nvme.reads = nvme_reads_;
  nvme.bytes = nvme_bytes_;
  nvme.busy_s = busy_us_ / 1e6;
  const uint64_t rows = metrics.backing.reads + metrics.prefetch_reads;
  if (rows > 0)
    nvme.read_amplification = static_cast<double>(nvme_bytes_) / static_cast<double>(rows * table_.row_bytes);
  if (busy_us_ > 0) {
    nvme.iops = static_cast<double>(observed_reads_) / busy_us_ * 1e6;
    nvme.bandwidth_bytes_per_s = static_cast<double>(observed_bytes_) / busy_us_ * 1e6;
  }
  nvme.latency_mean_us = latencies_.mean_us();
  nvme.latency_p50_us = latencies_.percentile_us(0.5);
  nvme.latency_p90_us = latencies_.percentile_us(0.9);
  nvme.latency_p99_us = latencies_.percentile_us(0.99);
  nvme.effective_access = "modelled";
  metrics.nvme = nvme;
  return metrics;
}

uint64_t distinct_rows(const AccessStream& stream, const TableLayout& table) {
  std::vector<bool> seen(table.rows);
  uint64_t rows = 0;
  for (const RowId row : stream.rows) {
    if (row >= table.rows)
      throw UsageError(fmt::format("the trace asks for row {} of a table of {}", row, table.rows), "--trace",
                       "use the model or the number of rows that the trace was made for");
    rows += seen[row] ? 0 : 1;
    seen[row] = true;
  }
  return rows;
}

// What is known of a run before it: `stream` holds what is accessed, in steps as wide as any that may form.
struct KnownBefore {
  uint64_t accesses = 0, compulsory_misses = 0, memory_bytes = 0;
};

KnownBefore check_run(const DeviceProfile& device, const ModelShape& model, const TableLayout& table,
                      const Placement& placement, const AccessStream& stream, const TimingOptions& options) {
  const uint64_t compulsory_misses = distinct_rows(stream, table);
  const PlacementMemory memory = placement_memory(placement, table.shape(), widest_step(stream));
  const auto reason = why_not_fitting(device, model, table, placement, stream);
  if (reason && (options.must_fit || (memory.vram_bytes > 0 && !device.vram)))
    throw UsageError(*reason, fmt::format("placement '{}' on {}", to_text(placement), device.name),
                     "give the caches less, or another tier");
  return {stream.rows.size(), compulsory_misses, model.weight_bytes + memory.ram_bytes + memory.vram_bytes};
}

template <class Pass>
TimedRun time_passes(Timeline& timeline, const KnownBefore& known, const TimingOptions& options,
                     const std::function<void(const StepTiming&)>& on_step, Pass pass) {
  const auto start = std::chrono::steady_clock::now();
  if (options.warm) pass();
  timeline.start_measuring();
  timeline.on_step(on_step);
  pass();
  timeline.check();
  TimedRun run{timeline.metrics(), 0};
  run.metrics.compulsory_misses = known.compulsory_misses;
  run.metrics.memory_bytes = known.memory_bytes;
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  run.simulated_accesses_per_s = static_cast<double>(known.accesses) * (options.warm ? 2 : 1) / seconds;
  return run;
}

}  // namespace

uint64_t widest_step(const AccessStream& stream) {
  uint64_t rows = 0;
  for (const AccessStream::Step& step : stream.steps) rows = std::max(rows, step.count);
  return rows;
}

std::optional<std::string> why_not_fitting(const DeviceProfile& device, const ModelShape& model,
                                           const TableLayout& table, const Placement& placement,
                                           const AccessStream& stream) {
  const PlacementMemory memory = placement_memory(placement, table.shape(), widest_step(stream));
  uint64_t ram = memory.ram_bytes, vram = memory.vram_bytes;
  if (vram > 0 && !device.vram) return "the device has no VRAM";
  (device.compute.on_device ? vram : ram) += model.weight_bytes;
  if (device.vram && device.vram->unified) ram += vram;
  const auto lacking = [](std::string_view what, uint64_t needed, double there) {
    return fmt::format("{} of {} are needed, {} are there", format_bytes(needed), what,
                       format_bytes(static_cast<uint64_t>(there)));
  };
  if (static_cast<double>(ram) > device.ram.capacity_bytes.value)
    return lacking("RAM", ram, device.ram.capacity_bytes.value);
  if (device.vram && static_cast<double>(vram) > device.vram->capacity_bytes.value)
    return lacking("VRAM", vram, device.vram->capacity_bytes.value);
  return std::nullopt;
}

PlacementMemory placement_memory(const Placement& placement, const TableShape& table, uint64_t rows_per_step) {
  PlacementMemory memory;
  const auto add = [&](Tier tier, uint64_t bytes) {
    if (tier == Tier::ram) memory.ram_bytes += bytes;
    if (tier == Tier::vram) memory.vram_bytes += bytes;
  };
  add(placement.backing, table.rows * table.row_bytes);
  for (const CacheSpec& cache : placement.caches)
    add(cache.tier, cache.capacity.rows(table.rows, table.row_bytes) * table.row_bytes);
  if (placement.backing == Tier::nvme) memory.ram_bytes += rows_per_step * table.row_bytes;
  return memory;
}

TableLayout in_units(const TableLayout& table, CachingUnit unit) {
  if (unit == CachingUnit::row || table.pages) return table;
  TableLayout pages = table;
  pages.pages.emplace(table.rows, table.row_bytes, table.offset, table.stride_bytes);
  pages.rows = pages.pages->pages();
  pages.row_bytes = pages.stride_bytes = kPageBytes;
  pages.offset = pages.pages->offset();
  return pages;
}

TimedRun time_placement(const DeviceProfile& device, const ModelShape& model, const TableLayout& table,
                        const Placement& placement, const AccessStream& stream, const TimingOptions& options,
                        const std::function<void(const StepTiming&)>& on_step) {
  if (placement.unit == CachingUnit::page && !table.pages) {
    const TableLayout pages = in_units(table, placement.unit);
    return time_placement(device, model, pages, placement, in_pages(stream, *pages.pages), options, on_step);
  }
  const KnownBefore known = check_run(device, model, table, placement, stream, options);
  std::vector<uint64_t> request_tokens;
  for (const AccessStream::Part& part : stream.parts) {
    request_tokens.resize(std::max<size_t>(request_tokens.size(), part.request + size_t{1}));
    request_tokens[part.request] += part.tokens;
  }
  Timeline timeline(device, model, table, placement, stream, std::move(request_tokens), options);
  return time_passes(timeline, known, options, on_step, [&] { timeline.pass(); });
}

TimedRun time_arrivals(const DeviceProfile& device, const ModelShape& model, const TableLayout& table,
                       const Placement& placement, const ArrivingRequests& requests, const TimingOptions& options,
                       const std::function<void(const StepTiming&)>& on_step, StepSchedule* formed) {
  if (placement.unit == CachingUnit::page)
    throw UsageError("caches of pages are not priced where requests share steps", to_text(placement),
                     "leave unit=page out, or arrivals and --max-batch");
  std::vector<uint64_t> request_tokens;
  for (const Request& request : requests.trace.requests) request_tokens.push_back(request.token_count());
  // The same accesses in another order: what a table must hold, and how wide a step can be.
  AccessStream alone = make_access_stream(requests.trace, requests.addressing, requests.chunk_tokens);
  AccessStream::Step widest;
  widest.count = uint64_t{requests.batches.sequences} * alone.rows_per_token;
  alone.steps.push_back(widest);
  const KnownBefore known = check_run(device, model, table, placement, alone, options);
  StreamBuilder builder(requests.trace, requests.addressing);
  Timeline timeline(device, model, table, placement, builder.stream(), std::move(request_tokens), options);
  timeline.refuse_future();
  std::vector<BatchStep> steps;
  const TimedRun run = time_passes(timeline, known, options, on_step, [&] { timeline.pass(requests, builder, steps); });
  if (formed)
    *formed = {requests.trace.header.name, static_cast<uint32_t>(requests.trace.requests.size()), std::move(steps)};
  return run;
}

}  // namespace tierscope
