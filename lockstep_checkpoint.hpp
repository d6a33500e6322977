#pragma once

// Checkpoints in a directory: the target lockstep::checkpoint.

#include "lockstep.hpp"
#include "runtime/durability/store/checkpoints.hpp"
