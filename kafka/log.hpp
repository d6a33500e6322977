#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace lockstep::kafka {

enum class LogLevel : std::uint8_t { debug, info, warning, error };
/// Gets what an application has to tell beside its results, and what librdkafka has. Any thread.
using Log = std::function<void(LogLevel level, const std::string& text)>;

}  // namespace lockstep::kafka
