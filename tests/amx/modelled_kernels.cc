// The AMX level's own kernels on the model of its registers; takes the place of kernels_amx.cc in this program.
#include "runtime/compute/amx_kernels.h"
#include "tests/amx/tile_model.h"

namespace tierscope {

void use_amx_products(Kernels& level) {
  AmxKernels<TileModel>::use(level);
}

}  // namespace tierscope
