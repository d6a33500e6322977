#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>

#include "runtime/flow/dataflow.hpp"
#include "runtime/intake/ledger_row.hpp"
#include "runtime/intake/session.hpp"

namespace lockstep {

template <class R>
class Input;

/// What fits any fields, if no row does.
struct AnyFields {
  template <class... Field>
  AnyFields(Field&&...) {}
};

/// What InputPort and TablePort have in common: an input of a session. Holds the session.
template <class Item>
class Port {
 public:
  Port(std::shared_ptr<Session> session, StageBase& stage, InputId input)
      : session_(std::move(session)), stage_(static_cast<Stage<Item>*>(&stage)), input_(input) {}

  /// Puts a row that the caller, the border of the system, refuses into the input's ledger.
  Ticket reject(LedgerRow row) { return *reject(std::move(row), Session::Room::wait); }

  /// Of an input with event time: the session does not hold its watermark back any more, until it pushes a row; that is
  /// late then if it is dated before the input's watermark. A session that ends does not either.
  Ticket set_idle() { return session_->set_active(*stage_, input_, false); }
  /// The session holds the watermark back from now on, as it does since it has pushed a row: until it does so again, or
  /// is idle, the watermark stays.
  Ticket set_active() { return session_->set_active(*stage_, input_, true); }

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
  std::optional<Ticket> put(Item&& item, Room room, Number&& number) {
    return session_->put(*stage_, input_, stage_->items, std::move(item), room, number);
  }
  std::optional<Ticket> put_all(Stage<Item>& gathered, std::size_t bytes, Room room) {
    Session::Gathered part{input_, &gathered, stage_};
    return session_->put_all({&part, 1}, {gathered.size(), bytes}, room);
  }

  bool is_dated() const { return stage_->event_time() != nullptr; }
  Timestamp timestamp(const DatedRow<Item>& row) const {
    return is_dated() ? stage_->event_time()->of(row) : kNoTimestamp;
  }
  /// Why a row cannot be dated so; empty: it can.
  std::string refusal_of_time(const DatedRow<Item>& row, Timestamp timestamp) const {
    return is_dated() ? stage_->event_time()->refusal(row, timestamp) : std::string();
  }
  /// put(), of an input with event time. `timestamp`: kNoTimestamp: it has none, and is never late.
  template <class Number>
  [[gnu::noinline]] std::optional<Ticket> put_dated(Item item, Timestamp timestamp, Room room, Number&& number) {
    Dated dated{*stage_, !session_->gathers(), timestamp};
    const auto place = [&](Item& staged, std::uint64_t position, std::uint64_t session) {
      number(staged, position, session);
      stamp(staged, dated.watermark);
    };
    const auto ticket = session_->put(*stage_, input_, stage_->items, std::move(item), room, place, dated);
    if (!dated.late) return ticket;
    return reject(refused(item, late_reason(dated.watermark), timestamp), room);  // NOLINT: taken only if staged
  }

  std::shared_ptr<Session> session_;
  Stage<Item>* stage_;
  InputId input_;

 private:
  /// What is decided under the session's lock of a row that is dated.
  struct Dated {
    Stage<Item>& stage;
    const bool judges;  // a transaction's rows are judged when they are staged
    const Timestamp timestamp;
    Timestamp watermark = kNoTimestamp;
    bool late = false;

    bool admits() {
      if (!judges) return true;
      watermark = stage.event_time()->watermark(stage.time.latest);
      late = timestamp != kNoTimestamp && timestamp < watermark;
      if (!late && timestamp != kNoTimestamp) stage.time.prepare();
      return !late;
    }
    void admitted(std::uint64_t step) const {
      if (!judges) return;
      stage.note_latest(std::max(stage.time.latest, timestamp), timestamp != kNoTimestamp, step);
    }
  };
};

/// Whether a range is of rows of this type, or of Weighted ones.
template <class Rows, class R>
concept RangeOf = std::convertible_to<std::ranges::range_reference_t<Rows>, R> ||
    std::convertible_to<std::ranges::range_reference_t<Rows>, Weighted<R>>;

/// Where rows are pushed into a Z-set input, by one session. Any thread. All pushes but try_push wait for room when
/// the runtime is started, and throw UsageError when it is stepped by hand; all throw StepFailed when it has failed.
template <class R>
class InputPort : public Port<Weighted<R>> {
 public:
  InputPort(std::shared_ptr<Session> session, StageBase& stage, const Input<R>& input)
      : Base(std::move(session), stage, input.id()), options_(input.options()) {}

  /// One row.
  Ticket push(R row, Weight weight = 1) { return *push_one(std::move(row), weight, Room::wait); }
  /// The same, moved once.
  Ticket push_weighted(Weighted<R>&& item) { return *push_item(std::move(item), Room::wait); }

  /// Any range of rows, or of Weighted rows; in pieces, if it is larger than the stage, or than a step may be. Of a
  /// piece all rows are staged, or none if the range throws.
  template <std::ranges::forward_range Rows>
  requires RangeOf<Rows, R> Ticket push(Rows&& rows) {
    constexpr bool kMove = !std::is_lvalue_reference_v<Rows> && !std::ranges::borrowed_range<Rows>;
    return push_all<kMove>(std::ranges::begin(rows), static_cast<std::size_t>(std::ranges::distance(rows)));
  }

  /// Fields of no row: it does not compile, and says so.
  template <bool kCompiles = false>
  void push(const AnyFields&, Weight = 1) {
    static_assert(kCompiles,
                  "lockstep: these are not the fields of the input's row, nor a range of rows that can be gone through "
                  "twice");
  }

