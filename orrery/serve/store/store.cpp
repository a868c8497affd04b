#include "orrery/serve/store/store.h"

#include "orrery/serve/store/database.h"

namespace orrery::serve {

Store::Store(const std::string& database, const StoreOptions& options)
    : database_(std::make_unique<Database>(parse_database_url(database), options)) {}
Store::Store(Store&&) noexcept = default;
Store::~Store() = default;

const std::string& Store::name() const { return database_->name(); }

}  // namespace orrery::serve
