#include <fmt/format.h>
#include <liburing.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "runtime/base/error.h"
#include "runtime/store/read_queue.h"

namespace tierscope {
namespace {

struct SetUp {
  unsigned flags;
  const char* note;  // what the result says where this is the best that the kernel grants
};
// Best first: completions run in the owner's own waits, without interrupting it; then at its next system call.
constexpr std::array kSetUps{
    SetUp{IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, ""},
    SetUp{IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN, "no DEFER_TASKRUN"},
    SetUp{IORING_SETUP_COOP_TASKRUN, "no SINGLE_ISSUER"},
    SetUp{0, "no COOP_TASKRUN"},
};

class UringQueue final : public ReadQueue {
 public:
  UringQueue(const TableHandle& table, ReadMemory memory, uint32_t depth) : table_(table), depth_(depth) {
    int error = 0;
    for (const SetUp& set_up : kSetUps) {
      io_uring_params params{};
      params.flags = set_up.flags;
      error = io_uring_queue_init_params(depth, &ring_, &params);
      if (error == 0) {
        if (*set_up.note) notes_.push_back(set_up.note);
        break;
      }
      // EINVAL: a flag that the kernel does not know. Anything else fails with every set of flags.
      if (error != -EINVAL) break;
    }
    if (error != 0) {
      refusal_ = fmt::format("io_uring refused: {}", std::strerror(-error));
      return;
    }
    ready_ = true;
    io_uring_register_ring_fd(&ring_);
    const int fd = table.fd();
    file_registered_ = io_uring_register_files(&ring_, &fd, 1) == 0;
    if (!file_registered_) notes_.push_back("file not registered");
    if (memory.empty()) return;
    const iovec vector{memory.data(), memory.size()};
    const int refused = io_uring_register_buffers(&ring_, &vector, 1);
    if (refused == 0)
      registered_ = memory;
    else
      notes_.push_back(refused == -ENOMEM ? "buffers not registered: memlock limit" : "buffers not registered");
  }

  ~UringQueue() override {
    if (!ready_) return;
    std::vector<RawCompletion> rest;
    exchange({}, rest, in_flight_);
    io_uring_queue_exit(&ring_);
  }

  bool ready() const { return ready_; }
  const std::string& refusal() const { return refusal_; }

  void exchange(std::span<const RawRead> reads, std::vector<RawCompletion>& completed, size_t at_least) override {
    for (const RawRead& read : reads) prepare(read);
    size_t taken = take(completed);
    while (unsubmitted_ > 0 || taken < at_least) {
      const size_t missing = at_least > taken ? at_least - taken : 0;
      const int done = io_uring_submit_and_wait(&ring_, static_cast<unsigned>(missing));
      if (done >= 0)
        unsubmitted_ -= static_cast<uint32_t>(done);
      else if (done != -EINTR && done != -EAGAIN && done != -EBUSY)
        throw Error(fmt::format("io_uring failed: {}", std::strerror(-done)), table_.table().path.string());
      taken += take(completed);
    }
    // Deferred completions only run when their owner enters the kernel for them.
    if (reads.empty() && taken == 0 && in_flight_ > 0 && io_uring_get_events(&ring_) >= 0) take(completed);
  }

  uint32_t max_depth() const override { return depth_; }
  bool needs_pumping() const override { return true; }

  std::string effective_access() const override {
    std::string text = table_.direct() ? "io_uring+o_direct" : "io_uring";
    std::string notes = table_.refusal();
    for (const std::string& note : notes_) notes += (notes.empty() ? "" : ", ") + note;
    return notes.empty() ? text : fmt::format("{} ({})", text, notes);
  }

 private:
  bool in_registered(const RawRead& read) const {
    return !registered_.empty() && read.to >= registered_.data() &&
           read.to + read.bytes <= registered_.data() + registered_.size();
  }

  void prepare(const RawRead& read) {
    io_uring_sqe* entry = io_uring_get_sqe(&ring_);
    const int fd = file_registered_ ? 0 : table_.fd();
    if (in_registered(read))
      io_uring_prep_read_fixed(entry, fd, read.to, read.bytes, read.offset, 0);
    else
      io_uring_prep_read(entry, fd, read.to, read.bytes, read.offset);
    if (file_registered_) entry->flags |= IOSQE_FIXED_FILE;
    io_uring_sqe_set_data64(entry, read.tag);
    ++in_flight_;
    ++unsubmitted_;
  }

  size_t take(std::vector<RawCompletion>& completed) {
    size_t taken = 0;
    unsigned head = 0;
    io_uring_cqe* entry = nullptr;
    io_uring_for_each_cqe(&ring_, head, entry) {
      completed.push_back({static_cast<uint32_t>(entry->user_data), entry->res});
      ++taken;
    }
    io_uring_cq_advance(&ring_, static_cast<unsigned>(taken));
    in_flight_ -= taken;
    return taken;
  }

  const TableHandle& table_;
  uint32_t depth_;
  io_uring ring_{};
  bool ready_ = false, file_registered_ = false;
  ReadMemory registered_;
  std::vector<std::string> notes_;
  std::string refusal_;
  size_t in_flight_ = 0;
  uint32_t unsubmitted_ = 0;
};

}  // namespace

std::unique_ptr<ReadQueue> make_uring_queue(const TableHandle& table, ReadMemory memory, uint32_t depth,
                                            std::string& refusal) {
  auto queue = std::make_unique<UringQueue>(table, memory, depth);
  if (queue->ready()) return queue;
  refusal = queue->refusal();
  return nullptr;
}

}  // namespace tierscope
