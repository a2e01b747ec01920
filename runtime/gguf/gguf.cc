#include "runtime/gguf/gguf.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "runtime/base/text.h"
#include "runtime/gguf/header.h"

namespace tierscope {

size_t GgufArray::size() const {
  return std::visit([](const auto& vector) { return vector.size(); }, values);
}

uint64_t GgufTensor::values() const {
  uint64_t product = 1;
  for (const uint64_t extent : shape) product *= extent;
  return product;
}

uint64_t GgufTensor::rows() const {
  return values() / shape[0];
}

struct GgufFile::Content {
  std::vector<std::filesystem::path> paths;
  GgufHeader header;
  std::unordered_map<std::string_view, size_t> value_index, tensor_index;

  void append(GgufHeader part);
  void index();
};

namespace {

std::optional<uint64_t> as_unsigned(const GgufValue& value) {
  if (const auto* whole = std::get_if<uint64_t>(&value)) return *whole;
  if (const auto* whole = std::get_if<int64_t>(&value); whole && *whole >= 0) return uint64_t(*whole);
  return std::nullopt;
}

std::optional<uint64_t> as_count(const GgufValue& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? 1 : 0;
  return as_unsigned(value);
}

// "model-00001-of-00003.gguf" and its siblings.
std::filesystem::path sibling_path(const std::filesystem::path& part, uint64_t number, uint64_t count) {
  constexpr std::string_view kPattern = "-00000-of-00000.gguf";
  const std::string name = part.filename().string();
  std::string ending = name.substr(name.size() - std::min(name.size(), kPattern.size()));
  std::ranges::replace_if(
      ending, [](char c) { return c >= '0' && c <= '9'; }, '0');
  if (ending != kPattern)
    throw Error(fmt::format("is one of {} parts, but its name does not say which", count), part.string(),
                fmt::format("name the parts NAME-00001-of-{:05}.gguf", count));
  const std::string stem = name.substr(0, name.size() - kPattern.size());
  return part.parent_path() / fmt::format("{}-{:05}-of-{:05}.gguf", stem, number + 1, count);
}

}  // namespace

void GgufFile::Content::append(GgufHeader part) {
  for (GgufTensor& tensor : part.tensors) {
    tensor.file = static_cast<uint32_t>(paths.size() - 1);
    header.tensors.push_back(std::move(tensor));
  }
}

void GgufFile::Content::index() {
  for (size_t i = 0; i < header.values.size(); ++i) value_index.emplace(header.values[i].first, i);
  for (size_t i = 0; i < header.tensors.size(); ++i)
    if (!tensor_index.emplace(header.tensors[i].name, i).second)
      throw Error(fmt::format("tensor '{}' appears in two parts", printable(header.tensors[i].name)),
                  paths.front().string(), "split the model again");
}

GgufFile GgufFile::open(const std::filesystem::path& path) {
  auto content = std::make_shared<Content>();
  content->paths.push_back(path);
  content->header = read_gguf_header(path);
  content->index();
  const GgufFile first(content);
  const uint64_t parts = first.unsigned_value("split.count", 1);
  if (parts <= 1) return first;
  if (first.unsigned_value("split.no") != 0)
    throw Error(fmt::format("is part {} of {}", first.unsigned_value("split.no") + 1, parts), path.string(),
                fmt::format("give {}", sibling_path(path, 0, parts).string()));

  for (uint64_t number = 1; number < parts; ++number) {
    const std::filesystem::path part_path = sibling_path(path, number, parts);
    auto part = std::make_shared<Content>();
    part->paths.push_back(part_path);
    part->header = read_gguf_header(part_path);
    part->index();
    const GgufFile sibling(part);
    if (sibling.unsigned_value("split.no") != number || sibling.unsigned_value("split.count") != parts)
      throw sibling.error("key", "split.no", "does not fit the part's name", "split the model again");
    content->paths.push_back(part_path);
    content->append(part->header);
  }
  content->tensor_index.clear();
  content->index();
  const uint64_t expected = first.unsigned_value("split.tensors.count", content->header.tensors.size());
  if (expected != content->header.tensors.size())
    throw first.error("key", "split.tensors.count",
                      fmt::format("promises {} tensors, the parts hold {}", expected, content->header.tensors.size()),
                      "split the model again");
  return first;
}

std::span<const std::filesystem::path> GgufFile::paths() const {
  return content_->paths;
}

std::span<const GgufTensor> GgufFile::tensors() const {
  return content_->header.tensors;
}

const GgufTensor* GgufFile::find(std::string_view name) const {
  const auto found = content_->tensor_index.find(name);
  return found == content_->tensor_index.end() ? nullptr : &content_->header.tensors[found->second];
}

const GgufTensor& GgufFile::tensor(std::string_view name) const {
  if (const GgufTensor* found = find(name)) return *found;
  throw error("tensor", name, "is missing", "use a complete model file");
}

const DTypeInfo& GgufFile::dtype(const GgufTensor& tensor) const {
  if (const DTypeInfo* info = dtype_info(tensor.type)) return *info;
  throw error("tensor", tensor.name, fmt::format("its type {} is not supported", dtype_name(tensor.type)),
              "requantise the model, e.g. to Q4_K_M");
}

const GgufValue* GgufFile::value(std::string_view key) const {
  const auto found = content_->value_index.find(key);
  return found == content_->value_index.end() ? nullptr : &content_->header.values[found->second].second;
}

std::span<const std::pair<std::string, GgufValue>> GgufFile::values() const {
  return content_->header.values;
}

Error GgufFile::error(std::string_view kind, std::string_view name, const std::string& what,
                      const std::string& mend) const {
  const GgufTensor* in_part = kind == "tensor" ? find(name) : nullptr;
  const std::filesystem::path& path = content_->paths[in_part ? in_part->file : 0];
  return Error(what, fmt::format("{}: {} '{}'", path.string(), kind, printable(name)), mend);
}

const GgufValue& GgufFile::required(std::string_view key) const {
  if (const GgufValue* found = value(key)) return *found;
  throw error("key", key, "is missing", "convert the model again with a recent converter");
}

uint64_t GgufFile::unsigned_value(std::string_view key, std::optional<uint64_t> fallback) const {
  if (fallback && !value(key)) return *fallback;
  if (const auto number = as_unsigned(required(key))) return *number;
  throw error("key", key, "is not a whole number from 0 up");
}

double GgufFile::float_value(std::string_view key, std::optional<double> fallback) const {
  if (fallback && !value(key)) return *fallback;
  const GgufValue& found = required(key);
  double number = NAN;
  if (const auto* real = std::get_if<double>(&found)) number = *real;
  if (const auto* whole = std::get_if<int64_t>(&found)) number = double(*whole);
  if (const auto* whole = std::get_if<uint64_t>(&found)) number = double(*whole);
  if (std::isfinite(number)) return number;
  throw error("key", key, "is not a finite number");
}

std::string GgufFile::string_value(std::string_view key, std::optional<std::string> fallback) const {
  if (fallback && !value(key)) return *fallback;
  if (const auto* text = std::get_if<std::string>(&required(key))) return *text;
  throw error("key", key, "is not a text");
}

std::vector<uint64_t> GgufFile::unsigned_per_layer(std::string_view key, size_t count,
                                                   std::optional<uint64_t> fallback) const {
  if (fallback && !value(key)) return std::vector<uint64_t>(count, *fallback);
  const GgufValue& found = required(key);
  if (const auto number = as_count(found)) return std::vector<uint64_t>(count, *number);
  const auto* array = std::get_if<GgufArray>(&found);
  if (!array || array->size() != count)
    throw error("key", key, fmt::format("is neither one whole number nor an array of {}", count));
  std::vector<uint64_t> numbers;
  std::visit(
      [&](const auto& elements) {
        for (const auto& element : elements)
          if (const auto number = as_count(GgufValue(element))) numbers.push_back(*number);
      },
      array->values);
  if (numbers.size() != count) throw error("key", key, "holds something else than whole numbers from 0 up");
  return numbers;
}

uint32_t GgufFile::version() const {
  return content_->header.version;
}

uint64_t GgufFile::alignment() const {
  return content_->header.alignment;
}

}  // namespace tierscope
