// The unpickler's stack and the values it makes.
#include <fmt/format.h>

#include "orrery/formats/unpickler.h"

namespace orrery::formats {

void Unpickler::push(TorchValue value) {
  stack_.push_back(value);
  if (stack_.size() > stack_high_) {
    stack_high_ = stack_.size();
    charge(kSlotCost);
  }
}

TorchValue& Unpickler::top() {
  if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) fail("an empty stack", "a value on it");
  return stack_.back();
}

TorchValue Unpickler::pop() {
  const TorchValue value = top();
  stack_.pop_back();
  return value;
}

std::span<TorchValue> Unpickler::marked() {
  if (marks_.empty()) fail("no mark on the stack", "one");
  return std::span(stack_).subspan(marks_.back());
}

void Unpickler::drop_mark() {
  stack_.resize(marks_.back());
  marks_.pop_back();
}

void Unpickler::charge(int64_t bytes) {
  budget_ -= bytes;
  if (budget_ < 0)
    fail("more values than any checkpoint of this size needs", "fewer", "the file is damaged or hostile");
}

TorchValue Unpickler::boolean(bool value) {
  TorchValue made = integer(value);
  made.kind_ = Kind::kBool;
  return made;
}

TorchValue Unpickler::integer(int64_t value) {
  TorchValue made;
  made.kind_ = Kind::kInt;
  made.as_.integer = value;
  return made;
}

TorchValue Unpickler::real(double value) {
  TorchValue made;
  made.kind_ = Kind::kFloat;
  made.as_.real = value;
  return made;
}

TorchValue Unpickler::text(Kind kind, std::string_view text) {
  if (text.size() > UINT32_MAX) fail(fmt::format("a string of {} bytes", text.size()), "less than 4 GiB");
  TorchValue made;
  made.kind_ = kind;
  made.size_ = static_cast<uint32_t>(text.size());
  made.as_.text = text.data();
  return made;
}

TorchValue Unpickler::container(Kind kind, std::span<const TorchValue> items) {
  charge(kContainerCost);
  TorchValue made;
  made.kind_ = kind;
  made.as_.container = &arena_.containers.emplace_back();
  extend(*made.as_.container, items);
  return made;
}

TorchValue Unpickler::indexed(Kind kind, size_t index) {
  TorchValue made;
  made.kind_ = kind;
  made.as_.index = index;
  return made;
}

PickleContainer& Unpickler::mutable_container(TorchValue value, Kind kind, const char* doing) {
  if (value.kind_ != kind) fail(fmt::format("an opcode to {} something else", doing), "its own kind of container");
  return *value.as_.container;
}

void Unpickler::extend(PickleContainer& container, std::span<const TorchValue> items) {
  charge(kSlotCost * std::ssize(items));
  container.items.insert(container.items.end(), items.begin(), items.end());
}

void Unpickler::fail(std::string found, std::string expected, std::string advice) const {
  reader_.fail(fmt::format("pickle at byte {}", reader_.position()), std::move(found), std::move(expected),
               std::move(advice));
}

}  // namespace orrery::formats
