#include "runtime/clock/worker.hpp"

#include <algorithm>
#include <chrono>

namespace lockstep {

void Worker::install(Assembly::Parts parts, unsigned levels, const std::deque<InputInfo>& inputs) {
  nodes_ = std::move(parts.nodes);
  edges_ = std::move(parts.edges);
  views_ = std::move(parts.views);
  contents_ = std::move(parts.contents);
  std::stable_sort(nodes_.begin(), nodes_.end(),
                   [](const PlacedNode& a, const PlacedNode& b) { return a.level < b.level; });
  level_begins_.assign(levels + 1, static_cast<std::uint32_t>(nodes_.size()));
  for (std::uint32_t i = static_cast<std::uint32_t>(nodes_.size()); i-- != 0;) {
    const bool takes_pieces = nodes_[i].node->takes_pieces() && nodes_[i].reads.size() == 1;
    for (EdgeBase* edge : nodes_[i].reads) edge->add_reader(i, takes_pieces);
    for (unsigned level = 0; level <= nodes_[i].level; ++level) level_begins_[level] = i;
  }
  level_begins_[0] = 0;
  pulse_->dirty.resize(nodes_.size());
  alarms_.install(nodes_, inputs);
}

void Worker::set_input(InputId input, OperatorId reader) {
  if (input_nodes_.size() <= input) input_nodes_.resize(input + 1);
  const auto node =
      std::find_if(nodes_.begin(), nodes_.end(), [&](const PlacedNode& slot) { return slot.info->id == reader; });
  input_nodes_[input] = static_cast<std::uint32_t>(node - nodes_.begin());
}

void Worker::resume() {
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i].node->state() != nullptr) again_.push_back(i);
  }
}

void Worker::begin(const StepOrder& order) noexcept {
  time_ = order.time;
  data_ = order.data;
  time_weight_ = order.time_weight;
  ++pulse_->beat;
  pulse_->published.clear();
  once_more_.clear();
  filling_ = order.filling;
  pass_ = order.pass;
  if (pass_ != Filling::Pass::first) {
    try {
      send_contents(*order.filling, pass_);
    } catch (...) {
      failure_.record_current("contents of an index", time_.step);
    }
  } else {
    for (const InputId input : order.inputs) pulse_->dirty.set(input_nodes_[input]);
    for (const std::uint32_t node : again_) pulse_->dirty.set(node);
    again_.clear();
    if (alarms_.any()) alarms_.begin(order.data->watermarks, pulse_->dirty);
  }
  level_ = 0;
  position_ = 0;
  awaiting_ = false;
}

void Worker::choose_outputs(FunctionRef<bool(OutputId)> is_chosen) {
  for (const auto& edge : edges_) {
    if (edge != nullptr) edge->choose_outputs(is_chosen);
  }
}

void Worker::give_back_idle() {
  for (const auto& edge : edges_) edge->give_back_idle();
  for (const PlacedNode& placed : nodes_) {
    Segments* const table = placed.node->state() == nullptr ? nullptr : placed.node->state()->table();
    if (table != nullptr) table->give_back_idle();
  }
}

void Worker::begin_filling(const Filling& filling) {
  choose_outputs([&filling](OutputId output) { return !filling.outputs[output]; });
  for (const EdgeId edge : filling.repeated) edges_[edge]->set_repeats(true);
}

void Worker::send_contents(const Filling& filling, Filling::Pass pass) {
  const bool is_second = pass == Filling::Pass::second;
  choose_outputs([&](OutputId output) { return is_second && filling.outputs[output]; });
  if (is_second) {
    for (const EdgeId edge : filling.repeated) edges_[edge]->repeat();
  }
  for (const Filling::Source& source : is_second ? filling.sources : filling.sources_before) {
    const auto index = std::find_if(views_.begin(), views_.end(),
                                    [&source](const ProvidedView& view) { return view.index == source.index; });
    const auto send = source.edge == index->of ? index->send_contents : index->send_values;
    send(*index->view, *edges_[source.edge]);
  }
}

