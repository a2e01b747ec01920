#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <limits>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "runtime/base/atomic_file.h"
#include "runtime/base/text.h"
#include "runtime/gguf/gguf.h"

namespace tierscope {
namespace {

constexpr uint64_t kAlignment = 32;  // GGUF's default, so that no key needs to state it
constexpr uint64_t kPieceBytes = 4 << 20;

uint64_t align(uint64_t offset) {
  return (offset + kAlignment - 1) / kAlignment * kAlignment;
}

// Fields as GGUF stores them: little-endian, strings with a 64-bit length.
class Fields {
 public:
  template <typename T>
  void put(T value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  void put_type(GgufType type) { put(static_cast<uint32_t>(type)); }
  void put_string(std::string_view text) {
    put(uint64_t{text.size()});
    bytes_ += text;
  }
  void put_value(const GgufValue& value);
  std::string& bytes() { return bytes_; }

 private:
  void put_array(const GgufArray& array);
  template <typename Number>
  void put_number(GgufType type, Number value);

  std::string bytes_;
};

template <typename Number>
void Fields::put_number(GgufType type, Number value) {
  switch (type) {
    case GgufType::u8:
      return put(static_cast<uint8_t>(value));
    case GgufType::i8:
      return put(static_cast<int8_t>(value));
    case GgufType::u16:
      return put(static_cast<uint16_t>(value));
    case GgufType::i16:
      return put(static_cast<int16_t>(value));
    case GgufType::u32:
      return put(static_cast<uint32_t>(value));
    case GgufType::i32:
      return put(static_cast<int32_t>(value));
    case GgufType::f32:
      return put(static_cast<float>(value));
    case GgufType::boolean:
      return put(static_cast<uint8_t>(value != 0));
    case GgufType::u64:
      return put(static_cast<uint64_t>(value));
    case GgufType::i64:
      return put(static_cast<int64_t>(value));
    case GgufType::f64:
      return put(static_cast<double>(value));
    case GgufType::string:
    case GgufType::array:
      break;
  }
  throw std::logic_error("an array's element type does not suit its numbers");
}

void Fields::put_array(const GgufArray& array) {
  put_type(array.element_type);
  put(uint64_t{array.size()});
  std::visit(
      [&](const auto& elements) {
        for (const auto& element : elements)
          if constexpr (std::is_same_v<std::decay_t<decltype(element)>, std::string>)
            put_string(element);
          else
            put_number(array.element_type, element);
      },
      array.values);
}

void Fields::put_value(const GgufValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    put_type(GgufType::string);
    return put_string(*text);
  }
  if (const auto* array = std::get_if<GgufArray>(&value)) {
    put_type(GgufType::array);
    return put_array(*array);
  }
  const auto put_typed = [&](GgufType type, auto number) {
    put_type(type);
    put_number(type, number);
  };
  if (const auto* flag = std::get_if<bool>(&value)) return put_typed(GgufType::boolean, *flag);
  if (const auto* real = std::get_if<double>(&value)) return put_typed(GgufType::f32, *real);
  if (const auto* whole = std::get_if<uint64_t>(&value))
    return put_typed(*whole <= std::numeric_limits<uint32_t>::max() ? GgufType::u32 : GgufType::u64, *whole);
  const int64_t whole = std::get<int64_t>(value);
  return put_typed(std::in_range<int32_t>(whole) ? GgufType::i32 : GgufType::i64, whole);
}

// Calls `work(i)` for every i below `count` on `threads` threads; the first exception ends it and is thrown here.
void for_each_piece(size_t count, unsigned threads, const std::function<void(size_t, std::vector<std::byte>&)>& work) {
  std::atomic<size_t> next{0};
  std::exception_ptr failure;
  std::mutex mutex;
  const auto run = [&] {
    std::vector<std::byte> buffer;
    try {
      for (size_t i = next++; i < count; i = next++) work(i, buffer);
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
      next = count;
    }
  };
  {
    std::vector<std::jthread> helpers;
    for (unsigned t = 1; t < threads; ++t) helpers.emplace_back(run);
    run();
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace

void GgufWriter::add(std::string key, GgufValue value) {
  values_.emplace_back(std::move(key), std::move(value));
}

void GgufWriter::add_tensor(std::string name, std::vector<uint64_t> shape, DType type, Producer rows) {
  const DTypeInfo& info = known_dtype(type);
  if (shape.empty() || shape[0] == 0 || shape[0] % info.block_values != 0)
    throw std::logic_error("tensor " + name + " has rows that are no whole number of blocks");
  uint64_t row_count = 1;
  for (size_t i = 1; i < shape.size(); ++i) row_count *= shape[i];
  const uint64_t bytes = row_bytes(info, shape[0]);
  const uint64_t offset = align(data_bytes_);
  data_bytes_ = offset + bytes * row_count;
  tensors_.push_back({std::move(name), std::move(shape), type, std::move(rows), offset, bytes, row_count});
}

std::string GgufWriter::header() const {
  Fields fields;
  fields.bytes() = "GGUF";
  fields.put(uint32_t{3});
  fields.put(uint64_t{tensors_.size()});
  fields.put(uint64_t{values_.size()});
  for (const auto& [key, value] : values_) {
    fields.put_string(key);
    fields.put_value(value);
  }
  for (const Tensor& tensor : tensors_) {
    fields.put_string(tensor.name);
    fields.put(static_cast<uint32_t>(tensor.shape.size()));
    for (const uint64_t extent : tensor.shape) fields.put(extent);
    fields.put(static_cast<uint32_t>(tensor.type));
    fields.put(tensor.offset);
  }
  fields.bytes().resize(align(fields.bytes().size()), '\0');
  return std::move(fields.bytes());
}

uint64_t GgufWriter::file_bytes() const {
  return header().size() + data_bytes_;
}

std::vector<GgufWriter::Piece> GgufWriter::pieces() const {
  std::vector<Piece> all;
  for (const Tensor& tensor : tensors_) {
    const uint64_t step = std::max<uint64_t>(1, kPieceBytes / tensor.row_bytes);
    for (uint64_t row = 0; row < tensor.row_count; row += step)
      all.push_back({&tensor, row, std::min(step, tensor.row_count - row)});
  }
  return all;
}

void GgufWriter::write(const std::filesystem::path& path, unsigned threads) const {
  const std::string head = header();
  const uint64_t total = head.size() + data_bytes_;
  if (const uint64_t available = free_disk_bytes(path); available < total)
    throw Error(fmt::format("needs {}, but only {} are free", format_bytes(total), format_bytes(available)),
                path.string(), "free some space or choose another folder");
  AtomicFile file(path);
  file.reserve(total);
  file.write_at(0, std::as_bytes(std::span(head)));
  const std::vector<Piece> work = pieces();
  for_each_piece(work.size(), threads, [&](size_t i, std::vector<std::byte>& buffer) {
    const auto& [tensor, first_row, row_count] = work[i];
    buffer.resize(row_count * tensor->row_bytes);
    tensor->rows(first_row, row_count, buffer.data());
    file.write_at(head.size() + tensor->offset + first_row * tensor->row_bytes, buffer);
  });
  file.commit();
}

}  // namespace tierscope