  /// Nothing, at once, where push would wait or throw for lack of room.
  std::optional<Ticket> try_push(R row, Weight weight = 1) { return push_one(std::move(row), weight, Room::try_once); }
  /// As many of the first rows as there is room for, copied in one piece. Returns how many; 0, at once, where push
  /// would wait or throw for lack of room.
  template <std::ranges::forward_range Rows>
  requires RangeOf<const Rows&, R> std::size_t try_push(const Rows& rows) {
    const auto left = static_cast<std::size_t>(std::ranges::distance(rows));
    if (left == 0) return this->session_->nothing(), 0;
    const std::size_t room = this->session_->room(std::min(left * sizeof(Weighted<R>), this->session_->piece().bytes));
    if (room == 0) return 0;
    return gather_and_put<false>(std::ranges::begin(rows), left, room, Room::try_once).first;
  }

 private:
  using Base = Port<Weighted<R>>;
  using typename Base::Room;

  /// Inlined, so that the row is not copied on the stack. (Measured: half of a push.)
  [[gnu::always_inline]] std::optional<Ticket> push_one(R&& row, Weight weight, Room room) {
    return push_item({std::move(row), weight}, room);
  }
  [[gnu::always_inline]] std::optional<Ticket> push_item(Weighted<R>&& item, Room room) {
    normalise(item.row);
    if (is_refused(item.weight) || this->is_dated()) [[unlikely]]
      return push_watched(std::move(item), room);
    return Base::put(std::move(item), room, [](const auto&, std::uint64_t, std::uint64_t) {});
  }
  /// Of an input with event time; or a row that is refused.
  [[gnu::noinline]] std::optional<Ticket> push_watched(Weighted<R> item, Room room) {
    const Timestamp timestamp = this->timestamp(item.row);
    std::string reason = refusal(item, timestamp);
    if (!reason.empty()) return Base::reject(refused(item, std::move(reason), timestamp), room);
    return Base::put_dated(std::move(item), timestamp, room, [](const auto&, std::uint64_t, std::uint64_t) {});
  }

  template <bool kMove, class Iterator>
  Ticket push_all(Iterator next, std::size_t left) {
    if (left == 0) return this->session_->nothing();
    if (left == 1) return push_alone(weighted<kMove>(*next));
    for (;;) {
      const auto [count, ticket] = gather_and_put<kMove>(next, left, this->session_->piece().bytes, Room::wait);
      left -= count;
      if (left == 0) return *ticket;
      std::ranges::advance(next, static_cast<std::iter_difference_t<Iterator>>(count));
    }
  }

  /// The first rows, until these are a piece, or so many bytes, in one piece.
  template <bool kMove, class Iterator>
  std::pair<std::size_t, std::optional<Ticket>> gather_and_put(Iterator next, std::size_t left, std::size_t most_bytes,
                                                               Room room) {
    const std::size_t most = std::min(left, this->session_->piece().rows);
    Stage<Weighted<R>> gathered(this->stage_->pools());
    std::size_t bytes = 0;
    for (; gathered.size() < most && bytes < most_bytes; ++next) {
      Weighted<R> item = weighted<kMove>(*next);
      const std::size_t more = staged_bytes(item);
      if (!kMove && bytes != 0 && more > most_bytes - bytes) break;
      bytes += more;
      gather(gathered, std::move(item), most - gathered.size());
    }
    const std::size_t count = gathered.size();
    const std::optional<Ticket> ticket = Base::put_all(gathered, bytes, room);
    return {ticket ? count : 0, ticket};
  }

  /// Spares it a chunk of its own.
  Ticket push_alone(Weighted<R> item) { return *push_one(std::move(item.row), item.weight, Room::wait); }

  template <bool kMove, class Item>
  static Weighted<R> weighted(Item&& item) {
    constexpr bool kIsRow = std::convertible_to<Item, R>;
    using Given = std::conditional_t<kMove, std::remove_reference_t<Item>, Item>;
    if constexpr (kIsRow) {
      return {R(std::forward<Given>(item)), 1};
    } else {
      return std::forward<Given>(item);
    }
  }

  /// `left`: how many rows come with it, and after it.
  void gather(Stage<Weighted<R>>& gathered, Weighted<R>&& item, std::size_t left) {
    normalise(item.row);
    const bool is_watched = is_refused(item.weight) || this->is_dated();
    if (!is_watched || !gather_refused(gathered, item)) [[likely]]
      gathered.items.grow_and_push_back(std::move(item), left);
    ++gathered.position;
  }
  /// Whether the row is refused, and among the rejected ones then.
  [[gnu::noinline]] bool gather_refused(Stage<Weighted<R>>& gathered, const Weighted<R>& item) {
    const Timestamp timestamp = this->timestamp(item.row);
    std::string reason = refusal(item, timestamp);
    if (reason.empty()) return false;
    gathered.rejects.grow_and_push_back(refused(item, std::move(reason), timestamp), 1).position = gathered.position;
    return true;
  }

  bool is_refused(Weight weight) const {
    return weight > kMaxPushedWeight || weight < -kMaxPushedWeight || (weight < 0 && options_.append_only);
  }
  /// Empty: it is not refused.
  std::string refusal(const Weighted<R>& item, Timestamp timestamp) const {
    if (item.weight > kMaxPushedWeight || item.weight < -kMaxPushedWeight) return "the weight is beyond 2^31";
    if (item.weight < 0 && options_.append_only) return "a deletion in an append-only input";
    return this->refusal_of_time(item.row, timestamp);
  }

  InputOptions options_;
};

}  // namespace lockstep
