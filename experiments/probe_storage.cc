#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <fstream>
#include <numeric>
#include <thread>

#include "experiments/probe.h"
#include "runtime/base/atomic_file.h"
#include "runtime/base/error.h"
#include "runtime/base/median.h"
#include "runtime/base/random.h"
#include "runtime/base/wait.h"
#include "runtime/store/read_queue.h"
#include "runtime/store/row_source.h"

namespace tierscope {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::array kBlockBytes{4096u, 8192u, 12288u, 16384u, 32768u, 65536u};
constexpr std::array kDepths{1u, 2u, 4u, 8u, 16u, 32u, 64u, 128u};
constexpr std::array kBurstReads{1u, 2u, 4u, 8u, 16u, 32u, 64u, 128u, 256u, 512u};
constexpr uint32_t kSequentialBytes = 1 << 20;
constexpr uint32_t kSequentialDepth = 8;
constexpr std::array kPausesUs{30.0, 100.0, 300.0, 1000.0, 3000.0, 10000.0, 30000.0};
constexpr uint32_t kIdleBlockBytes = 12288;
// Reads of one kind in a row, before the other kind's turn; the first ones still know the kind before.
constexpr uint32_t kIdleRow = 6, kIdleFirst = 2;
constexpr uint32_t kPageBytes = 4096;
constexpr size_t kFewestSamples = 12;
// A prompt's burst comes after the single reads of decode steps, which leave the disk in another state than its like.
constexpr uint32_t kSinglesBefore = 16;

double microseconds(Clock::duration duration) {
  return std::chrono::duration<double, std::micro>(duration).count();
}

std::string measured(const std::string& what) {
  return "measured: tierscope probe, " + what;
}

Quantiles quantiles(std::vector<double> samples) {
  std::ranges::sort(samples);
  const auto at = [&](double q) {
    const auto rank = static_cast<size_t>(std::ceil(q * static_cast<double>(samples.size())));
    return samples[std::clamp<size_t>(rank, 1, samples.size()) - 1];
  };
  return {at(0.5), at(0.9), at(0.99), at(0.999)};
}

double mean(const std::vector<double>& samples) {
  return std::accumulate(samples.begin(), samples.end(), 0.0) / static_cast<double>(samples.size());
}

class StorageBench {
 public:
  StorageBench(const std::filesystem::path& file, const ProbeOptions& options)
      : options_(options), bytes_(std::filesystem::file_size(file)), random_(options.seed) {
    if (bytes_ < (uint64_t{64} << 20))
      throw Error("is too small to measure random reads on", file.string(), "give a file of at least 64 MiB");
    table_.path = file;
    table_.rows = bytes_ / kBlockBytes.back();
    table_.row_bytes = kBlockBytes.back();
    StoreOptions store;
    const uint64_t most_bytes = kBurstReads.back() * (kBlockBytes.back() + kPageBytes);
    source_ = std::make_unique<RowSource>(table_, AccessMethod::io_uring, most_bytes, store);
    // A reader that never saturates keeps the depth it starts with, as that of a placement whose reads overlap.
    behind_ = std::make_unique<RowSource>(table_, AccessMethod::io_uring, most_bytes, store);
    evict_from_page_cache(table_);
  }

  std::string access() const { return source_->effective_access(); }

  // A closed loop: `depth` reads always in flight.
  RandomRead random_read(uint32_t block, uint32_t depth) {
    std::string refusal;
    const auto queue = make_uring_queue(source_->handle(), source_->memory(), depth, refusal);
    if (!queue) throw Error(refusal, table_.path.string(), "probe measures through io_uring");
    std::vector<Clock::time_point> started(depth);
    std::vector<RawRead> reads;
    std::vector<RawCompletion> completed;
    std::vector<double> latencies;
    for (uint32_t tag = 0; tag < depth; ++tag) reads.push_back(read_at_random(block, tag));
    const Clock::time_point begin = Clock::now();
    Clock::time_point now = begin;
    const Clock::time_point end = begin + seconds(options_.seconds_per_point);
    size_t in_flight = 0;
    while (now < end || in_flight > 0) {
      for (const RawRead& read : reads) started[read.tag] = now;
      in_flight += reads.size();
      completed.clear();
      queue->exchange(reads, completed, 1);
      now = Clock::now();
      reads.clear();
      for (const RawCompletion& completion : completed) {
        check(completion.result, block);
        latencies.push_back(microseconds(now - started[completion.tag]));
        if (now < end) reads.push_back(read_at_random(block, completion.tag));
      }
      in_flight -= completed.size();
    }
    const double iops = static_cast<double>(latencies.size()) / microseconds(now - begin) * 1e6;
    return {block, depth, iops, quantiles(latencies), measured(fmt::format("closed loop, {} reads", latencies.size()))};
  }

