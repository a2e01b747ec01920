#include "tests/support/golden_model.h"

#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "runtime/base/atomic_file.h"

namespace tierscope {
namespace {

std::string read_range(const std::filesystem::path& path, uint64_t offset, uint64_t bytes) {
  std::ifstream in(path, std::ios::binary);
  in.seekg(static_cast<std::streamoff>(offset));
  std::string data(bytes, 0);
  if (!in.read(data.data(), static_cast<std::streamsize>(bytes)))
    throw std::runtime_error("cannot read " + path.string());
  return data;
}

// Hands out rows only after they were awaited, once a step.
class TableRows final : public StepRows {
 public:
  TableRows(const std::vector<std::byte>& table, uint64_t row_bytes, const std::vector<BatchToken>& batch)
      : table_(table), row_bytes_(row_bytes), batch_(batch) {}
  void await() override { ++awaited_; }
  const std::byte* row(size_t i) const override {
    if (awaited_ != 1) throw std::logic_error(fmt::format("row {} used after {} awaits", i, awaited_));
    return table_.data() + batch_.at(i).token * row_bytes_;
  }

 private:
  const std::vector<std::byte>& table_;
  uint64_t row_bytes_;
  const std::vector<BatchToken>& batch_;
  int awaited_ = 0;
};

}  // namespace

std::filesystem::path GoldenModel::path(const std::string& name, const std::string& suffix) {
  return std::filesystem::path("tests/golden/data/logits") / (name + suffix);
}

GoldenModel::GoldenModel(const std::string& name) : name_(name), file_(GgufFile::open(path(name, ".gguf"))) {
  vocab_ = read_hyperparameters(file_).vocab;
  std::ifstream in(path(name, ".tokens"));
  for (TokenId token = 0; in >> token;) tokens_.push_back(token);
  if (const auto table = find_ple_table(file_)) {
    row_bytes_ = table->row_bytes;
    const std::string bytes = read_range(table->path, table->offset, table->rows * table->row_bytes);
    const auto view = std::as_bytes(std::span(bytes));
    table_.assign(view.begin(), view.end());
  }
}

std::vector<float> GoldenModel::exact_logits() const {
  const std::string bytes = read_text_file(path(name_, ".logits.f32"));
  std::vector<float> values(bytes.size() / sizeof(float));
  std::copy_n(bytes.data(), values.size() * sizeof(float), reinterpret_cast<char*>(values.data()));
  return values;
}

std::vector<float> GoldenModel::forward(Decoder& decoder, const std::vector<BatchToken>& batch) const {
  size_t wanted = 0;
  for (const BatchToken& token : batch) wanted += token.wants_logits ? 1 : 0;
  std::vector<float> logits(wanted * vocab_);
  TableRows rows(table_, row_bytes_, batch);
  decoder.forward(batch, rows, logits.data());
  return logits;
}

std::vector<float> GoldenModel::forward_in_chunks(Decoder& decoder, std::span<const TokenId> tokens,
                                                  uint32_t chunk) const {
  std::vector<float> all;
  for (uint32_t first = 0; first < tokens.size(); first += chunk) {
    std::vector<BatchToken> batch;
    for (uint32_t i = first; i < std::min<size_t>(tokens.size(), first + chunk); ++i)
      batch.push_back({tokens[i], 0, i, true});
    const std::vector<float> logits = forward(decoder, batch);
    all.insert(all.end(), logits.begin(), logits.end());
  }
  return all;
}

std::map<std::string, double> logit_bounds() {
  const auto index = nlohmann::json::parse(read_text_file("tests/golden/data/logits/index.json"));
  std::map<std::string, double> result;
  for (const auto& [name, model] : index.items())
    result[name] = name.ends_with("f32") ? 1e-8 : 1.5 * model["llama_cpp"]["nmse"].get<double>();
  return result;
}

double nmse(std::span<const float> values, std::span<const float> exact) {
  if (values.size() != exact.size()) throw std::logic_error("different numbers of logits");
  double error = 0, power = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double difference = double{values[i]} - exact[i];
    error += difference * difference;
    power += double{exact[i]} * exact[i];
  }
  return error / power;
}

}  // namespace tierscope
