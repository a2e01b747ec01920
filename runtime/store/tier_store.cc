#include "runtime/store/tier_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <list>
#include <map>
#include <optional>
#include <stdexcept>

#include "runtime/base/error.h"
#include "runtime/metrics/process_stats.h"
#include "runtime/store/device_tier.h"
#include "runtime/store/memory.h"
#include "runtime/store/read_planning.h"
#include "runtime/store/row_source.h"

namespace tierscope {
namespace {

using Clock = std::chrono::steady_clock;

// Slots start on cache lines of their own.
constexpr uint64_t kSlotAlignmentBytes = 64;
// One read of a table that is loaded whole.
constexpr uint64_t kLoadBytes = uint64_t{1} << 20;
// What direct reads of any device here align to, for estimates before a file is open.
constexpr uint32_t kLargestAlignmentBytes = 4096;

uint64_t round_up(uint64_t value, uint64_t step) {
  return (value + step - 1) / step * step;
}

struct SlotArray {
  uint64_t stride = 0;
  TierMemory memory;
  std::vector<uint64_t> filled_in;  // by slot: the last retirement that changed it
  std::byte* at(uint32_t slot) const { return memory.data() + slot * stride; }
};

// Bytes of the reader's arena: a segment for each step that may be in flight, then the staging slots.
struct ArenaShape {
  uint64_t row_bytes = 0;
  uint64_t segment_bytes = 0;
  uint32_t segments = 0;
  uint32_t staging_slots = 0;
  uint64_t bytes() const { return segment_bytes * segments + row_bytes * staging_slots; }
};

ArenaShape arena_shape(const TableFile& table, const Placement& placement, const Planner& planner,
                       const StoreOptions& options, uint32_t alignment) {
  ArenaShape shape;
  if (placement.backing == Tier::ram) return shape;
  shape.row_bytes = row_read_bytes(table, alignment);
  shape.segment_bytes = round_up(shape.row_bytes * options.max_step_rows, kLargestAlignmentBytes);
  shape.segments = placement.prefetch.prompt ? 2 : 1;
  shape.staging_slots = planner.staging_slots();
  return shape;
}

uint64_t slot_stride(const TableFile& table) {
  return round_up(table.row_bytes, kSlotAlignmentBytes);
}

// A table held whole in memory, byte for byte as in its file, so that it can be read without a copy.
uint64_t whole_table_bytes(const TableFile& table) {
  return round_up(table.end() - table.offset + 2 * kLargestAlignmentBytes, kLargestAlignmentBytes);
}

class Store;

class PlannedStep final : public StepRows, public DeviceStepRows {
 public:
  PlannedStep(Store& store, StepPlan plan) : store_(store), plan_(std::move(plan)) {}
  ~PlannedStep() override;
  void await() override;
  const std::byte* row(size_t i) const override;
  const DeviceStepRows* on_device() const override;
  std::vector<DeviceRowPart> device_parts() const override;

