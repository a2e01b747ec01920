#include "runtime/compute/kernels.h"

#if defined(__aarch64__)
#include "runtime/compute/isa_neon.h"
#include "runtime/compute/quant_kernels.h"

namespace tierscope {

void use_dotprod_products(Kernels& level) {
  level.quantised = quant_entries<NeonDotProd>();
}

}  // namespace tierscope
#endif
