#include "runtime/durability/store/checkpoints.hpp"

#include <fmt/format.h>
#include <rocksdb/file_system.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/clock/clock.hpp"
#include "runtime/durability/save.hpp"
#include "runtime/durability/state_loader.hpp"
#include "runtime/durability/store/checkpoint_store.hpp"
#include "runtime/durability/store/checkpoint_write.hpp"
#include "runtime/durability/store/directory_lock.hpp"
#include "runtime/durability/store/durable_files.hpp"
#include "runtime/durability/store/exit_gate.hpp"
#include "runtime/threads/parallel.hpp"
#include "runtime/threads/processors.hpp"

namespace lockstep {

namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int kNiceness = 10;

/// In a thread that stays behind those that step, as do those that it makes.
template <class Function>
void run_behind(Function&& function) {
  std::exception_ptr failure;
  std::thread([&] {
    (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNiceness);
    try {
      function();
    } catch (...) {
      failure = std::current_exception();
    }
  }).join();
  if (failure != nullptr) std::rethrow_exception(failure);
}
/// How often it is looked whether so many rows have been stepped, or a step was made when it is time.
constexpr auto kLook = std::chrono::milliseconds(20);

class Checkpoints final : public Durability, public std::enable_shared_from_this<Checkpoints> {
 public:
  Checkpoints(const std::filesystem::path& directory, const CheckpointOptions& options)
      : directory_(directory),
        options_(options),
        lock_(made(directory, options)),
        store_(directory, CheckpointStore::Access::owner, options.begin_if_empty, options.files) {
    if (options.keep == 0) throw UsageError("of checkpoints at least one has to stay");
    if (store_.manifests().empty() && !options.begin_if_empty) {
      throw NoCheckpoint(fmt::format("there are no checkpoints in {}", directory.string()));
    }
  }

  ~Checkpoints() override { detach(); }

  void attach(Clock& clock) override {
    std::unique_lock lock(mutex_);
    if (clock_ != nullptr)
      throw UsageError(fmt::format("another runtime has the checkpoints in {}", directory_.string()));
    if (runs_ && runner_ == std::this_thread::get_id()) {
      throw UsageError(fmt::format("a checkpoint is under way in {}: this is its condition", directory_.string()));
    }
    // The runtime before may have gone in a condition of its own, or in on_error.
    news_.wait(lock, [this] { return !runs_; });
    restore(clock.engine());
    Failure& failure = clock.engine().state().failure;
    failure.set_directory(directory_.string());
    failure.note_checkpoint(metrics_.step);
    ExitGate::watch();
    stopping_ = false;
    note_begun(SteadyClock::now(), clock.engine().sealed());
    thread_ = std::thread([self = shared_from_this()]() mutable {
      self->run();
      ExitGate::let_go(std::move(self));  // if nobody else has them any more, their store is closed with them
    });
    clock_ = &clock;
    runs_ = true;
    runner_ = thread_.get_id();
  }

  void detach() noexcept override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    news_.notify_all();
    if (thread_.get_id() == std::this_thread::get_id()) {
      thread_.detach();  // a condition, or on_error, that lets go of the runtime
    } else if (thread_.joinable()) {
      thread_.join();
    }
    clock_ = nullptr;
  }

  std::shared_future<std::uint64_t> checkpoint(CheckpointCondition condition) override {
    const std::lock_guard lock(mutex_);
    if (runs_ && runner_ == std::this_thread::get_id()) {
      throw UsageError("checkpoint() in a condition, or in on_error, would wait for the one that is under way");
    }
    Request& request = requests_.emplace_back(Request{std::move(condition), {}});
    news_.notify_all();
    return request.done.get_future().share();
  }

  CheckpointMetrics metrics() const override {
    const std::lock_guard lock(mutex_);
    return metrics_;
  }

 private:
  struct Request {
    CheckpointCondition condition;
    std::promise<std::uint64_t> done;
  };

  static const std::filesystem::path& made(const std::filesystem::path& directory, const CheckpointOptions& options) {
    if (directory.empty()) throw UsageError("a directory of checkpoints has a name, and this is none");
    const auto has = [&directory](const char* name) {
      std::error_code error;
      return std::filesystem::exists(directory / name, error);
    };
    if ((has("store") || has("incoming")) && !has("lock") && !has("newest")) {
      throw UnreadableCheckpoint(fmt::format(
          "{} has files that are not of checkpoints: give these a directory of their own", directory.string()));
    }
    if (options.begin_if_empty) durable_files::make_directory(durable_files::real_unless(options.files), directory);
    std::error_code error;
    if (!std::filesystem::is_directory(directory, error)) {
      throw NoCheckpoint(fmt::format("there is no directory {}", directory.string()));
    }
    return directory;
  }

