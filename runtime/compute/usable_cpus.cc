#include <hwloc.h>

#include <algorithm>

#include "runtime/base/error.h"
#include "runtime/compute/cpu_features.h"

namespace tierscope {
namespace {

class Topology {
 public:
  Topology() {
    if (hwloc_topology_init(&topology_) != 0 || hwloc_topology_load(topology_) != 0)
      throw Error("cannot read the machine's topology", "hwloc", "check that /sys is mounted");
  }
  ~Topology() { hwloc_topology_destroy(topology_); }
  Topology(const Topology&) = delete;
  Topology& operator=(const Topology&) = delete;
  hwloc_topology_t get() const { return topology_; }

 private:
  hwloc_topology_t topology_ = nullptr;
};

struct UsableCpus {
  std::vector<unsigned> cpus;
  unsigned cores = 0;
  std::string model = "unknown";
};

std::vector<std::vector<unsigned>> usable_by_core(hwloc_topology_t topology, hwloc_const_cpuset_t allowed) {
  std::vector<std::vector<unsigned>> by_core;
  hwloc_obj_t core = nullptr;
  while ((core = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_CORE, core)) != nullptr) {
    std::vector<unsigned> threads;
    unsigned cpu = 0;
    hwloc_bitmap_foreach_begin(cpu, core->cpuset) {
      if (hwloc_bitmap_isset(allowed, cpu)) threads.push_back(cpu);
    }
    hwloc_bitmap_foreach_end();
    if (!threads.empty()) by_core.push_back(std::move(threads));
  }
  return by_core;
}

UsableCpus read_usable_cpus() {
  const Topology topology;
  UsableCpus usable;
  hwloc_bitmap_t allowed = hwloc_bitmap_alloc();
  if (hwloc_get_cpubind(topology.get(), allowed, HWLOC_CPUBIND_PROCESS) != 0)
    hwloc_bitmap_copy(allowed, hwloc_topology_get_allowed_cpuset(topology.get()));
  const auto by_core = usable_by_core(topology.get(), allowed);
  hwloc_bitmap_free(allowed);
  usable.cores = static_cast<unsigned>(by_core.size());
  size_t deepest = 0;
  for (const auto& threads : by_core) deepest = std::max(deepest, threads.size());
  for (size_t nth = 0; nth < deepest; ++nth)
    for (const auto& threads : by_core)
      if (nth < threads.size()) usable.cpus.push_back(threads[nth]);
  const hwloc_obj_t package = hwloc_get_next_obj_by_type(topology.get(), HWLOC_OBJ_PACKAGE, nullptr);
  const char* model = package != nullptr ? hwloc_obj_get_info_by_name(package, "CPUModel") : nullptr;
  if (model != nullptr) usable.model = model;
  return usable;
}

const UsableCpus& usable() {
  static const UsableCpus cpus = read_usable_cpus();
  return cpus;
}

}  // namespace

std::string cpu_model() {
  return usable().model;
}

const std::vector<unsigned>& usable_cpus() {
  return usable().cpus;
}
unsigned usable_core_count() {
  return usable().cores;
}

}  // namespace tierscope
