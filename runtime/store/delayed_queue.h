// Emulated storage: completions of real reads are held back until a described device would have delivered them. The
// device's clock is injected (the simulator's storage clock implements it); the store knows only moments. It can only
// make the machine's own device slower: a read that is really late stays late.
#pragma once

#include <functional>

#include "runtime/store/read_queue.h"

namespace tierscope {

// A read of `bytes` handed over at `now_us`, which never goes back: when it completes, in the same clock.
using CompletionClock = std::function<double(double now_us, uint64_t bytes)>;

// All queues that the decorator makes share the one device. Thread-safe.
QueueDecorator emulate_storage(CompletionClock clock);

}  // namespace tierscope