 private:
  friend class Store;
  Store& store_;
  StepPlan plan_;
  std::vector<const std::byte*> rows_;  // parallel to plan_.rows; null: only in device memory
  DeviceTier::StepState device_;
  mutable std::map<uint32_t, std::vector<std::byte>> fetched_;  // planned rows brought back from the device
  ReadBatch batch_;
  std::optional<uint32_t> segment_;
  bool awaited_ = false;
};

// Reads into staging slots, which outlive the step that started them.
struct StagingBatch {
  ReadBatch batch;
  std::vector<StagingRead> reads;
};

struct StagingSlot {
  StagingBatch* pending = nullptr;  // whose read has not been waited for
  const std::byte* row = nullptr;
  RowId holds = kNoRow;
};

// Slots of the VRAM tier: those of its cache, or one for each row.
uint64_t device_slots(const TableFile& table, const Planner& planner) {
  return planner.level_count() == 0 ? table.rows : planner.slots(0);
}

class Store final : public TierStore {
 public:
  Store(const TableFile& table, const Placement& placement, const Planner& planner, const StoreOptions& options)
      : table_(table), placement_(placement), options_(options) {
    const bool on_nvme = placement.backing == Tier::nvme;
    // Where nothing but the load of a whole table is read, the arena is not used.
    arena_ = arena_shape(table, placement, planner, options, kLargestAlignmentBytes);
    source_ = std::make_unique<RowSource>(table, placement.access, arena_.bytes(), options);
    arena_.row_bytes = row_read_bytes(table, source_->handle().alignment_bytes());
    for (uint32_t i = 0; i < arena_.segments; ++i) free_segments_.push_back(i);
    staging_.resize(arena_.staging_slots);
    levels_.resize(planner.level_count());
    counts_.fills.resize(levels_.size());
    if (top_tier(placement) == Tier::vram)
      device_ = std::make_unique<DeviceTier>(*options.device, device_slots(table, planner), table.row_bytes,
                                             options.max_step_rows);
    for (size_t i = on_device(0) ? 1 : 0; i < levels_.size(); ++i) {
      levels_[i].stride = slot_stride(table);
      levels_[i].memory = TierMemory(planner.slots(i) * levels_[i].stride);
      levels_[i].filled_in.assign(planner.slots(i), 0);
    }
    if (options.spans) track_ = options.spans->track("steps");
    const Clock::time_point begin = Clock::now();
    if (!on_nvme) load_whole_table();
    for (size_t i = 0; i < levels_.size(); ++i) preload(i, planner.preload(i));
    preloaded_.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    reset_counts();
  }

  ~Store() override {
    for (StagingBatch& batch : staging_batches_) source_->abandon(batch.batch);
  }

  std::unique_ptr<StepRows> begin(StepPlan plan) override {
    if (broken_) throw std::logic_error("a step was begun after a read failed");
    auto step = std::make_unique<PlannedStep>(*this, std::move(plan));
    start_reads(*step);
    start_staging(step->plan_);
    return step;
  }

  void retire(std::unique_ptr<StepRows> rows) override {
    auto& step = static_cast<PlannedStep&>(*rows);
    await(step);
    const Clock::time_point begin = Clock::now();
    fill_slots(step);
    if (options_.spans && !step.plan_.fills.empty())
      options_.spans->add(track_, "fill slots", begin, Clock::now(), "rows", step.plan_.fills.size());
  }

  void drain() override {
    while (!staging_batches_.empty()) collect(staging_batches_.front());
    if (on_device(0)) counts_.fills[0] += device_->collect_fills();
  }

  void reset_counts() override {
    drain();
    source_->reset_counts();
    counts_ = {};
    if (device_) device_->copies = {};
    counts_.rows_served.resize(levels_.size());
    counts_.fills.resize(levels_.size());
    storage_bytes_before_ = storage_read_bytes();
    faults_before_ = major_faults();
  }

  StoreCounts counts() override {
    const ReadCounts reads = source_->counts();
    StoreCounts counts = counts_;
    counts.device_reads = reads.reads;
    counts.device_bytes = reads.bytes;
    counts.retries = reads.retries;
    counts.observed_reads = reads.observed_reads;
    counts.observed_bytes = reads.observed_bytes;
    counts.busy_ns = reads.busy_ns;
    counts.latency = reads.latency;
    if (device_) {
      counts.device_copies = device_->copies.rows;
      counts.device_copy_bytes = device_->copies.bytes;
      counts.device_copy_seconds = device_->copies.seconds;
      counts.device_copy_hidden_seconds = device_->copies.hidden_seconds;
    }
    if (!source_->handle().direct()) count_page_cache_reads(counts);
    return counts;
  }

  void check_unchanged() const override { source_->handle().check_unchanged(); }
  std::string effective_access() const override { return source_->effective_access(); }
  const PreloadMetrics& preloaded() const override { return preloaded_; }
  uint64_t level_bytes(size_t top_first) const override {
    return on_device(top_first) ? device_->slot_bytes() : levels_[top_first].memory.bytes();
  }

