// Device kernels beside their plain twins, on whatever device is here; and their sources through CUDA's compiler.
#include <dlfcn.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <random>

#include "runtime/base/error.h"
#include "runtime/compute/device.h"
#include "runtime/compute/kernel_sources.h"

using namespace tierscope;

namespace {

// Null where the machine has no device: the tests say so and do nothing.
std::unique_ptr<Device> first_device() {
  if (list_devices().empty()) {
    WARN("no device here: device kernels were not tested");
    return nullptr;
  }
  return open_device("opencl");
}

std::vector<float> random_values(size_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

// Random blocks whose scales are sane: quantised where the type can be, else random bytes with small half-precision
// scales.
std::vector<std::byte> random_rows(const DTypeInfo& info, size_t rows, size_t cols) {
  const auto values = random_values(rows * cols, 7);
  std::vector<std::byte> blocks(rows * row_bytes(info, cols));
  REQUIRE(info.quantize);
  info.quantize(values.data(), blocks.data(), values.size());
  return blocks;
}

template <class T>
std::unique_ptr<DeviceBuffer> upload(Device& device, const std::vector<T>& values) {
  auto buffer = device.allocate(values.size() * sizeof(T), "a test");
  device.write(*buffer, 0, std::as_bytes(std::span(values))).wait();
  return buffer;
}

std::vector<float> download(Device& device, const DeviceBuffer& buffer, size_t count) {
  std::vector<float> values(count);
  device.finish();
  device.read(buffer, 0, std::as_writable_bytes(std::span(values))).wait();
  return values;
}

}  // namespace

TEST_CASE("rows and products of every type equal the host's", "[device_kernels]") {
  const auto device = first_device();
  if (!device) return;
  for (const DTypeInfo& info : dtypes()) {
    INFO(info.name);
    const uint32_t cols = 512, rows = 5, tokens = 11;
    const auto blocks = random_rows(info, rows, cols);
    const uint64_t bytes = row_bytes(info, cols);
    std::vector<float> weights(rows * cols);
    info.dequantize(blocks.data(), weights.data(), weights.size());
    const auto table = upload(*device, blocks);

    const std::vector<uint32_t> ids{4, 0, 2};
    const auto id_buffer = upload(*device, ids);
    const auto out = device->allocate(ids.size() * cols * 4, "rows");
    device->launch("get_rows", info.type, {cols / 32, 3, 1},
                   {table.get(), bytes, cols, id_buffer.get(), 2.0f, out.get()});
    const auto got = download(*device, *out, ids.size() * cols);
    for (size_t i = 0; i < got.size(); ++i)
      REQUIRE(got[i] == Approx(2 * weights[ids[i / cols] * cols + i % cols]).margin(1e-6));

    const auto x = random_values(tokens * cols, 9);
    const auto x_buffer = upload(*device, x);
    const auto y = device->allocate(tokens * rows * 4, "products");
    device->launch("matmul", info.type, {rows, (tokens + 7) / 8, 32},
                   {table.get(), bytes, cols, rows, x_buffer.get(), tokens, 0.5f, y.get()});
    const auto product = download(*device, *y, tokens * rows);
    for (uint32_t t = 0; t < tokens; ++t) {
      for (uint32_t r = 0; r < rows; ++r) {
        double sum = 0;
        for (uint32_t c = 0; c < cols; ++c) sum += double(weights[r * cols + c]) * x[t * cols + c];
        REQUIRE(product[t * rows + r] == Approx(0.5 * sum).epsilon(1e-4).margin(1e-4));
      }
    }
  }
}

TEST_CASE("a row whose length is no multiple of 32 works where the type allows it", "[device_kernels]") {
  const auto device = first_device();
  if (!device) return;
  const uint32_t cols = 50, rows = 3;
  const auto weights = random_values(rows * cols, 3), x = random_values(cols, 4);
  const auto table = upload(*device, weights), x_buffer = upload(*device, x);
  const auto y = device->allocate(rows * 4, "products");
  device->launch("matmul", DType::f32, {rows, 1, 32},
                 {table.get(), uint64_t{cols * 4}, cols, rows, x_buffer.get(), 1u, 1.0f, y.get()});
  const auto product = download(*device, *y, rows);
  for (uint32_t r = 0; r < rows; ++r) {
    double sum = 0;
    for (uint32_t c = 0; c < cols; ++c) sum += double(weights[r * cols + c]) * x[c];
    CHECK(product[r] == Approx(sum).epsilon(1e-5));
  }
}

TEST_CASE("attention equals a plain soft-max over the window", "[device_kernels]") {
  const auto device = first_device();
  if (!device) return;
  const uint32_t heads = 4, kv_heads = 2, dim = 96, context = 200, sequences = 2;
  const auto keys = random_values(sequences * context * kv_heads * dim, 1), values = random_values(keys.size(), 2);
  const std::vector<uint32_t> sequence{0, 1, 1}, position{0, 130, 199};
  const auto q = random_values(sequence.size() * heads * dim, 3);
  const auto k_buffer = upload(*device, keys), v_buffer = upload(*device, values), q_buffer = upload(*device, q);
  const auto s_buffer = upload(*device, sequence), p_buffer = upload(*device, position);
  const auto out = device->allocate(q.size() * 4, "attention");
  for (const uint32_t window : {0u, 17u, 64u}) {
    device->launch("attention", std::nullopt, {heads, 3, 64},
                   {q_buffer.get(), heads, kv_heads, dim, k_buffer.get(), v_buffer.get(), s_buffer.get(),
                    p_buffer.get(), context, window, out.get()});
    const auto got = download(*device, *out, q.size());
    for (uint32_t t = 0; t < 3; ++t) {
      for (uint32_t h = 0; h < heads; ++h) {
        const uint32_t first = window && position[t] >= window ? position[t] - window + 1 : 0;
        const auto at = [&](uint32_t p) { return ((sequence[t] * context + p) * kv_heads + h / 2) * size_t{dim}; };
        std::vector<double> weight, sum(dim);
        double total = 0;
        for (uint32_t p = first; p <= position[t]; ++p) {
          double score = 0;
          for (uint32_t d = 0; d < dim; ++d) score += double(q[(t * heads + h) * dim + d]) * keys[at(p) + d];
          weight.push_back(std::exp(score));
          total += weight.back();
          for (uint32_t d = 0; d < dim; ++d) sum[d] += weight.back() * values[at(p) + d];
        }
        for (uint32_t d = 0; d < dim; ++d)
          REQUIRE(got[(t * heads + h) * dim + d] == Approx(sum[d] / total).epsilon(1e-4).margin(1e-5));
      }
    }
  }
}

TEST_CASE("argmax takes the lowest of equal values", "[device_kernels]") {
  const auto device = first_device();
  if (!device) return;
  std::vector<float> x(2 * 1000, -1.0f);
  x[700] = x[130] = x[131] = 5.0f;
  x[1999] = 0.5f;
  const auto x_buffer = upload(*device, x);
  const auto out = device->allocate(8, "indices");
  device->launch("argmax", std::nullopt, {2, 1, 64}, {x_buffer.get(), 1000u, out.get()});
  device->finish();
  uint32_t indices[2];
  device->read(*out, 0, std::as_writable_bytes(std::span(indices))).wait();
  CHECK(indices[0] == 130);
  CHECK(indices[1] == 999);
}

TEST_CASE("what a device cannot hold is refused with its sizes", "[device_kernels]") {
  const auto device = first_device();
  if (!device) return;
  CHECK_THROWS_WITH(device->allocate(device->info().largest_allocation_bytes + 1, "the row cache"),
                    Catch::Contains("the row cache") && Catch::Contains("largest allocation"));
  CHECK_THROWS_WITH(open_device("opencl:99"), Catch::Contains("numbered from 0"));
  CHECK_THROWS_WITH(open_device("opencll"), Catch::Contains("did you mean 'opencl'"));
}

TEST_CASE("every kernel source compiles with CUDA's run-time compiler, where it is installed", "[device_kernels]") {
  void* library = nullptr;
  for (const char* name : {"libnvrtc.so", "libnvrtc.so.13", "libnvrtc.so.12", "/usr/local/cuda/lib64/libnvrtc.so"})
    if ((library = dlopen(name, RTLD_NOW)) != nullptr) break;
  if (library == nullptr) {
    WARN("no NVRTC here: the CUDA dialect was not compiled");
    return;
  }
  using Handle = void*;
  const auto create =
      reinterpret_cast<int (*)(Handle*, const char*, const char*, int, const char* const*, const char* const*)>(
          dlsym(library, "nvrtcCreateProgram"));
  const auto compile =
      reinterpret_cast<int (*)(Handle, int, const char* const*)>(dlsym(library, "nvrtcCompileProgram"));
  const auto log_size = reinterpret_cast<int (*)(Handle, size_t*)>(dlsym(library, "nvrtcGetProgramLogSize"));
  const auto get_log = reinterpret_cast<int (*)(Handle, char*)>(dlsym(library, "nvrtcGetProgramLog"));
  const auto destroy = reinterpret_cast<int (*)(Handle*)>(dlsym(library, "nvrtcDestroyProgram"));
  REQUIRE((create && compile && log_size && get_log && destroy));
  std::vector<std::optional<DType>> types{std::nullopt};
  for (const DTypeInfo& info : dtypes()) types.emplace_back(info.type);
  for (const auto& type : types) {
    Handle program = nullptr;
    REQUIRE(create(&program, kernel_source(KernelDialect::cuda, type).c_str(), "kernels.cu", 0, nullptr, nullptr) == 0);
    const int result = compile(program, 0, nullptr);
    size_t size = 0;
    log_size(program, &size);
    std::string log(size, '\0');
    get_log(program, log.data());
    INFO((type ? known_dtype(*type).name : "decoder") << ": " << log);
    CHECK(result == 0);
    destroy(&program);
  }
}
