#include "runtime/base/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "runtime/base/error.h"

namespace tierscope {
namespace {

constexpr size_t kBufferBytes = 1 << 20;

[[noreturn]] void fail(const std::filesystem::path& path, const char* what, int error) {
  const char* mend = error == ENOSPC   ? "free some space or choose another folder"
                     : error == EACCES ? "check the permissions"
                                       : "check the path and the disk";
  throw Error(std::string(what) + ": " + std::strerror(error), path.string(), mend);
}

void write_all(int fd, const char* data, size_t size, const std::filesystem::path& path) {
  while (size > 0) {
    const ssize_t done = ::write(fd, data, size);
    if (done < 0) {
      if (errno == EINTR) continue;
      fail(path, "cannot write", errno);
    }
    data += done;
    size -= static_cast<size_t>(done);
  }
}

}  // namespace

AtomicFile::AtomicFile(std::filesystem::path target) : target_(std::move(target)) {
  std::error_code ignored;
  if (std::filesystem::exists(target_, ignored) && !std::filesystem::is_regular_file(target_, ignored))
    throw Error("is not a regular file, so it cannot be replaced", target_.string(), "give another name");
  temporary_ = target_;
  temporary_ += ".partial-" + std::to_string(::getpid());
  const std::filesystem::path folder = std::filesystem::absolute(target_).parent_path();
  fd_ = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0644);
  if (fd_ >= 0) return;
  fd_ = ::open(temporary_.c_str(), O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0644);
  if (fd_ < 0) fail(target_, "cannot create", errno);
  has_name_ = true;
}

AtomicFile::~AtomicFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  if (has_name_) ::unlink(temporary_.c_str());
}

void AtomicFile::reserve(uint64_t bytes) {
  const int error = ::posix_fallocate(fd_, 0, static_cast<off_t>(bytes));
  if (error == ENOSPC || error == EFBIG) fail(target_, "cannot reserve the disk space", error);
  // A file system that cannot reserve still gets the length, so that what write_at leaves out reads as zeros.
  if (error != 0 && ::ftruncate(fd_, static_cast<off_t>(bytes)) != 0) fail(target_, "cannot set the length", errno);
}

void AtomicFile::write(std::span<const std::byte> data) {
  const char* bytes = reinterpret_cast<const char*>(data.data());
  if (buffer_.size() + data.size() < kBufferBytes) {
    buffer_.append(bytes, data.size());
    return;
  }
  flush();
  write_all(fd_, bytes, data.size(), target_);
}

void AtomicFile::write_at(uint64_t offset, std::span<const std::byte> data) {
  while (!data.empty()) {
    const ssize_t done = ::pwrite(fd_, data.data(), data.size(), static_cast<off_t>(offset));
    if (done < 0) {
      if (errno == EINTR) continue;
      fail(target_, "cannot write", errno);
    }
    data = data.subspan(static_cast<size_t>(done));
    offset += static_cast<uint64_t>(done);
  }
}

// Gives the file without a name this one; false where it is taken.
bool AtomicFile::link_as(const std::filesystem::path& name) {
  const std::string open_file = "/proc/self/fd/" + std::to_string(fd_);
  if (::linkat(AT_FDCWD, open_file.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0) return true;
  if (errno != EEXIST) fail(target_, "cannot create", errno);
  return false;
}

void AtomicFile::flush() {
  write_all(fd_, buffer_.data(), buffer_.size(), target_);
  buffer_.clear();
}

void AtomicFile::commit() {
  flush();
  if (::fsync(fd_) != 0) fail(target_, "cannot sync", errno);
  // A file without a name cannot take an existing one's: it gets the temporary's, which the rename then moves. Where
  // there is none to replace it takes the target's at once, so that a kill finds no temporary.
  const bool in_place = !has_name_ && link_as(target_);
  if (!in_place && !has_name_) {
    ::unlink(temporary_.c_str());
    has_name_ = link_as(temporary_);
  }
  ::close(fd_);
  fd_ = -1;
  if (in_place) return;
  std::error_code error;
  std::filesystem::rename(temporary_, target_, error);
  if (error) {
    ::unlink(temporary_.c_str());
    throw Error("cannot rename the finished file: " + error.message(), target_.string());
  }
}

uint64_t free_disk_bytes(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::path folder = std::filesystem::absolute(path).parent_path();
  const auto space = std::filesystem::space(folder, error);
  if (error) throw Error("cannot read the free space: " + error.message(), folder.string(), "check that it exists");
  return space.available;
}

std::string read_text_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw Error(std::string("cannot open: ") + std::strerror(errno), path.string(), "check the path");
  std::ostringstream text;
  text << in.rdbuf();
  return std::move(text).str();
}

}  // namespace tierscope
