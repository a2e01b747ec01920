// The rows of one step as their consumer sees them: the decoder, the paced clock or a checking reader.
#pragma once

#include <cstddef>

namespace tierscope {

class DeviceStepRows;

class StepRows {
 public:
  virtual ~StepRows() = default;
  // Blocks until every row of the step is in memory. Called just before first use; safe to call again.
  // Error where a row could not be read: file, offset, reason.
  virtual void await() = 0;
  // After await(): the bytes of access `i` (in the step's order), as they stand in the table's file, until retirement.
  virtual const std::byte* row(size_t i) const = 0;
  // Where the rows are in device memory, so that a decoder there need not take them through the host; null elsewhere.
  virtual const DeviceStepRows* on_device() const { return nullptr; }
};

}  // namespace tierscope