  uint64_t memory_bytes() const override {
    uint64_t bytes = source_->memory().size() + whole_.bytes();
    for (const SlotArray& level : levels_) bytes += level.memory.bytes();
    return bytes;
  }

  const DeviceStepRows* on_device(const PlannedStep& step) const { return device_ ? &step : nullptr; }

  std::vector<DeviceRowPart> device_parts(const PlannedStep& step) const {
    std::vector<uint64_t> slots;
    for (const PlannedRow& row : step.plan_.rows) slots.push_back(device_slot(row));
    return device_->parts(step.device_, step.plan_.use, slots);
  }

  // A row back from the device, for checks: a decoder there has no need of it.
  const std::byte* fetch(const PlannedStep& step, uint32_t planned) const {
    auto& row = step.fetched_[planned];
    if (row.empty()) {
      row.resize(table_.row_bytes);
      device_->read_slot(device_slot(step.plan_.rows[planned]), row.data());
    }
    return row.data();
  }

  void await(PlannedStep& step) {
    if (step.awaited_) return;
    if (broken_) throw std::logic_error("rows were asked for after a read failed");
    try {
      finish_reads(step);
    } catch (const Error&) {
      broken_ = true;
      throw;
    }
    step.awaited_ = true;
  }

  void abandon(PlannedStep& step) noexcept {
    source_->abandon(step.batch_);
    if (step.segment_) free_segments_.push_back(*step.segment_);
  }

 private:
  // Whether the level's slots lie in device memory.
  bool on_device(size_t level) const { return device_ && level == 0 && !levels_.empty(); }
  bool whole_on_device() const { return device_ && levels_.empty(); }
  uint64_t device_slot(const PlannedRow& row) const { return whole_on_device() ? row.row : row.from.slot; }

  RangeRules rules() const {
    const TableHandle& handle = source_->handle();
    // Through the page cache nothing between two rows should be read, let alone through a mapping.
    return {handle.alignment_bytes(), handle.direct() ? options_.coalesce_gap_bytes : 0, 65536};
  }

  bool reads_in_background() const { return placement_.prefetch.overlap || placement_.prefetch.prompt; }

  void start_reads(PlannedStep& step) {
    const StepPlan& plan = step.plan_;
    step.rows_.resize(plan.rows.size());
    std::vector<RowId> wanted;
    std::vector<uint32_t> wanted_by;
    for (uint32_t i = 0; i < plan.rows.size(); ++i) {
      const auto [row, from] = plan.rows[i];
      if (from.level == RowLocation::kStaging) continue;  // known once its read has been waited for
      if (on_device(from.level) || whole_on_device()) continue;
      if (from.level != RowLocation::kBacking) {
        step.rows_[i] = levels_[from.level].at(from.slot);
      } else if (placement_.backing != Tier::nvme) {
        step.rows_[i] = whole_row(row);
      } else {
        wanted.push_back(row);
        wanted_by.push_back(i);
      }
    }
    // With prefetch=prompt the step before still has its rows on the device.
    if (!placement_.prefetch.prompt) send_to_device(step);
    if (wanted.empty()) return;
    PlannedReads planned = plan_reads(table_, wanted, take_segment(step, wanted.size()), rules());
    for (size_t k = 0; k < wanted.size(); ++k) step.rows_[wanted_by[k]] = planned.rows[k];
    step.batch_.ops = std::move(planned.ops);
    source_->start(step.batch_, reads_in_background());
  }

  // Sends the rows that are on the host by now and were not sent before.
  void send_to_device(PlannedStep& step) {
    if (!device_) return;
    if (step.device_.sent_to.empty()) {
      step.device_.sent_to.resize(step.rows_.size(), DeviceTier::StepState::kNotSent);
      if (!levels_.empty()) counts_.fills[0] += device_->collect_fills();
    }
    std::vector<uint32_t> which;
    for (uint32_t i = 0; i < step.rows_.size(); ++i)
      if (step.rows_[i] != nullptr && step.device_.sent_to[i] == DeviceTier::StepState::kNotSent) which.push_back(i);
    device_->send(step.device_, which, step.rows_);
  }

