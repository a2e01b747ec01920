#include "runtime/compute/cpu_features.h"

#include <cstdint>

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace tierscope {
namespace {

bool bit(unsigned word, unsigned index) {
  return (word >> index & 1) != 0;
}

struct Leaf {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Leaf cpuid(unsigned leaf, unsigned subleaf) {
  Leaf out;
  if (__get_cpuid_count(leaf, subleaf, &out.eax, &out.ebx, &out.ecx, &out.edx) == 0) return {};
  return out;
}

// The register state that the operating system saves (XCR0).
uint64_t saved_state() {
  uint32_t low = 0, high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t{high} << 32 | low;
}

// Linux grants the 8 KiB tile state per process, on request; a tile instruction before that is fatal.
bool request_tiles() {
  constexpr long kRequestPermission = 0x1023, kTileData = 18;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

}  // namespace

void detect_features(CpuInfo& info) {
  const Leaf basic = cpuid(1, 0);
  if (!bit(basic.ecx, 27)) return;  // no XSAVE: no AVX state
  const uint64_t state = saved_state();
  const Leaf extended = cpuid(7, 0), more = cpuid(7, 1);
  constexpr uint64_t kYmm = 0x6, kZmm = 0xe6, kTiles = 0x60000;
  info.avx2 = (state & kYmm) == kYmm && bit(basic.ecx, 12) && bit(basic.ecx, 29) && bit(extended.ebx, 5);
  const bool foundation = bit(extended.ebx, 16) && bit(extended.ebx, 17) && bit(extended.ebx, 30);
  info.avx512 = info.avx2 && (state & kZmm) == kZmm && foundation && bit(extended.ebx, 31) && bit(extended.ecx, 11);
  info.avx512_bf16 = info.avx512 && bit(more.eax, 5);
  const bool tiles = (state & kTiles) == kTiles && bit(extended.edx, 24) && bit(extended.edx, 22);
  info.amx = info.avx512_bf16 && tiles && request_tiles();
}
}  // namespace tierscope
#elif defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>

namespace tierscope {
void detect_features(CpuInfo& info) {
  const unsigned long first = getauxval(AT_HWCAP), second = getauxval(AT_HWCAP2);
  info.neon = (first & HWCAP_ASIMD) != 0;
  info.dotprod = info.neon && (first & HWCAP_ASIMDDP) != 0;
  info.i8mm = info.dotprod && (second & HWCAP2_I8MM) != 0;
}
}  // namespace tierscope
#else
namespace tierscope {
void detect_features(CpuInfo&) {}
}  // namespace tierscope
#endif
