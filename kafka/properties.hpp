#pragma once

#include <map>
#include <string>

namespace lockstep::kafka {

/// Of librdkafka, by their names.
using Properties = std::map<std::string, std::string>;

}  // namespace lockstep::kafka
