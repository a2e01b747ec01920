#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>
#include <thread>

#include "experiments/backend.h"
#include "experiments/commands/commands.h"
#include "experiments/vocabulary_file.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/engine/generator.h"
#include "runtime/engine/model_table.h"
#include "runtime/engine/sampler.h"
#include "runtime/metrics/distribution.h"
#include "traces/recording.h"

namespace tierscope {
namespace {

using Clock = std::chrono::steady_clock;
using nlohmann::ordered_json;

double milliseconds(Clock::duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

SamplerOptions sampler_options(const Arguments& arguments) {
  return {arguments.real("temperature"), static_cast<uint32_t>(arguments.number("top-k")), arguments.real("top-p"),
          arguments.number("seed")};
}

// What one answer took.
struct Answer {
  std::string text;
  std::vector<TokenId> prompt, output;  // prompt: what was new to the model
  std::vector<TokenId> context;         // the whole conversation up to the answer
  double ttft_ms = 0;
  std::vector<double> itl_ms;
  std::string stopped;  // "end of turn", "--max-tokens", "context full"
};

class Session {
 public:
  explicit Session(const Arguments& arguments)
      : model_(GgufFile::open(arguments.text("MODEL"))),
        tokenizer_(read_vocabulary(model_)),
        encoder_(tokenizer_),
        markers_(arguments.flag("raw") ? std::nullopt : find_chat_markers(tokenizer_)),
        sampler_(sampler_options(arguments)),
        max_tokens_(arguments.number("max-tokens")),
        context_tokens_(arguments.number("ctx")),
        placement_(parse_placement(arguments.text("placement"))),
        backend_(arguments.text("backend"), {&placement_, 1}) {
    const uint64_t chunk = arguments.number("chunk");
    if (chunk == 0) throw UsageError("a chunk has at least one token", "--chunk");
    if (context_tokens_ > UINT32_MAX) throw UsageError("a context has fewer than 2^32 tokens", "--ctx");
    const auto threads = static_cast<unsigned>(
        arguments.number_if("threads").value_or(std::max(1u, std::thread::hardware_concurrency())));
    const DecoderOptions decoder{threads, static_cast<uint32_t>(context_tokens_), 1, static_cast<uint32_t>(chunk)};
    const std::optional<TableFile> table = find_placed_table(model_, placement_);
    GeneratorOptions options{static_cast<uint32_t>(chunk), arguments.number("seed"), {}};
    options.store.threads = threads;
    options.store.device = backend_.device();
    options.store.max_step_rows = options.chunk_tokens;
    backend_.check_room(backend_.decoder_memory(model_, decoder), table, placement_, options.store);
    decoder_ = backend_.make_decoder(model_, decoder);
    if (tokenizer_.size() != decoder_->hyperparameters().vocab)
      throw Error(fmt::format("the vocabulary has {} tokens and the model {}", tokenizer_.size(),
                              decoder_->hyperparameters().vocab),
                  arguments.text("MODEL"), "the file's parts belong to different models");
    generator_.emplace(*decoder_, table, placement_, options);
  }

  const Tokenizer& tokenizer() const { return tokenizer_; }

  // Answers a user's text; `show` gets the answer's text as it comes.
  Answer answer(const std::string& text, const std::function<void(const std::string&)>& show) {
    Answer answer;
    answer.prompt = prompt_tokens(text);
    history_.insert(history_.end(), answer.prompt.begin(), answer.prompt.end());
    answer.context = history_;
    if (generator_->position() + answer.prompt.size() >= context_tokens_)
      throw Error(fmt::format("the prompt of {} tokens leaves no room in a context of {}",
                              generator_->position() + answer.prompt.size(), context_tokens_),
                  "--ctx", "enlarge it or shorten the prompt");
    const Clock::time_point begin = Clock::now();
    std::span<const float> logits = generator_->feed(answer.prompt);
    answer.ttft_ms = milliseconds(Clock::now() - begin);
    Detokenizer detokenizer(tokenizer_);
    const auto add_text = [&](const std::string& part) {
      answer.text += part;
      if (!part.empty()) show(part);
    };
    for (;;) {
      const TokenId token = sampler_.sample(logits);
      answer.output.push_back(token);
      if (ends_answer(token)) {
        answer.stopped = "end of turn";
        break;
      }
      add_text(detokenizer.push(token));
      if (answer.output.size() >= max_tokens_) answer.stopped = "--max-tokens";
      if (generator_->position() + 1 >= context_tokens_) answer.stopped = "context full";
      if (!answer.stopped.empty()) break;
      const Clock::time_point step = Clock::now();
      logits = generator_->feed({&token, 1});
      answer.itl_ms.push_back(milliseconds(Clock::now() - step));
    }
    add_text(detokenizer.finish());
    unfed_ = answer.output.back();
    history_.insert(history_.end(), answer.output.begin(), answer.output.end() - 1);
    return answer;
  }

  ordered_json to_json(const Answer& answer) const {
    const Distribution itl = summarize(answer.itl_ms);
    ordered_json json{{"text", answer.text},       {"prompt", answer.prompt},          {"output", answer.output},
                      {"stopped", answer.stopped}, {"placement", to_text(placement_)}, {"backend", backend_.text()},
                      {"ttft_ms", answer.ttft_ms}};
    json["tpot_ms"] = itl.mean ? ordered_json(*itl.mean) : ordered_json(nullptr);
    json["tiers"] = tiers_json();
    return json;
  }

  std::string summary(const Answer& answer) const {
    const Distribution itl = summarize(answer.itl_ms);
    std::string line = fmt::format("[{} + {} tokens, {}; ttft {:.1f} ms", answer.prompt.size(), answer.output.size(),
                                   answer.stopped, answer.ttft_ms);
    if (itl.mean) line += fmt::format(", tpot {:.1f} ms", *itl.mean);
    for (const auto& tier : tiers_json()) {
      const uint64_t hits = tier.value("hits", uint64_t{0}), misses = tier.value("misses", uint64_t{0});
      line += tier.contains("reads") ? fmt::format("; {} {} reads, {} ({})", tier["tier"].get<std::string>(),
                                                   tier["reads"].get<uint64_t>(), format_bytes(tier["bytes"]),
                                                   tier["access"].get<std::string>())
                                     : fmt::format("; {} {} {} of {} hit", tier["tier"].get<std::string>(),
                                                   tier["policy"].get<std::string>(), hits, hits + misses);
    }
    return line + "]";
  }

 private:
  std::vector<TokenId> prompt_tokens(const std::string& text) {
    std::vector<TokenId> tokens;
    const bool first = generator_->position() == 0;
    const Vocabulary& vocabulary = tokenizer_.vocabulary();
    if (first && vocabulary.add_bos && vocabulary.bos) tokens.push_back(*vocabulary.bos);
    // What the last answer ended with was shown but not yet seen by the model.
    if (unfed_) {
      tokens.push_back(*unfed_);
      if (markers_ && !ends_answer(*unfed_)) tokens.push_back(markers_->end_of_turn);
      if (markers_) encoder_.encode("\n", tokens);
    }
    const std::vector<ChatTurn> turn{{"user", std::string(trim(text))}};
    encoder_.encode(markers_ ? chat_prompt(*markers_, turn) : text, tokens);
    if (tokens.empty()) throw UsageError("the prompt is empty", "--prompt");
    return tokens;
  }

  bool ends_answer(TokenId token) const {
    const Vocabulary& vocabulary = tokenizer_.vocabulary();
    return token == vocabulary.eos || token == vocabulary.end_of_turn || (markers_ && token == markers_->end_of_turn);
  }

  ordered_json tiers_json() const {
    ordered_json tiers = ordered_json::array();
    const Planner* planner = generator_->planner();
    if (!planner) return tiers;
    for (size_t i = 0; i < planner->level_count(); ++i)
      tiers.push_back({{"tier", name(planner->level(i).tier)},
                       {"policy", planner->level(i).policy.name},
                       {"hits", planner->totals().levels[i].hits},
                       {"misses", planner->totals().levels[i].misses}});
    const StoreCounts done = generator_->store()->counts();
    tiers.push_back({{"tier", name(placement_.backing)},
                     {"reads", done.rows_read},
                     {"bytes", done.device_bytes},
                     {"access", generator_->store()->effective_access()}});
    return tiers;
  }

  GgufFile model_;
  Tokenizer tokenizer_;
  Encoder encoder_;
  std::optional<ChatMarkers> markers_;
  Sampler sampler_;
  uint64_t max_tokens_, context_tokens_;
  Placement placement_;
  Backend backend_;
  std::unique_ptr<Decoder> decoder_;
  std::optional<Generator> generator_;
  std::vector<TokenId> history_;  // all that the model has read
  std::optional<TokenId> unfed_;
};

void write_record(const Arguments& arguments, const Tokenizer& tokenizer, std::vector<Request> requests) {
  TokenTrace trace{{}, std::move(requests)};
  trace.header.name = std::filesystem::path(arguments.text("record")).stem().stem().string();
  trace.header.vocab_size = tokenizer.size();
  trace.header.tokenizer = tokenizer_text(tokenizer);
  trace.header.license = arguments.text("license");
  trace.header.source = "tierscope generate, " + std::filesystem::path(arguments.text("MODEL")).filename().string();
  write_trace(arguments.text("record"), std::move(trace));
}

int run(const Arguments& arguments) {
  if (arguments.number("max-tokens") == 0) throw UsageError("at least one token is generated", "--max-tokens");
  const bool json = arguments.flag("json"), interactive = !arguments.has("prompt");
  Session session(arguments);
  std::vector<Request> record;
  ordered_json answers = ordered_json::array();
  const auto show = [&](const std::string& part) {
    if (json) return;
    fmt::print("{}", part);
    std::fflush(stdout);
  };
  const auto handle = [&](const std::string& prompt) {
    const Answer answer = session.answer(prompt, show);
    if (!json) fmt::print("\n");
    std::fflush(stdout);
    if (!arguments.flag("quiet")) fmt::print(stderr, "{}\n", session.summary(answer));
    answers.push_back(session.to_json(answer));
    Request& request = record.emplace_back();
    request.id = std::to_string(record.size() - 1);
    request.prompt = answer.context;
    request.output = answer.output;
  };
  if (!interactive) handle(arguments.text("prompt"));
  const bool terminal = isatty(STDIN_FILENO) == 1;
  if (interactive && terminal) fmt::print(stderr, "(an empty line or the end of input ends)\n");
  for (std::string line; interactive;) {
    if (terminal) fmt::print(stderr, "> ");
    if (!std::getline(std::cin, line) || trim(line).empty()) break;
    handle(line);
  }
  if (arguments.has("record") && !record.empty()) write_record(arguments, session.tokenizer(), std::move(record));
  // A model may write bytes that are no UTF-8; JSON cannot hold them.
  const ordered_json& result = interactive ? answers : answers[0];
  if (json) fmt::print("{}\n", result.dump(1, ' ', false, ordered_json::error_handler_t::replace));
  return 0;
}

}  // namespace

Command generate_command() {
  return {
      "generate",
      "text from a model, its table placed as wanted",
      "Streams the answer to stdout and ends with a line of figures on stderr: tokens, TTFT, TPOT and what each tier "
      "did. Without --prompt it reads one user turn a line. Turn markers, BOS and end of turn are the model's own.",
      {{"MODEL", "GGUF file with weights and vocabulary", true}},
      {{"prompt", "S", "the user's text; without it, lines of stdin", "", false, 0},
       {"raw", "", "continue the text as it is, without chat turns", "", false, 0},
       {"max-tokens", "N", "tokens of an answer at most", "256", false, 0},
       {"temperature", "T", "0 is greedy", "0", false, 0},
       {"top-k", "K", "draw from the K likeliest tokens; 0: from all", "64", false, 0},
       {"top-p", "P", "draw from the likeliest tokens that together have this probability", "0.95", false, 0},
       {"placement", "P", "where the table lives", "nvme+ram:5%:lru", false, 0},
       {"ctx", "N", "tokens of prompt and answers that are remembered", "4096", false, 0},
       {"record", "FILE", "write prompts and answers as a token trace", "", false, 0},
       {"license", "TEXT", "licence of the recorded texts", "unknown", false, 0},
       options::chunk(),
       options::backend(),
       options::threads(),
       options::seed(),
       options::quiet(),
       options::json()},
      {{"tierscope generate gemma-4-e2b.gguf --prompt 'Why is the sky blue?'", "greedy, 5 % of the rows in RAM"}},
      run};
}

}  // namespace tierscope
