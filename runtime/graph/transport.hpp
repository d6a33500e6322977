#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "runtime/steps/time.hpp"
#include "runtime/threads/doorbell.hpp"

namespace lockstep {

/// Rows on their way between workers for one exchange. exchange/ implements it.
class LaneBase {
 public:
  virtual ~LaneBase() = default;
  /// `from` has sent something to `to` in the activation `beat`, which will be delivered soon.
  void prefetch(unsigned from, unsigned to, std::uint64_t beat) const {
    __builtin_prefetch(static_cast<const std::byte*>(first_parcel_) + kParcelBytes * place(from, to, beat));
  }
  /// Makes what was sent to `worker` in the activation `beat` the delta of the lane's edge there.
  virtual void deliver(unsigned worker, std::uint64_t beat) = 0;
  /// Between steps: see EdgeBase.
  virtual void give_back_idle() = 0;

 protected:
  static constexpr std::size_t kParcelBytes = 64;

  explicit LaneBase(unsigned workers) : workers_(workers) {}
  /// Of the parcels from one worker to another in activations of the same parity as `beat`.
  std::size_t place(unsigned from, unsigned to, std::uint64_t beat) const {
    return ((beat & 1) * workers_ + from) * workers_ + to;
  }

  const unsigned workers_;
  const void* first_parcel_ = nullptr;  // set by the lane; each has kParcelBytes
};

/// How workers tell each other what they have sent. A step has levels, one more than exchanges lie behind one
/// another; at each level a worker posts one message to each peer and waits for one from each. exchange/
/// implements it. Any worker's thread may call, each for its own worker.
class Transport {
 public:
  virtual ~Transport() = default;

  /// Returns the lane's number. While the dataflow is assembled.
  virtual std::uint32_t add_lane(std::unique_ptr<LaneBase> lane) = 0;
  virtual LaneBase& lane(std::uint32_t number) = 0;
  /// Of all lanes.
  virtual void give_back_idle() = 0;
  /// The assembly is complete: this many levels, and these are the bells of the workers' threads.
  virtual void open(unsigned levels, std::vector<Doorbell*> bells) = 0;

  /// There are rows from one worker to another in a lane, to be told with the next post.
  virtual void announce(unsigned from, unsigned to, std::uint32_t lane) = 0;
  virtual void post(unsigned from, unsigned level, Time time) = 0;
  /// Delivers what all peers posted to this worker at this level; false if some message is still missing.
  virtual bool receive(unsigned to, unsigned level, Time time, std::uint64_t beat) = 0;
};

using TransportFactory = std::unique_ptr<Transport> (*)(unsigned workers);

}  // namespace lockstep