  void restore(Engine& engine) {
    if (store_.manifests().empty()) return;
    const Manifest& manifest = store_.manifests().front();
    const std::string where = fmt::format("the checkpoint of step {} in {}", manifest.step, directory_.string());
    if (manifest.application != options_.application) {
      throw ForeignCheckpoint(
          fmt::format("{} is of application '{}', this is '{}'", where, manifest.application, options_.application));
    }
    try {
      SavedProgram saved{
          .step = manifest.step, .borders = manifest.borders, .operators = {}, .build_id = manifest.build_id};
      for (const Manifest::Operator& op : manifest.operators) saved.operators.push_back({op.name, op.identity});
      StateLoader loader(engine, saved, options_.changes);
      const std::size_t workers = engine.workers().size();
      in_parallel(allowed_processors(), workers, [&](std::size_t worker) {
        const auto at = static_cast<unsigned>(worker);
        for (std::size_t i = 0; i < manifest.operators.size(); ++i) {
          const StateLoader::Operator* const op = loader.operator_at(i);
          if (op == nullptr) continue;
          store_.read(manifest.operators[i], op->slots_of(at),
                      [op, at](unsigned, std::string_view items) { op->load_at(at, items); });
        }
      });
      loader.finish(true);
      kept_ = manifest.number;
      written_anew_ = loader.written_anew();
    } catch (const SavedStateError& error) {
      throw ForeignCheckpoint(fmt::format("{}: {}", where, error.what()));
    } catch (const DecodeError& error) {
      throw UnreadableCheckpoint(fmt::format("{}: {}", where, error.what()));
    }
    metrics_.step = manifest.step;
  }

  void run() {
    for (;;) {
      std::optional<Request> request;
      {
        std::unique_lock lock(mutex_);
        while (requests_.empty() && !stopping_ && !is_due()) wait(lock);
        if (requests_.empty() && stopping_) {
          runs_ = false;
          news_.notify_all();
          return;
        }
        if (!requests_.empty()) {
          request = std::move(requests_.front());
          requests_.pop_front();
        }
      }
      take(request ? &*request : nullptr);
      const std::lock_guard lock(mutex_);
      if (!stopping_ && is_due()) ++metrics_.delayed;
    }
  }

  void wait(std::unique_lock<std::mutex>& lock) {
    auto until = SteadyClock::time_point::max();
    if (options_.every.count() > 0) until = std::max(begun_at_ + options_.every, SteadyClock::now() + kLook);
    if (options_.rows != 0 || options_.bytes != 0) until = std::min(until, SteadyClock::now() + kLook);
    if (until == SteadyClock::time_point::max()) {
      news_.wait(lock);
    } else {
      news_.wait_until(lock, until);
    }
  }

  /// Whether the policy says that it is time.
  bool is_due() const {
    const Engine& engine = clock_->engine();
    if (engine.state().completed() == metrics_.step || engine.state().failure.failed()) return false;
    if (options_.every.count() > 0 && SteadyClock::now() - begun_at_ >= options_.every) return true;
    const Engine::Sealed sealed = engine.sealed();
    if (options_.rows != 0 && sealed.rows - begun_.rows >= options_.rows) return true;
    return options_.bytes != 0 && sealed.bytes - begun_.bytes >= options_.bytes;
  }

  void note_begun(SteadyClock::time_point now, const Engine::Sealed& sealed) {
    begun_at_ = now;
    begun_ = sealed;
  }

  /// `request`: null if the policy wants it.
  void take(Request* request) noexcept {
    try {
      const std::uint64_t step = write(request != nullptr ? request->condition : CheckpointCondition());
      if (request != nullptr) request->done.set_value(step);
    } catch (...) {
      fail(std::current_exception(), request);
    }
  }

