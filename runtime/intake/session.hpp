#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "runtime/faults/errors.hpp"
#include "runtime/flow/description.hpp"
#include "runtime/intake/stage.hpp"
#include "runtime/intake/ticket.hpp"
#include "runtime/steps/run_state.hpp"
#include "runtime/threads/spin_lock.hpp"

namespace lockstep {

class Intake;
class Session;

/// What is known of a session.
struct SessionInfo {
  std::uint64_t number = 0;
  std::string name = {};
  std::optional<Cursor> cursor = {};
  bool is_open = false;
};

/// Rows for several inputs on their way into one step; see Session::transaction.
class Transaction {
 public:
  template <class Handle>
  auto operator[](const Handle& input) const;

  /// See Session::move_cursor: it moves as the rows are staged.
  void move_cursor(std::uint64_t cursor, std::uint64_t mark = 0) const;

  /// How much of the stage it takes so far.
  std::size_t bytes() const;

 private:
  friend class Session;
  explicit Transaction(std::shared_ptr<Session> gathering) : gathering_(std::move(gathering)) {}
  std::shared_ptr<Session> gathering_;
};

/// One ordered source of pushes: what it pushes is applied in its order, and interleaves with other sessions' in no
/// promised order but for keyed tables, where sessions apply in the order of their numbers. Any thread may push; a
/// thread or source of its own for each session keeps its order meaningful.
///
/// A session ends when its owner lets go of it and of all its ports: what it has staged is stepped, and its number may
/// be opened again, with positions from 0. It may outlive its runtime; to push then throws UsageError.
class Session {
 public:
  /// Intake makes sessions.
  Session(std::shared_ptr<Intake> intake, std::uint64_t number, std::string name);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  std::uint64_t number() const { return number_; }
  /// Empty: it has none.
  const std::string& name() const { return name_; }

  /// Where to push rows into an input: `session[transfers].push(...)`.
  template <class Handle>
  typename Handle::Port operator[](const Handle& input) {
    return typename Handle::Port(self_.lock(), checked_stage(*input.flow(), input.id()), input);
  }

  /// How many rows it has pushed into an input, those that were rejected included, also before its runtime went on from
  /// a checkpoint: where to go on.
  template <class Handle>
  std::uint64_t position(const Handle& input) {
    return position_of(checked_stage(*input.flow(), input.id()));
  }

  /// Moves the cursor: up to where its source has been read, be it a Kafka offset or the number of a line, rows that
  /// were left out included. It is part of the cut of the step that has what was pushed before, and of checkpoints;
  /// move it by a transaction, with the rows that belong to it, so that no seal comes between. It may move without
  /// rows. `mark`: what the source may be known by when it is read on from there, such as a hash of what was read last.
  /// Throws UsageError if it moves back.
  Ticket move_cursor(std::uint64_t cursor, std::uint64_t mark = 0);
  /// Where it stands, also before its runtime went on from a checkpoint: where to go on. None: it was never moved.
  std::optional<std::uint64_t> cursor();
  /// What came with the cursor. 0: nothing.
  std::uint64_t mark();

  /// Has a started runtime step what is staged at once, whatever its policy says.
  void ask_for_step();

  /// Calls `function(transaction)` and stages all that it pushes to the transaction as one piece that no seal cuts. If
  /// the function throws, or there is no memory, nothing is staged. Throws if it is larger than the stage.
  template <class Function>
  Ticket transaction(Function&& function) {
    static_assert(std::invocable<Function&, Transaction>,
                  "lockstep: a transaction is a function of one argument, by which it pushes: [&](auto one) { "
                  "one[input].push(row); }");
    Transaction transaction = begin_transaction();
    const EndOfGathering end{*transaction.gathering_};
    function(transaction);
    return commit(transaction);
  }

  /// A transaction that is staged by commit() or try_commit(), once.
  Transaction begin_transaction() const;
  /// As transaction() does.
  Ticket commit(const Transaction& transaction);
  /// Nothing, at once, where commit would wait or throw for lack of room: the transaction may be tried again.
  std::optional<Ticket> try_commit(const Transaction& transaction);

  // For ports.

  /// Whether a push waits until there is room in the stage.
  enum class Room { wait, try_once };

  /// What a push that is not dated asks and does, beside to stage its item; see put().
  struct NotDated {
    bool admits() const { return true; }
    void admitted(std::uint64_t) const {}
  };

  /// Stages one item, of the input's items or rejected rows. Under the session's lock, `number(item, position,
  /// session)` lets it know its place; and before, if `dated.admits()`, it is staged and `dated.admitted(step)` called.
  /// Returns nothing if it is not admitted, or if there is no room and the push does not wait.
  template <class T, class Number, class Dated = NotDated>
  std::optional<Ticket> put(StageBase& stage, InputId input, Staging<T>& staging, T&& item, Room room, Number&& number,
                            Dated&& dated = {}) {
    const std::size_t bytes = staged_bytes(item);
    for (std::unique_ptr<Chunk<T>> fresh;;) {
      std::size_t wanted = 0;
      {
        Turn turn(*this, 1, bytes, room);
        if (!turn.taken() || !dated.admits()) return std::nullopt;
        const std::uint64_t step = chunk_step();
        if (!staging.has_room(step) && fresh != nullptr) staging.add_chunk(std::move(fresh), step);
        if (staging.has_room(step)) [[likely]] {
          number(staging.push_back(std::forward<T>(item)), stage.position, number_);
          dated.admitted(step);
          ++stage.position;
          touch(input);
          return turn.done();
        }
        wanted = staging.next_size();
      }
      fresh = staging.make_chunk(wanted);  // not under the lock
    }
  }

