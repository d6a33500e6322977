#include "exchange/channels.hpp"
#include "runtime/self_test.hpp"

#include <algorithm>
#include <cassert>

namespace lockstep {

Channels::Channels(unsigned workers)
    : workers_(workers), announced_(workers * workers), own_(workers), inboxes_(workers) {}

std::uint32_t Channels::add_lane(std::unique_ptr<LaneBase> lane) {
  lanes_.push_back(std::move(lane));
  return static_cast<std::uint32_t>(lanes_.size() - 1);
}

void Channels::open(unsigned levels, std::vector<Doorbell*> bells) {
  for (unsigned pair = 0; pair < workers_ * workers_; ++pair) channels_.push_back(std::make_unique<Pair>(2 * levels));
  bells_ = std::move(bells);
}

void Channels::announce(unsigned from, unsigned to, std::uint32_t lane) { announced(from, to).push_back(lane); }

void Channels::post(unsigned from, unsigned level, Time time) {
  for (unsigned to = 0; to < workers_; ++to) {
    std::vector<std::uint32_t>& lanes = announced(from, to);
    if (to == from) {
      own_[from].lanes.swap(lanes);
    } else {
      Message* message = channel(from, to).vacant();
      assert(message != nullptr);
      message->time = time;
      message->level = level;
      message->lanes.swap(lanes);
      channel(from, to).push();
      if (bells_[to] != bells_[from]) bells_[to]->ring();
    }
    lanes.clear();
  }
}

bool Channels::receive(unsigned to, unsigned level, Time time, std::uint64_t tick) {
  for (unsigned from = 0; from < workers_; ++from) {
    if (from != to && channel(from, to).front() == nullptr) return false;
    if (planted(Bug::level_message_is_missed) && from != to && from == 0 && level == 0) return false;
  }
  std::vector<std::uint32_t>& lanes = inboxes_[to].lanes;
  lanes.clear();
  for (unsigned from = 0; from < workers_; ++from) {
    const std::vector<std::uint32_t>* announced = &own_[to].lanes;
    if (from != to) {
      const Message& message = *channel(from, to).front();
      assert(message.time == time && message.level == level);
      announced = &message.lanes;
    }
    for (const std::uint32_t lane : *announced) {
      if (std::find(lanes.begin(), lanes.end(), lane) == lanes.end()) lanes.push_back(lane);
    }
    if (from != to) channel(from, to).pop();
  }
  for (const std::uint32_t lane : lanes) lanes_[lane]->deliver(to, tick);
  (void)level;
  (void)time;
  return true;
}

}  // namespace lockstep
