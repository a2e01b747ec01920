// The VRAM tier of a store: a cache's slots or the whole table in device memory, and the way there for a step's other
// rows. Copies from the host are asynchronous, out of pinned memory; a slot is filled within the device, from the
// step's rows, which are there anyway. One owner thread, the device's. Errors: Error where the device has no room or
// fails.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "runtime/compute/device_rows.h"
#include "runtime/placement/planner.h"
#include "runtime/store/device_slots.h"

namespace tierscope {

// Rows that crossed to the device, counted when they had arrived; `seconds` by the device's clock.
struct DeviceCopyCounts {
  uint64_t rows = 0, bytes = 0;
  double seconds = 0;
  double hidden_seconds = 0;  // of these, while kernels ran
};

class DeviceTier {
 public:
  // What a step's distinct rows are on the device. Belongs to one step at a time, between begin and retire.
  struct StepState {
    static constexpr uint32_t kNotSent = UINT32_MAX;
    std::vector<uint32_t> sent_to;  // by planned row: its place among the step's rows; kNotSent: it has a slot
    uint32_t sent = 0;
    std::vector<DeviceEvent> uploads;
  };

  // What it would allocate there.
  static uint64_t device_bytes(uint64_t slots, uint64_t row_bytes, uint32_t step_rows) {
    return (slots + 2 * uint64_t{step_rows}) * row_bytes;
  }

  // `slots`: of the cache, or the table's rows. `step_rows`: distinct rows a step may have.
  DeviceTier(Device& device, uint64_t slots, uint64_t row_bytes, uint32_t step_rows);

  uint64_t slot_bytes() const { return slots_.bytes(); }
  uint64_t memory_bytes() const { return slots_.bytes() + step_.bytes() + saved_.bytes(); }

  // Rows for consecutive slots from `first` on; returns when they have arrived.
  void load(uint64_t first, std::span<const std::byte> rows);
  // Sends the planned rows `which` from their bytes on the host; they may be sent in several calls.
  void send(StepState& step, std::span<const uint32_t> which, const std::vector<const std::byte*>& rows);
  // For each access, where its row is: in the slot that `slot_of` names by planned row, or among the step's rows.
  std::vector<DeviceRowPart> parts(const StepState& step, std::span<const uint32_t> use,
                                   const std::vector<uint64_t>& slot_of) const;
  // Blocks.
  void read_slot(uint64_t slot, std::byte* host) const { slots_.read(slot, host); }
  void read_sent(const StepState& step, uint32_t planned_row, std::byte* host) const;

  // The fills of level 0, as if at once, from the step's rows and from slots. The step's copies are complete after it.
  void fill(StepState& step, std::span<const SlotFill> fills);
  // Waits for the fills of the step before; gives how many were completed since the last call.
  uint64_t collect_fills();

  DeviceCopyCounts copies;

 private:
  Device& device_;
  const uint64_t row_bytes_;
  DeviceSlots slots_;
  DeviceSlots step_;   // rows of the step under way
  DeviceSlots saved_;  // slots that a retirement overwrites before their content has moved
  std::span<std::byte> pinned_;
  std::vector<DeviceEvent> fills_;     // not yet collected
  std::vector<uint64_t> refilled_in_;  // by slot: the last retirement that filled it
  uint64_t retirement_ = 0;
};

}  // namespace tierscope