  /// What a push or a transaction has gathered for one input, and where it goes.
  struct Gathered {
    InputId input;
    StageBase* rows;
    StageBase* stage;
    StageBase::Standing from = {};
  };
  /// How much a piece is.
  struct Size {
    std::size_t rows = 0;
    std::size_t bytes = 0;
  };
  /// Stages all that was gathered, in one piece. Returns nothing if there is no room and it does not wait.
  std::optional<Ticket> put_all(std::span<Gathered> parts, Size size, Room room, std::optional<Cursor> cursor = {});
  /// Whether it is a transaction's, whose rows have no places yet.
  bool gathers() const { return intake_ == nullptr; }
  /// Has it hold the watermark of an input back from now on, or not any more until it pushes a row.
  Ticket set_active(StageBase& stage, InputId input, bool active);
  /// The ticket of a push of nothing. Throws what a push would.
  Ticket nothing();
  /// Throws what a push would, had it room.
  void check_accepts() const;
  /// Into pieces of about so much is cut what is pushed as a range.
  Size piece() const;
  /// Gets as much of the stage's room as is wanted, if that is left. Returns how much there is. Throws what a push
  /// would, had it room.
  std::size_t room(std::size_t wanted);

 private:
  friend class Intake;
  friend class Transaction;

  /// One push under the session's lock, with room for its rows.
  class Turn {
   public:
    /// Without room: throws when stepping by hand, else waits for a seal or is not taken, as `room` says.
    Turn(Session& session, std::size_t rows, std::size_t bytes, Room room)
        : session_(&session), rows_(rows), bytes_(bytes) {
      session.lock_.lock();
      if (!session.state_.accepts_rows() || bytes > session.credit_) [[unlikely]]
        take_slowly(room);
      if (session.has_pieces_ && session_ != nullptr) open_piece();
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() {
      if (session_ != nullptr) session_->lock_.unlock();
    }
    bool taken() const { return session_ != nullptr; }
    /// Together with the rows, or with none. Throws UsageError if it moves back.
    void move_cursor(const Cursor& cursor, bool with_rows);
    /// It stages no rows, but something that a step has to come for.
    void moves_without_rows();
    /// The rows are staged.
    Ticket done();

   private:
    void take_slowly(Room room);
    void open_piece();
    bool take_room(Room room);
    Session* session_;
    std::size_t rows_;
    std::size_t bytes_;
  };

  struct EndOfGathering {
    Session& gathering;
    /// Nothing can be pushed into it any more.
    void close() const;
    ~EndOfGathering() { close(); }
  };

  /// A session without an intake, for what a transaction gathers.
  Session(std::shared_ptr<const Intake> from, std::uint64_t number, std::size_t inputs);

  /// What is staged for one step.
  struct Piece {
    std::uint64_t step = 0;
    std::size_t staged = 0;             // when it is closed
    std::size_t bytes = 0;              // likewise
    std::optional<Cursor> cursor = {};  // if it has moved
    bool counts_move = false;           // of the cursor, or of time: it was first, and counts as a row
  };

  /// Under the lock, before rows are staged, where steps have a limit: closes the piece if its step is full.
  void open_piece();
  void close_piece();
  bool piece_is_empty() const;
  std::uint64_t chunk_step() const { return has_pieces_ ? piece_.step : 0; }
  /// Throws UsageError if the input is of another dataflow.
  StageBase& checked_stage(const Description& of, InputId input);
  StageBase& stage(InputId input);
  std::uint64_t position_of(const StageBase& stage);
  void touch(InputId input);
  [[noreturn]] static void throw_over();
  std::optional<Ticket> adopt(Session& gathered, Size size, Room room);
  Size gathered_size();

  const std::shared_ptr<const Intake> made_from_;  // keeps alive what stages are made with
  Intake* const intake_;                           // null: gathers for a transaction
  const RunState& state_;
  const std::uint64_t number_;
  const std::string name_;
  std::weak_ptr<Session> self_;                  // what its owner holds
  std::vector<std::atomic<StageBase*>> stages_;  // by input, made when they are first asked for; owned

  SpinLock lock_;                 // guards all below, and what is staged
  std::vector<InputId> touched_;  // inputs with something staged; has room for all
  std::size_t staged_ = 0;
  std::size_t granted_ = 0;    // bytes of the stage, for what is staged and is going to be
  std::size_t credit_ = 0;     // what is left of it
  const bool has_pieces_;      // steps have a limit
  std::vector<Piece> closed_;  // for steps before that of piece_
  Piece piece_;                // while listed_
  std::optional<Cursor> cursor_;
  std::optional<Cursor> sealed_cursor_;
  std::size_t herald_at_ = std::numeric_limits<std::size_t>::max();  // so many rows staged: see Intake::set_herald
  bool listed_ = false;                                              // among those that the next seal looks at
  Session* next_listed_ = nullptr;                                   // the one after it there
  bool counted_ = false;  // whether the intake's staged_ includes this session's
  // Guarded by the intake too.
  bool open_ = false;  // it has an owner
};

inline void Transaction::move_cursor(std::uint64_t cursor, std::uint64_t mark) const {
  gathering_->move_cursor(cursor, mark);
}

inline std::size_t Transaction::bytes() const { return gathering_->gathered_size().bytes; }

template <class Handle>
auto Transaction::operator[](const Handle& input) const {
  return (*gathering_)[input];
}

}  // namespace lockstep
