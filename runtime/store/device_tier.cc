#include "runtime/store/device_tier.h"

#include <algorithm>
#include <cstring>

namespace tierscope {

DeviceTier::DeviceTier(Device& device, uint64_t slots, uint64_t row_bytes, uint32_t step_rows)
    : device_(device),
      row_bytes_(row_bytes),
      slots_(device, slots, row_bytes, "the VRAM tier"),
      step_(device, step_rows, row_bytes, "a step's rows"),
      saved_(device, step_rows, row_bytes, "rows that change slots"),
      pinned_(device.allocate_pinned(step_rows * row_bytes)),
      refilled_in_(slots) {}

void DeviceTier::load(uint64_t first, std::span<const std::byte> rows) {
  for (const DeviceEvent& event : slots_.write(first, rows)) event.wait();
}

void DeviceTier::send(StepState& step, std::span<const uint32_t> which, const std::vector<const std::byte*>& rows) {
  if (which.empty()) return;
  step.sent_to.resize(rows.size(), StepState::kNotSent);
  const uint32_t first = step.sent;
  for (const uint32_t planned : which) {
    step.sent_to[planned] = step.sent;
    std::memcpy(&pinned_[step.sent++ * row_bytes_], rows[planned], row_bytes_);
  }
  // The rows of the step before may still be on their way into slots.
  const auto events = step_.write(first, pinned_.subspan(first * row_bytes_, (step.sent - first) * row_bytes_), fills_);
  step.uploads.insert(step.uploads.end(), events.begin(), events.end());
}

std::vector<DeviceRowPart> DeviceTier::parts(const StepState& step, std::span<const uint32_t> use,
                                             const std::vector<uint64_t>& slot_of) const {
  // The slots' buffers first, then those of the step's rows; parts that no access needs are left out.
  std::vector<DeviceRowPart> all(slots_.buffer_count() + step_.buffer_count());
  for (size_t access = 0; access < use.size(); ++access) {
    const uint32_t planned = use[access];
    const bool sent = planned < step.sent_to.size() && step.sent_to[planned] != StepState::kNotSent;
    const auto place = sent ? step_.place(step.sent_to[planned]) : slots_.place(slot_of[planned]);
    DeviceRowPart& part = all[sent ? slots_.buffer_count() + place.buffer : place.buffer];
    if (part.slots == nullptr) {
      part.slots = sent ? &step_.buffer(place.buffer) : &slots_.buffer(place.buffer);
      part.indices.assign(use.size(), DeviceRowPart::kNotHere);
      if (sent) part.ready = step.uploads;
    }
    part.indices[access] = place.index;
  }
  std::erase_if(all, [](const DeviceRowPart& part) { return part.slots == nullptr; });
  return all;
}

void DeviceTier::read_sent(const StepState& step, uint32_t planned_row, std::byte* host) const {
  step_.read(step.sent_to[planned_row], host);
}

void DeviceTier::fill(StepState& step, std::span<const SlotFill> fills) {
  ++retirement_;
  for (const DeviceEvent& upload : step.uploads) copies.seconds += upload.seconds();
  copies.hidden_seconds += device_.seconds_beside_kernels(step.uploads);
  copies.rows += step.sent;
  copies.bytes += step.sent * row_bytes_;
  for (const SlotFill& fill : fills) refilled_in_[fill.slot] = retirement_;
  const auto from_slot = [](const SlotFill& fill) { return fill.from.level == 0; };
  uint32_t saved = 0;
  for (const SlotFill& fill : fills)
    if (from_slot(fill) && refilled_in_[fill.from.slot] == retirement_)
      saved_.copy_from(slots_, fill.from.slot, saved++);
  saved = 0;
  for (const SlotFill& fill : fills) {
    if (!from_slot(fill))
      fills_.push_back(slots_.copy_from(step_, step.sent_to.at(fill.planned_row), fill.slot));
    else if (refilled_in_[fill.from.slot] == retirement_)
      fills_.push_back(slots_.copy_from(saved_, saved++, fill.slot));
    else
      fills_.push_back(slots_.copy_from(slots_, fill.from.slot, fill.slot));
  }
}

uint64_t DeviceTier::collect_fills() {
  for (const DeviceEvent& event : fills_) event.wait();
  const uint64_t count = fills_.size();
  fills_.clear();
  return count;
}

}  // namespace tierscope
