#include "orrery/formats/unpickler.h"

#include <fmt/format.h>

#include <bit>
#include <charconv>

namespace orrery::formats {
namespace {

// Opcodes, under CPython's names.
// clang-format off
enum Op : uint8_t {
  kMark = '(', kStop = '.', kPop = '0', kPopMark = '1', kFloat = 'F', kInt = 'I', kBinInt = 'J', kBinInt1 = 'K', kLong = 'L',
  kBinInt2 = 'M', kNone = 'N', kBinPersId = 'Q', kReduce = 'R', kString = 'S', kBinString = 'T', kShortBinString = 'U',
  kUnicode = 'V', kBinUnicode = 'X', kAppend = 'a', kBuild = 'b', kGlobal = 'c', kDict = 'd', kEmptyDict = '}',
  kAppends = 'e', kGet = 'g', kBinGet = 'h', kLongBinGet = 'j', kList = 'l', kEmptyList = ']', kPut = 'p', kBinPut = 'q',
  kLongBinPut = 'r', kSetItem = 's', kTuple = 't', kEmptyTuple = ')', kSetItems = 'u', kBinFloat = 'G', kProto = 0x80,
  kNewObj = 0x81, kTuple1 = 0x85, kTuple2 = 0x86, kTuple3 = 0x87, kNewTrue = 0x88, kNewFalse = 0x89, kLong1 = 0x8a,
  kLong4 = 0x8b, kBinBytes = 'B', kShortBinBytes = 'C', kShortBinUnicode = 0x8c, kBinUnicode8 = 0x8d, kBinBytes8 = 0x8e,
  kEmptySet = 0x8f, kAddItems = 0x90, kFrozenSet = 0x91, kStackGlobal = 0x93, kMemoize = 0x94, kFrame = 0x95
};
// clang-format on

constexpr uint8_t kNewestProtocol = 5;

}  // namespace

TorchValue Unpickler::run() {
  stack_.clear();
  memo_.clear();
  memo_set_.clear();
  marks_.clear();
  for (;;) {
    const auto opcode = reader_.read<uint8_t>("pickle");
    if (opcode == kStop) break;
    step(opcode);
  }
  return pop();
}

void Unpickler::step(uint8_t opcode) {
  switch (opcode) {
    case kProto:
      if (const auto version = reader_.read<uint8_t>("pickle"); version > kNewestProtocol) {
        fail(fmt::format("protocol {}", version), fmt::format("at most {}", kNewestProtocol));
      }
      return;
    case kFrame:
      reader_.need_count(reader_.read<uint64_t>("pickle"), 1, "pickle frame");
      return;
    case kMark:
      charge(kSlotCost);
      marks_.push_back(stack_.size());
      return;
    case kPop:
      pop();
      return;
    case kPopMark:
      marked(), drop_mark();
      return;
    case kGlobal: {
      const std::string_view module = line();
      push(global(module, line()));
      return;
    }
    case kStackGlobal: {
      const auto name = pop().as_string();
      const auto module = pop().as_string();
      if (!name || !module) fail("STACK_GLOBAL without two strings", "module and name");
      push(global(*module, *name));
      return;
    }
    case kBinPersId:
      push(persistent(pop()));
      return;
    case kReduce: {
      const TorchValue arguments = pop();
      push(reduce(pop(), arguments));
      return;
    }
    case kNewObj: {
      const TorchValue arguments = pop();
      push(new_object(pop(), arguments));
      return;
    }
    case kBuild: {
      const TorchValue state = pop();
      build(top(), state);
      return;
    }
    default:
      if (step_number(opcode) || step_text(opcode) || step_container(opcode) || step_memo(opcode)) return;
      fail(fmt::format("opcode 0x{:02x}", opcode), "one that a saved tensor, container, number or string needs",
           "this reader never runs a pickle's code; save a plain state_dict instead");
  }
}

bool Unpickler::step_number(uint8_t opcode) {
  switch (opcode) {
    case kNone:
      push(none());
      return true;
    case kNewTrue:
      push(boolean(true));
      return true;
    case kNewFalse:
      push(boolean(false));
      return true;
    case kBinInt:
      push(integer(reader_.read<int32_t>("pickle")));
      return true;
    case kBinInt1:
      push(integer(reader_.read<uint8_t>("pickle")));
      return true;
    case kBinInt2:
      push(integer(reader_.read<uint16_t>("pickle")));
      return true;
    case kLong1:
      push_long(reader_.read<uint8_t>("pickle"));
      return true;
    case kLong4:
      push_long(reader_.read<uint32_t>("pickle"));
      return true;
    case kBinFloat:
      push(real(std::bit_cast<double>(__builtin_bswap64(reader_.read<uint64_t>("pickle")))));
      return true;
    case kInt: {  // 00 and 01 are protocol 0's bools
      const uint64_t start = reader_.position();
      const std::string_view digits = line();
      if (digits == "00" || digits == "01") {
        push(boolean(digits == "01"));
      } else {
        reader_.seek(start, "pickle");
        push(integer(decimal_line()));
      }
      return true;
    }
    case kLong:
      push(integer(decimal_line()));
      return true;
    case kFloat: {
      const std::string_view digits = line();
      double value = 0;
      const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
      if (code != std::errc() || end != digits.data() + digits.size()) fail(printable(digits), "a number");
      push(real(value));
      return true;
    }
    default:
      return false;
  }
}

bool Unpickler::step_text(uint8_t opcode) {
  const auto push_text = [&](Kind kind, uint64_t size) { push(text(kind, reader_.take_text(size, "pickle string"))); };
  switch (opcode) {
    case kShortBinUnicode:
      push_text(Kind::kString, reader_.read<uint8_t>("pickle"));
      return true;
    case kBinUnicode:
      push_text(Kind::kString, reader_.read<uint32_t>("pickle"));
      return true;
    case kBinUnicode8:
      push_text(Kind::kString, reader_.read<uint64_t>("pickle"));
      return true;
    case kShortBinString:
      push_text(Kind::kString, reader_.read<uint8_t>("pickle"));
      return true;  // Python 2's str
    case kBinString:
      push_text(Kind::kString, reader_.read<uint32_t>("pickle"));
      return true;
    case kShortBinBytes:
      push_text(Kind::kBytes, reader_.read<uint8_t>("pickle"));
      return true;
    case kBinBytes:
      push_text(Kind::kBytes, reader_.read<uint32_t>("pickle"));
      return true;
    case kBinBytes8:
      push_text(Kind::kBytes, reader_.read<uint64_t>("pickle"));
      return true;
    case kString:
    case kUnicode: {
      std::string_view written = line();
      if (written.find('\\') != written.npos)
        fail("an escaped protocol-0 string", "a binary pickle (protocol 1 or later)");
      if (opcode == kString) {
        if (written.size() < 2 || written.front() != written.back()) fail(printable(written), "a quoted string");
        written = written.substr(1, written.size() - 2);
      }
      push(text(Kind::kString, written));
      return true;
    }
    default:
      return false;
  }
}

bool Unpickler::step_container(uint8_t opcode) {
  const auto push_tuple = [&](size_t count) {
    if (stack_.size() < count + (marks_.empty() ? 0 : marks_.back()))
      fail("a tuple of more than the stack holds", "its items");
    const TorchValue tuple = container(Kind::kTuple, std::span(stack_).last(count));
    stack_.resize(stack_.size() - count);
    push(tuple);
  };
  const auto push_marked = [&](Kind kind) {
    const TorchValue whole = container(kind, marked());
    drop_mark();
    push(whole);
  };
  switch (opcode) {
    case kEmptyTuple:
      push_tuple(0);
      return true;
    case kTuple1:
      push_tuple(1);
      return true;
    case kTuple2:
      push_tuple(2);
      return true;
    case kTuple3:
      push_tuple(3);
      return true;
    case kTuple:
      push_marked(Kind::kTuple);
      return true;
    case kList:
      push_marked(Kind::kList);
      return true;
    case kFrozenSet:
      push_marked(Kind::kSet);
      return true;
    case kDict:
      if (marked().size() % 2 != 0) fail("a key without a value", "pairs");
      push_marked(Kind::kDict);
      return true;
    case kEmptyList:
      push(container(Kind::kList, {}));
      return true;
    case kEmptyDict:
      push(container(Kind::kDict, {}));
      return true;
    case kEmptySet:
      push(container(Kind::kSet, {}));
      return true;
    case kAppend: {
      const TorchValue item = pop();
      append({&item, 1});
      return true;
    }
    case kSetItem: {
      const TorchValue value = pop();
      const TorchValue pair[] = {pop(), value};
      set_items(pair);
      return true;
    }
    case kAppends:
    case kSetItems:
    case kAddItems: {
      const std::span<TorchValue> above = marked();
      const std::vector<TorchValue> items(above.begin(), above.end());
      drop_mark();
      opcode == kAppends ? append(items) : opcode == kSetItems ? set_items(items) : add_items(items);
      return true;
    }
    default:
      return false;
  }
}

bool Unpickler::step_memo(uint8_t opcode) {
  switch (opcode) {
    case kPut:
      memoize(static_cast<uint64_t>(decimal_line()));
      return true;
    case kBinPut:
      memoize(reader_.read<uint8_t>("pickle"));
      return true;
    case kLongBinPut:
      memoize(reader_.read<uint32_t>("pickle"));
      return true;
    case kMemoize:
      memoize(memo_.size());
      return true;
    case kGet:
      recall(static_cast<uint64_t>(decimal_line()));
      return true;
    case kBinGet:
      recall(reader_.read<uint8_t>("pickle"));
      return true;
    case kLongBinGet:
      recall(reader_.read<uint32_t>("pickle"));
      return true;
    default:
      return false;
  }
}

std::string_view Unpickler::line() {
  const auto rest = reader_.bytes().subspan(reader_.position());
  const auto* start = reinterpret_cast<const char*>(rest.data());
  const void* end = rest.empty() ? nullptr : std::memchr(start, '\n', std::min<size_t>(rest.size(), 1 << 16));
  if (end == nullptr) fail("a line without an end", "a newline within 64 KiB");
  const std::string_view found = reader_.take_text(static_cast<const char*>(end) - start, "pickle");
  reader_.read<uint8_t>("pickle");
  return found;
}

int64_t Unpickler::decimal_line() {
  std::string_view digits = line();
  if (digits.ends_with('L')) digits.remove_suffix(1);  // Python 2's long
  int64_t value = 0;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (code != std::errc() || end != digits.data() + digits.size()) fail(printable(digits), "an integer of 64 bits");
  return value;
}

/// Little-endian two's complement of any length.
void Unpickler::push_long(uint64_t size) {
  const std::string_view bytes = reader_.take_text(size, "pickle integer");
  if (size > sizeof(int64_t)) return push(text(Kind::kBytes, bytes));
  int64_t value = size > 0 && static_cast<signed char>(bytes.back()) < 0 ? -1 : 0;
  std::memcpy(&value, bytes.data(), size);
  push(integer(value));
}

void Unpickler::append(std::span<const TorchValue> items) {
  extend(mutable_container(top(), Kind::kList, "append to"), items);
}

void Unpickler::set_items(std::span<const TorchValue> items) {
  if (items.size() % 2 != 0) fail("a key without a value", "pairs");
  extend(mutable_container(top(), Kind::kDict, "set an item of"), items);
}

void Unpickler::add_items(std::span<const TorchValue> items) {
  extend(mutable_container(top(), Kind::kSet, "add to"), items);
}

/// Picklers number what they memoise in turn, some from 0 and some from 1, and optimisers leave gaps; the budget bounds
/// them.
void Unpickler::memoize(uint64_t index) {
  if (index >= memo_.size()) {
    if (index > UINT32_MAX) fail(fmt::format("memo entry {}", index), "one that was counted up to");
    charge(kSlotCost * static_cast<int64_t>(index + 1 - memo_.size()));
    memo_.resize(index + 1);
    memo_set_.resize(index + 1);
  }
  memo_[index] = top();
  memo_set_[index] = true;
}

void Unpickler::recall(uint64_t index) {
  if (index >= memo_.size() || !memo_set_[index])
    fail(fmt::format("memo entry {}", index), "one that was stored before");
  push(memo_[index]);
}

}  // namespace orrery::formats
