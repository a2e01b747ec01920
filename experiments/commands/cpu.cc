#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "experiments/commands/commands.h"
#include "runtime/compute/cpu.h"
#include "runtime/compute/kernels.h"
#include "runtime/gguf/dtype.h"

namespace tierscope {
namespace {

nlohmann::ordered_json kernels_by_type() {
  nlohmann::ordered_json all;
  for (const DTypeInfo& info : dtypes()) {
    const ProductKernel& kernel = product_kernel(kernels(chosen_level()), info.type);
    all[std::string(info.name)] = {{"token", kernel.token_name}, {"chunk", kernel.tile_name}};
  }
  return all;
}

int run(const Arguments& arguments) {
  const CpuInfo& info = cpu_info();
  const std::string_view chosen = level_name(chosen_level());
  if (arguments.flag("json")) {
    nlohmann::ordered_json available = nlohmann::ordered_json::array();
    for (const CpuLevel level : available_levels()) available.push_back(level_name(level));
    const nlohmann::ordered_json json{{"model", info.model},
                                      {"cores", usable_core_count()},
                                      {"cpus", usable_cpus()},
                                      {"features",
                                       {{"avx2", info.avx2},
                                        {"avx512_vnni", info.avx512},
                                        {"avx512_bf16", info.avx512_bf16},
                                        {"amx", info.amx},
                                        {"neon", info.neon},
                                        {"dotprod", info.dotprod},
                                        {"i8mm", info.i8mm}}},
                                      {"levels", available},
                                      {"chosen", chosen},
                                      {"kernels", kernels_by_type()}};
    fmt::print("{}\n", json.dump(1));
    return 0;
  }
  fmt::print("{}: {} core(s), {} CPU(s) usable\n", info.model, usable_core_count(), usable_cpus().size());
  if (info.neon)
    fmt::print("neon {}  dotprod {}  i8mm {}\n", info.neon, info.dotprod, info.i8mm);
  else
    fmt::print("avx2 {}  avx512 with vnni {}  avx512 bf16 {}  amx {}\n", info.avx2, info.avx512, info.avx512_bf16,
               info.amx);
  fmt::print("kernel levels:");
  for (const CpuLevel level : available_levels()) fmt::print(" {}", level_name(level));
  fmt::print("\nchosen: {}\n", chosen);
  fmt::print("{:8} {:36} {}\n", "type", "one token", "a chunk");
  const nlohmann::ordered_json types = kernels_by_type();
  for (const auto& [type, kernel] : types.items())
    fmt::print("{:8} {:36} {}\n", type, kernel["token"].get<std::string>(), kernel["chunk"].get<std::string>());
  return 0;
}

}  // namespace

Command cpu_command() {
  return {"cpu",
          "what the CPU can do and which kernels are used",
          "The environment variable TIERSCOPE_CPU=plain|avx2|avx512|amx, on ARM plain|neon|dotprod|i8mm, "
          "forces a lower level.",
          {},
          {options::json()},
          {{"TIERSCOPE_CPU=avx2 tierscope cpu", "what a CPU without AVX-512 would use"}},
          run};
}

}  // namespace tierscope
