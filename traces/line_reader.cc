#include "traces/line_reader.h"

#include <fcntl.h>
#include <unistd.h>
#include <zstd.h>

#include <cerrno>
#include <cstring>

#include "runtime/base/error.h"

namespace tierscope {
namespace {

constexpr size_t kChunkBytes = 1 << 18;
constexpr unsigned char kZstdMagic[4] = {0x28, 0xb5, 0x2f, 0xfd};

}  // namespace

struct LineReader::Zstd {
  ZSTD_DStream* stream = ZSTD_createDStream();
  std::string input;
  ZSTD_inBuffer in{nullptr, 0, 0};
  size_t pending = 0;  // what the decoder still expects of its frame; 0 at a frame's end
  ~Zstd() { ZSTD_freeDStream(stream); }
};

LineReader::LineReader(const std::filesystem::path& path) : path_(path) {
  fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd_ < 0) throw Error(std::string("cannot open: ") + std::strerror(errno), path.string(), "check the path");
  unsigned char magic[4] = {};
  if (::pread(fd_, magic, 4, 0) == 4 && std::memcmp(magic, kZstdMagic, 4) == 0) zstd_ = std::make_unique<Zstd>();
}

LineReader::~LineReader() {
  ::close(fd_);
}

bool LineReader::fill() {
  buffer_.erase(0, at_);
  at_ = 0;
  if (buffer_.size() > kMaxLineBytes)
    throw Error("line longer than 256 MiB", path_.string() + ":" + std::to_string(line_number_ + 1),
                "one JSON object a line is expected");
  const auto read_some = [&](char* to) {
    for (;;) {
      const ssize_t got = ::read(fd_, to, kChunkBytes);
      if (got >= 0) return static_cast<size_t>(got);
      if (errno != EINTR) throw Error(std::string("cannot read: ") + std::strerror(errno), path_.string());
    }
  };
  const size_t old_size = buffer_.size();
  buffer_.resize(old_size + kChunkBytes);
  if (!zstd_) {
    const size_t got = read_some(buffer_.data() + old_size);
    buffer_.resize(old_size + got);
    return got > 0;
  }
  ZSTD_outBuffer out{buffer_.data() + old_size, kChunkBytes, 0};
  while (out.pos == 0) {
    if (zstd_->in.pos == zstd_->in.size) {
      zstd_->input.resize(kChunkBytes);
      const size_t got = read_some(zstd_->input.data());
      zstd_->in = {zstd_->input.data(), got, 0};
      if (got == 0) {
        if (zstd_->pending != 0)
          throw Error("the zstd stream ends too early", path_.string(), "the file is truncated; copy it again");
        break;
      }
    }
    zstd_->pending = ZSTD_decompressStream(zstd_->stream, &out, &zstd_->in);
    if (ZSTD_isError(zstd_->pending))
      throw Error(std::string("broken zstd stream: ") + ZSTD_getErrorName(zstd_->pending), path_.string());
  }
  buffer_.resize(old_size + out.pos);
  return out.pos > 0;
}

bool LineReader::next(std::string& line) {
  size_t searched = at_;
  for (;;) {
    const size_t end = buffer_.find('\n', searched);
    if (end != std::string::npos) {
      line.assign(buffer_, at_, end - at_);
      at_ = end + 1;
      break;
    }
    if (ended_) {
      if (at_ == buffer_.size()) return false;
      line.assign(buffer_, at_);
      at_ = buffer_.size();
      break;
    }
    const size_t kept = buffer_.size() - at_;
    if (!fill()) ended_ = true;
    searched = kept;
  }
  ++line_number_;
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return true;
}

bool LineReader::next_record(size_t bytes, std::string& record) {
  while (buffer_.size() - at_ < bytes && fill()) {
  }
  if (at_ == buffer_.size()) return false;
  if (buffer_.size() - at_ < bytes)
    throw Error("the file ends within a record", path_.string(), "it is truncated or of another format");
  record.assign(buffer_, at_, bytes);
  at_ += bytes;
  return true;
}

}  // namespace tierscope
