#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <tuple>

#include "experiments/probe.h"
#include "runtime/base/error.h"
#include "runtime/base/median.h"
#include "runtime/base/random.h"
#include "runtime/gguf/dtype.h"

namespace tierscope {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint32_t kRows = 512;  // of the larger of the two steps measured: a prompt's chunk
constexpr uint32_t kSlots = 4096;
constexpr uint32_t kGroupValues = 32;               // that one group of ple_gather takes
const DTypeInfo& kType = known_dtype(DType::q8_0);  // of the published tables

// A step's rows on their way through a device: copied there out of pinned memory, then gathered by the kernel that the
// decoder uses.
class RowBench {
 public:
  RowBench(Device& device, uint32_t row_bytes, const ProbeOptions& options)
      : device_(device),
        options_(options),
        cols_(row_bytes / kType.block_bytes * kType.block_values),
        row_bytes_(row_bytes),
        pinned_(device.allocate_pinned(uint64_t{kRows} * row_bytes)),
        slots_(device.allocate(uint64_t{kSlots} * row_bytes, "the probe's slots")),
        indices_(device.allocate(kRows * sizeof(uint32_t), "the probe's indices")),
        context_(device.allocate(uint64_t{kRows} * cols_ * sizeof(float), "the probe's context")),
        out_(device.allocate(uint64_t{kRows} * cols_ * sizeof(float), "the probe's result")) {
    Random random(options.seed);
    std::vector<uint32_t> indices(kRows);
    for (uint32_t& index : indices) index = random.below(kSlots);
    for (std::byte& byte : pinned_) byte = static_cast<std::byte>(random.below(256));
    for (uint32_t slot = 0; slot + kRows <= kSlots; slot += kRows)
      device.write(*slots_, uint64_t{slot} * row_bytes, pinned_).wait();
    const std::vector<float> zeros(uint64_t{kRows} * cols_);
    device.write(*context_, 0, std::as_bytes(std::span(zeros))).wait();
    device.write(*indices_, 0, std::as_bytes(std::span(indices))).wait();
  }

  double upload_us(uint32_t rows) {
    return median_us([&] { device_.write(*slots_, 0, pinned_.first(uint64_t{rows} * row_bytes_)).wait(); });
  }
  double gather_us(uint32_t rows) {
    return median_us([&] {
      device_
          .launch("ple_gather", kType.type, {(cols_ + kGroupValues - 1) / kGroupValues, rows, 1},
                  {slots_.get(), uint64_t{row_bytes_}, cols_, indices_.get(), 1.0f, context_.get(), out_.get()})
          .wait();
    });
  }

 private:
  template <class Act>
  double median_us(Act&& act) {
    act();  // a kernel is built, memory is there
    std::vector<double> us;
    const Clock::time_point begin = Clock::now();
    do {
      const Clock::time_point start = Clock::now();
      act();
      us.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
    } while (std::chrono::duration<double>(Clock::now() - begin).count() < options_.seconds_per_point);
    return median(us);
  }

  Device& device_;
  const ProbeOptions& options_;
  const uint32_t cols_, row_bytes_;
  const std::span<std::byte> pinned_;
  const std::unique_ptr<DeviceBuffer> slots_, indices_, context_, out_;
};

// A fixed part and a part by bytes, from the times of one row and of many. A device that takes no longer for many is
// said to be as fast as all of its time allows.
std::pair<Figure, Figure> line(double one_us, double many_us, uint32_t row_bytes, const std::string& what) {
  const double bytes = double{kRows - 1} * row_bytes;
  const double slope_us = many_us > one_us ? many_us - one_us : many_us;
  const std::string source = fmt::format("measured: tierscope probe, {}, 1 and {} rows", what, kRows);
  return {{one_us, source}, {bytes / slope_us * 1e6, source}};
}

}  // namespace

VramProfile probe_device(Device& device, uint32_t row_bytes, const ProbeOptions& options) {
  if (row_bytes < kType.block_bytes)
    throw Error(fmt::format("a row of {} bytes holds no block of {}", row_bytes, kType.name), device.info().name,
                fmt::format("give rows of at least {} bytes", kType.block_bytes));
  if (options.on_progress) options.on_progress("copies to " + device.info().name);
  const std::string source = fmt::format("measured: tierscope probe, as {} says", device.info().name);
  VramProfile vram;
  vram.capacity_bytes = {static_cast<double>(device.info().memory_bytes), source};
  vram.unified = device.info().unified_memory;
  RowBench bench(device, row_bytes, options);
  std::tie(vram.upload_latency_us, vram.upload_bytes_per_s) =
      line(bench.upload_us(1), bench.upload_us(kRows), row_bytes, "copies out of pinned memory");
  if (options.on_progress) options.on_progress("gathers on " + device.info().name);
  std::tie(vram.gather_latency_us, vram.gather_bytes_per_s) =
      line(bench.gather_us(1), bench.gather_us(kRows), row_bytes, "the decoder's gather");
  return vram;
}

}  // namespace tierscope
