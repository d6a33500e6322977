#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "kafka/application.hpp"
#include "kafka/run/committer.hpp"
#include "kafka/run/reader.hpp"
#include "runtime/durability/store/checkpoints.hpp"
#include "runtime/runtime.hpp"

namespace lockstep::kafka {

namespace {

/// How many steps may wait for being written.
constexpr std::size_t kWaitingSteps = 64;

std::unique_ptr<Runtime> open_runtime(const std::string& name, const Dataflow& flow, const Settings& settings) {
  if (settings.state.empty()) return std::make_unique<Runtime>(flow, settings.runtime);
  return std::make_unique<Runtime>(flow, settings.runtime,
                                   checkpoints(settings.state, {.application = name, .begin_if_empty = true}));
}

Properties with(Properties properties, const Properties& more) {
  for (const auto& [name, value] : more) properties[name] = value;
  return properties;
}

}  // namespace

class Run::Impl {
 public:
  Impl(const Application& application, const Settings& settings)
      : settings_(settings), runtime_(open_runtime(application.name_, application.flow_, settings)) {
    for (const Application::Source& source : application.sources_) {
      Reader::Options options{.input = source.input,
                              .topic = source.topic,
                              .source = source.options,
                              .group = application.name_,
                              .partitions_every = settings.partitions_every,
                              .until_end = settings.until_end,
                              .step_rows = settings.runtime.step_rows};
      readers_.push_back(std::make_unique<Reader>(
          *runtime_, std::move(options), with(settings.properties, source.options.properties), source.make_feed));
      readers_.back()->open();
    }
    committer_ = std::make_unique<Committer>(runtime_->subscribe(kWaitingSteps), settings.properties,
                                             [this](const std::vector<SessionCursor>& cut) {
                                               for (const auto& reader : readers_) reader->show(cut);
                                             });
    for (const Application::Sink& sink : application.sinks_) committer_->add(sink.topic, sink.make_writer());
    committing_ = std::jthread([this] { guard([this] { commit(); }); });
    try {
      begin();
    } catch (...) {
      runtime_.reset();  // so that the steps end which the committer waits for
      throw;
    }
  }

  ~Impl() {
    try {
      stop();
    } catch (...) {  // nobody is there to hear of it
    }
  }

  bool runs() {
    rethrow();
    return !stopped_ && !(settings_.until_end && reading_ == 0);
  }

  void stop() {
    if (!stopped_.exchange(true)) {
      for (std::jthread& thread : threads_) thread.request_stop();
      for (std::jthread& thread : threads_) thread.join();
      if (keeping_.joinable()) {
        keeping_.request_stop();
        news_.notify_all();
        keeping_.join();
      }
      guard([this] { runtime_->stop(); });
      if (committing_.joinable()) committing_.join();
      guard([this] {
        if (!settings_.state.empty() && !failed()) checkpoint();
      });
    }
    rethrow();
  }

  Status status() const {
    Status status{.step = runtime_->latest().number(),
                  .records_written = committer_->records(),
                  .last_checkpoint = checkpointed_.load()};
    for (const auto& reader : readers_) status.records_read += reader->records();
    return status;
  }

  Runtime& runtime() { return *runtime_; }

 private:
  /// Calls a function of a thread, and notes what it throws.
  template <class Function>
  void guard(const Function& function) {
    try {
      function();
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (error_ == nullptr) error_ = std::current_exception();
    }
  }
  bool failed() {
    const std::lock_guard lock(mutex_);
    return error_ != nullptr;
  }
  void rethrow() {
    const std::lock_guard lock(mutex_);
    if (error_ != nullptr) std::rethrow_exception(error_);
  }

  void begin() {
    // Where partitions are read from is decided once: before anything is written that depends on it.
    runtime_->step();
    if (!settings_.state.empty()) checkpoint();
    runtime_->start(settings_.step);
    reading_ = readers_.size();
    for (const auto& reader : readers_) {
      threads_.emplace_back([this, &reader](const std::stop_token& stop) {
        guard([&] { reader->run(stop); });
        --reading_;
      });
    }
    if (!settings_.state.empty()) keeping_ = std::jthread([this](const std::stop_token& stop) { keep(stop); });
  }

  void commit() {
    try {
      committer_->run();
    } catch (...) {
      committer_->fail();
      throw;
    }
  }

  /// Its manifest is written when all is that it knows of.
  void checkpoint() {
    const auto condition = [this] { committer_->wait_for(runtime_->latest().number()); };
    checkpointed_ = runtime_->checkpoint(condition).get();
  }

  void keep(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
      news_.wait_for(lock, stop, settings_.checkpoint_every, [] { return false; });
      if (stop.stop_requested() || error_ != nullptr) return;
      lock.unlock();
      if (runtime_->latest().number() > checkpointed_) {
        try {
          checkpoint();
        } catch (const CheckpointError& error) {
          if (settings_.on_problem)
            settings_.on_problem(std::string(error.what()) + "; the next is tried when it is due");
        } catch (...) {
          guard([] { throw; });
        }
      }
      lock.lock();
    }
  }

  const Settings settings_;
  std::unique_ptr<Runtime> runtime_;
  std::vector<std::unique_ptr<Reader>> readers_;
  std::unique_ptr<Committer> committer_;
  std::mutex mutex_;
  std::condition_variable_any news_;
  std::exception_ptr error_;  // the first
  std::atomic<std::uint64_t> checkpointed_{0};
  std::atomic<std::size_t> reading_{0};
  std::atomic<bool> stopped_{false};
  // Last, so that they end first.
  std::jthread committing_;
  std::vector<std::jthread> threads_;
  std::jthread keeping_;
};

Run::Run(const Application& application, const Settings& settings)
    : impl_(std::make_unique<Impl>(application, settings)) {}
Run::~Run() = default;
bool Run::runs() const { return impl_->runs(); }
void Run::stop() { impl_->stop(); }
Status Run::status() const { return impl_->status(); }
Runtime& Run::runtime() { return impl_->runtime(); }

}  // namespace lockstep::kafka
