// What the store refuses, in the kinds that HTTP tells apart.
#pragma once

#include <utility>

#include "orrery/base/error.h"

namespace orrery::serve {

/// An Error of the store. For kInvalid parts().where names the field ("title"); for the others it names the thing or
/// the database.
class StoreError : public Error {
 public:
  enum class Kind {
    kInvalid,      ///< a field, id or parameter is wrong: 400
    kNotFound,     ///< no conversation, message or preference of that id: 404
    kConflict,     ///< the id is taken, or a message would change its place: 409
    kUnavailable,  ///< the database does not answer, is locked, full or damaged; nothing was written: 503
  };

  StoreError(Kind kind, Parts parts) : Error(std::move(parts)), kind_(kind) {}
  Kind kind() const { return kind_; }

 private:
  Kind kind_;
};

}  // namespace orrery::serve
