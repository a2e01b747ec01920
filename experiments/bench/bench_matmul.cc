// Matrix products on the shapes of Gemma 4 E2B, beside the machine's limits: for one token and for a few the share of
// the RAM read bandwidth (our own read loop, same threads), for a chunk the operations a second.
//   bench_matmul [--benchmark_filter=decode/Q4_0/.*/8$] [TIERSCOPE_CPU=avx2]
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <random>

#include "experiments/bench/ram_read.h"
#include "runtime/compute/matmul.h"

namespace tierscope {
namespace {

constexpr size_t kThreads = 2;
// More than any last-level cache, so that decode reads RAM, as a model of gigabytes does.
constexpr uint64_t kWorkingSetBytes = uint64_t{512} << 20;

struct Shape {
  const char* name;
  size_t rows, cols;
};
constexpr Shape kUp{"up6144x1536", 6144, 1536}, kDown{"down1536x12288", 1536, 12288};

double ram_bytes_per_s() {
  static const double measured = [] {
    ThreadPool pool(kThreads);
    return read_bytes_per_s(pool);
  }();
  return measured;
}

std::vector<float> random_values(size_t count) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

WeightMatrix random_matrix(const DTypeInfo& info, const Shape& shape) {
  WeightMatrix weights(info.type, shape.rows, shape.cols);
  const std::vector<float> values = random_values(WeightMatrix::kRowGroup * shape.cols);
  std::vector<std::byte> blocks(WeightMatrix::kRowGroup * row_bytes(info, shape.cols));
  info.quantize(values.data(), blocks.data(), values.size());
  for (size_t row = 0; row < shape.rows; row += WeightMatrix::kRowGroup)
    weights.set_rows(row, WeightMatrix::kRowGroup, blocks.data());
  return weights;
}

// A token of each of several sequences.
void decode(benchmark::State& state, const DTypeInfo& info, const Shape& shape, size_t tokens) {
  ThreadPool pool(kThreads);
  std::vector<WeightMatrix> layers;
  uint64_t bytes = 0;
  while (bytes < kWorkingSetBytes) {
    layers.push_back(random_matrix(info, shape));
    bytes += layers.back().bytes();
  }
  const std::vector<float> x = random_values(shape.cols * tokens);
  std::vector<float> y(shape.rows * tokens);
  for (auto _ : state)
    for (const WeightMatrix& weights : layers) matmul(weights, x.data(), tokens, y.data(), pool);
  const double file_bytes = static_cast<double>(layers.size() * shape.rows * row_bytes(info, shape.cols));
  const auto rounds = static_cast<double>(state.iterations());
  state.counters["bytes_per_s"] = benchmark::Counter(rounds * static_cast<double>(bytes), benchmark::Counter::kIsRate);
  // Of the file's bytes: what repacking adds to them counts as loss.
  state.counters["ram_share"] =
      benchmark::Counter(rounds * file_bytes / ram_bytes_per_s(), benchmark::Counter::kIsRate);
}

void prefill(benchmark::State& state, const DTypeInfo& info, const Shape& shape, size_t tokens) {
  ThreadPool pool(kThreads);
  const WeightMatrix weights = random_matrix(info, shape);
  const std::vector<float> x = random_values(shape.cols * tokens);
  std::vector<float> y(shape.rows * tokens);
  for (auto _ : state) matmul(weights, x.data(), tokens, y.data(), pool);
  const double operations = 2.0 * static_cast<double>(shape.rows * shape.cols * tokens);
  state.counters["op_per_s"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * operations, benchmark::Counter::kIsRate);
}

void pack(benchmark::State& state, const DTypeInfo& info, const Shape& shape) {
  WeightMatrix weights(info.type, shape.rows, shape.cols);
  const std::vector<std::byte> blocks(shape.rows * row_bytes(info, shape.cols));
  for (auto _ : state) weights.set_rows(0, shape.rows, blocks.data());
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(blocks.size()));
}

void read_ram(benchmark::State& state) {
  ThreadPool pool(kThreads);
  for (auto _ : state) benchmark::DoNotOptimize(read_bytes_per_s(pool));
  state.counters["bytes_per_s"] = ram_bytes_per_s();
}

void register_all() {
  benchmark::RegisterBenchmark("ram_read", read_ram)->Iterations(1)->Unit(benchmark::kMillisecond);
  for (const DType type : {DType::q4_0, DType::q8_0, DType::q4_k, DType::q6_k, DType::bf16, DType::f16, DType::f32,
                           DType::q5_k, DType::q2_k, DType::q3_k, DType::iq4_xs}) {
    const DTypeInfo& info = known_dtype(type);
    for (const Shape& shape : {kUp, kDown}) {
      for (const size_t tokens : {1UL, 2UL, 4UL, 8UL, 16UL})
        benchmark::RegisterBenchmark(fmt::format("decode/{}/{}/{}", info.name, shape.name, tokens).c_str(), decode,
                                     info, shape, tokens)
            ->UseRealTime()
            ->Unit(benchmark::kMillisecond);
      for (const size_t tokens : {128UL, 512UL})
        benchmark::RegisterBenchmark(fmt::format("prefill{}/{}/{}", tokens, info.name, shape.name).c_str(), prefill,
                                     info, shape, tokens)
            ->UseRealTime()
            ->Unit(benchmark::kMillisecond);
    }
    benchmark::RegisterBenchmark(fmt::format("pack/{}", info.name).c_str(), pack, info, kUp)->UseRealTime();
  }
}

}  // namespace
}  // namespace tierscope

int main(int argc, char** argv) {
  tierscope::register_all();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
