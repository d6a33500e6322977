#pragma once

#include <memory>
#include <optional>
#include <string>

#include "runtime/description.hpp"
#include "runtime/ledger.hpp"
#include "runtime/output.hpp"

namespace lockstep {

/// The schema of ledger rows.
Schema ledger_schema();

/// Makes the ledger of an input: the output of the rows that were refused when they were staged and, for inputs that
/// refuse some later, of those.
OutputId add_ledger(const std::shared_ptr<Description>& flow, const std::string& input, EdgeId staged,
                    std::optional<EdgeId> later);

/// What the edge rejected of an input: an output like any other.
template <class Handle>
Output<LedgerRow> ledger(const Handle& input) {
  const OutputId id = input.flow()->inputs[input.id()].ledger;
  return {input.flow()->identity, id, input.flow()->outputs[id].name};
}

}  // namespace lockstep
