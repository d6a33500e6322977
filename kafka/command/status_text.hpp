#pragma once

#include <chrono>
#include <string>

#include "kafka/status.hpp"

namespace lockstep::kafka {

/// In the text format of Prometheus.
std::string metrics_text(const std::string& application, const Status& status);
std::string json_text(const std::string& application, const Status& status);
/// One line for people: what has happened since an earlier status, so long ago.
std::string line_text(const Status& status, const Status& before, std::chrono::nanoseconds since);

}  // namespace lockstep::kafka
