#pragma once

#include <algorithm>
#include <optional>
#include <ranges>
#include <span>
#include <utility>

#include "operators/ledger.hpp"
#include "runtime/dataflow.hpp"
#include "runtime/ledger.hpp"
#include "runtime/operator.hpp"
#include "runtime/self_test.hpp"
#include "runtime/session.hpp"
#include "runtime/stage.hpp"

namespace lockstep {

template <class R>
class InputPort;

/// A Z-set input: a stream, and the name under which rows are pushed into a runtime.
template <class R>
class Input : public Stream<R> {
 public:
  using Port = InputPort<R>;

  Input(Stream<R> stream, InputId id, InputOptions options)
      : Stream<R>(std::move(stream)), id_(id), options_(options) {}

  InputId id() const { return id_; }
  const std::string& name() const { return this->flow()->inputs[id_].name; }
  const InputOptions& options() const { return options_; }

 private:
  InputId id_;
  InputOptions options_;
};

/// Adds a ledger entry for a row that the edge refuses.
template <class Item>
void reject_row(Stage<Item>& stage, std::uint64_t session, LedgerRow row) {
  reached(Place::edge_rejected_row);
  row.session = session;
  row.position = stage.position++;
  stage.rejects.push_back(std::move(row));
}

/// Where rows are pushed into a Z-set input, by one session. Any thread. All pushes but try_push wait for room when
/// the runtime is started, and throw UsageError when it is stepped by hand; all throw StepFailed when it has failed.
template <class R>
class InputPort {
 public:
  InputPort(Session& session, const Input<R>& input) : session_(&session), input_(&input) {}

  /// One row.
  Ticket push(R row, Weight weight = 1) {
    Session::Turn turn(*session_, input_->id(), 1);
    stage(turn, std::move(row), weight);
    return turn.done();
  }

  /// Any range of rows, or of Weighted rows; in pieces, if it is larger than the stage.
  template <std::ranges::forward_range Rows>
  requires std::convertible_to<std::ranges::range_reference_t<Rows>, R> ||
      std::convertible_to<std::ranges::range_reference_t<Rows>, Weighted<R>>
          Ticket push(Rows&& rows) {
    constexpr bool kMove = !std::is_lvalue_reference_v<Rows> && !std::ranges::borrowed_range<Rows>;
    return push_all<kMove>(std::ranges::begin(rows), static_cast<std::size_t>(std::ranges::distance(rows)));
  }

  /// Nothing, at once, where push would wait or throw for lack of room.
  std::optional<Ticket> try_push(R row, Weight weight = 1) {
    auto turn = Session::Turn::try_take(*session_, input_->id(), 1);
    if (!turn.taken()) return std::nullopt;
    stage(turn, std::move(row), weight);
    return turn.done();
  }

  /// Puts a row that the caller, the edge of the system, refuses into the input's ledger.
  Ticket reject(LedgerRow row) {
    Session::Turn turn(*session_, input_->id(), 1);
    reject_row(turn.template stage<Weighted<R>>(), turn.session_number(), std::move(row));
    return turn.done();
  }

 private:
  template <bool kMove, class Iterator>
  Ticket push_all(Iterator next, std::size_t left) {
    for (;;) {
      const std::size_t count = std::min(left, session_->capacity());
      Session::Turn turn(*session_, input_->id(), count);
      stage_piece<kMove>(turn, next, count);
      const Ticket ticket = turn.done();
      left -= count;
      if (left == 0) return ticket;
    }
  }

  /// All of it, or nothing if the range throws.
  template <bool kMove, class Iterator>
  void stage_piece(Session::Turn& turn, Iterator& next, std::size_t count) {
    auto& staged = turn.template stage<Weighted<R>>();
    const auto before = staged.mark();
    try {
      for (std::size_t i = 0; i < count; ++i, ++next) {
        auto item = [&] {
          if constexpr (kMove) {
            return std::move(*next);
          } else {
            return *next;
          }
        }();
        if constexpr (std::convertible_to<decltype(item), R>) {
          stage(turn, R(std::move(item)), 1);
        } else {
          Weighted<R> weighted = std::move(item);
          stage(turn, std::move(weighted.row), weighted.weight);
        }
      }
    } catch (...) {
      staged.take_back(before);
      throw;
    }
  }

  void stage(Session::Turn& turn, R&& row, Weight weight) {
    auto& stage = turn.template stage<Weighted<R>>();
    const auto refuse = [&](const char* reason) {
      reject_row(stage, turn.session_number(),
                 {.reason = reason, .event_time = {}, .row = to_string(row), .weight = weight});
    };
    normalise(row);
    if (weight > kMaxPushedWeight || weight < -kMaxPushedWeight) {
      refuse("the weight is beyond 2^31");
    } else if (weight < 0 && input_->options().append_only) {
      refuse("a deletion in an append-only input");
    } else {
      ++stage.position;
      stage.items.push_back({std::move(row), weight});
    }
  }

