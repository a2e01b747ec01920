#include "runtime/model/synthetic_vocabulary.h"

#include <fmt/format.h>

#include <algorithm>

namespace tierscope {
namespace {

// Token types of GGUF's tokenizer.ggml.token_type.
constexpr int64_t kNormal = 1, kControl = 3, kByte = 6;
constexpr uint32_t kLargeEnough = 1024;  // from here on Gemma's own ids are kept for what has a fixed place
constexpr const char* kSpace = "\u2581";
constexpr const char* kTemplate =
    "{{ bos_token }}{% for message in messages %}<|turn>{{ message['role'] }}\n{{ message['content'] }}<turn|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|turn>model\n{% endif %}";

class Builder {
 public:
  explicit Builder(uint32_t size) : size_(size) {}
  bool full() const { return tokens_.size() == size_; }

  void add(std::string token, int64_t type = kNormal) {
    if (full()) return;
    scores_.push_back(type == kNormal ? -double(tokens_.size()) : 0);
    types_.push_back(type);
    tokens_.push_back(std::move(token));
  }
  // A token that the merge of `left` and `right` makes.
  void add_merged(const std::string& left, const std::string& right) {
    if (full()) return;
    merges_.push_back(left + " " + right);
    add(left + right);
  }
  void pad_to(uint32_t id) {
    if (size_ < kLargeEnough) return;
    while (tokens_.size() < id) add(fmt::format("<unused{}>", tokens_.size()), kControl);
  }
  // `unit` once, then its runs up to `longest`, each made of the one before.
  void add_runs(const std::string& unit, size_t longest) {
    std::string run = unit;
    for (size_t length = 2; length <= longest; ++length, run += unit) add_merged(run, unit);
  }
  uint32_t size() const { return size_; }
  GgufKeys keys() &&;

 private:
  uint32_t size_;
  std::vector<std::string> tokens_, merges_;
  std::vector<double> scores_;
  std::vector<int64_t> types_;
};

GgufKeys Builder::keys() && {
  return {{"tokenizer.ggml.model", "gemma4"},
          {"tokenizer.ggml.tokens", GgufArray{GgufType::string, std::move(tokens_)}},
          {"tokenizer.ggml.scores", GgufArray{GgufType::f32, std::move(scores_)}},
          {"tokenizer.ggml.token_type", GgufArray{GgufType::i32, std::move(types_)}},
          {"tokenizer.ggml.merges", GgufArray{GgufType::string, std::move(merges_)}},
          {"tokenizer.ggml.bos_token_id", uint64_t{2}},
          {"tokenizer.ggml.eos_token_id", uint64_t{1}},
          {"tokenizer.ggml.unknown_token_id", uint64_t{3}},
          {"tokenizer.ggml.padding_token_id", uint64_t{0}},
          {"tokenizer.ggml.mask_token_id", uint64_t{4}},
          {"tokenizer.ggml.add_bos_token", true},
          {"tokenizer.ggml.add_space_prefix", false},
          {"tokenizer.chat_template", kTemplate}};
}

void add_fixed_tokens(Builder& builder) {
  const size_t longest_run = builder.size() < kLargeEnough ? 1 : 31;
  for (const char* name : {"<pad>", "<eos>", "<bos>", "<unk>", "<mask>"}) builder.add(name, kControl);
  builder.pad_to(105);
  for (const char* name : {"<|turn>", "<turn|>"}) builder.add(name, kControl);
  builder.add("\n");
  builder.add_runs("\n", longest_run);
  builder.pad_to(238);
  for (int byte = 0; byte < 256; ++byte) builder.add(fmt::format("<0x{:02X}>", byte), kByte);
  builder.add(kSpace);
  builder.add_runs(kSpace, longest_run);
  for (char c = '!'; c <= '~'; ++c) builder.add(std::string(1, c));
}

// Words of lower-case letters, shorter ones first, each made by one merge of two entries before it.
void add_words(Builder& builder) {
  std::vector<std::string> letters, pairs, triples;
  for (char c = 'a'; c <= 'z'; ++c) letters.emplace_back(1, c);
  const auto products = [&](const std::vector<std::string>& lefts, const std::vector<std::string>& rights) {
    std::vector<std::string> words;
    for (const std::string& left : lefts)
      for (const std::string& right : rights) {
        builder.add_merged(left, right);
        words.push_back(left + right);
      }
    return words;
  };
  pairs = products(letters, letters);
  products({kSpace}, letters);
  products({kSpace}, pairs);
  triples = products(pairs, letters);
  products({kSpace}, triples);
  products(pairs, pairs);
}

}  // namespace

GgufKeys synthetic_vocabulary(uint32_t size) {
  Builder builder(size);
  add_fixed_tokens(builder);
  add_words(builder);
  builder.pad_to(size);
  return std::move(builder).keys();
}

GgufKeys copied_vocabulary(const GgufFile& file, uint32_t size) {
  GgufKeys keys;
  for (const auto& [key, value] : file.values())
    if (key.starts_with("tokenizer.")) keys.emplace_back(key, value);
  const auto find = [&](const char* name) { return std::ranges::find(keys, name, &GgufKeys::value_type::first); };
  const auto tokens = find("tokenizer.ggml.tokens");
  const auto* array = tokens == keys.end() ? nullptr : std::get_if<GgufArray>(&tokens->second);
  const size_t count = array ? array->size() : 0;
  if (count == 0)
    throw file.error("key", "tokenizer.ggml.tokens", "is no list of tokens", "give a file with a vocabulary");
  if (count > size)
    throw file.error("key", "tokenizer.ggml.tokens", fmt::format("has {} entries, the model only {}", count, size),
                     "choose a preset with a larger vocabulary");
  const auto fill = [&](const char* name, const auto& make) {
    const auto found = find(name);
    if (auto* values = found == keys.end() ? nullptr : std::get_if<GgufArray>(&found->second))
      std::visit([&](auto& vector) { make(vector); }, values->values);
  };
  fill("tokenizer.ggml.tokens", [&](auto& vector) {
    if constexpr (std::is_same_v<std::decay_t<decltype(vector)>, std::vector<std::string>>)
      for (size_t id = count; id < size; ++id) vector.push_back(fmt::format("<unused{}>", id));
  });
  fill("tokenizer.ggml.scores", [&](auto& vector) { vector.resize(size); });
  fill("tokenizer.ggml.token_type", [&](auto& vector) {
    if constexpr (std::is_same_v<std::decay_t<decltype(vector)>, std::vector<int64_t>>) vector.resize(size, kControl);
  });
  return keys;
}

}  // namespace tierscope
