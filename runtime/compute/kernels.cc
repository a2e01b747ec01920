#include "runtime/compute/kernels.h"

#include "runtime/compute/block_codes.h"

namespace tierscope {
namespace {

#if defined(__x86_64__)
Kernels widened(bool amx) {
  Kernels level = avx512_kernels();
  if (cpu_info().avx512_bf16) use_bf16_products(level);
  if (amx) use_amx_products(level);
  return level;
}

const Kernels& widened_kernels(bool amx) {
  static const Kernels without = widened(false), with = widened(true);
  return amx ? with : without;
}
#elif defined(__aarch64__)
Kernels widened(bool i8mm) {
  Kernels level = neon_kernels();
  use_dotprod_products(level);
  if (i8mm) use_i8mm_products(level);
  return level;
}
#endif

}  // namespace

const Kernels& kernels(CpuLevel level) {
  switch (level) {
#if defined(__x86_64__)
    case CpuLevel::amx:
      return widened_kernels(true);
    case CpuLevel::avx512:
      return widened_kernels(false);
    case CpuLevel::avx2:
      return avx2_kernels();
#elif defined(__aarch64__)
    case CpuLevel::i8mm: {
      static const Kernels all = widened(true);
      return all;
    }
    case CpuLevel::dotprod: {
      static const Kernels all = widened(false);
      return all;
    }
    case CpuLevel::neon:
      return neon_kernels();
#endif
    default:
      return plain_kernels();
  }
}

const ProductKernel& product_kernel(const Kernels& level, DType type) {
  if (type == DType::f32) return level.f32;
  if (type == DType::f16) return level.f16;
  if (type == DType::bf16) return level.bf16;
  return level.quantised[static_cast<size_t>(quant_type(type)->format)];
}

}  // namespace tierscope