void Worker::end_filling(const Filling& filling) {
  choose_outputs([](OutputId) { return true; });
  for (const EdgeId edge : filling.repeated) edges_[edge]->set_repeats(false);
}

bool Worker::ready() noexcept {
  if (!awaiting_) return true;
  try {
    awaiting_ = !transport_->receive(id_, level_ - 1, time_, pulse_->beat);
  } catch (...) {
    failure_.record_current("the exchange", time_.step);
  }
  return !awaiting_ || failure_.failed();
}

Worker::Progress Worker::advance(bool one_node) noexcept {
  for (;;) {
    if (failure_.failed()) return Progress::done;
    if (!ready()) return Progress::waiting;
    if (const Progress progress = run_level(one_node); progress != Progress::waiting) return progress;
    if (level_ + 2 == level_begins_.size()) {
      try {
        for (EdgeBase* edge : pulse_->published) edge->publish(*data_, id_);
      } catch (...) {
        failure_.record_current("publishing", time_.step);
      }
      return Progress::done;
    }
    transport_->post(id_, level_, time_);
    ++level_;
    awaiting_ = true;
  }
}

/// `waiting`: all of the level has run.
Worker::Progress Worker::run_level(bool one_node) {
  const std::uint32_t end = level_begins_[level_ + 1];
  Activation activation{.time = time_, .beat = pulse_->beat};
  try {
    for (std::uint32_t next = position_;; next = position_ + 1) {
      position_ = pulse_->dirty.take(next, end);
      if (position_ == end) {
        if (!run_once_more()) [[likely]]
          return Progress::waiting;
        position_ = pulse_->dirty.take(level_begins_[level_], end);
      }
      Node& node = *nodes_[position_].node;
      NodeCounters::add(node.counters.activations, 1);
      activation.watermark = alarms_.watermark_of(position_);
      if (time_weight_ == 0 && limit_ == nullptr && filling_ == nullptr) [[likely]] {
        node.eval(activation);
      } else if (filling_ != nullptr) {
        eval_in_a_pass(nodes_[position_], activation);
      } else {
        eval_watched(node, activation);
      }
      if (activation.again) [[unlikely]] {
        again_.push_back(position_);
        activation.again = false;
      }
      if (activation.wake_at) [[unlikely]] {
        alarms_.set(position_, *activation.wake_at);
        activation.wake_at.reset();
      }
      if (activation.once_more) [[unlikely]] {
        once_more_.push_back(position_);
        activation.once_more = false;
      }
      if (one_node) return Progress::moved;
    }
  } catch (...) {
    failure_.record_current(nodes_[position_].info->name, time_.step);
    return Progress::done;
  }
}

bool Worker::run_once_more() {
  if (once_more_.empty()) return false;
  for (const std::uint32_t node : once_more_) pulse_->dirty.set(node);
  once_more_.clear();
  return true;
}

void Worker::eval_in_a_pass(PlacedNode& placed, Activation& activation) {
  if (filling_->runs(pass_)[placed.info->id]) eval_watched(*placed.node, activation);
}

void Worker::eval_watched(Node& node, Activation& activation) {
  const auto bytes = [&node] { return node.counters.state_bytes.load(std::memory_order_relaxed); };
  const std::uint64_t before = bytes();
  time_weight_ == 0 ? node.eval(activation) : eval_timed(node, activation);
  if (limit_ != nullptr) limit_->changed(before, bytes());
}

void Worker::eval_timed(Node& node, Activation& activation) {
  const auto before = std::chrono::steady_clock::now();
  node.eval(activation);
  const std::chrono::nanoseconds spent = std::chrono::steady_clock::now() - before;
  NodeCounters::add(node.counters.nanoseconds, static_cast<std::uint64_t>(spent.count()) * time_weight_);
}

}  // namespace lockstep