  std::span<std::byte> take_segment(PlannedStep& step, size_t rows) {
    if (free_segments_.empty()) throw std::logic_error("more steps in flight than the placement's prefetch needs");
    if (rows > options_.max_step_rows) throw std::logic_error("a step reads more rows than the options allow");
    step.segment_ = free_segments_.back();
    free_segments_.pop_back();
    return source_->memory().subspan(*step.segment_ * arena_.segment_bytes, arena_.segment_bytes);
  }

  void start_staging(const StepPlan& plan) {
    while (!staging_batches_.empty() && staging_batches_.front().batch.done()) collect(staging_batches_.front());
    if (plan.prefetch.empty()) return;
    StagingBatch& staging = staging_batches_.emplace_back();
    staging.reads = plan.prefetch;
    for (const StagingRead& read : plan.prefetch) {
      StagingSlot& slot = staging_[read.staging_slot];
      if (slot.pending) collect(*slot.pending);
      std::byte* const memory =
          source_->memory().data() + arena_.segment_bytes * arena_.segments + read.staging_slot * arena_.row_bytes;
      PlannedReads planned = plan_reads(table_, {&read.row, 1}, {memory, arena_.row_bytes}, rules());
      staging.batch.ops.push_back(planned.ops.front());
      slot = {&staging, planned.rows.front(), read.row};
    }
    source_->start(staging.batch, true);
  }

  // Waits for a staging batch and forgets it.
  void collect(StagingBatch& staging) {
    source_->finish(staging.batch);
    counts_.prefetch_rows_read += staging.reads.size();
    for (const StagingRead& read : staging.reads) {
      StagingSlot& slot = staging_[read.staging_slot];
      if (slot.pending != &staging) continue;
      slot.pending = nullptr;
      check_hash(read.row, slot.row);
    }
    staging_batches_.remove_if([&](const StagingBatch& batch) { return &batch == &staging; });
  }

  void finish_reads(PlannedStep& step) {
    const bool waits = !step.batch_.ops.empty();
    const Clock::time_point begin = Clock::now();
    if (waits) source_->finish(step.batch_);
    for (const ReadOp& op : step.batch_.ops) counts_.rows_read += op.rows;
    for (size_t i = 0; i < step.plan_.rows.size(); ++i) take_delivery(step, i);
    send_to_device(step);
    if (options_.spans && waits)
      options_.spans->add(track_, "wait for rows", begin, Clock::now(), "reads", step.batch_.ops.size());
  }

  void take_delivery(PlannedStep& step, size_t i) {
    const auto [row, from] = step.plan_.rows[i];
    if (from.level == RowLocation::kBacking) {
      if (placement_.backing != Tier::nvme) ++counts_.rows_read;
      if (step.rows_[i] != nullptr) check_hash(row, step.rows_[i]);
    } else if (from.level == RowLocation::kStaging) {
      StagingSlot& slot = staging_[from.slot];
      if (slot.holds != row) throw std::logic_error("a staging slot holds another row than planned");
      if (slot.pending) collect(*slot.pending);
      step.rows_[i] = slot.row;
      ++counts_.staging_served;
    } else {
      ++counts_.rows_served[from.level];
    }
  }

  void check_hash(RowId row, const std::byte* bytes) const {
    // Pages have none: what is in them is checked row by row, where rows are put together.
    if (!table_.pages) check_row_hash(table_, row, bytes);
  }

