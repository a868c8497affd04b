// What the adapters of a step's requests do to its matrix products.
#pragma once

#include <cstdint>
#include <vector>

#include "orrery/text/engine/adapters/packed_adapter.h"
#include "orrery/text/engine/batch.h"
#include "orrery/text/engine/profile.h"
#include "orrery/text/engine/projector.h"

namespace orrery::text {

/// Stands between the layers and the projector: the base's product is computed for all rows at once, then the low-rank
/// parts only for the rows that have them (Chen et al. 2023, "Punica"). A step without adapters goes straight through.
/// What a row becomes does not depend on the other rows.
class Adaptation {
 public:
  explicit Adaptation(Projector& projector) : projector_(projector) {}

  /// Once per step.
  void begin(const Batch& batch);
  bool active() const { return !sets_.empty(); }
  /// Whether some row's product is changed there: it must be stored then, not activated on the way.
  bool touches(int64_t layer, Site site) const;
  /// The adapters of a batch's row; nullptr: none, or no row of the step has any.
  const AdapterSet* set(int64_t row) const { return active() ? sets_[row] : nullptr; }

  /// The product with its rows' adapters. Rows are the batch's, or those that input.index names.
  void run(int64_t layer, Site site, const Product& product, Profile::Stage pack, Profile::Stage multiply,
           const ReadAhead& ahead = {}) {
    if (!active() || !touches(layer, site)) return projector_.run(product, pack, multiply, ahead);
    run_changed(layer, site, product, pack, multiply);
  }

 private:
  struct Run {  // of neighbouring rows with the same adapters
    const AdapterSet* set;
    int64_t first, count;
  };
  void run_changed(int64_t layer, Site site, Product product, Profile::Stage pack, Profile::Stage multiply);
  void find_runs(const ProjectionInput& input);
  void choose_norms(int64_t layer, Site site, ProjectionInput& input);
  void multiply_scaled(const Run& run, const std::vector<SiteChange::InputScale>& scales, const Product& product,
                       Profile::Stage pack, Profile::Stage multiply);
  void add_low_rank(int64_t layer, Site site, size_t use, const Product& product, Profile::Stage pack,
                    Profile::Stage multiply);

  Projector& projector_;
  std::vector<const AdapterSet*> sets_;            // per row; empty: no row has adapters
  std::vector<const AdapterSet*> distinct_;        // those of the step
  std::vector<Run> runs_;                          // of the product under way, as are the rest
  std::vector<const Norm*> norms_, scaled_norms_;  // per input row
  std::vector<const float*> factors_;
  std::vector<int32_t> scaled_rows_;
  std::vector<float> low_rank_, scaled_;
  std::vector<Product> products_;
};

}  // namespace orrery::text
