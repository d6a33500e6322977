#pragma once

#include <algorithm>
#include <optional>
#include <ranges>
#include <span>
#include <utility>

#include "operators/inputs/ledger.hpp"
#include "runtime/flow/add_operator.hpp"
#include "runtime/flow/dataflow.hpp"
#include "runtime/intake/ledger_row.hpp"
#include "runtime/intake/sealed.hpp"
#include "runtime/intake/session.hpp"

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

/// What InputPort and TablePort have in common: an input of a session. Holds the session.
template <class Item>
class Port {
 public:
  Port(std::shared_ptr<Session> session, StageBase& stage, InputId input)
      : session_(std::move(session)), stage_(static_cast<Stage<Item>*>(&stage)), input_(input) {}

  /// Puts a row that the caller, the border of the system, refuses into the input's ledger.
  Ticket reject(LedgerRow row) { return *reject(std::move(row), Session::Room::wait); }

 protected:
  using Room = Session::Room;

  std::optional<Ticket> reject(LedgerRow row, Room room) {
    return session_->put(*stage_, input_, stage_->rejects, std::move(row), room,
                         [](LedgerRow& rejected, std::uint64_t position, std::uint64_t session) {
                           rejected.position = position;
                           rejected.session = session;
                         });
  }

  template <class Number>
  std::optional<Ticket> put(Item item, Room room, Number&& number) {
    return session_->put(*stage_, input_, stage_->items, std::move(item), room, number);
  }
  Ticket put_all(Stage<Item>& gathered) {
    Session::Gathered part{input_, &gathered, stage_};
    return session_->put_all({&part, 1}, gathered.items.size() + gathered.rejects.size());
  }

  std::shared_ptr<Session> session_;
  Stage<Item>* stage_;
  InputId input_;
};

/// Where rows are pushed into a Z-set input, by one session. Any thread. All pushes but try_push wait for room when
/// the runtime is started, and throw UsageError when it is stepped by hand; all throw StepFailed when it has failed.
template <class R>
class InputPort : public Port<Weighted<R>> {
 public:
  InputPort(std::shared_ptr<Session> session, StageBase& stage, const Input<R>& input)
      : Base(std::move(session), stage, input.id()), options_(input.options()) {}

  /// One row.
  Ticket push(R row, Weight weight = 1) { return *push_one(std::move(row), weight, Room::wait); }

  /// Any range of rows, or of Weighted rows; in pieces, if it is larger than the stage. Of a piece all rows are staged,
  /// or none if the range throws.
  template <std::ranges::forward_range Rows>
  requires std::convertible_to<std::ranges::range_reference_t<Rows>, R> ||
      std::convertible_to<std::ranges::range_reference_t<Rows>, Weighted<R>>
          Ticket push(Rows&& rows) {
    constexpr bool kMove = !std::is_lvalue_reference_v<Rows> && !std::ranges::borrowed_range<Rows>;
    return push_all<kMove>(std::ranges::begin(rows), static_cast<std::size_t>(std::ranges::distance(rows)));
  }

  /// Nothing, at once, where push would wait or throw for lack of room.
  std::optional<Ticket> try_push(R row, Weight weight = 1) { return push_one(std::move(row), weight, Room::try_once); }

 private:
  using Base = Port<Weighted<R>>;
  using typename Base::Room;

  /// Inlined, so that the row is not copied on the stack. (Measured: half of a push.)
  [[gnu::always_inline]] std::optional<Ticket> push_one(R&& row, Weight weight, Room room) {
    normalise(row);
    if (const char* const reason = refusal(weight)) [[unlikely]]
      return Base::reject(refused(row, weight, reason), room);
    return Base::put({std::move(row), weight}, room, [](const auto&, std::uint64_t, std::uint64_t) {});
  }

  template <bool kMove, class Iterator>
  Ticket push_all(Iterator next, std::size_t left) {
    if (left == 0) return this->session_->nothing();
    if (left == 1) return push_alone(weighted<kMove>(*next));
    for (;;) {
      const std::size_t count = std::min(left, this->session_->capacity());
      Stage<Weighted<R>> gathered(this->stage_->pools());
      for (std::size_t i = 0; i < count; ++i, ++next) gather(gathered, weighted<kMove>(*next), count - i);
      const Ticket ticket = Base::put_all(gathered);
      left -= count;
      if (left == 0) return ticket;
    }
  }

  /// Spares it a chunk of its own.
  Ticket push_alone(Weighted<R> item) { return *push_one(std::move(item.row), item.weight, Room::wait); }

  template <bool kMove, class Item>
  static Weighted<R> weighted(Item&& item) {
    constexpr bool kIsRow = std::convertible_to<Item, R>;
    if constexpr (kIsRow && kMove) {
      return {R(std::move(item)), 1};
    } else if constexpr (kIsRow) {
      return {R(std::forward<Item>(item)), 1};
    } else if constexpr (kMove) {
      return std::move(item);
    } else {
      return std::forward<Item>(item);
    }
  }

  /// `left`: how many rows come with it, and after it.
  void gather(Stage<Weighted<R>>& gathered, Weighted<R>&& item, std::size_t left) {
    normalise(item.row);
    if (const char* const reason = refusal(item.weight)) [[unlikely]] {
      gathered.rejects.grow_and_push_back(refused(item.row, item.weight, reason), 1).position = gathered.position;
    } else {
      gathered.items.grow_and_push_back(std::move(item), left);
    }
    ++gathered.position;
  }

  const char* refusal(Weight weight) const {
    if (weight > kMaxPushedWeight || weight < -kMaxPushedWeight) return "the weight is beyond 2^31";
    if (weight < 0 && options_.append_only) return "a deletion in an append-only input";
    return nullptr;
  }
  static LedgerRow refused(const R& row, Weight weight, const char* reason) {
    return {.reason = reason, .event_time = {}, .row = to_string(row), .weight = weight};
  }

  InputOptions options_;
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
    if (piece_rows_ != 0 && total / workers_ > piece_rows_ && out_.divisible()) {
      const auto [begin, end] = sealed_.take_piece(workers_, piece_rows_);
      activation.once_more = end != total;
      show(begin, end, end != total);
    } else {
      // Rounded up, so that a single row goes to the first worker, which is the caller's and never asleep.
      show((total * worker_ + workers_ - 1) / workers_, (total * (worker_ + 1) + workers_ - 1) / workers_, false);
    }
    const bool first = std::exchange(tick_, activation.tick) != activation.tick;
    if (worker_ != 0 || !first || !sealed_.any_rejects()) return;
    Batch<LedgerRow>& rejects = rejects_.fill();
    sealed_.take_rejects([&rejects](LedgerRow&& row) { rejects.push_back({std::move(row), 1}); });
    rejects_.send();
  }

  bool has_state() const override { return false; }
  void save(unsigned, Encoder&) const override {}
  void load(Decoder&) override {}

 private:
  void show(std::size_t begin, std::size_t end, bool more_to_come) {
    auto& spans = out_.borrow();
    NodeCounters::add(counters.rows_out, end - begin);
    sealed_.for_each_span(begin, end, [&spans](std::span<const Weighted<R>> span) { spans.push_back(span); });
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
  const InputId input =
      flow.add_input({.name = name, .make_sealed = [] { return std::make_unique<Sealed<Weighted<R>>>(); }});
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