  // All fills happen as if at once: what a slot held before is copied away first where it would be overwritten.
  void fill_slots(PlannedStep& step) {
    ++retirement_;
    std::vector<SlotFill> host_fills, device_fills;
    for (const SlotFill& fill : step.plan_.fills) (on_device(fill.level) ? device_fills : host_fills).push_back(fill);
    for (const SlotFill& fill : host_fills) levels_[fill.level].filled_in[fill.slot] = retirement_;
    saved_.resize(std::ranges::count_if(host_fills, [&](const SlotFill& fill) { return must_save(fill); }) *
                  table_.row_bytes);
    std::byte* next_saved = saved_.data();
    std::vector<const std::byte*> sources;
    for (const SlotFill& fill : host_fills) {
      if (!must_save(fill)) {
        sources.push_back(source_of(step, fill));
        continue;
      }
      if (on_device(fill.from.level))
        device_->read_slot(fill.from.slot, next_saved);
      else
        std::memcpy(next_saved, source_of(step, fill), table_.row_bytes);
      sources.push_back(std::exchange(next_saved, next_saved + table_.row_bytes));
    }
    for (size_t i = 0; i < host_fills.size(); ++i) {
      std::memcpy(levels_[host_fills[i].level].at(host_fills[i].slot), sources[i], table_.row_bytes);
      ++counts_.fills[host_fills[i].level];
    }
    if (device_) device_->fill(step.device_, device_fills);
  }

  // A fill's source is a slot that this retirement overwrites, or lies in device memory.
  bool must_save(const SlotFill& fill) const {
    const auto [level, slot] = fill.from;
    return level < levels_.size() && (on_device(level) || levels_[level].filled_in[slot] == retirement_);
  }

  const std::byte* source_of(const PlannedStep& step, const SlotFill& fill) const {
    if (fill.from.level < levels_.size()) return levels_[fill.from.level].at(fill.from.slot);
    if (fill.planned_row == kNoSlot) throw std::logic_error("a slot is filled with a row that its step never had");
    return step.rows_[fill.planned_row];
  }

  const std::byte* whole_row(RowId row) const { return whole_first_ + row * table_.stride(); }

  // Piece by piece: the host never holds the table.
  void load_whole_table_to_device() {
    std::vector<std::byte> rows;
    const auto load = [&](RowId first, std::span<const RowId> ids) {
      const PlannedReads planned = plan_reads(table_, ids, source_->memory(), rules());
      source_->read_now(planned.ops);
      rows.resize(ids.size() * table_.row_bytes);
      for (size_t i = 0; i < ids.size(); ++i) {
        check_hash(ids[i], planned.rows[i]);
        std::memcpy(&rows[i * table_.row_bytes], planned.rows[i], table_.row_bytes);
      }
      device_->load(first, rows);
    };
    std::vector<RowId> ids;
    for (RowId first = 0; first < table_.rows; first += static_cast<RowId>(ids.size())) {
      ids.clear();
      for (RowId row = first; row < table_.rows && ids.size() < options_.max_step_rows; ++row) ids.push_back(row);
      load(first, ids);
    }
    preloaded_.rows += table_.rows;
    preloaded_.bytes += table_.rows * table_.row_bytes;
  }

  void load_whole_table() {
    if (whole_on_device()) return load_whole_table_to_device();

    const uint64_t alignment = source_->handle().alignment_bytes();
    const uint64_t first = table_.offset / alignment * alignment;
    const uint64_t end = round_up(table_.end(), alignment);
    whole_ = TierMemory(whole_table_bytes(table_));
    whole_first_ = whole_.data() + (table_.offset - first);
    std::vector<ReadOp> ops;
    for (uint64_t at = first; at < end; at += kLoadBytes) {
      const uint64_t bytes = std::min(kLoadBytes, end - at);
      const uint64_t needed = std::min(bytes, table_.end() - at);
      ops.push_back({at, static_cast<uint32_t>(bytes), static_cast<uint32_t>(needed), whole_.data() + (at - first), 0});
    }
    source_->read_now(std::move(ops));
    preloaded_.rows += table_.rows;
    preloaded_.bytes += table_.rows * table_.row_bytes;
    if (table_.row_hashes && !table_.pages)
      for (RowId row = 0; row < table_.rows; ++row) check_hash(row, whole_row(row));
  }

