#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "runtime/graph/pulse.hpp"
#include "runtime/steps/step.hpp"
#include "runtime/zset/batch.hpp"
#include "runtime/zset/function_ref.hpp"
#include "runtime/zset/slice.hpp"

namespace lockstep {

/// One stream at one worker: where a node leaves its delta and its readers find it. Holds a delta for the one
/// activation whose beat it is stamped with, and is empty in all others. Worker-local.
class EdgeBase {
 public:
  EdgeBase(Pulse& pulse, unsigned level);
  EdgeBase(const EdgeBase&) = delete;
  EdgeBase& operator=(const EdgeBase&) = delete;
  virtual ~EdgeBase();

  bool fresh() const { return stamp_ == pulse_->beat; }
  /// `takes_pieces`: see Node.
  void add_reader(std::uint32_t node, bool takes_pieces) {
    readers_.push_back(node);
    divisible_ &= takes_pieces;
  }
  /// Whether a delta may be sent in pieces: whoever needs it as a whole gets it elsewhere.
  bool divisible() const { return divisible_ && !published() && !repeats_; }
  void publish_as(OutputId output) { outputs_.push_back(output); }
  /// From now on, it is published as those outputs for which is_chosen(output), among those that it ever was.
  void choose_outputs(FunctionRef<bool(OutputId)> is_chosen);
  /// Whether it is to keep its delta, also when that is published, for the next activation.
  void set_repeats(bool repeats) { repeats_ = repeats; }
  /// Sends the delta of the last activation once more, if there was one. REQUIRES: it was set to.
  void repeat() {
    if (stamp_ + 1 == pulse_->beat) announce();
  }
  bool published() const { return !outputs_.empty(); }
  /// Whether the delta is a piece, after which another will come in this activation, perhaps an empty one.
  bool more_to_come() const { return more_to_come_; }

  /// Hands the delta to the step's data, at the end of the step. REQUIRES: published().
  virtual void publish(StepData& step, unsigned worker) = 0;
  /// Between steps: gives back what a delta has grown that was much larger than the last one.
  virtual void give_back_idle() = 0;

  /// How many exchanges lie between the inputs and this edge.
  const unsigned level;

 protected:
  void announce() {
    stamp_ = pulse_->beat;
    for (const std::uint32_t reader : readers_) pulse_->dirty.set(reader);
    if (published()) pulse_->published.push_back(this);
  }

  Pulse* pulse_;
  std::uint64_t stamp_ = 0;
  std::vector<std::uint32_t> readers_;
  std::vector<OutputId> outputs_;
  std::vector<OutputId> other_outputs_;
  bool divisible_ = true;
  bool repeats_ = false;
  bool more_to_come_ = false;
};

/// One stream at one worker.
template <class R>
class Edge final : public EdgeBase {
 public:
  using EdgeBase::EdgeBase;
  [[gnu::cold]] ~Edge() override = default;

  /// The edge's own batch, empty, to be filled and sent.
  Batch<R>& fill() {
    rows_.clear();
    return rows_;
  }

  /// What fill() has gathered is the delta.
  void send() {
    if (rows_.empty()) return;
    own_ = {rows_.data(), rows_.size()};
    delta_ = {&own_, 1};
    size_ = rows_.size();
    hashed_ = false;
    announce();
  }

  /// Where to add what the delta consists of, if it lies elsewhere and stays there until the next activation.
  Array<Slice<const Weighted<R>>>& borrow() {
    spans_.clear();
    return spans_;
  }
  /// What borrow() has gathered is the delta, or a piece of it.
  void send_borrowed(bool more_to_come = false) {
    if (!std::exchange(more_to_come_, more_to_come) && spans_.empty()) return;
    size_ = 0;
    for (const auto& span : spans_) size_ += span.size();
    delta_ = {spans_.data(), spans_.size()};
    hashed_ = false;
    announce();
  }

  Slice<const Slice<const Weighted<R>>> spans() const {
    return fresh() ? delta_ : Slice<const Slice<const Weighted<R>>>();
  }

  std::size_t size() const { return fresh() ? size_ : 0; }

