// A team of threads for short parallel sections: one dispatch and one join cost about a microsecond, because waiting
// threads spin for a while before they sleep. Passed explicitly, never global.
// Thread-safety: one thread at a time uses a pool. Work must not throw.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/compute/cpu.h"

namespace tierscope {

class ThreadPool {
 public:
  // The calling thread is worker 0; the others are pinned, each to a core of its own while there are enough. The caller
  // is left unpinned: threads that it starts later would inherit its CPU.
  // `level`: the kernels that work given to this pool uses.
  explicit ThreadPool(unsigned threads, CpuLevel level = chosen_level());
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  unsigned size() const { return static_cast<unsigned>(workers_.size()) + 1; }
  CpuLevel level() const { return level_; }

  // Calls work(worker) once on each worker and returns when all have returned.
  template <class Work>
  void run(Work&& work) {
    run_erased([](void* context, unsigned worker) { (*static_cast<std::remove_reference_t<Work>*>(context))(worker); },
               const_cast<void*>(static_cast<const void*>(std::addressof(work))));
  }

  // Calls work(first, last, worker) on contiguous shares of [0, items) whose borders are multiples of `grain`. The
  // shares depend on the items, the grain and the pool's size only.
  template <class Work>
  void split(size_t items, size_t grain, Work&& work) {
    const size_t grains = (items + grain - 1) / grain;
    if (grains <= 1 || size() == 1) {
      if (items > 0) work(size_t{0}, items, 0U);
      return;
    }
    run([&](unsigned worker) {
      const size_t first = grains * worker / size() * grain;
      const size_t last = std::min(items, grains * (worker + 1) / size() * grain);
      if (first < last) work(first, last, worker);
    });
  }

  // Memory of a worker for the time of a call, 64-byte aligned, kept and grown between calls. Index size() is one
  // more area, for what workers share; grow it outside `run`.
  std::byte* scratch(unsigned index, size_t bytes);

 private:
  using Erased = void (*)(void* context, unsigned worker);
  struct Arena {
    std::vector<std::byte> storage;
  };

  void run_erased(Erased work, void* context);
  void serve(unsigned worker);
  void wait_for_workers() const;

  const CpuLevel level_;
  const unsigned spins_;
  std::vector<Arena> arenas_;
  Erased work_ = nullptr;
  void* context_ = nullptr;
  alignas(64) std::atomic<uint32_t> generation_ = 0;
  alignas(64) std::atomic<uint32_t> unfinished_ = 0;
  std::atomic<bool> stopping_ = false;
  std::vector<std::jthread> workers_;
};

// Hands out [0, items) to workers, so that one that was held up does less: `own_share` of the items in one piece to
// each, at its first take, the rest piece by piece to whichever asks next. For work whose results do not depend on who
// does it.
class SharedRange {
 public:
  SharedRange(size_t items, unsigned workers, double own_share, unsigned pieces_each)
      : items_(items),
        own_(static_cast<size_t>(own_share * static_cast<double>(items / workers))),
        piece_(std::max<size_t>(1, items / (workers * pieces_each))),
        next_(own_ * workers) {}

  // `took`: the worker's own, false at first.
  bool take(unsigned worker, bool& took, size_t& first, size_t& last) {
    if (!std::exchange(took, true) && own_ > 0) {
      first = own_ * worker;
      last = first + own_;
      return true;
    }
    first = next_.fetch_add(piece_, std::memory_order_relaxed);
    last = std::min(items_, first + piece_);
    return first < items_;
  }

 private:
  const size_t items_, own_, piece_;
  std::atomic<size_t> next_;
};

}  // namespace tierscope
