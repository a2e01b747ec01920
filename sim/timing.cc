#include "sim/timing.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
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
           const AccessStream& stream, const TimingOptions& options)
      : device_(device),
        model_(model),
        table_(table),
        placement_(placement),
        stream_(stream),
        options_(options),
        planner_(placement, planner_shape(table, stream), options.seed),
        clock_(device.compute, model),
        storage_(device.nvme, options.max_depth, options.seed),
        ranges_(table) {
    if (planner_.offline()) uses_ = next_uses(stream.rows, table.rows);
  }

  void pass() {
    for (size_t i = 0; i < stream_.steps.size(); ++i) run_step(i);
  }

  // Measures from here on: caches and the planner stay as they are.
  void start_measuring() {
    base_ = planner_.totals();
    measuring_ = true;
    now_us_ = 0;
    storage_ = StorageModel(device_.nvme, options_.max_depth, options_.seed);
    staged_served_us_ = busy_us_ = 0;
    nvme_reads_ = nvme_bytes_ = observed_reads_ = observed_bytes_ = 0;
    latencies_ = {};
    current_request_ = UINT32_MAX;
  }

  void on_step(const std::function<void(const StepTiming&)>& call) { on_step_ = call; }
  RunMetrics metrics() const;
  void check() const { planner_.check(); }

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
  double fill_us(const Demand& demand) const;
  double copy_us(uint64_t bytes) const;
  PassShape pass_shape(const AccessStream::Step& step) const;
  bool last_prompt_step(size_t index) const;

  const DeviceProfile& device_;
  const ModelShape& model_;
  const TableLayout& table_;
  const Placement& placement_;
  const AccessStream& stream_;
  const TimingOptions& options_;
  Planner planner_;
  std::vector<SequencePart> parts_;  // of the step that is being planned
  BlockClock clock_;
  StorageModel storage_;
  RangeCounter ranges_;
  std::vector<uint32_t> uses_;
  std::optional<Prepared> ahead_;  // prefetch=prompt: the next chunk, whose reads are under way
  double now_us_ = 0;
  double staged_served_us_ = 0;  // when the last draft's reads are in

  bool measuring_ = false;
  std::function<void(const StepTiming&)> on_step_;
  PlanCounts base_;
  uint32_t current_request_ = UINT32_MAX, context_ = 0, emitted_ = 0;
  double request_begin_us_ = 0, first_emission_us_ = 0, last_emission_us_ = 0;
  std::vector<double> ttft_ms_, tpot_ms_, itl_ms_, stall_prefill_ms_, stall_decode_ms_;
  double prefill_us_ = 0, decode_us_ = 0;
  uint64_t prompt_tokens_ = 0, output_tokens_ = 0, requests_ = 0, steps_ = 0;
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

Timeline::Prepared Timeline::prepare(size_t index) {
  Prepared prepared{index, plan(index), now_us_, now_us_};
  const Demand& demand = prepared.demand;
  LatencyHistogram& latencies = in_background() ? unobserved_ : latencies_;
  prepared.served_us = storage_.read_together(now_us_, demand.reads, demand.read_bytes, latencies);
  nvme_reads_ += demand.reads + demand.prefetch_reads;
  nvme_bytes_ += demand.read_bytes + demand.prefetch_bytes;
  if (!in_background()) {
    observed_reads_ += demand.reads;
    observed_bytes_ += demand.read_bytes;
    if (demand.reads > 0) busy_us_ += prepared.served_us - now_us_;
  }
  // Handing reads over is the computing thread's work.
  now_us_ += storage_.cpu_us(std::min(demand.reads + demand.prefetch_reads, options_.start_depth));
  prepared.served_us = std::max(prepared.served_us, demand.reads > 0 ? now_us_ : prepared.served_us);
  if (demand.rows_staged > 0) prepared.served_us = std::max(prepared.served_us, staged_served_us_);
  if (demand.prefetch_reads > 0)
    staged_served_us_ =
        storage_.read_together(prepared.served_us, demand.prefetch_reads, demand.prefetch_bytes, unobserved_);
  return prepared;
}

double Timeline::copy_us(uint64_t bytes) const {
  const RamThreads& one = device_.ram.threads.front();
  return one.random_row_us * static_cast<double>(bytes) / one.row_bytes;
}

double Timeline::upload_us(uint32_t rows) const {
  if (!device_.compute.on_device || rows == 0) return 0;
  const VramProfile& vram = *device_.vram;
  // Rows are collected into one buffer and cross in one copy; where memory is shared, nothing crosses. Of a page only
  // the row that is asked for is collected.
  const uint64_t row_bytes = table_.pages ? table_.pages->row_bytes() : table_.row_bytes;
  const double crossing =
      vram.unified ? 0 : static_cast<double>(rows * row_bytes) / vram.upload_bytes_per_s.value * 1e6;
  return rows * copy_us(row_bytes) + vram.upload_latency_us.value + crossing;
}

double Timeline::fill_us(const Demand& demand) const {
  double us = demand.fills_ram * copy_us(table_.row_bytes);
  if (demand.fills_vram > 0)
    us += device_.vram->gather_latency_us.value +
          static_cast<double>(demand.fills_vram * table_.row_bytes) / device_.vram->gather_bytes_per_s.value * 1e6;
  return us;
}

bool Timeline::last_prompt_step(size_t index) const {
  const auto& steps = stream_.steps;
  return steps[index].prefill &&
         (index + 1 == steps.size() || !steps[index + 1].prefill || steps[index + 1].request != steps[index].request);
}

PassShape Timeline::pass_shape(const AccessStream::Step& step) const {
  return {static_cast<uint32_t>(stream_.tokens(step)), context_, 1};
}

