#pragma once

#include <memory>

#include "runtime/graph/edge.hpp"
#include "runtime/graph/transport.hpp"

namespace lockstep {

/// The batches of one exchange between all pairs of workers. A sender fills its parcels of this activation, posts its
/// level, and does not touch them until the activation after next: by then, since nobody ends an activation before
/// all peers have sent for it, the receiver has read them. So there are two parcels for each pair, by the parity
/// of the beat, and what a parcel holds counts only for the beat that it is stamped with.
template <class R>
class Lane final : public LaneBase {
 public:
  explicit Lane(unsigned workers) : LaneBase(workers), parcels_(2 * workers * workers), edges_(workers) {
    static_assert(sizeof(Parcel) == kParcelBytes);
    first_parcel_ = parcels_.data();
  }

  [[gnu::cold]] ~Lane() override = default;

  /// The edge at which `worker` finds what was sent to it. While the dataflow is assembled.
  void connect(unsigned worker, Edge<R>& edge) { edges_[worker] = &edge; }

  /// The batch from one worker to another, with what has been added to it in this activation. The sender's.
  Batch<R>& parcel(unsigned from, unsigned to, std::uint64_t beat) {
    Parcel& parcel = at(from, to, beat);
    if (parcel.beat != beat) {
      parcel.beat = beat;
      parcel.rows.clear();
    }
    return parcel.rows;
  }

  /// The receiver's, after all messages of the level are there.
  void deliver(unsigned worker, std::uint64_t beat) override {
    Edge<R>& edge = static_cast<Edge<R>&>(*edges_[worker]);
    auto& spans = edge.borrow();
    for (unsigned from = 0; from < workers_; ++from) {
      const Parcel& parcel = at(from, worker, beat);
      if (parcel.beat == beat && !parcel.rows.empty()) {
        __builtin_prefetch(parcel.rows.data());
        spans.push_back({parcel.rows.data(), parcel.rows.size()});
      }
    }
    edge.send_borrowed();
  }

  [[gnu::cold]] void give_back_idle() override {
    for (Parcel& parcel : parcels_) parcel.rows.give_back_idle();
  }

 private:
  struct alignas(kParcelBytes) Parcel {
    std::uint64_t beat = 0;
    Batch<R> rows;
  };

  Parcel& at(unsigned from, unsigned to, std::uint64_t beat) { return parcels_[place(from, to, beat)]; }
  const Parcel& at(unsigned from, unsigned to, std::uint64_t beat) const { return parcels_[place(from, to, beat)]; }

  Array<Parcel> parcels_;
  Array<EdgeBase*> edges_;
};

}  // namespace lockstep