  void preload(size_t level, const std::vector<RowId>& rows) {
    for (size_t first = 0; first < rows.size(); first += options_.max_step_rows) {
      const auto part = std::span(rows).subspan(first, std::min<size_t>(options_.max_step_rows, rows.size() - first));
      PlannedReads planned;
      if (placement_.backing == Tier::nvme) {
        planned = plan_reads(table_, part, source_->memory().first(arena_.segment_bytes), rules());
        source_->read_now(planned.ops);
      }
      for (size_t k = 0; k < part.size(); ++k) {
        const std::byte* from = planned.rows.empty() ? whole_row(part[k]) : planned.rows[k];
        check_hash(part[k], from);
        if (on_device(level))
          device_->load(first + k, {from, table_.row_bytes});
        else
          std::memcpy(levels_[level].at(static_cast<uint32_t>(first + k)), from, table_.row_bytes);
      }
    }
    preloaded_.rows += rows.size();
    preloaded_.bytes += rows.size() * table_.row_bytes;
  }

  // Through the page cache only the kernel knows what the device moved.
  void count_page_cache_reads(StoreCounts& counts) const {
    const auto now = storage_read_bytes();
    if (now && storage_bytes_before_) counts.device_bytes = *now - *storage_bytes_before_;
    if (placement_.access == AccessMethod::mmap) counts.device_reads = major_faults() - faults_before_;
  }

  const TableFile table_;
  const Placement placement_;
  const StoreOptions options_;
  ArenaShape arena_;
  std::unique_ptr<RowSource> source_;
  std::vector<uint32_t> free_segments_;
  std::vector<StagingSlot> staging_;
  std::list<StagingBatch> staging_batches_;
  std::vector<SlotArray> levels_;  // that of a level in device memory stays empty
  std::unique_ptr<DeviceTier> device_;
  TierMemory whole_;
  std::byte* whole_first_ = nullptr;
  std::vector<std::byte> saved_;
  uint64_t retirement_ = 0;
  StoreCounts counts_;
  PreloadMetrics preloaded_;
  std::optional<uint64_t> storage_bytes_before_;
  uint64_t faults_before_ = 0;
  uint32_t track_ = 0;
  bool broken_ = false;
};

const std::byte* PlannedStep::row(size_t i) const {
  const uint32_t planned = plan_.use[i];
  return rows_[planned] != nullptr ? rows_[planned] : store_.fetch(*this, planned);
}

const DeviceStepRows* PlannedStep::on_device() const {
  return store_.on_device(*this);
}

std::vector<DeviceRowPart> PlannedStep::device_parts() const {
  return store_.device_parts(*this);
}

PlannedStep::~PlannedStep() {
  store_.abandon(*this);
}

void PlannedStep::await() {
  store_.await(*this);
}

void check_tiers(const Placement& placement, const StoreOptions& options) {
  if (top_tier(placement) == Tier::vram && options.device == nullptr)
    throw UsageError("its vram tier needs a device", fmt::format("placement '{}'", to_text(placement)),
                     "add --backend opencl; see: tierscope devices");
}

}  // namespace

std::unique_ptr<TierStore> make_tier_store(const TableFile& table, const Placement& placement, const Planner& planner,
                                           const StoreOptions& options) {
  check_tiers(placement, options);
  return std::make_unique<Store>(table, placement, planner, options);
}

uint64_t store_device_bytes(const TableFile& table, const Placement& placement, const Planner& planner,
                            const StoreOptions& options) {
  if (top_tier(placement) != Tier::vram) return 0;
  return DeviceTier::device_bytes(device_slots(table, planner), table.row_bytes, options.max_step_rows);
}

uint64_t store_memory_bytes(const TableFile& table, const Placement& placement, const Planner& planner,
                            const StoreOptions& options) {
  check_tiers(placement, options);
  uint64_t bytes = arena_shape(table, placement, planner, options, kLargestAlignmentBytes).bytes();
  if (placement.backing == Tier::ram) bytes += whole_table_bytes(table);
  for (size_t i = 0; i < planner.level_count(); ++i)
    if (planner.level(i).tier != Tier::vram) bytes += planner.slots(i) * slot_stride(table);
  return bytes;
}

}  // namespace tierscope
