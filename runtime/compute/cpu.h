// What the CPU can do and which kernels are used on it. Detected once; thread-safe.
// Source: CPUID and XGETBV as in Intel's and AMD's manuals; AMX is granted by Linux
// (Documentation/arch/x86/xstate.rst). On ARM the kernel's HWCAP (Documentation/arch/arm64/elf_hwcaps.rst).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tierscope {

// Each level includes those before it. `avx512` needs F, BW, DQ, VL and VNNI: without VNNI an AVX-512 CPU runs `avx2`.
// The last three are those of 64-bit ARM, where each includes those after `amx` and before it.
enum class CpuLevel { plain, avx2, avx512, amx, neon, dotprod, i8mm };

struct CpuInfo {
  std::string model;  // "AMD EPYC ..."; "unknown" where the system does not say
  bool avx2 = false;  // with FMA and F16C
  bool avx512 = false;
  bool avx512_bf16 = false;
  bool amx = false;                                  // tiles and bf16, granted by the kernel
  bool neon = false, dotprod = false, i8mm = false;  // 64-bit ARM: the base, SDOT, SMMLA
  // The best level that the features allow.
  CpuLevel best = CpuLevel::plain;
};

// Asks the kernel for AMX where the CPU has it.
const CpuInfo& cpu_info();

std::string_view level_name(CpuLevel level);
// The levels this machine can run, lowest first.
std::span<const CpuLevel> available_levels();
// The level in use: the best, or a lower one that the environment variable TIERSCOPE_CPU names.
// UsageError where it names an unknown level or one that this machine cannot run.
CpuLevel chosen_level();

// The CPUs this process may use, as operating system indices: one of each physical core first, then the cores' further
// hardware threads. Source: hwloc.
const std::vector<unsigned>& usable_cpus();
unsigned usable_core_count();

}  // namespace tierscope
