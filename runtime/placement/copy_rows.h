// Rows of a step, copied behind one another.
#pragma once

#include <cstddef>
#include <span>

#include "runtime/placement/step_rows.h"

namespace tierscope {

// After await(): copies the step's rows 0, 1, ... into `to`, as many as fit. Rows lie scattered, and the processor's
// own prefetching ends with each: the next row is fetched while one is copied.
void copy_rows(const StepRows& rows, size_t row_bytes, std::span<std::byte> to);

}  // namespace tierscope