  std::uint64_t write(const CheckpointCondition& condition) {
    const auto begun = SteadyClock::now();
    if (clock_ == nullptr) throw UsageError("the runtime is gone, and a checkpoint of it was not begun");
    const PinnedEngine::ChangesOf changes_of = changes_to_write();
    const std::unique_ptr<PinnedEngine> pinned = PinnedEngine::of(*clock_, "a checkpoint", &changes_of);
    {
      const std::lock_guard lock(mutex_);
      note_begun(begun, pinned->sealed());
    }
    ExitGate gate;
    lock_.check();
    if (is_there_already(*pinned)) {
      gate.leave();
      if (condition) condition();
      const std::lock_guard lock(mutex_);
      metrics_.last_error.clear();
      return pinned->step();
    }
    Manifest manifest;
    manifest.step = pinned->step();
    manifest.taken_at =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
            .count();
    manifest.application = options_.application;
    manifest.library = LOCKSTEP_VERSION;
    manifest.build_id = build_id();
    manifest.workers = static_cast<unsigned>(clock_->engine().workers().size());
    manifest.limits = clock_->engine().limits();
    manifest.borders = pinned->borders();
    CheckpointWrite write(store_, *pinned, std::move(manifest));
    const unsigned writers = threads(clock_->engine().state().completed() == pinned->step());
    // Not what is captured, while which steps wait: whoever lets another thread go first then lets the steps wait, too.
    run_behind([&] { write.records(writers); });
    gate.leave();
    if (condition) condition();
    gate.enter();
    lock_.check();
    write.commit(options_.keep);
    gate.leave();             // exit() may have been called in the step that is waited for
    if (clock_ != nullptr) {  // the condition may let go of it
      clock_->while_no_step_runs([&] { pinned->keep(); });
      clock_->engine().state().failure.note_checkpoint(pinned->step());
    }
    kept_ = store_.manifests().front().number;
    written_anew_.clear();
    const std::lock_guard lock(mutex_);
    metrics_.step = pinned->step();
    metrics_.bytes = write.bytes();
    metrics_.nanoseconds = static_cast<std::uint64_t>((SteadyClock::now() - begun).count());
    ++metrics_.taken;
    metrics_.last_error.clear();
    return pinned->step();
  }

  /// Whether the newest checkpoint is of this step, and of the program as it is now.
  bool is_there_already(const PinnedEngine& pinned) const {
    if (store_.manifests().empty()) return false;
    const Manifest& newest = store_.manifests().front();
    const auto is_same = [](const Manifest::Operator& was, const PinnedEngine::Operator& is) {
      return was.name == is.name() && was.identity == is.identity();
    };
    return newest.step == pinned.step() && newest.borders == pinned.borders() && newest.build_id == build_id() &&
           std::equal(newest.operators.begin(), newest.operators.end(), pinned.operators().begin(),
                      pinned.operators().end(), is_same);
  }

  /// Written upon the newest checkpoint, which is the one that was kept, or a later one: then there are some more
  /// changes than it takes.
  PinnedEngine::ChangesOf changes_to_write() const {
    if (store_.manifests().empty() || store_.manifests().front().number < kept_) return {};
    PinnedEngine::ChangesOf changes = CheckpointWrite::changes_after(store_.manifests().front());
    for (const std::string& name : written_anew_) changes.erase(name);
    return changes;
  }

  unsigned threads(bool is_idle) const {
    if (options_.threads != 0) return options_.threads;
    const unsigned processors = allowed_processors();
    const unsigned busy = is_idle ? 0 : clock_->engine().threads();
    return processors > busy ? processors - busy : 1;
  }

  void fail(const std::exception_ptr& failure, Request* request) noexcept {
    std::string why = "an exception that is none of the standard library's";
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& error) {
      why = error.what();
    } catch (...) {  // said already
    }
    try {
      const ExitGate gate;
      store_.open_anew();
    } catch (const std::exception& error) {
      why += fmt::format("; and the directory cannot be opened anew: {}", error.what());
    }
    {
      const std::lock_guard lock(mutex_);
      note_begun(SteadyClock::now(), begun_);
      ++metrics_.failed;
      metrics_.last_error = why;
    }
    if (request != nullptr) {
      request->done.set_exception(failure);
    } else if (options_.on_error) {
      try {
        options_.on_error(CheckpointError(why));
      } catch (...) {  // there is nobody to tell
      }
    }
  }

  const std::filesystem::path directory_;
  const CheckpointOptions options_;
  const DirectoryLock lock_;
  CheckpointStore store_;

  mutable std::mutex mutex_;
  std::condition_variable news_;
  Clock* clock_ = nullptr;
  bool stopping_ = false;
  bool runs_ = false;  // the thread that takes checkpoints
  std::thread::id runner_;
  std::deque<Request> requests_;
  SteadyClock::time_point begun_at_;
  Engine::Sealed begun_;
  CheckpointMetrics metrics_;
  std::uint64_t kept_ = 0;              // the number of the checkpoint since which tables tell what has changed
  std::set<std::string> written_anew_;  // operators of which that one has nothing to build upon
  std::thread thread_;
};

}  // namespace

std::shared_ptr<Durability> checkpoints(const std::filesystem::path& directory, const CheckpointOptions& options) {
  return std::make_shared<Checkpoints>(directory, options);
}

}  // namespace lockstep