  /// The hashes of the keys of a keyed stream's rows, in their order: computed once, however many readers ask.
  Slice<const std::uint64_t> key_hashes() {
    if (!fresh()) return {};
    if (!std::exchange(hashed_, true)) {
      hashes_.clear();
      for (const auto& span : delta_) {
        for (const auto& item : span) {
          hashes_.push_back(row_traits<std::remove_cvref_t<decltype(item.row.first)>>::hash(item.row.first));
        }
      }
    }
    return {hashes_.data(), hashes_.size()};
  }

  void publish(StepData& step, unsigned worker) override {
    if (delta_.data() != &own_) [[unlikely]]
      gather_borrowed();
    if (outputs_.size() > 1 || repeats_) [[unlikely]]
      publish_copies(step, worker);
    if (!repeats_) [[likely]]
      step.part<R>(outputs_.back(), worker).swap(rows_);
  }

  [[gnu::cold]] void give_back_idle() override {
    rows_.give_back_idle();
    hashes_.give_back_idle();
  }

 private:
  [[gnu::cold]] void gather_borrowed() {
    rows_.clear();
    for (const auto& span : delta_) rows_.append(span.data(), span.data() + span.size());
  }
  [[gnu::cold]] void publish_copies(StepData& step, unsigned worker) {
    const std::size_t copies = outputs_.size() - (repeats_ ? 0 : 1);
    for (std::size_t i = 0; i < copies; ++i) step.part<R>(outputs_[i], worker) = rows_;
  }

  Batch<R> rows_;
  Slice<const Weighted<R>> own_;           // rows_, when sent
  Array<Slice<const Weighted<R>>> spans_;  // what is borrowed
  Slice<const Slice<const Weighted<R>>> delta_;
  std::size_t size_ = 0;
  Array<std::uint64_t> hashes_;
  bool hashed_ = false;  // whether hashes_ are the delta's
};

/// How a node reads an edge: `for_each(sink)` calls sink(row, weight) for all rows of the delta, `for_each(cursor,
/// count, sink)` for the next so many of its size() rows.
template <class R>
class EdgeReader {
 public:
  using Row = R;
  /// Where the next rows are.
  struct Cursor {
    std::size_t span = 0;
    std::size_t row = 0;
  };

  explicit EdgeReader(Edge<R>& edge) : edge_(&edge) {}

  template <class Sink>
  void for_each(Sink&& sink) {
    for (const auto& span : edge_->spans()) read(span, bytes_ahead(span), sink);
  }
  template <class Sink>
  void for_each(Cursor& cursor, std::size_t count, Sink&& sink) {
    const auto spans = edge_->spans();
    while (count != 0) {
      const Span& span = spans[cursor.span];
      const auto part = span.subspan(cursor.row, std::min(count, span.size() - cursor.row));
      read(part, bytes_ahead(span), sink);
      count -= part.size();
      cursor.row += part.size();
      if (cursor.row == span.size()) cursor = {cursor.span + 1, 0};
    }
  }
  std::size_t size() const { return edge_->size(); }
  bool fresh() const { return edge_->fresh(); }
  const EdgeBase& edge() const { return *edge_; }
  Slice<const Slice<const Weighted<R>>> spans() const { return edge_->spans(); }
  Slice<const std::uint64_t> key_hashes() const { return edge_->key_hashes(); }

  template <class Function>
  void for_each_edge(Function&& function) const {
    function(*edge_);
  }

 private:
  using Span = Slice<const Weighted<R>>;

  static constexpr std::size_t kManyRows = 4096;
  static constexpr std::size_t kBytesAhead = 5120;

  /// Many rows may have been written last by another processor, and come from its cache. (Measured: bench/NOTES.md.)
  static std::size_t bytes_ahead(const Span& span) { return span.size() < kManyRows ? 0 : kBytesAhead; }

  template <class Sink>
  static void read(const Span& span, std::size_t bytes_ahead, Sink& sink) {
    for (const auto& item : span) {
      __builtin_prefetch(reinterpret_cast<const char*>(&item) + bytes_ahead);
      sink(item.row, item.weight);
    }
  }

  Edge<R>* edge_;
};

}  // namespace lockstep
