// An answer, piece by piece, as content, thoughts and calls of tools.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/base/random.h"
#include "orrery/text/chat/reasoning.h"
#include "orrery/text/chat/tools/call_object.h"
#include "orrery/text/chat/tools/tool_format.h"

namespace orrery::text {

struct ToolEvent {
  enum class Kind {
    kContent,    ///< `text` is said to the user
    kReasoning,  ///< `text` is thought
    kCall,       ///< call `index` begins: `id` and `name`
    kArguments,  ///< `text` is more of the JSON of call `index`
    kCallEnd,    ///< call `index` is over; `complete` unless its JSON broke off
  };
  Kind kind;
  std::string text;
  int index = 0;
  std::string id, name;
  bool complete = true;
};

/// Takes an answer apart. The events say the same however the answer is cut into pieces, but for where texts of one
/// kind are cut; whole UTF-8 characters in give whole characters out. Time is linear in the answer; nesting of JSON
/// past JsonScanner::kMaxDepth is malformed.
///
/// What may be the beginning of a mark is held back, and so are blanks, until it is clear what follows. Blanks directly
/// before and behind a call or a thought are its layout and are dropped. Marks are never content, unless
/// - a call is malformed (JSON that is none, no name, arguments that are no object, text between marks that is
///   neither): then all of it, marks and the blanks before it too, is content. Once kCall is out it cannot be taken
///   back: kCallEnd says that it is incomplete, and what follows is content. Options::whole keeps calls back until they
///   are complete, so that nothing ever needs taking back.
/// - a thought's marks stand where something has been said already: thoughts come first, or directly behind a call;
/// - the answer ends inside a mark that would begin something. (One that would close a call is dropped.)
/// A call without arguments gets {}. Keys of a call other than name and arguments are dropped, as is its id: ids are
/// drawn from `seed`, but for ids that come before the arguments ([CALL_ID]).
class ToolCallParser {
 public:
  struct Options {
    bool whole = false;              ///< a call's events come together, when it is complete
    bool tools = true;               ///< false: no calls are looked for, only thoughts
    bool single = false;             ///< the answer is over behind its first call: all that follows is dropped
    std::vector<std::string> names;  ///< known tools: where an answer may be a bare object, only these make it a call
    uint64_t seed = 0;               ///< of the ids: "call_" and 24 letters and digits, or nine (ToolFormat::short_ids)
  };

  /// `prompt` is what the answer goes on from: it may end with the mark of a thought, or of a call.
  ToolCallParser(ToolFormat format, std::optional<ReasoningMarks> reasoning, Options options,
                 std::string_view prompt = {});

  std::vector<ToolEvent> push(std::string_view piece);
  /// The answer is over: what was held back. Not to be pushed to afterwards.
  std::vector<ToolEvent> finish();

  int calls() const { return calls_; }                         ///< that are over
  bool over() const { return options_.single && calls_ > 0; }  ///< nothing that is pushed from here on counts

 private:
  enum class State {
    kContent,
    kReasoning,
    kOpen,             // an object or a list comes
    kObject,           // in an object
    kAfterObject,      // of a list, or before block_end
    kBlock,            // call_begin comes
    kName,             // in a name
    kId,               // in an id
    kBeforeArguments,  // { comes
    kArguments,        // in them
    kAfterArguments,   // call_end comes
    kAfterCall,        // call_begin or block_end comes
  };

  void feed(std::string_view text);
  void step(char c);
  void step_text(char c);
  void step_call(char c);
  void open(char c);
  void object(char c);
  void after_object(char c);
  void name(char c);
  void arguments(char c);

  std::array<std::string_view, 3> text_marks() const;
  void opened(std::string_view mark);
  void say(char c);
  void say_all(std::string_view text);
  void start_object(bool bare);
  void commit();
  void end_call(bool complete);
  void fail(char c);
  void leave(char c);
  std::optional<std::string_view> expect(char c, std::initializer_list<std::string_view> marks, bool& more);
  void keep(char c);
  void emit(ToolEvent event);
  std::string new_id();
  bool is_known(const std::string& name) const;

  ToolFormat format_;
  std::optional<ReasoningMarks> reasoning_;
  Options options_;
  RandomStream ids_;

  State state_ = State::kContent;
  std::vector<ToolEvent> out_, pending_;
  std::string held_;         // what may be the beginning of a mark
  std::string space_;        // blanks before it
  bool drop_space_ = false;  // behind a thought's mark
  bool fresh_ = true;        // nothing was said since the beginning, or the last call
  int calls_ = 0;

  std::string raw_;         // what was read of a call and is in no event that is out
  bool committed_ = false;  // kCall was emitted
  bool in_list_ = false;
  bool bare_ = false;
  CallObject object_;
  JsonScanner scanner_;
  std::string name_, id_, arguments_;
};

}  // namespace orrery::text
