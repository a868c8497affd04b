#include "orrery/text/checkpoint_overlay.h"

#include <set>
#include <utility>

#include "orrery/base/error.h"
#include "orrery/text/families/family.h"

namespace orrery::text {

namespace {

class Overlay final : public Checkpoint {
 public:
  Overlay(std::shared_ptr<const Checkpoint> base, const DecoderSpec& spec,
          const std::map<std::string, TensorView>& values)
      : Checkpoint(*base), base_(std::move(base)) {
    spec_ = spec;
    spec_.parameters = 0;
    tensors_.clear();
    canonical_.clear();
    for (const ExpectedTensor& expected : expected_tensors(family_named(spec.family), spec)) {
      const auto value = values.find(expected.canonical);
      const TensorView* source = value != values.end() ? &value->second : base_->tensor(expected.canonical);
      if (source == nullptr || source->shape != expected.shape)
        throw Error({.doing = "change a model's weights",
                     .where = path_.string() + ", tensor " + expected.canonical,
                     .found = source == nullptr ? "nothing" : shape_string(source->shape),
                     .expected = shape_string(expected.shape)});
      if (value != values.end()) own_.insert(source->data);
      canonical_.emplace(expected.canonical, tensors_.size());
      tensors_.push_back(*source);
      tensors_.back().name = expected.hub;
      spec_.parameters += source->elements();
    }
  }
  void release(const TensorView& view) const override {
    if (!own_.contains(view.data)) base_->release(view);
  }

 private:
  std::shared_ptr<const Checkpoint> base_;
  std::set<const std::byte*> own_;  // where the values lie, which are no file's
};

}  // namespace

std::shared_ptr<const Checkpoint> overlay(std::shared_ptr<const Checkpoint> base, const DecoderSpec& spec,
                                          const std::map<std::string, TensorView>& values) {
  return std::make_shared<Overlay>(std::move(base), spec, values);
}

}  // namespace orrery::text
