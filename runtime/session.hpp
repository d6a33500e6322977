#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "runtime/description.hpp"
#include "runtime/errors.hpp"
#include "runtime/spin_lock.hpp"
#include "runtime/stage.hpp"
#include "runtime/ticket.hpp"

namespace lockstep {

class Intake;
class Session;

/// Rows for several inputs on their way into one step; see Session::transaction.
class Transaction {
 public:
  template <class Handle>
  auto operator[](const Handle& input);

 private:
  friend class Session;
  explicit Transaction(Session& scratch) : scratch_(scratch) {}
  Session& scratch_;
};

/// One ordered source of pushes: what it pushes is applied in its order, and interleaves with other sessions' in no
/// promised order but for keyed tables, where sessions apply in the order of their numbers. Any thread may push; a
/// thread or source of its own for each session keeps its order meaningful.
class Session {
 public:
  Session(Intake* intake, std::shared_ptr<const Description> flow, std::uint64_t number, std::uint64_t next_step);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  std::uint64_t number() const { return number_; }

  /// Where to push rows into an input: `session[transfers].push(...)`.
  template <class Handle>
  typename Handle::Port operator[](const Handle& input) {
    if (input.flow()->identity != flow_->identity || input.id() >= stages_.size()) {
      throw UsageError("input '" + input.name() + "' does not belong to the dataflow of this runtime");
    }
    return typename Handle::Port(*this, input);
  }

  /// Calls `function(transaction)` and stages all that it pushes to the transaction as one piece that no seal cuts. If
  /// the function throws, nothing is staged. Throws if it is larger than the stage.
  template <class Function>
  Ticket transaction(Function&& function) {
    Session scratch(nullptr, flow_, number_, 0);
    function(Transaction(scratch));
    return adopt(scratch);
  }

  /// One push under the session's lock, with room for its rows.
  class Turn {
   public:
    /// Without room: throws when stepping by hand, else waits for a seal.
    Turn(Session& session, InputId input, std::size_t rows) : Turn(session, input, rows, true) {}
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() {
      if (session_ != nullptr) session_->lock_.unlock();
    }

    /// Without room: a turn that is not taken.
    static Turn try_take(Session& session, InputId input, std::size_t rows) { return {session, input, rows, false}; }
    bool taken() const { return session_ != nullptr; }

    template <class Item>
    Stage<Item>& stage() {
      return static_cast<Stage<Item>&>(*session_->stages_[input_]);
    }
    std::uint64_t session_number() const { return session_->number_; }
    /// The rows are staged.
    Ticket done();

   private:
    Turn(Session& session, InputId input, std::size_t rows, bool wait);
    Session* session_;
    InputId input_;
    std::size_t rows_;
  };

  /// The largest number of rows that one turn can be for.
  std::size_t capacity() const;

 private:
  friend class Intake;

  void take_room(std::size_t rows, bool wait, bool& taken);
  void touch(InputId input);
  Ticket adopt(Session& scratch);

  Intake* const intake_;  // null: the scratch space of a transaction
  const std::shared_ptr<const Description> flow_;
  const std::uint64_t number_;

  SpinLock lock_;                                   // guards all below
  std::vector<std::unique_ptr<StageBase>> stages_;  // by input
  std::vector<InputId> touched_;                    // inputs with something staged
  std::size_t staged_ = 0;
  std::size_t herald_at_ = std::numeric_limits<std::size_t>::max();  // so many rows staged: see Intake::set_herald
  std::uint64_t next_step_;
  bool counted_ = false;   // whether the intake's staged_ includes this session's
  bool restored_ = false;  // loaded, and open to whoever asks for its number; guarded by the intake
};

template <class Handle>
auto Transaction::operator[](const Handle& input) {
  return scratch_[input];
}

}  // namespace lockstep
