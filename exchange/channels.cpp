#include "exchange/channels.hpp"

#include <cassert>
#include <utility>

namespace lockstep {

Channels::Channels(unsigned workers) : workers_(workers) {}

std::uint32_t Channels::add_lane(std::unique_ptr<LaneBase> lane) {
  lanes_.push_back(std::move(lane));
  return static_cast<std::uint32_t>(lanes_.size() - 1);
}

void Channels::give_back_idle() {
  for (const auto& lane : lanes_) lane->give_back_idle();
}

void Channels::open(unsigned levels, std::vector<Doorbell*> bells) {
  const Lanes none{LaneSet(lanes_.size())};
  announced_.assign(workers_ * workers_, none);
  own_.assign(workers_, none);
  inboxes_.assign(workers_, none);
  for (unsigned pair = 0; pair < workers_ * workers_; ++pair) {
    channels_.push_back(std::make_unique<Pair>(2 * levels, Message{{}, 0, none.lanes}));
  }
  bells_ = std::move(bells);
}

void Channels::announce(unsigned from, unsigned to, std::uint32_t lane) { announced(from, to).add(lane); }

void Channels::post(unsigned from, unsigned level, Time time) {
  for (unsigned to = 0; to < workers_; ++to) {
    LaneSet& lanes = announced(from, to);
    if (to == from) {
      std::swap(own_[from].lanes, lanes);
    } else {
      Message* message = channel(from, to).vacant();
      assert(message != nullptr);
      message->time = time;
      message->level = level;
      std::swap(message->lanes, lanes);
      channel(from, to).push();
      if (bells_[to] != bells_[from]) bells_[to]->ring();
    }
    lanes.clear();
  }
}

bool Channels::receive(unsigned to, unsigned level, Time time, std::uint64_t beat) {
  for (unsigned from = 0; from < workers_; ++from) {
    if (from != to && channel(from, to).front() == nullptr) return false;
  }
  LaneSet& inbox = inboxes_[to].lanes;
  inbox.clear();
  inbox.add(own_[to].lanes);
  for (unsigned from = 0; from < workers_; ++from) {
    if (from == to) continue;
    const Message& message = *channel(from, to).front();
    assert(message.time == time && message.level == level);
    // All that comes from other cores is on its way before the first of it is needed.
    message.lanes.for_each([&](std::uint32_t lane) { lanes_[lane]->prefetch(from, to, beat); });
    inbox.add(message.lanes);
    channel(from, to).pop();
  }
  inbox.for_each([&](std::uint32_t lane) { lanes_[lane]->deliver(to, beat); });
  (void)level;
  (void)time;
  return true;
}

}  // namespace lockstep
