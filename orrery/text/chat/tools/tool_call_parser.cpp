#include "orrery/text/chat/tools/tool_call_parser.h"

#include <algorithm>
#include <utility>

namespace orrery::text {

namespace {

constexpr size_t kMaxId = 64;

enum class Match { kNo, kPrefix, kWhole };

Match match(std::string_view held, std::string_view mark) {
  if (mark.empty() || !mark.starts_with(held)) return Match::kNo;
  return held.size() == mark.size() ? Match::kWhole : Match::kPrefix;
}

}  // namespace

ToolCallParser::ToolCallParser(ToolFormat format, std::optional<ReasoningMarks> reasoning, Options options,
                               std::string_view prompt)
    : format_(std::move(format)),
      reasoning_(std::move(reasoning)),
      options_(std::move(options)),
      ids_(options_.seed, "tool call ids"),
      object_(format_.name_key, false) {
  if (reasoning_ && prompt_opens_reasoning(prompt, *reasoning_)) {
    state_ = State::kReasoning;
    drop_space_ = true;
  } else if (options_.tools && !format_.call_begin.empty() && prompt.ends_with(format_.call_begin)) {
    state_ = State::kName;
  }
}

std::vector<ToolEvent> ToolCallParser::push(std::string_view piece) {
  feed(piece);
  return std::exchange(out_, {});
}

void ToolCallParser::feed(std::string_view text) {
  for (size_t i = 0; i < text.size() && !over(); ++i) step(text[i]);
}

void ToolCallParser::step(char c) {
  if (state_ == State::kContent || state_ == State::kReasoning) return step_text(c);
  step_call(c);
}

// ---- content and thoughts

/// What may come next in a text; empty ones are none.
std::array<std::string_view, 3> ToolCallParser::text_marks() const {
  if (state_ == State::kReasoning) return {reasoning_->end};
  std::array<std::string_view, 3> marks;
  if (options_.tools) marks = {format_.block_begin, format_.call_begin};
  if (reasoning_ && fresh_) marks[2] = reasoning_->begin;
  return marks;
}

void ToolCallParser::step_text(char c) {
  if (held_.empty()) {
    const bool between_calls = format_.bare && c == ';' && fresh_ && calls_ > 0;  // Llama 3.2 writes {…}; {…}
    if (is_json_space(c) || between_calls) {
      if (!drop_space_) space_ += c;
      return;
    }
    if (state_ == State::kContent && options_.tools && format_.bare && fresh_ && c == '{') {
      raw_ = std::exchange(space_, {});
      start_object(true);
      return step(c);
    }
  }
  held_ += c;
  while (!held_.empty()) {
    bool is_prefix = false;
    for (std::string_view mark : text_marks()) {
      const Match found = match(held_, mark);
      if (found == Match::kWhole) return opened(mark);
      is_prefix |= found == Match::kPrefix;
    }
    if (is_prefix) return;
    const char first = held_.front();
    held_.erase(0, 1);
    say(first);
  }
}

void ToolCallParser::opened(std::string_view mark) {
  held_.clear();
  if (reasoning_ && (mark == reasoning_->begin || mark == reasoning_->end)) {
    state_ = state_ == State::kReasoning ? State::kContent : State::kReasoning;
    space_.clear();
    drop_space_ = true;
    return;
  }
  drop_space_ = false;
  raw_ = std::exchange(space_, {}) + std::string(mark);
  if (mark == format_.call_begin) {
    state_ = State::kName;
  } else {
    state_ = format_.shape == ToolFormat::Shape::kNamed ? State::kBlock : State::kOpen;
  }
}

void ToolCallParser::say(char c) {
  if (is_json_space(c)) {
    space_ += c;
    return;
  }
  say_all(std::exchange(space_, {}) + c);
}

void ToolCallParser::say_all(std::string_view text) {
  drop_space_ = false;
  if (text.empty()) return;
  if (state_ != State::kReasoning) fresh_ = false;
  const auto kind = state_ == State::kReasoning ? ToolEvent::Kind::kReasoning : ToolEvent::Kind::kContent;
  emit({.kind = kind, .text = std::string(text)});
}

// ---- calls

void ToolCallParser::step_call(char c) {
  bool more = false;
  switch (state_) {
    case State::kOpen:
      return open(c);
    case State::kObject:
      return object(c);
    case State::kAfterObject:
      return after_object(c);
    case State::kBlock:
      if (held_.empty() && is_json_space(c)) return keep(c);
      if (expect(c, {format_.call_begin}, more)) state_ = State::kName;
      return more ? keep(c) : fail(c);
    case State::kName:
    case State::kId:
      return name(c);
    case State::kBeforeArguments:
      if (is_json_space(c)) return keep(c);
      if (c != '{') return fail(c);
      state_ = State::kArguments;
      scanner_.reset();
      commit();
      return arguments(c);
    case State::kArguments:
      return arguments(c);
    case State::kAfterArguments:
      if (held_.empty() && is_json_space(c)) return keep(c);
      if (expect(c, {format_.call_end}, more)) {
        raw_.clear();
        state_ = format_.block_end.empty() ? State::kContent : State::kAfterCall;
        return;
      }
      return more ? keep(c) : leave(c);
    default: {  // kAfterCall
      if (held_.empty() && is_json_space(c)) return keep(c);
      const auto mark = expect(c, {format_.call_begin, format_.block_end}, more);
      if (!more) return leave(c);
      keep(c);
      if (!mark) return;
      state_ = *mark == format_.call_begin ? State::kName : State::kContent;
      if (state_ == State::kContent) raw_.clear();
    }
  }
}

void ToolCallParser::open(char c) {
  if (is_json_space(c)) return keep(c);
  if (c == '[' && !in_list_) {
    in_list_ = true;
    return keep(c);
  }
  if (c != '{') return fail(c);
  start_object(false);
  object(c);
}

void ToolCallParser::start_object(bool bare) {
  state_ = State::kObject;
  bare_ = bare;
  object_ = CallObject(format_.name_key, bare);
}

void ToolCallParser::object(char c) {
  const bool had_name = !object_.name().empty();
  const auto step = object_.push(c);
  const bool unknown = bare_ && !had_name && !object_.name().empty() && !is_known(object_.name());
  if (step == CallObject::Step::kBad || unknown) return fail(c);
  keep(c);
  if (step == CallObject::Step::kArguments) arguments_ += c;
  const bool done = step == CallObject::Step::kDone;
  if (done && !object_.has_arguments()) arguments_ = "{}";
  if (!committed_ && !object_.name().empty() && !arguments_.empty()) {
    name_ = object_.name();
    commit();
  }
  if (committed_ && !arguments_.empty())
    emit({.kind = ToolEvent::Kind::kArguments, .text = std::exchange(arguments_, {}), .index = calls_});
  if (!done) return;
  end_call(true);
  state_ = in_list_ || (!bare_ && !format_.block_end.empty()) ? State::kAfterObject : State::kContent;
}

void ToolCallParser::after_object(char c) {
  if (held_.empty()) {
    if (is_json_space(c)) return keep(c);
    if (in_list_ && c == ',') {
      state_ = State::kOpen;
      return keep(c);
    }
    if (in_list_ && c == ']') {
      in_list_ = false;
      raw_.clear();
      if (format_.block_end.empty()) state_ = State::kContent;
      return;
    }
    if (in_list_) return leave(c);
    if (c == '{') {  // several objects between one pair of tags
      start_object(false);
      return object(c);
    }
  }
  bool more = false;
  if (expect(c, {format_.block_end}, more)) {
    raw_.clear();
    state_ = State::kContent;
    return;
  }
  more ? keep(c) : leave(c);
}

void ToolCallParser::name(char c) {
  std::string& text = state_ == State::kName ? name_ : id_;
  if (held_.empty() && is_call_name({&c, 1})) {
    text += c;
    return text.size() > (state_ == State::kName ? CallObject::kMaxName : kMaxId) ? fail(c) : keep(c);
  }
  bool more = false;
  const auto mark = expect(c, {format_.name_end, format_.id_mark}, more);
  if (!more || (mark && name_.empty())) return fail(c);
  keep(c);
  if (!mark) return;
  if (*mark == format_.id_mark) {
    state_ = State::kId;
  } else if (name_ == format_.content_name) {
    name_.clear();
    raw_.clear();
    state_ = State::kContent;
  } else {
    state_ = State::kBeforeArguments;
  }
}

void ToolCallParser::arguments(char c) {
  const auto step = scanner_.push(c);
  if (step == JsonScanner::Step::kBad) return fail(c);
  keep(c);
  emit({.kind = ToolEvent::Kind::kArguments, .text = std::string(1, c), .index = calls_});
  if (step != JsonScanner::Step::kDone) return;
  end_call(true);
  state_ = !format_.call_end.empty()    ? State::kAfterArguments
           : !format_.block_end.empty() ? State::kAfterCall
                                        : State::kContent;
}

// ---- the life of a call

void ToolCallParser::commit() {
  committed_ = true;
  emit({.kind = ToolEvent::Kind::kCall, .index = calls_, .id = id_.empty() ? new_id() : id_, .name = name_});
  if (!options_.whole) raw_.clear();
}

void ToolCallParser::end_call(bool complete) {
  emit({.kind = ToolEvent::Kind::kCallEnd, .index = calls_, .complete = complete});
  committed_ = false;
  for (ToolEvent& event : std::exchange(pending_, {})) emit(std::move(event));
  raw_.clear();
  name_.clear();
  id_.clear();
  arguments_.clear();
  ++calls_;
  fresh_ = complete;
}

// No call, or not any more: what was read is content, and c is read anew.
void ToolCallParser::fail(char c) {
  if (committed_ && !options_.whole) end_call(false);
  pending_.clear();
  committed_ = false;
  in_list_ = false;
  name_.clear();
  id_.clear();
  arguments_.clear();
  // The beginning of a mark that was expected may be that of another one.
  if (over()) return;
  const std::string partial = std::exchange(held_, {});
  raw_.resize(raw_.size() - std::min(raw_.size(), partial.size()));
  state_ = State::kContent;
  say_all(std::exchange(raw_, {}));
  feed(partial);
  step(c);
}

// The calls are over, without the mark that closes them.
void ToolCallParser::leave(char c) {
  held_.clear();
  in_list_ = false;
  state_ = State::kContent;
  feed(std::exchange(raw_, {}));
  step(c);
}

std::vector<ToolEvent> ToolCallParser::finish() {
  if (over()) return {};
  const bool between = state_ == State::kAfterObject || state_ == State::kAfterArguments || state_ == State::kAfterCall;
  if (state_ == State::kContent || state_ == State::kReasoning) {
    for (char c : std::exchange(held_, {})) say(c);
    if (!fresh_ || calls_ == 0) say_all(std::exchange(space_, {}));
  } else if (committed_ && !options_.whole) {
    end_call(false);
  } else if (!between) {
    pending_.clear();
    committed_ = false;
    state_ = State::kContent;
    say_all(std::exchange(raw_, {}));
  }
  return std::exchange(out_, {});
}

/// The mark that c completes; `more`: c was taken.
std::optional<std::string_view> ToolCallParser::expect(char c, std::initializer_list<std::string_view> marks,
                                                       bool& more) {
  held_ += c;
  for (std::string_view mark : marks) {
    const Match found = match(held_, mark);
    more |= found != Match::kNo;
    if (found != Match::kWhole) continue;
    held_.clear();
    return mark;
  }
  if (!more) held_.pop_back();
  return std::nullopt;
}

void ToolCallParser::keep(char c) {
  if (!committed_ || options_.whole) raw_ += c;
}

void ToolCallParser::emit(ToolEvent event) {
  auto& target = committed_ && options_.whole ? pending_ : out_;
  const bool is_call = event.kind == ToolEvent::Kind::kCall || event.kind == ToolEvent::Kind::kCallEnd;
  if (!is_call && !target.empty() && target.back().kind == event.kind && target.back().index == event.index) {
    target.back().text += event.text;
  } else {
    target.push_back(std::move(event));
  }
}

std::string ToolCallParser::new_id() {
  constexpr std::string_view kLetters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::string id = format_.short_ids ? "" : "call_";
  for (int i = format_.short_ids ? 9 : 24; i > 0; --i) id += kLetters[ids_() % kLetters.size()];
  return id;
}

bool ToolCallParser::is_known(const std::string& name) const {
  return options_.names.empty() ||
         std::find(options_.names.begin(), options_.names.end(), name) != options_.names.end();
}

}  // namespace orrery::text