  struct BurstSamples {
    uint32_t block = 0, reads = 0;
    std::vector<double> us, background_us, start_us;
  };

  // Through the store's own reader, as a step's reads are.
  void bursts(BurstSamples& samples) {
    const Clock::time_point end = Clock::now() + seconds(options_.seconds_per_point);
    const size_t enough = samples.us.size() + kFewestSamples;
    for (uint64_t count = 0; Clock::now() < end || samples.us.size() < enough; ++count) {
      const bool background = count % 3 == 2;
      for (uint32_t i = 0; samples.reads > 1 && i < kSinglesBefore; ++i) read(samples.block, 1, background);
      const Reads done = read(samples.block, samples.reads, background);
      (background ? samples.background_us : samples.us).push_back(done.us);
      if (background) samples.start_us.push_back(done.start_us);
    }
  }

  // Single reads with a pause before each, in turn with as many at once. Several in a row: a host that fell asleep
  // takes more than one read to wake, and a run that pauses does so again and again.
  IdleRead idle_read(double pause_us) {
    std::vector<double> after_pause, at_once, start_after_pause, start_at_once;
    const Clock::time_point end = Clock::now() + seconds(4 * options_.seconds_per_point);
    while (Clock::now() < end || after_pause.size() < kFewestSamples) {
      for (const bool pauses : {true, false})
        for (uint32_t i = 0; i < kIdleRow; ++i) {
          if (pauses) wait_until(Clock::now() + std::chrono::microseconds(static_cast<int64_t>(pause_us)));
          const Reads done = read(kIdleBlockBytes, 1, true);
          if (i < kIdleFirst) continue;
          (pauses ? after_pause : at_once).push_back(done.us);
          (pauses ? start_after_pause : start_at_once).push_back(done.start_us);
        }
    }
    const double extra_us = std::max(0.0, median(after_pause) - median(at_once));
    return {pause_us, extra_us, std::clamp(median(start_after_pause) - median(start_at_once), 0.0, extra_us),
            measured(fmt::format("{} reads", after_pause.size()))};
  }

  double sequential_bytes_per_s() {
    std::string refusal;
    const auto queue = make_uring_queue(source_->handle(), source_->memory(), kSequentialDepth, refusal);
    if (!queue) throw Error(refusal, table_.path.string(), "probe measures through io_uring");
    std::vector<RawRead> reads;
    std::vector<RawCompletion> completed;
    uint64_t offset = 0, done = 0;
    const auto next = [&](uint32_t tag) {
      const RawRead read{offset, kSequentialBytes, source_->memory().data() + uint64_t{tag} * kSequentialBytes, tag};
      offset = offset + 2 * kSequentialBytes > bytes_ ? 0 : offset + kSequentialBytes;
      return read;
    };
    for (uint32_t tag = 0; tag < kSequentialDepth; ++tag) reads.push_back(next(tag));
    const Clock::time_point begin = Clock::now();
    Clock::time_point now = begin;
    const Clock::time_point end = begin + seconds(10 * options_.seconds_per_point);
    size_t in_flight = 0;
    while (now < end || in_flight > 0) {
      in_flight += reads.size();
      completed.clear();
      queue->exchange(reads, completed, 1);
      now = Clock::now();
      reads.clear();
      for (const RawCompletion& completion : completed) {
        check(completion.result, kSequentialBytes);
        done += kSequentialBytes;
        if (now < end) reads.push_back(next(completion.tag));
      }
      in_flight -= completed.size();
    }
    return static_cast<double>(done) / microseconds(now - begin) * 1e6;
  }

 private:
  static Clock::duration seconds(double value) {
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(value));
  }

  RawRead read_at_random(uint32_t block, uint32_t tag) {
    const uint64_t alignment = source_->handle().alignment_bytes();
    const uint64_t places = (bytes_ - block) / alignment;
    const uint64_t offset = static_cast<uint64_t>(random_.unit() * static_cast<double>(places)) * alignment;
    return {offset, block, source_->memory().data() + uint64_t{tag} * block, tag};
  }

  struct Reads {
    double start_us = 0, us = 0;  // until they were handed over, until all were in
  };
  Reads read(uint32_t block, uint32_t reads, bool background) {
    RowSource& source = background ? *behind_ : *source_;
    ReadBatch batch;
    // Rows lie anywhere in a page, and so do reads of more than a page: one that lands on a page's border is faster.
    const uint64_t stride = block + (block > kPageBytes ? source.handle().alignment_bytes() : 0);
    for (uint32_t i = 0; i < reads; ++i)
      batch.ops.push_back(
          {read_at_random(block, 0).offset, block, block, source.memory().data() + (i + 1) * stride - block, 1});
    const Clock::time_point begin = Clock::now();
    source.start(batch, background);
    const double start_us = microseconds(Clock::now() - begin);
    source.finish(batch);
    return {start_us, microseconds(Clock::now() - begin)};
  }

