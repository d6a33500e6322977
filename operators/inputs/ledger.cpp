#include "operators/inputs/ledger.hpp"

#include "operators/outputs/output.hpp"
#include "operators/stateless/plus.hpp"

namespace lockstep {

Schema ledger_schema() { return row_traits<LedgerRow>::schema(); }

OutputId add_ledger(const std::shared_ptr<Description>& flow, const std::string& input, EdgeId staged,
                    std::optional<EdgeId> later) {
  const std::string name = "ledger of " + input;
  if (!later) return publish<LedgerRow>(*flow, name, staged);
  return (Stream<LedgerRow>(flow, *later) | plus(Stream<LedgerRow>(flow, staged)) | output(name)).id();
}

}  // namespace lockstep