  Session* session_;
  const Input<R>* input_;
};

/// Shows each worker its part of what was sealed, where it lies; and the first worker the rejected rows. The part is a
/// slice; or if there are many rows, and all who read them do not mind, one piece after another until none is left, so
/// that whoever comes late, or is slower, gets less.
template <class R>
class InputNode final : public Node {
 public:
  /// `piece_rows`: the least size of a piece; 0: slices only.
  InputNode(Sealed<Weighted<R>>& sealed, Edge<R>& out, Edge<LedgerRow>& rejects, unsigned worker, unsigned workers,
            std::size_t piece_rows)
      : sealed_(sealed), out_(out), rejects_(rejects), worker_(worker), workers_(workers), piece_rows_(piece_rows) {}

  void eval(Activation& activation) override {
    const std::size_t total = sealed_.size();
    if (piece_rows_ != 0 && total > workers_ * piece_rows_ && out_.divisible()) {
      reached(Place::rows_taken_in_pieces);
      const auto [begin, end] = sealed_.take_piece(total, workers_, piece_rows_);
      activation.once_more = end != total;
      if (!(begin != 0 && end == total && planted(Bug::last_piece_is_lost))) show(begin, end, end != total);
    } else {
      // Rounded up, so that a single row goes to the first worker, which is the caller's and never asleep.
      show((total * worker_ + workers_ - 1) / workers_, (total * (worker_ + 1) + workers_ - 1) / workers_, false);
    }
    const bool first = std::exchange(tick_, activation.tick) != activation.tick;
    if (worker_ != 0 || !first || !sealed_.any_rejects()) return;
    Batch<LedgerRow>& rejects = rejects_.fill();
    for (auto& chunk : sealed_.chunks()) {
      for (LedgerRow& row : chunk.rejects) rejects.push_back({std::move(row), 1});
    }
    rejects_.send();
  }

  bool has_state() const override { return false; }
  void save(unsigned, Encoder&) const override {}
  void load(Decoder&) override {}

 private:
  void show(std::size_t begin, std::size_t end, bool more_to_come) {
    auto& spans = out_.borrow();
    NodeCounters::add(counters.rows_out, end - begin);
    std::size_t skip = begin;
    std::size_t take = end - begin;
    for (auto& chunk : sealed_.chunks()) {
      std::span<const Weighted<R>> items(chunk.items);
      const std::size_t skipped = std::min(skip, items.size());
      skip -= skipped;
      items = items.subspan(skipped);
      items = items.first(std::min(take, items.size()));
      take -= items.size();
      if (!items.empty()) spans.push_back(items);
    }
    out_.send_borrowed(more_to_come);
  }

  Sealed<Weighted<R>>& sealed_;
  Edge<R>& out_;
  Edge<LedgerRow>& rejects_;
  const unsigned worker_;
  const unsigned workers_;
  const std::size_t piece_rows_;
  std::uint64_t tick_ = 0;  // of the last activation
};

/// The operator of an input of any kind: its rows as they are sealed, and the rejected rows as a second edge.
struct InputEdges {
  InputId input;
  EdgeId rows;
  EdgeId rejects;
};

template <class R>
InputEdges add_input(Description& flow, const std::string& name, Schema schema, Properties properties) {
  const InputId input = flow.add_input({.name = name,
                                        .make_stage = [] { return std::make_unique<Stage<Weighted<R>>>(); },
                                        .make_sealed = [] { return std::make_unique<Sealed<Weighted<R>>>(); }});
  OperatorInfo& added = flow.add_operator({.kind = "input", .name = name});
  flow.inputs[input].reader = added.id;
  const EdgeId rows = flow.add_edge(added, std::move(schema), properties);
  const EdgeId rejects =
      flow.add_side_edge(added, "rejected rows of " + name, ledger_schema(),
                         {.partitioning = Partitioning::colocated, .append_only = true, .consolidated = true});
  added.build = [id = added.id, input, rows, rejects](Assembly& assembly) {
    auto& sealed = static_cast<Sealed<Weighted<R>>&>(*assembly.shared.sealed[input]);
    auto& out = assembly.make_edge<R>(rows, 0);
    auto& rejected = assembly.make_edge<LedgerRow>(rejects, 0);
    assembly.add_node(assembly.info(id), 0,
                      std::make_unique<InputNode<R>>(sealed, out, rejected, assembly.worker, assembly.workers(),
                                                     assembly.shared.piece_rows));
  };
  return {input, rows, rejects};
}

template <class R>
Input<R> Dataflow::input(std::string name, InputOptions options) {
  return input<R>(std::move(name), row_traits<R>::schema(), options);
}

template <class R>
Input<R> Dataflow::input(std::string name, Schema schema, InputOptions options) {
  const InputEdges edges = add_input<R>(*description_, name, std::move(schema), {.append_only = options.append_only});
  description_->inputs[edges.input].ledger = add_ledger(description_, name, edges.rejects, std::nullopt);
  return Input<R>(Stream<R>(description_, edges.rows), edges.input, options);
}

}  // namespace lockstep
