#pragma once

#include <memory>
#include <string>

#include "kafka/application.hpp"

namespace lockstep::kafka {

/// Shows over HTTP how a run is: /metrics for Prometheus, /status the same in JSON, /health (200 while it runs, also
/// while it restores its state, 503 when it has failed), /ready (200 when it reads and writes).
class Monitor {
 public:
  /// `address`: host:port. Throws KafkaError if it cannot be there.
  Monitor(const std::string& address, const std::string& application);
  Monitor(const Monitor&) = delete;
  ~Monitor();

  /// host:port, where it is.
  std::string address() const;
  /// The run that is shown from now on. Until detach(), which waits for who looks at it; that it has failed is shown
  /// after that, too.
  void attach(Run& run);
  void detach();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lockstep::kafka
