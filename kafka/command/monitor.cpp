#include "kafka/command/monitor.hpp"

#include <fmt/format.h>
#include <httplib.h>

#include <charconv>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>

#include "kafka/command/status_text.hpp"
#include "kafka/error.hpp"

namespace lockstep::kafka {

struct Monitor::Impl {
  httplib::Server server;
  std::string host;
  int port = 0;
  std::string application;
  std::mutex mutex;
  Run* run = nullptr;
  std::string failed;
  std::jthread thread;

  /// Nothing while there is no run.
  std::optional<Status> status() {
    const std::lock_guard lock(mutex);
    return run == nullptr ? std::nullopt : std::optional(run->status());
  }
  /// Empty: it does not fail.
  std::string failure() {
    const std::lock_guard lock(mutex);
    look_for_failure();
    return failed;
  }
  void look_for_failure() {
    try {
      if (run != nullptr) run->runs();
    } catch (const std::exception& error) {
      failed = error.what();
    } catch (...) {  // of a user's function
      failed = "something was thrown that is no std::exception";
    }
  }

  void answer_all() {
    server.Get("/metrics", [this](const httplib::Request&, httplib::Response& answer) {
      const auto now = status();
      answer.set_content(now ? metrics_text(application, *now) : "", "text/plain; version=0.0.4");
    });
    server.Get("/status", [this](const httplib::Request&, httplib::Response& answer) {
      const auto now = status();
      if (!now) answer.status = 503;
      answer.set_content(now ? json_text(application, *now) : "{}\n", "application/json");
    });
    server.Get("/health", [this](const httplib::Request&, httplib::Response& answer) {
      const std::string why = failure();
      if (!why.empty()) answer.status = 503;
      answer.set_content(why.empty() ? "it runs\n" : why + "\n", "text/plain");
    });
    server.Get("/ready", [this](const httplib::Request&, httplib::Response& answer) {
      const bool is_ready = status().has_value() && failure().empty();
      if (!is_ready) answer.status = 503;
      answer.set_content(is_ready ? "it reads and writes\n" : "not yet\n", "text/plain");
    });
  }
};

Monitor::Monitor(const std::string& address, const std::string& application) : impl_(std::make_unique<Impl>()) {
  const std::size_t colon = address.rfind(':');
  const std::string port = colon == std::string::npos ? "" : address.substr(colon + 1);
  std::uint16_t number = 0;
  const char* const end = port.data() + port.size();
  const auto [read, error] = std::from_chars(port.data(), end, number);
  if (error != std::errc() || read != end) throw KafkaError(fmt::format("'{}' is not host:port", address));
  impl_->host = colon == 0 ? "0.0.0.0" : address.substr(0, colon);
  impl_->application = application;
  impl_->answer_all();
  // By default another one could share the port.
  impl_->server.set_socket_options([](socket_t socket) {
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  impl_->server.set_keep_alive_max_count(1);  // who asks now and then must not hold a thread meanwhile
  impl_->server.new_task_queue = [] { return new httplib::ThreadPool(2); };
  impl_->port = number;
  if (impl_->port == 0) {
    impl_->port = impl_->server.bind_to_any_port(impl_->host.c_str());
  } else if (!impl_->server.bind_to_port(impl_->host.c_str(), impl_->port)) {
    impl_->port = -1;
  }
  if (impl_->port < 0)
    throw KafkaError(fmt::format("{}: nothing can be shown there; is something else there?", address));
  impl_->thread = std::jthread([impl = impl_.get()] { impl->server.listen_after_bind(); });
  while (!impl_->server.is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

Monitor::~Monitor() {
  impl_->server.stop();
  impl_->thread.join();
}

std::string Monitor::address() const { return fmt::format("{}:{}", impl_->host, impl_->port); }

void Monitor::attach(Run& run) {
  const std::lock_guard lock(impl_->mutex);
  impl_->run = &run;
}
void Monitor::detach() {
  const std::lock_guard lock(impl_->mutex);
  impl_->look_for_failure();
  impl_->run = nullptr;
}

}  // namespace lockstep::kafka
