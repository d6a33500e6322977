#pragma once

#include <memory>
#include <vector>

#include "exchange/channel.hpp"
#include "exchange/lane_set.hpp"
#include "runtime/graph/transport.hpp"

namespace lockstep {

/// The transport within a process. For each ordered pair of workers there is a channel of messages; a message says
/// that its sender has sent all it will at one level of one activation, and in which lanes. The rows lie in
/// the lanes; the message publishes them.
///
/// Invariant: nobody ends activation t before all peers have sent for t, so no two workers are more than one
/// activation apart, and a channel of two activations' levels is never full.
class Channels final : public Transport {
 public:
  explicit Channels(unsigned workers);

  static std::unique_ptr<Transport> make(unsigned workers) { return std::make_unique<Channels>(workers); }

  std::uint32_t add_lane(std::unique_ptr<LaneBase> lane) override;
  LaneBase& lane(std::uint32_t number) override { return *lanes_[number]; }
  void give_back_idle() override;
  void open(unsigned levels, std::vector<Doorbell*> bells) override;

  void announce(unsigned from, unsigned to, std::uint32_t lane) override;
  void post(unsigned from, unsigned level, Time time) override;
  bool receive(unsigned to, unsigned level, Time time, std::uint64_t beat) override;

 private:
  struct Message {
    Time time;
    unsigned level = 0;
    LaneSet lanes;
  };
  using Pair = Channel<Message>;

  Pair& channel(unsigned from, unsigned to) { return *channels_[from * workers_ + to]; }
  LaneSet& announced(unsigned from, unsigned to) { return announced_[from * workers_ + to].lanes; }

  /// Written by one worker only; apart, so that workers do not share cache lines.
  struct alignas(64) Lanes {
    LaneSet lanes;
  };

  const unsigned workers_;
  std::vector<std::unique_ptr<LaneBase>> lanes_;
  std::vector<std::unique_ptr<Pair>> channels_;  // by from, to
  std::vector<Lanes> announced_;                 // by from, to; of the level that is being sent
  std::vector<Lanes> own_;                       // by worker: what it posted to itself
  std::vector<Lanes> inboxes_;                   // by worker: lanes with rows, while receiving
  std::vector<Doorbell*> bells_;                 // by worker
};

}  // namespace lockstep