void Timeline::run_step(size_t index) {
  const AccessStream::Step& step = stream_.steps[index];
  if (step.request != current_request_) {
    current_request_ = step.request;
    context_ = emitted_ = 0;
    request_begin_us_ = now_us_;
    if (measuring_) ++requests_;
  }
  StepTiming timing{step.request, step.prefill, static_cast<uint32_t>(step.count), 0, 0, now_us_};
  now_us_ += device_.host.step_us.value + static_cast<double>(step.count) * device_.host.access_us.value;
  Prepared prepared = ahead_ && ahead_->step == index ? *ahead_ : prepare(index);
  ahead_.reset();
  const Demand& demand = prepared.demand;
  PassShape pass = pass_shape(step);
  pass.logits = !step.prefill || last_prompt_step(index) ? 1 : 0;
  const double before_us = options_.computes ? clock_.before_rows_us(pass) : 0;
  const double after_us = options_.computes ? clock_.after_rows_us(pass) : 0;
  timing.requested_us = prepared.requested_us;
  timing.served_us = std::max(prepared.served_us, now_us_);
  // What is in RAM already crosses while the reads are under way.
  timing.uploaded_us = std::max(timing.served_us, now_us_ + upload_us(demand.rows_from_ram)) +
                       upload_us(demand.rows_read + demand.rows_staged);
  timing.needed_us = placement_.prefetch.overlap ? now_us_ + before_us : now_us_;
  timing.stall_us = std::max(0.0, timing.uploaded_us - timing.needed_us);
  double rows_at_us = timing.needed_us + timing.stall_us;
  // The next chunk's reads go out when this one's rows are in.
  if (placement_.prefetch.prompt && step.prefill && !last_prompt_step(index)) {
    now_us_ = rows_at_us;
    ahead_ = prepare(index + 1);
    rows_at_us = now_us_;
  }
  const double used_us = rows_at_us + (placement_.prefetch.overlap ? 0 : before_us) +
                         (demand.rows_from_vram && options_.computes ? device_.vram->gather_latency_us.value : 0);
  const double computed_us = used_us + after_us;
  now_us_ = timing.end_us = computed_us + fill_us(demand);
  timing.reads = demand.rows_read;
  timing.read_bytes = demand.read_bytes;
  context_ += pass.tokens;
  if (!measuring_) return;

  ++steps_;
  (step.prefill ? prompt_tokens_ : output_tokens_) += pass.tokens;
  (step.prefill ? stall_prefill_ms_ : stall_decode_ms_).push_back(timing.stall_us / 1e3);
  const bool last_of_request = index + 1 == stream_.steps.size() || stream_.steps[index + 1].request != step.request;
  if (last_prompt_step(index)) {
    ttft_ms_.push_back((computed_us - request_begin_us_) / 1e3);
    prefill_us_ += computed_us - request_begin_us_;
    first_emission_us_ = last_emission_us_ = computed_us;
    emitted_ = 1;
  } else if (!step.prefill && !last_of_request) {
    itl_ms_.push_back((computed_us - last_emission_us_) / 1e3);
    decode_us_ += computed_us - last_emission_us_;
    last_emission_us_ = computed_us;
    ++emitted_;
  }
  if (last_of_request && emitted_ > 1)
    tpot_ms_.push_back((last_emission_us_ - first_emission_us_) / 1e3 / (emitted_ - 1));
  if (on_step_) on_step_(timing);
}

RunMetrics Timeline::metrics() const {
  RunMetrics metrics;
  metrics.placement = to_text(placement_);
  metrics.state = options_.warm ? "warm" : "cold";
  metrics.compute = options_.computes ? "profile:" + device_.name : "none";
  metrics.backend = device_.compute.on_device ? "profile device" : "profile cpu";
  metrics.requests = requests_;
  metrics.prompt_tokens = prompt_tokens_;
  metrics.output_tokens = output_tokens_;
  metrics.steps = steps_;
  metrics.ttft_ms = summarize(ttft_ms_);
  metrics.tpot_ms = summarize(tpot_ms_);
  metrics.itl_ms = summarize(itl_ms_);
  metrics.stall_prefill_ms = summarize(stall_prefill_ms_);
  metrics.stall_decode_ms = summarize(stall_decode_ms_);
  if (prefill_us_ > 0) metrics.prefill_tokens_per_s = static_cast<double>(prompt_tokens_) / prefill_us_ * 1e6;
  if (decode_us_ > 0) metrics.decode_tokens_per_s = static_cast<double>(itl_ms_.size()) / decode_us_ * 1e6;

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
  const uint64_t compulsory_misses = distinct_rows(stream, table);
  const PlacementMemory memory = placement_memory(placement, table.shape(), widest_step(stream));
  const auto reason = why_not_fitting(device, model, table, placement, stream);
  if (reason && (options.must_fit || (memory.vram_bytes > 0 && !device.vram)))
    throw UsageError(*reason, fmt::format("placement '{}' on {}", to_text(placement), device.name),
                     "give the caches less, or another tier");
  const auto start = std::chrono::steady_clock::now();
  Timeline timeline(device, model, table, placement, stream, options);
  if (options.warm) timeline.pass();
  timeline.start_measuring();
  timeline.on_step(on_step);
  timeline.pass();
  timeline.check();
  TimedRun run{timeline.metrics(), 0};
  run.metrics.compulsory_misses = compulsory_misses;
  run.metrics.memory_bytes = model.weight_bytes + memory.ram_bytes + memory.vram_bytes;
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  run.simulated_accesses_per_s = static_cast<double>(stream.rows.size()) * (options.warm ? 2 : 1) / seconds;
  return run;
}

}  // namespace tierscope
