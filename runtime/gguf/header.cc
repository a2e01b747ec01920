#include "runtime/gguf/header.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <unordered_set>

#include "runtime/base/text.h"
#include "runtime/gguf/byte_reader.h"

namespace tierscope {
namespace {

constexpr uint32_t kMagic = 0x46554747;  // "GGUF"
constexpr uint64_t kSmallestPair = 8 + 1 + 4 + 1, kSmallestTensor = 8 + 1 + 4 + 8 + 4 + 8;
constexpr uint64_t kLargestAlignment = 1 << 20;
constexpr uint64_t kLongestName = 1 << 16;
constexpr uint32_t kMostDimensions = 4;
constexpr int kDeepestArray = 4;
constexpr uint64_t kLongestArray = 1 << 26;  // far above any vocabulary; bounds what a damaged file can allocate

const char* const kDamaged = "the file is damaged or not a GGUF; fetch or convert it again";

uint64_t element_bytes(GgufType type) {
  switch (type) {
    case GgufType::u8:
    case GgufType::i8:
    case GgufType::boolean:
      return 1;
    case GgufType::u16:
    case GgufType::i16:
      return 2;
    case GgufType::u32:
    case GgufType::i32:
    case GgufType::f32:
      return 4;
    case GgufType::u64:
    case GgufType::i64:
    case GgufType::f64:
    case GgufType::string:  // at least its length
      return 8;
    case GgufType::array:
      return 4 + 8;  // at least type and count
  }
  return 0;
}

GgufType read_type(ByteReader& in, std::string_view key) {
  const auto id = in.read<uint32_t>("a value's type");
  if (id > uint32_t(GgufType::f64))
    in.fail(fmt::format("key '{}' has the unknown value type {}", printable(key), id), kDamaged);
  return static_cast<GgufType>(id);
}

bool read_bool(ByteReader& in, std::string_view key) {
  const auto byte = in.read<uint8_t>("a boolean");
  if (byte > 1) in.fail(fmt::format("key '{}' holds a boolean of value {}", printable(key), byte), kDamaged);
  return byte != 0;
}

template <typename Wide, typename Stored>
std::vector<Wide> read_numbers(ByteReader& in, uint64_t count) {
  std::vector<Wide> values(count);
  for (Wide& value : values) value = in.read<Stored>("an array");
  return values;
}

void skip_arrays(ByteReader& in, uint64_t count, std::string_view key, int depth) {
  if (depth > kDeepestArray) in.fail(fmt::format("key '{}' nests arrays too deeply", printable(key)), kDamaged);
  for (uint64_t i = 0; i < count; ++i) {
    const GgufType type = read_type(in, key);
    const auto inner = in.read<uint64_t>("an array's count");
    in.expect(inner, element_bytes(type), "an array");
    if (type == GgufType::array)
      skip_arrays(in, inner, key, depth + 1);
    else if (type == GgufType::string)
      for (uint64_t k = 0; k < inner; ++k) in.skip(in.read<uint64_t>("a string"), "a string");
    else
      in.skip(inner * element_bytes(type), "an array");
  }
}

GgufArray read_array(ByteReader& in, std::string_view key) {
  GgufArray array;
  array.element_type = read_type(in, key);
  const auto count = in.read<uint64_t>("an array's count");
  in.expect(count, element_bytes(array.element_type), fmt::format("the array of key '{}'", printable(key)));
  if (count > kLongestArray) in.fail(fmt::format("key '{}' is an array of {}", printable(key), count), kDamaged);
  switch (array.element_type) {
    case GgufType::u8:
      array.values = read_numbers<uint64_t, uint8_t>(in, count);
      break;
    case GgufType::u16:
      array.values = read_numbers<uint64_t, uint16_t>(in, count);
      break;
    case GgufType::u32:
      array.values = read_numbers<uint64_t, uint32_t>(in, count);
      break;
    case GgufType::u64:
      array.values = read_numbers<uint64_t, uint64_t>(in, count);
      break;
    case GgufType::i8:
      array.values = read_numbers<int64_t, int8_t>(in, count);
      break;
    case GgufType::i16:
      array.values = read_numbers<int64_t, int16_t>(in, count);
      break;
    case GgufType::i32:
      array.values = read_numbers<int64_t, int32_t>(in, count);
      break;
    case GgufType::i64:
      array.values = read_numbers<int64_t, int64_t>(in, count);
      break;
    case GgufType::f32:
      array.values = read_numbers<double, float>(in, count);
      break;
    case GgufType::f64:
      array.values = read_numbers<double, double>(in, count);
      break;
    case GgufType::boolean: {
      std::vector<bool> values(count);
      for (uint64_t i = 0; i < count; ++i) values[i] = read_bool(in, key);
      array.values = std::move(values);
      break;
    }
    case GgufType::string: {
      std::vector<std::string> values(count);
      for (std::string& value : values) value = in.read_string("a string of an array");
      array.values = std::move(values);
      break;
    }
    case GgufType::array:
      skip_arrays(in, count, key, 1);
      break;
  }
  return array;
}

GgufValue read_value(ByteReader& in, std::string_view key) {
  switch (read_type(in, key)) {
    case GgufType::u8:
      return uint64_t{in.read<uint8_t>("a value")};
    case GgufType::u16:
      return uint64_t{in.read<uint16_t>("a value")};
    case GgufType::u32:
      return uint64_t{in.read<uint32_t>("a value")};
    case GgufType::u64:
      return in.read<uint64_t>("a value");
    case GgufType::i8:
      return int64_t{in.read<int8_t>("a value")};
    case GgufType::i16:
      return int64_t{in.read<int16_t>("a value")};
    case GgufType::i32:
      return int64_t{in.read<int32_t>("a value")};
    case GgufType::i64:
      return in.read<int64_t>("a value");
    case GgufType::f32:
      return double{in.read<float>("a value")};
    case GgufType::f64:
      return in.read<double>("a value");
    case GgufType::boolean:
      return read_bool(in, key);
    case GgufType::string:
      return in.read_string("a string");
    case GgufType::array:
      return read_array(in, key);
  }
  throw std::logic_error("read_type lets no other type through");
}

std::string read_name(ByteReader& in, std::string_view what) {
  std::string name = in.read_string(what);
  if (name.empty() || name.size() > kLongestName) in.fail(fmt::format("{} has {} bytes", what, name.size()), kDamaged);
  return name;
}

void read_values(ByteReader& in, uint64_t count, GgufHeader& header) {
  std::unordered_set<std::string> seen;
  header.values.reserve(count);
  for (uint64_t i = 0; i < count; ++i) {
    std::string key = read_name(in, "a key's name");
    if (!seen.insert(key).second) in.fail(fmt::format("key '{}' appears twice", printable(key)), kDamaged);
    GgufValue value = read_value(in, key);
    header.values.emplace_back(std::move(key), std::move(value));
  }
}

uint64_t find_alignment(const ByteReader& in, const GgufHeader& header) {
  const auto found = std::ranges::find(header.values, "general.alignment", &std::pair<std::string, GgufValue>::first);
  if (found == header.values.end()) return header.alignment;
  const auto* alignment = std::get_if<uint64_t>(&found->second);
  if (!alignment || !std::has_single_bit(*alignment) || *alignment > kLargestAlignment)
    in.fail("key 'general.alignment' is not a power of two up to 1 MiB", kDamaged);
  return *alignment;
}

uint64_t checked_values(const ByteReader& in, const GgufTensor& tensor) {
  uint64_t values = 1;
  for (const uint64_t extent : tensor.shape) {
    if (extent == 0) in.fail(fmt::format("tensor '{}' has an empty dimension", printable(tensor.name)), kDamaged);
    if (__builtin_mul_overflow(values, extent, &values) || values > UINT64_MAX / 8)
      in.fail(fmt::format("tensor '{}' has an absurd shape", printable(tensor.name)), kDamaged);
  }
  return values;
}

GgufTensor read_tensor(ByteReader& in) {
  GgufTensor tensor;
  tensor.name = read_name(in, "a tensor's name");
  const auto dimensions = in.read<uint32_t>("a tensor's dimensions");
  if (dimensions == 0 || dimensions > kMostDimensions)
    in.fail(fmt::format("tensor '{}' has {} dimensions", printable(tensor.name), dimensions), kDamaged);
  tensor.shape.resize(dimensions);
  for (uint64_t& extent : tensor.shape) extent = in.read<uint64_t>("a tensor's shape");
  tensor.type = static_cast<DType>(in.read<uint32_t>("a tensor's type"));
  tensor.offset = in.read<uint64_t>("a tensor's offset");
  const uint64_t values = checked_values(in, tensor);
  if (const DTypeInfo* info = dtype_info(tensor.type)) {
    if (tensor.shape[0] % info->block_values != 0)
      in.fail(fmt::format("tensor '{}' has rows of {} values, but {} comes in blocks of {}", printable(tensor.name),
                          tensor.shape[0], info->name, info->block_values),
              kDamaged);
    tensor.bytes = row_bytes(*info, values);
  }
  return tensor;
}

void read_tensors(ByteReader& in, uint64_t count, GgufHeader& header) {
  std::unordered_set<std::string> seen;
  header.tensors.reserve(count);
  for (uint64_t i = 0; i < count; ++i) {
    header.tensors.push_back(read_tensor(in));
    if (!seen.insert(header.tensors.back().name).second)
      in.fail(fmt::format("tensor '{}' appears twice", printable(header.tensors.back().name)), kDamaged);
  }
}

// Turns offsets into the data section into offsets into the file, having checked each against the file's end and
// against its neighbours.
void place_tensors(const ByteReader& in, GgufHeader& header) {
  const uint64_t data_start = (in.position() + header.alignment - 1) / header.alignment * header.alignment;
  const uint64_t data_bytes = in.size() > data_start ? in.size() - data_start : 0;
  const auto fail = [&](const GgufTensor& tensor, const std::string& what, const char* mend) {
    throw Error(what, fmt::format("{}: tensor '{}'", in.path().string(), printable(tensor.name)), mend);
  };
  for (GgufTensor& tensor : header.tensors) {
    if (tensor.offset % header.alignment != 0)
      fail(tensor, fmt::format("its offset {} is not a multiple of the alignment {}", tensor.offset, header.alignment),
           kDamaged);
    if (tensor.offset > data_bytes || tensor.bytes > data_bytes - tensor.offset)
      fail(tensor, fmt::format("its {} bytes at {} end after the file does", tensor.bytes, tensor.offset),
           "the file is truncated; fetch it again");
  }
  std::vector<const GgufTensor*> in_order;
  for (const GgufTensor& tensor : header.tensors) in_order.push_back(&tensor);
  std::ranges::stable_sort(in_order, {}, &GgufTensor::offset);
  for (size_t i = 1; i < in_order.size(); ++i)
    if (in_order[i - 1]->offset + in_order[i - 1]->bytes > in_order[i]->offset)
      fail(*in_order[i], fmt::format("overlaps tensor '{}'", printable(in_order[i - 1]->name)), kDamaged);
  for (GgufTensor& tensor : header.tensors) tensor.offset += data_start;
}

}  // namespace

GgufHeader read_gguf_header(const std::filesystem::path& path) {
  ByteReader in(path);
  if (in.size() < 24 || in.read<uint32_t>("the magic") != kMagic)
    throw Error("is not a GGUF file", path.string(), "give a model in GGUF format");
  GgufHeader header;
  header.version = in.read<uint32_t>("the version");
  // Version 3 only added big-endian files to version 2.
  if (header.version != 2 && header.version != 3)
    in.fail(header.version & 0xffff ? fmt::format("GGUF version {} is not supported", header.version)
                                    : std::string("big-endian GGUF is not supported"),
            "convert it to GGUF version 3, little-endian");
  const auto tensor_count = in.read<uint64_t>("the tensor count");
  const auto value_count = in.read<uint64_t>("the key count");
  in.expect(value_count, kSmallestPair, fmt::format("a header of {} keys", value_count));
  in.expect(tensor_count, kSmallestTensor, fmt::format("a header of {} tensors", tensor_count));
  read_values(in, value_count, header);
  header.alignment = find_alignment(in, header);
  in.expect(tensor_count, kSmallestTensor, fmt::format("a header of {} tensors", tensor_count));
  read_tensors(in, tensor_count, header);
  place_tensors(in, header);
  return header;
}

}  // namespace tierscope
