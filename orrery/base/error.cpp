#include "orrery/base/error.h"

namespace orrery {

Error::Error(Parts parts) : parts_(std::move(parts)) {
  message_ = "cannot " + parts_.doing;
  if (!parts_.where.empty()) message_ += ": " + parts_.where;
  if (!parts_.found.empty()) message_ += ": found " + parts_.found;
  if (!parts_.expected.empty()) message_ += (parts_.found.empty() ? ": expected " : ", expected ") + parts_.expected;
  if (!parts_.advice.empty()) message_ += "; " + parts_.advice;
}

}  // namespace orrery
