#include "runtime/gguf/byte_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "runtime/base/error.h"

namespace tierscope {
namespace {
constexpr size_t kBufferBytes = 1 << 18;
}

ByteReader::ByteReader(const std::filesystem::path& path) : path_(path), buffer_(kBufferBytes) {
  fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd_ < 0) throw Error(std::string("cannot open: ") + std::strerror(errno), path.string(), "check the path");
  struct stat status {};
  if (::fstat(fd_, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(fd_);
    throw Error("is not a regular file", path.string(), "give a .gguf file");
  }
  size_ = static_cast<uint64_t>(status.st_size);
}

ByteReader::~ByteReader() {
  ::close(fd_);
}

void ByteReader::fail(const std::string& what, const std::string& mend) const {
  throw Error(fmt::format("{} (at byte {})", what, position_), path_.string(), mend);
}

void ByteReader::expect(uint64_t count, uint64_t item_bytes, std::string_view what) const {
  if (count > remaining() / item_bytes)
    fail(fmt::format("{} needs more bytes than the {} that are left", what, remaining()),
         "the file is truncated or damaged; fetch it again");
}

void ByteReader::refill() {
  buffer_used_ = buffer_filled_ = 0;
  for (;;) {
    const ssize_t got = ::pread(fd_, buffer_.data(), buffer_.size(), static_cast<off_t>(position_));
    if (got > 0) {
      buffer_filled_ = static_cast<size_t>(got);
      return;
    }
    if (got < 0 && errno == EINTR) continue;
    fail(got < 0 ? std::string("cannot read: ") + std::strerror(errno) : "the file became shorter while it was read",
         "check the disk");
  }
}

void ByteReader::read_bytes(void* out, size_t size, std::string_view what) {
  expect(size, 1, what);
  char* to = static_cast<char*>(out);
  while (size > 0) {
    if (buffer_used_ == buffer_filled_) refill();
    const size_t piece = std::min(size, buffer_filled_ - buffer_used_);
    std::memcpy(to, buffer_.data() + buffer_used_, piece);
    buffer_used_ += piece;
    position_ += piece;
    to += piece;
    size -= piece;
  }
}

std::string ByteReader::read_string(std::string_view what) {
  const auto length = read<uint64_t>(what);
  expect(length, 1, what);
  std::string text(length, '\0');
  read_bytes(text.data(), length, what);
  return text;
}

void ByteReader::skip(uint64_t bytes, std::string_view what) {
  expect(bytes, 1, what);
  position_ += bytes;
  const uint64_t buffered = buffer_filled_ - buffer_used_;
  if (bytes <= buffered)
    buffer_used_ += bytes;
  else
    buffer_used_ = buffer_filled_ = 0;
}

}  // namespace tierscope
