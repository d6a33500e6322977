#pragma once

// lockstep: strongly consistent stream processing. This is all that a program includes.

#include "operators/aggregate.hpp"
#include "operators/distinct.hpp"
#include "operators/filter.hpp"
#include "operators/flat_map.hpp"
#include "operators/gather.hpp"
#include "operators/group_by.hpp"
#include "operators/index_by.hpp"
#include "operators/input.hpp"
#include "operators/inspect.hpp"
#include "operators/join.hpp"
#include "operators/ledger.hpp"
#include "operators/map.hpp"
#include "operators/negate.hpp"
#include "operators/output.hpp"
#include "operators/plus.hpp"
#include "operators/table.hpp"
#include "runtime/dataflow.hpp"
#include "runtime/runtime.hpp"
