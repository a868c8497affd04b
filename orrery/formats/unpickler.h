// A pickle machine that builds data and runs nothing (the opcodes are described in CPython's Lib/pickletools.py).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "orrery/formats/bytes.h"
#include "orrery/formats/pickle_arena.h"
#include "orrery/formats/torch_pickle.h"

namespace orrery::formats {

/// Runs pickles of protocol 0 to 5 from `reader` into `arena`; several in a row share the arena but not their memo.
/// Throws Error naming the global or opcode it does not know. Memory is bounded by `budget` bytes over all of them;
/// time is linear in the pickle.
class Unpickler {
 public:
  Unpickler(ByteReader& reader, PickleArena& arena, int64_t budget) : reader_(reader), arena_(arena), budget_(budget) {}

  /// One pickle, up to and including its STOP.
  TorchValue run();

 private:
  using Kind = TorchValue::Kind;

  // What things cost of the budget, with the slack of growing vectors and the allocator.
  static constexpr int64_t kSlotCost = 2 * sizeof(TorchValue);
  static constexpr int64_t kContainerCost = sizeof(PickleContainer) + 32;

  // The stack.
  void push(TorchValue value);
  TorchValue pop();
  TorchValue& top();
  std::span<TorchValue> marked();  // what lies above the last mark
  void drop_mark();                // removes that and the mark
  void charge(int64_t bytes);

  // Values.
  static TorchValue none() { return {}; }
  static TorchValue boolean(bool value);
  static TorchValue integer(int64_t value);
  static TorchValue real(double value);
  TorchValue text(Kind kind, std::string_view text);
  TorchValue container(Kind kind, std::span<const TorchValue> items);
  static TorchValue indexed(Kind kind, size_t index);
  PickleContainer& mutable_container(TorchValue value, Kind kind, const char* doing);
  void extend(PickleContainer& container, std::span<const TorchValue> items);

  // Opcodes: unpickler.cpp.
  void step(uint8_t opcode);
  bool step_number(uint8_t opcode);
  bool step_text(uint8_t opcode);
  bool step_container(uint8_t opcode);
  bool step_memo(uint8_t opcode);
  std::string_view line();
  int64_t decimal_line();
  void push_long(uint64_t size);
  void append(std::span<const TorchValue> items);
  void set_items(std::span<const TorchValue> items);
  void add_items(std::span<const TorchValue> items);
  void memoize(uint64_t index);
  void recall(uint64_t index);

  // What a torch checkpoint may name, and what comes of it: unpickler_torch.cpp.
  TorchValue global(std::string_view module, std::string_view name);
  TorchValue persistent(TorchValue id);
  TorchValue reduce(TorchValue callable, TorchValue arguments);
  TorchValue new_object(TorchValue type, TorchValue arguments);
  void build(TorchValue object, TorchValue state);
  TorchValue ordered_dict(std::span<const TorchValue> arguments);
  TorchValue rebuild_tensor(std::span<const TorchValue> arguments, bool with_dtype);
  size_t storage(std::string_view key, TorchValue type, int64_t numel);
  std::vector<int64_t> extents(TorchValue tuple, const char* what);
  std::span<const TorchValue> items_of(TorchValue value, Kind kind, const char* what);
  [[noreturn]] void fail(std::string found, std::string expected, std::string advice = "") const;

  ByteReader& reader_;
  PickleArena& arena_;
  int64_t budget_;
  size_t stack_high_ = 0;
  std::vector<TorchValue> stack_, memo_;
  std::vector<bool> memo_set_;
  std::vector<size_t> marks_;
  std::unordered_map<std::string_view, size_t> storage_index_;
};

}  // namespace orrery::formats
