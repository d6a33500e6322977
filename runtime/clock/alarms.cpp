#include "runtime/clock/alarms.hpp"

#include <algorithm>
#include <functional>

namespace lockstep {

void Alarms::install(const std::vector<PlacedNode>& nodes, const std::deque<InputInfo>& inputs) {
  if (std::none_of(inputs.begin(), inputs.end(), [](const InputInfo& one) { return one.event_time != nullptr; }))
    return;
  of_node_.assign(nodes.size(), kNone);
  wished_.resize(nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    std::vector<InputId> dated;
    for (const InputId input : nodes[i].info->upstream) {
      if (inputs[input].event_time != nullptr) dated.push_back(input);
    }
    if (dated.empty()) continue;
    const auto same = [&dated](const Group& group) { return group.inputs == dated; };
    auto group = std::find_if(groups_.begin(), groups_.end(), same);
    if (group == groups_.end()) group = groups_.insert(groups_.end(), Group{dated, kNoTimestamp, {}});
    of_node_[i] = static_cast<std::uint32_t>(group - groups_.begin());
  }
}

void Alarms::begin(const std::vector<InputWatermark>& watermarks, DirtySet& due) {
  for (Group& group : groups_) {
    Timestamp least = std::numeric_limits<Timestamp>::max();
    for (const InputWatermark& one : watermarks) {
      if (std::binary_search(group.inputs.begin(), group.inputs.end(), one.input))
        least = std::min(least, one.watermark);
    }
    group.watermark = least;
    while (!group.wishes.empty() && group.wishes.front().at <= least) {
      const Wish wish = group.wishes.front();
      std::pop_heap(group.wishes.begin(), group.wishes.end(), std::greater<>());
      group.wishes.pop_back();
      if (wished_[wish.node] != wish.at) continue;
      wished_[wish.node].reset();
      due.set(wish.node);
    }
  }
}

void Alarms::set(std::uint32_t node, Timestamp at) {
  if (of_node_.empty() || of_node_[node] == kNone) return;  // that never comes
  if (wished_[node] && *wished_[node] <= at) return;
  std::vector<Wish>& wishes = groups_[of_node_[node]].wishes;
  wishes.push_back({at, node});
  std::push_heap(wishes.begin(), wishes.end(), std::greater<>());
  wished_[node] = at;
}

}  // namespace lockstep
