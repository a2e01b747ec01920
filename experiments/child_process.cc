#include "experiments/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>

#include "runtime/base/error.h"

namespace tierscope {
namespace {

constexpr int kPollMs = 100;  // how late a stop is noticed

struct Pipe {
  int read_end = -1, write_end = -1;
  Pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw Error(std::string("cannot make a pipe: ") + std::strerror(errno));
    read_end = ends[0];
    write_end = ends[1];
  }
  ~Pipe() {
    ::close(read_end);
    close_write_end();
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void close_write_end() {
    if (write_end >= 0) ::close(write_end);
    write_end = -1;
  }
};

[[noreturn]] void become_program(char* const* arguments, int out, int err, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);  // the parent died before prctl
  ::dup2(out, STDOUT_FILENO);
  ::dup2(err, STDERR_FILENO);
  ::execv("/proc/self/exe", arguments);
  ::_exit(127);
}

// True while the pipe may still deliver.
bool drain(int fd, std::string& into) {
  std::array<char, 65536> buffer;
  const ssize_t got = ::read(fd, buffer.data(), buffer.size());
  if (got > 0) into.append(buffer.data(), static_cast<size_t>(got));
  return got > 0 || (got < 0 && errno == EINTR);
}

}  // namespace

ChildResult run_child(const std::vector<std::string>& words, const std::atomic<bool>& stop,
                      const std::function<void(const std::string& line)>& on_message) {
  std::vector<std::string> all{"tierscope"};
  all.insert(all.end(), words.begin(), words.end());
  std::vector<char*> arguments;
  for (std::string& word : all) arguments.push_back(word.data());
  arguments.push_back(nullptr);

  Pipe out, err;
  const auto start = std::chrono::steady_clock::now();
  const pid_t parent = ::getpid(), child = ::fork();
  if (child < 0) throw Error(std::string("cannot start a process: ") + std::strerror(errno));
  if (child == 0) become_program(arguments.data(), out.write_end, err.write_end, parent);
  out.close_write_end();
  err.close_write_end();

  ChildResult result;
  std::array<pollfd, 2> polled{pollfd{out.read_end, POLLIN, 0}, pollfd{err.read_end, POLLIN, 0}};
  std::array<std::string*, 2> into{&result.out, &result.err};
  size_t told = 0;  // of the messages
  while (polled[0].fd >= 0 || polled[1].fd >= 0) {
    if (stop && !result.stopped) {
      ::kill(child, SIGKILL);
      result.stopped = true;
    }
    if (::poll(polled.data(), polled.size(), kPollMs) <= 0) continue;
    for (size_t i = 0; i < polled.size(); ++i)
      if (polled[i].fd >= 0 && polled[i].revents != 0 && !drain(polled[i].fd, *into[i])) polled[i].fd = -1;
    for (size_t end; on_message && (end = result.err.find('\n', told)) != std::string::npos; told = end + 1)
      on_message(result.err.substr(told, end - told));
  }
  int status = 0;
  rusage usage{};
  while (::wait4(child, &status, 0, &usage) < 0 && errno == EINTR) {
  }
  result.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  result.exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  result.peak_rss_bytes = static_cast<uint64_t>(usage.ru_maxrss) * 1024;
  // A Ctrl-C reaches the child directly, maybe before this process.
  result.stopped |= stop;
  return result;
}

std::string command_text(const std::vector<std::string>& words) {
  std::string text = "tierscope";
  for (const std::string& word : words) {
    const bool plain = !word.empty() && word.find_first_not_of(
                                            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                            "0123456789_-+=:,./%@") == std::string::npos;
    text += ' ';
    if (plain) {
      text += word;
      continue;
    }
    text += '\'';
    for (const char c : word) {
      if (c == '\'')
        text += "'\\''";
      else
        text += c;
    }
    text += '\'';
  }
  return text;
}

}  // namespace tierscope
