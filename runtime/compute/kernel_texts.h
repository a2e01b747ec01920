// The files of runtime/compute/kernels, embedded at build time.
#pragma once

#include <vector>

#include "runtime/base/embedded_text.h"

namespace tierscope {

const std::vector<EmbeddedText>& kernel_texts();

}  // namespace tierscope
