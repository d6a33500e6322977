#pragma once

// lockstep: strongly consistent stream processing. This is all that a program includes.

#include "operators/groups/aggregate.hpp"
#include "operators/groups/group_by.hpp"
#include "operators/inputs/input.hpp"
#include "operators/inputs/keyed_table.hpp"
#include "operators/inputs/ledger.hpp"
#include "operators/joins/join.hpp"
#include "operators/outputs/inspect.hpp"
#include "operators/outputs/output.hpp"
#include "operators/sets/distinct.hpp"
#include "operators/stateless/filter.hpp"
#include "operators/stateless/flat_map.hpp"
#include "operators/stateless/gather.hpp"
#include "operators/stateless/key_by.hpp"
#include "operators/stateless/map.hpp"
#include "operators/stateless/negate.hpp"
#include "operators/stateless/plus.hpp"
#include "runtime/flow/dataflow.hpp"
#include "runtime/runtime.hpp"
