#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <mutex>
#include <set>
#include <string>
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
constexpr std::size_t kPieceBytes = std::size_t{16} << 20;

std::unique_ptr<Runtime> open_runtime(const std::string& name, const Dataflow& flow, const Settings& settings) {
  if (settings.state.empty()) return std::make_unique<Runtime>(flow, settings.runtime);
  return std::make_unique<Runtime>(flow, settings.runtime,
                                   checkpoints(settings.state, {.application = name, .begin_if_empty = true}));
}

unsigned reading_threads(const Settings& settings) {
  constexpr unsigned kMost = 4;
  if (settings.reading_threads != 0) return settings.reading_threads;
  return std::min(kMost, std::max(1U, std::thread::hardware_concurrency()));
}

/// Of a client of a cluster.
Properties properties_of(const Settings& settings, const std::string& cluster, const Properties& more) {
  Properties properties = settings.properties;
  if (!cluster.empty()) {
    const auto found = settings.clusters.find(cluster);
    if (found == settings.clusters.end()) {
      throw KafkaError(fmt::format("there is no cluster '{}' in the settings", cluster));
    }
    properties = found->second;
  }
  for (const auto& [name, value] : more) properties[name] = value;
  return properties;
}

}  // namespace

class Run::Impl {
 public:
  Impl(const Application& application, const Settings& settings)
      : settings_(settings), runtime_(open_runtime(application.name_, application.flow_, settings)) {
    check_clusters(application);
    for (const Application::Source& source : application.sources_) {
      Reader::Options options{.part = {.input = source.input,
                                       .group = application.name_,
                                       .idle_after = source.options.idle_after,
                                       .until_end = settings.until_end,
                                       .step_rows = settings.runtime.step_rows,
                                       .piece_bytes = std::min(kPieceBytes, settings.runtime.stage_bytes / 4),
                                       .on_point = settings.on_point},
                              .topics = source.topics,
                              .source = source.options,
                              .threads = reading_threads(settings),
                              .partitions_every = settings.partitions_every,
                              .has_state = !settings.state.empty()};
      readers_.push_back(std::make_unique<Reader>(
          *runtime_, std::move(options), properties_of(settings, source.options.cluster, source.options.properties),
          source.open(source.topics.context(settings.formats)), settings.log));
      readers_.back()->open();
    }
    committer_ = std::make_unique<Committer>(
        runtime_->subscribe(kWaitingSteps),
        [this](const std::vector<SessionCursor>& cut) {
          for (const auto& reader : readers_) reader->show(cut);
        },
        settings.log, settings.on_point);
    for (const Application::Sink& sink : application.sinks_) {
      committer_->add(sink.output, sink.topic, properties_of(settings, sink.cluster, sink.properties),
                      sink.open({.topic = sink.topic, .properties = settings.formats}));
    }
    for (std::size_t i = 0; i < readers_.size(); ++i) {
      const SourceOptions& options = application.sources_[i].options;
      if (options.dead_letters.empty()) continue;
      committer_->add(options.dead_letters, properties_of(settings, options.cluster, {}), readers_[i]->dead_letters());
    }
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
      committer_->give_up_after(settings_.stop_timeout);
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
        constexpr std::chrono::hours kLong{24 * 365};
        const auto most = settings_.stop_timeout.count() == 0 ? kLong : settings_.stop_timeout;
        if (!settings_.state.empty() && !failed()) checkpoint({}, most);
      });
    }
    rethrow();
  }

  Status status() const {
    const Metrics metrics = runtime_->metrics();
    Status status{.step = runtime_->latest().number(),
                  .rows = metrics.rows,
                  .step_time = std::chrono::nanoseconds(metrics.last_step.nanoseconds),
                  .state_bytes = metrics.state_bytes(),
                  .last_checkpoint = checkpointed_.load()};
    if (const auto at = checkpointed_at_.load(); at != SteadyTime()) {
      status.since_checkpoint = std::chrono::steady_clock::now() - at;
    }
    for (const auto& reader : readers_) reader->show(status);
    committer_->show(status);
    return status;
  }

  Runtime& runtime() { return *runtime_; }

 private:
  /// What is said of a cluster that nothing is read from, or written to, is a mistake.
  void check_clusters(const Application& application) const {
    std::set<std::string> known;
    for (const Application::Source& source : application.sources_) known.insert(source.options.cluster);
    for (const Application::Sink& sink : application.sinks_) known.insert(sink.cluster);
    for (const auto& [name, properties] : settings_.clusters) {
      if (!known.contains(name)) throw KafkaError(fmt::format("nothing is read from a cluster '{}', or written", name));
    }
  }
  /// Calls a function of a thread, and notes what it throws.
  template <class Function>
  void guard(const Function& function) {
    try {
      function();
    } catch (...) {
      note(std::current_exception());
    }
  }
  void note(std::exception_ptr error) {
    const std::lock_guard lock(mutex_);
    if (error_ == nullptr) error_ = std::move(error);
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
    if (!settings_.state.empty()) checkpoint({}, Reader::kPatience);
    runtime_->start(settings_.step);
    reading_ = readers_.size();
    for (const auto& reader : readers_) {
      threads_.emplace_back([this, &reader](const std::stop_token& stop) {
        guard([&] { reader->run(stop, [this](std::exception_ptr error) { note(std::move(error)); }); });
        --reading_;
      });
    }
    if (!settings_.state.empty()) keeping_ = std::jthread([this](const std::stop_token& stop) { keep(stop); });
  }

  void commit() {
    try {
      committer_->run();
    } catch (...) {
      committer_->fail(std::current_exception());
      throw;
    }
  }

  /// Its manifest is written when all is that it knows of, and that is of the topics that it began with; which has to
  /// be seen within this time, and before it is to stop.
  void checkpoint(const std::stop_token& stop, std::chrono::milliseconds patience) {
    const auto point = [this](std::string_view name) {
      if (settings_.on_point) settings_.on_point(name);
    };
    point("a checkpoint begins");
    const auto condition = [&] {
      point("a checkpoint waits");
      committer_->wait_for(runtime_->latest().number());
      for (const auto& reader : readers_) {
        if (const auto why = reader->check_topics(stop, patience)) throw CheckpointError("no checkpoint: " + *why);
      }
      point("a checkpoint is complete");
    };
    checkpointed_ = runtime_->checkpoint(condition).get();
    checkpointed_at_ = std::chrono::steady_clock::now();
    point("a checkpoint is taken");
  }

  void keep(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
      news_.wait_for(lock, stop, settings_.checkpoint_every, [] { return false; });
      if (stop.stop_requested() || error_ != nullptr) return;
      lock.unlock();
      if (runtime_->latest().number() > checkpointed_) {
        try {
          checkpoint(stop, Reader::kPatience);
        } catch (const CheckpointError& error) {
          if (settings_.log && !stop.stop_requested()) {
            settings_.log(LogLevel::warning, std::string(error.what()) + "; the next is tried when it is due");
          }
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
  using SteadyTime = std::chrono::steady_clock::time_point;
  std::atomic<SteadyTime> checkpointed_at_{SteadyTime()};
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
