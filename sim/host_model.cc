#include "sim/host_model.h"

#include <algorithm>

namespace tierscope {

HostModel::HostModel(const DeviceProfile& device, uint64_t row_bytes, uint32_t start_depth)
    : measured_(!device.host.steps.empty()),
      step_us_(device.host.step_us.value),
      access_us_(device.host.access_us.value),
      read_us_(device.nvme.cpu_us_per_read.value),
      start_depth_(start_depth) {
  const RamThreads& one = device.ram.threads.front();
  copy_us_per_byte_ = one.random_row_us / one.row_bytes;
  row_copy_us_ = copy_us(row_bytes);
  for (const HostStep& step : device.host.steps) {
    Curve& curve = step.kind == HostStep::Kind::cached ? cached_ : step.kind == HostStep::Kind::read ? read_ : kept_;
    curve.steps.push_back(step);
  }
}

double HostModel::Curve::at(double rows, Member member) const {
  auto high = std::ranges::find_if(steps, [&](const HostStep& step) { return step.rows >= rows; });
  // Beyond both ends on the nearest two steps' line.
  if (high == steps.end()) --high;
  if (high == steps.begin()) ++high;
  const HostStep &a = *(high - 1), &b = *high;
  const double share = (rows - a.rows) / (double(b.rows) - a.rows);
  return std::max(0.0, a.*member + share * (b.*member - a.*member));
}

double HostModel::mixed(const HostWork& work, const Curve& reads, Member member) const {
  if (work.rows_read == 0) return cached_.at(work.accesses, member);
  return reads.at(work.rows_read, member) + cached_.at(work.accesses - work.rows_read, member) - cached_.at(0, member);
}

double HostModel::begin_us(const HostWork& work) const {
  if (measured_) return mixed(work, work.fills > 0 ? kept_ : read_, &HostStep::begin_us);
  return step_us_ + work.accesses * access_us_ + std::min(work.reads, start_depth_) * read_us_;
}

double HostModel::submit_us(const HostWork& work) const {
  return measured_ ? 0 : std::min(work.reads, start_depth_) * read_us_;
}

double HostModel::collect_us(const HostWork& work) const {
  return measured_ ? mixed(work, read_, &HostStep::collect_us) : 0;
}

double HostModel::deliver_us(const HostWork& work) const {
  return measured_ ? cached_.at(work.accesses, &HostStep::collect_us) : 0;
}

double HostModel::retire_us(const HostWork& work) const {
  if (!measured_) return work.fills * row_copy_us_;
  // A row may be copied several times, to several levels, or come from a slot.
  return cached_.at(work.accesses, &HostStep::retire_us) + kept_.at(work.fills, &HostStep::retire_us) -
         kept_.at(0, &HostStep::retire_us);
}

}  // namespace tierscope