  void check(int32_t result, uint32_t block) const {
    if (result < 0) throw Error(std::strerror(-result), table_.path.string(), "the disk fails; probe another");
    if (static_cast<uint32_t>(result) != block) throw Error("reads come short", table_.path.string());
  }

  const ProbeOptions& options_;
  uint64_t bytes_;
  Random random_;
  TableFile table_;
  std::unique_ptr<RowSource> source_, behind_;
};

}  // namespace

StorageProbe probe_storage(const std::filesystem::path& file, const ProbeOptions& options) {
  StorageBench bench(file, options);
  StorageProbe probe;
  probe.access = bench.access();
  const auto note = [&](const std::string& what) {
    if (options.on_progress) options.on_progress(what);
  };
  note("sequential reads");
  probe.profile.sequential_bytes_per_s = {bench.sequential_bytes_per_s(),
                                          measured(fmt::format("1 MiB reads, depth {}", kSequentialDepth))};
  for (const uint32_t block : kBlockBytes) {
    note(fmt::format("random reads of {} KiB", block / 1024));
    for (const uint32_t depth : kDepths) probe.profile.random_reads.push_back(bench.random_read(block, depth));
  }
  // Something else may have held the sequential reads up: in order, a disk reads no slower than at random.
  double& sequential = probe.profile.sequential_bytes_per_s.value;
  for (const RandomRead& read : probe.profile.random_reads)
    sequential = std::max(sequential, read.iops * read.block_bytes);
  std::vector<StorageBench::BurstSamples> samples;
  for (const uint32_t block : kBlockBytes)
    for (const uint32_t reads : kBurstReads) samples.push_back({block, reads, {}, {}, {}});
  std::vector<std::vector<double>> means(samples.size());  // by round
  std::vector<double> differences;
  for (uint32_t round = 0; round < options.rounds; ++round) {
    note(fmt::format("bursts, round {} of {}", round + 1, options.rounds));
    for (size_t i = 0; i < samples.size(); ++i) {
      const size_t before = samples[i].us.size();
      bench.bursts(samples[i]);
      const double now = mean({samples[i].us.begin() + static_cast<std::ptrdiff_t>(before), samples[i].us.end()});
      if (round > 0) differences.push_back(std::abs(now - means[i].back()) / now);
      means[i].push_back(now);
    }
  }
  if (!differences.empty()) probe.noise = median(differences);
  note("reads after a pause");
  for (const double pause_us : kPausesUs) probe.profile.idle_reads.push_back(bench.idle_read(pause_us));
  double submit_us = 0;
  size_t submits = 0;
  for (size_t i = 0; i < samples.size(); ++i) {
    const auto& burst = samples[i];
    // A round that something disturbed does not count.
    const double mean_us = median(means[i]);
    // The middle of both tells what the background costs; the mean holds what the machine does now and then.
    const double background_us = std::max(0.0, mean_us + median(burst.background_us) - median(burst.us));
    probe.profile.bursts.push_back({burst.block, burst.reads, mean_us, quantiles(burst.us), background_us,
                                    std::min(median(burst.start_us), background_us),
                                    measured(fmt::format("{} bursts", burst.us.size()))});
    // Up to 32 reads are handed over at once, whatever the device does.
    if (burst.reads < 8 || burst.reads > 32) continue;
    submit_us += median(burst.start_us) / burst.reads;
    ++submits;
  }
  probe.profile.cpu_us_per_read = {submit_us / static_cast<double>(submits),
                                   measured("handing over 8 to 32 reads at once")};
  return probe;
}

double machine_load() {
  const auto read = [] {
    std::ifstream stat("/proc/stat");
    std::string cpu;
    std::array<double, 8> t{};
    stat >> cpu;
    for (double& value : t) stat >> value;
    const double idle = t[3] + t[4];
    return std::pair(std::accumulate(t.begin(), t.end(), 0.0) - idle, idle);
  };
  const auto [busy0, idle0] = read();
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  const auto [busy1, idle1] = read();
  const double all = busy1 - busy0 + idle1 - idle0;
  return all > 0 ? (busy1 - busy0) / all : 0;
}

ScratchFile::ScratchFile(const std::filesystem::path& folder, uint64_t bytes, uint64_t seed)
    : path_(folder / fmt::format("tierscope-probe-{}.tmp", ::getpid())) {
  AtomicFile file(path_);
  file.reserve(bytes);
  std::vector<uint64_t> piece(1 << 17);
  Random random(seed);
  for (uint64_t done = 0; done < bytes; done += piece.size() * sizeof(uint64_t)) {
    for (uint64_t& word : piece) word = random.bits();
    file.write(std::as_bytes(std::span(piece)));
  }
  file.commit();
}

ScratchFile::~ScratchFile() {
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
}

}  // namespace tierscope
