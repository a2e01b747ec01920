// The device kernels' sources (runtime/compute/kernels), put together for a dialect's compiler. Pure, thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/gguf/dtype.h"

namespace tierscope {

enum class KernelDialect { opencl, cuda };

// The kernels of decoder.cl, or, with a type, those of typed.cl over rows of that type.
std::string kernel_source(KernelDialect dialect, std::optional<DType> type);

}  // namespace tierscope
