#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "exchange/lane.hpp"
#include "runtime/graph/transport.hpp"

namespace lockstep {

/// A sender's end of a lane: the parcels that it is filling. Worker-local.
template <class R>
class Outbox {
 public:
  Outbox(Lane<R>& lane, std::uint32_t number, Transport& transport, unsigned worker, unsigned workers)
      : lane_(&lane), number_(number), transport_(&transport), worker_(worker), parcels_(workers) {}

  unsigned workers() const { return static_cast<unsigned>(parcels_.size()); }

  /// What to add rows for a worker to, in this activation. Touched when it is needed: its cache line was last at the
  /// receiver.
  Batch<R>& parcel(unsigned to, std::uint64_t beat) {
    if (parcels_[to] == nullptr) [[unlikely]] {
      Batch<R>& parcel = lane_->parcel(worker_, to, beat);
      parcels_[to] = &parcel;
      rows_before_ += parcel.size();
    }
    return *static_cast<Batch<R>*>(parcels_[to]);
  }

  /// Announces what has been added since this was called last, and returns how many rows that is.
  std::size_t announce() {
    std::size_t rows = 0;
    for (unsigned to = 0; to < workers(); ++to) {
      const void* const sent = std::exchange(parcels_[to], nullptr);
      if (sent == nullptr) continue;
      rows += static_cast<const Batch<R>*>(sent)->size();
      transport_->announce(worker_, to, number_);
    }
    return rows - std::exchange(rows_before_, 0);
  }

 private:
  Lane<R>* lane_;
  std::uint32_t number_;
  Transport* transport_;
  unsigned worker_;
  Array<void*> parcels_;         // batches, by receiver; null: nothing to announce
  std::size_t rows_before_ = 0;  // in these parcels, announced already
};

}  // namespace lockstep
